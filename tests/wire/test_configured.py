"""The registry, pathways and the calendar are read as strictly as mappings: one reader, line and column."""

import re

import pytest

from service.access import registry
from service.errors import Misconfigured
from service.wire.contracts import pathways

FILES = {
    "registry": ("partners.yaml", "partners:\n- {name: a, kind: insurer}\n", registry.load),
    "pathway": (
        "everybody.yaml",
        "services:\n- {id: call, kind: phone-check-in, within: 2 days}\n",
        lambda path: pathways.load(path.parent),
    ),
    "calendar": ("holidays.yaml", "holidays:\n- 2026-04-03\n", lambda path: pathways.load(path.parent)),
}
KEY = {"registry": "partners", "pathway": "services", "calendar": "holidays"}
# what is put behind a right file, and the column of its last line where it is found
ODD = {
    "a key twice": ("{key}: []\n", 1),
    "a key twice, spelt otherwise": ('"{key}": []\n', 1),
    "an alias": ("x: *y\n", 4),
    "an anchor": ("x: &y 1\n", 4),
    "a merge key": ("<<: {{a: 1}}\n", 1),
    "a tag": ("x: !!python/name:os.system\n", 4),
    "a number that JSON has not": ("x: .nan\n", 4),
    "a number of a hundred digits": ("x: 1" + "0" * 99 + "\n", 4),
    "nesting": ("x: " + "[" * 100 + "]" * 100 + "\n", None),
    "a second document": ("---\n{key}: []\n", 1),
    "a tab": ("x:\n\ty: 1\n", 1),
    "a NUL": ("x: a\0\n", 5),
    "what is not UTF-8": ("x: \udcff\n", 4),
    "what is no YAML": ("x: [\n", None),
}


def refused(path, load):
    with pytest.raises(Misconfigured) as caught:
        load(path)
    return caught.value


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("kind", FILES)
def test_what_two_readers_could_understand_differently_is_refused_at_its_line_and_column(tmp_path, kind, odd):
    name, right, load = FILES[kind]
    path = tmp_path / name
    path.write_text(right, encoding="utf-8")
    load(path)
    text, column = ODD[odd]
    written = right + text.format(key=KEY[kind])
    path.write_bytes(written.encode("utf-8", "surrogateescape"))
    (issue,) = refused(path, load).issues
    match = re.fullmatch(re.escape(str(path)) + r":(\d+):(\d+)", issue.where)
    assert match, issue.where
    if column is not None:
        assert (int(match[1]), int(match[2])) == (written.count("\n"), column), issue.where


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_too_large_or_not_there_is_named(tmp_path, kind):
    name, right, load = FILES[kind]
    path = tmp_path / name
    path.write_text(right + "#" * 1_000_000, encoding="utf-8")
    assert refused(path, load).issues[0].where == str(path)
    path.unlink()
    path.mkdir()
    assert refused(path, load).issues[0].where == str(path)


def test_what_an_insurer_would_see_by_a_key_given_twice_is_not_served(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(
        "partners:\n"
        "- name: northern\n"
        "  kind: insurer\n"
        "  identifiers: [{system: s, value: northern}]\n"
        "  identifiers: [{system: s, value: southern}]\n",
        encoding="utf-8",
    )
    error = refused(path, registry.load)
    assert error.issues[0].where == f"{path}:5:3"
    assert "identifiers" in error.issues[0].what


def test_each_mistake_has_the_line_of_its_member_or_of_what_lacks_it(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(
        "partners:\n- name: a\n  kind: insurer\n  colour: red\n- name: b\n- kind: insurer\n  name: [x]\n",
        encoding="utf-8",
    )
    places = {issue.what.partition(":")[0]: issue.where for issue in refused(path, registry.load).issues}
    assert places == {
        "/partners/0/colour": f"{path}:4:3",
        "/partners/1/kind": f"{path}:5:3",
        "/partners/2/name": f"{path}:7:3",
    }


def test_values_are_those_of_yaml_1_2(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text("partners:\n- {name: no, kind: insurer, identifiers: [{system: s, value: 12:30}]}\n")
    (partner,) = [candidate for candidate in registry.load(path).values() if candidate.kind == "insurer"]
    assert (partner.name, partner.identifiers) == ("no", (("s", "12:30"),))
