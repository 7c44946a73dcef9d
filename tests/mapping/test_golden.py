"""Golden pairs: differences are told by path, updates keep digits, what is wrong with a pair is named."""

import json

import pytest

from service.errors import Issue, Malformed, Misconfigured
from service.mapping.author import golden

T = """
map: T
from: case
make:
  resourceType: T
  id: "1"
  title: "{{ case.kind | strip }}"
  list: [{a: 1.50}, {$each: g in case.plan.goals, $make: "{{ g.id }}"}]
"""
MADE = {"resourceType": "T", "id": "1", "title": "home", "list": [{"a": 1.5}, "g1", "g2"]}


@pytest.fixture
def pair(write, tmp_path, case):
    def pair(name, expected, **more):
        write(f"golden/{name}/in.json", json.dumps({"source": "case", "roots": case} | more))
        if expected is not None:
            write(f"golden/{name}/out.json", expected if isinstance(expected, str) else json.dumps(expected))
        return tmp_path

    return pair


@pytest.fixture
def run(catalogue, tmp_path):
    def run(ignored=(), validate=lambda _: []):
        made = catalogue(T)
        return list(golden.run(golden.pairs(tmp_path), lambda _: made, validate, ignored))

    return run


def exact(resource):
    return json.dumps([resource]).replace("1.5}", "1.50}")


def test_a_pair_that_comes_out_as_expected_has_no_differences(pair, run):
    pair("one", exact(MADE))
    assert [(result.differences, result.issues) for result in run()] == [((), ())]


@pytest.mark.parametrize(
    ("change", "differences"),
    [
        ({"title": "b"}, ['T/1: title: "b" != "home"']),
        ({"list": [{"a": 1.5}, "g1"]}, ['T/1: list[2]: nothing != "g2"']),
        (
            {"list": [{"b": True}, "g1", "g2"]},
            ["T/1: list[0].b: true != nothing", "T/1: list[0].a: nothing != 1.50"],
        ),
        ({"list": "g1"}, ['T/1: list: "g1" != [{"a":1.50},"g1","g2"]']),
        ({"id": "2"}, ["T/2: expected, not made", "T/1: made, not expected"]),
    ],
)
def test_a_difference_names_its_path_and_both_values(pair, run, change, differences):
    pair("one", exact(MADE | change))
    assert run()[0].differences == tuple(differences)


def test_digits_count(pair, run):
    pair("one", json.dumps([MADE]))
    assert run()[0].differences == ("T/1: list[0].a: 1.5 != 1.50",)


def test_the_order_of_resources_counts():
    one, two = {"resourceType": "T", "id": "1"}, {"resourceType": "T", "id": "2"}
    assert list(golden.differences([one, two], [two, one])) == ["the same resources in another order"]


def test_two_resources_of_one_id_are_not_one():
    one = {"resourceType": "T", "id": "1"}
    assert list(golden.differences([one], [one, one])) == ["T/1 (again): made, not expected"]
    assert list(golden.differences([{"event": "a"}], [{"event": "b"}])) == ['Discharge: event: "a" != "b"']


@pytest.mark.parametrize(
    ("ignored", "count"), [("title", 1), ("list", 1), ("list[0]", 1), ("lis", 2), ("", 2)]
)
def test_an_ignored_element_is_ignored_with_all_below_it(pair, run, ignored, count):
    pair("one", json.dumps([MADE | {"title": "b"}]))
    assert len(run([ignored])[0].differences) == count


def test_what_is_made_is_validated(pair, run):
    pair("one", exact(MADE))
    (result,) = run(validate=lambda resource: [Issue("is wrong", resource["resourceType"])])
    assert result.issues == ("T: is wrong",)


def test_an_update_writes_what_was_made_to_the_digit(pair, run):
    folder = pair("one", None)
    (result,) = run()
    assert result.differences == ("there is no out.json; --update writes what is made",)
    golden.update(result)
    assert run()[0].differences == ()
    assert '"a": 1.50' in (folder / "golden/one/out.json").read_text()


def test_resources_in_another_language_are_compared_and_updated_with_it(pair, run, write):
    folder = pair("one", exact(MADE))
    write("golden/one/out.da.json", '[{"resourceType": "T", "id": "1"}]')
    (result,) = run()
    assert 'da: T/1: language: nothing != "da"' in result.differences
    golden.update(result)
    assert run()[0].differences == ()
    (localised,) = json.loads((folder / "golden/one/out.da.json").read_text())
    assert localised == MADE | {"language": "da"}


def test_a_source_that_cannot_be_mapped_is_told_with_its_place(pair, run, case):
    case["case"]["kind"] = 5
    pair("one", [])
    assert "outbound/T.yaml:7:10, target T.title" in run()[0].differences[0]


def test_pairs_stand_alone_or_under_the_overlay_they_run_with(pair, tmp_path):
    pair("plain", [])
    pair("lean/plain", [])
    pair("both", [], overlays=["lean", "more"])
    overlays_of = {pair.name: pair.overlays for pair in golden.pairs(tmp_path)}
    assert overlays_of == {"plain": (), "lean/plain": ("lean",), "both": ("lean", "more")}
    assert [pair.name for pair in golden.chosen(golden.pairs(tmp_path), ["lean"])] == ["lean/plain"]


def test_a_pair_may_take_the_source_of_another(pair, write, tmp_path, case):
    pair("plain", [])
    write("golden/lean/plain/in.json", '{"like": "plain"}')
    lean, plain = golden.pairs(tmp_path)
    assert (lean.name, lean.overlays) == ("lean/plain", ("lean",))
    assert (lean.source, lean.roots) == (plain.source, plain.roots)


def test_each_stack_of_overlays_is_compiled_once(pair, catalogue, tmp_path):
    for name in ("a", "b", "lean/c"):
        pair(name, [])
    asked = []

    def compiled(stack):
        asked.append(stack)
        return catalogue(T)

    list(golden.run(golden.pairs(tmp_path), compiled, lambda _: []))
    assert sorted(asked) == [(), ("lean",)]


def test_an_unknown_pair_is_refused_with_what_was_meant(pair, tmp_path):
    pair("client", [])
    with pytest.raises(Misconfigured, match=r"Did you mean client\?"):
        golden.chosen(golden.pairs(tmp_path), ["clint"])


@pytest.mark.parametrize(
    "text",
    [
        '{"like": "two"}',
        '{"like": "one"}',
        '{"like": 1}',
        "[]",
        "{",
        '{"source": "case"}',
        '{"source": "case", "roots": {}, "x": 1}',
    ],
)
def test_an_in_json_that_is_none_is_refused_at_its_file(write, tmp_path, text):
    write("golden/one/in.json", text)
    with pytest.raises(Misconfigured) as caught:
        golden.pairs(tmp_path)
    assert "in.json: " in str(caught.value)


@pytest.mark.parametrize(
    ("name", "problem"),
    [("sent.json", "no good"), ("sent.xml", "What is sent is sent.json (FHIR) or sent.hl7.")],
)
def test_what_is_sent_and_cannot_be_read_is_named(tmp_path, name, problem):
    def read(source, stack, raw):
        raise Malformed("no good")

    path = tmp_path / "golden/one" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{")
    with pytest.raises(Misconfigured) as raised:
        golden.sent(tmp_path, read)
    assert (raised.value.issues[0].what, raised.value.issues[0].where) == (problem, str(path))


def test_what_is_sent_runs_with_the_overlay_of_its_folder_and_once_for_each_that_it_tells_of(tmp_path):
    path = tmp_path / "golden/site/one/sent.hl7"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    (pair,) = golden.sent(tmp_path, lambda source, stack, raw: [{"source": source}, {"raw": raw}])
    assert (pair.name, pair.overlays, pair.source) == ("site/one", ("site",), "hl7v2")
    assert pair.sent == ({"source": "hl7v2"}, {"raw": b"x"})
