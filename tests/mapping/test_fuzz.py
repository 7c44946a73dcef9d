"""Any text is a load error or a map that ends; generated expressions mean what a plain interpreter says."""

import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.errors import Misconfigured
from service.mapping.catalogue import load
from service.mapping.compiler.projector import MappingError

FIELDS = ("t", "u", "n", "b", "l")
SCHEMA = {
    "type": "object",
    "properties": {
        "t": {"type": ["string", "null"]},
        "u": {"type": ["string", "null"]},
        "n": {"type": ["number", "null"]},
        "b": {"type": ["boolean", "null"]},
        "l": {"type": "array", "items": {"type": "string"}},
        "o": {"type": "object", "properties": {"t": {"type": "string"}}, "additionalProperties": False},
    },
    "additionalProperties": False,
}
MAP = (
    "resourceType: ConceptMap\n"
    "group: [{target: 'http://t', element: [{code: a, target: [{code: b, equivalence: equal}]}]}]\n"
)
HEAD = "map: T\nfrom: s\nmake:\n"
WORDS = "{{ }} {% == in is not and or if else s s.t s.n s.l s.o present absent id join first default 1 1.10"
BLOCKS = ["$each", "$if", "$make", "$xhtml", "a: ", "- ", "  ", "x in s.l", "each: ", "let: ", "when: "]
TOKENS = st.sampled_from([*"(){}[]|~.,:'\"-+*/%<>=!&#@ \n\\", *WORDS.split(), *BLOCKS])
SOURCE = st.fixed_dictionaries(
    {
        "t": st.sampled_from([None, "", "a", "B c"]),
        "u": st.sampled_from([None, "", "a", "0"]),
        "n": st.sampled_from([None, 0, 1, 2]),
        "b": st.sampled_from([None, False, True]),
        "l": st.sampled_from([[], ["a"], ["a", "", "b"]]),
        "o": st.sampled_from([None, {}, {"t": "x"}]),
    }
)


def run(text: str, source: dict[str, Any], *overlays: tuple[str, str]) -> list[Any]:
    """What a mapping makes with overlays on, each a file's path in it and its text."""
    files = {"outbound/T.yaml": text, "concepts/m.yaml": MAP}
    files |= {f"overlays/o{number}/{file}": text for number, (file, text) in enumerate(overlays)}
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode("utf-8", "surrogatepass"))
        stack = [f"o{number}" for number in range(len(overlays))]
        projector = load(Path(folder), sources={"s": {"s": SCHEMA}}, links={}, overlays=stack).projector("s")
    return [made.resource for made in projector.run({"s": source})]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(text="0.0.0", source={})
@given(text=st.one_of(st.text(max_size=200), st.lists(TOKENS, max_size=30).map("".join)), source=SOURCE)
def test_any_file_is_a_load_error_or_a_map_that_ends(text: str, source: dict[str, Any]):
    for whole in (text, HEAD + "  x: " + text, HEAD + '  x: "{{ ' + text.replace('"', "") + ' }}"\n'):
        with suppress(Misconfigured, MappingError):
            run(whole, source)


# A term is (text, meaning): what is written, and what a reader of the language page would say it gives.
Term = tuple[str, Any]


def present(value: Any) -> bool:
    return (
        value not in (None, "", [], {})
        or value is False
        or (value == 0 and value is not None and value != "")
    )


def terms(source: dict[str, Any]) -> st.SearchStrategy[Term]:
    leaves = st.sampled_from(
        [(f"s.{name}", source[name]) for name in ("t", "u")]
        + [("s.o.t", (source["o"] or {}).get("t")), ("'a'", "a"), ("s['t']", source["t"])]
        + [("s.l[0]", (source["l"] or [None])[0]), ("(s.l | last)", (source["l"] or [None])[-1])]
    )

    def grow(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        return st.one_of(
            st.tuples(inner, inner).map(lambda p: (f"({p[0][0]} ~ {p[1][0]})", joined(*p))),
            st.tuples(inner, conditions(source), inner).map(
                lambda p: (f"({p[0][0]} if {p[1][0]} else {p[2][0]})", p[0][1] if p[1][1] else p[2][1])
            ),
            inner.map(lambda p: (f"({p[0]} | default('d'))", p[1] if present(p[1]) else "d")),
            inner.map(lambda p: (f"({p[0]} | upper)", p[1].upper() if p[1] else None)),
            st.tuples(inner, inner).map(lambda p: (f"({p[0][0]} or {p[1][0]})", p[0][1] or p[1][1])),
        )

    return st.recursive(leaves, grow, max_leaves=6)


def joined(left: Term, right: Term) -> str | None:
    shown = [term[1] or "" for term in (left, right)]
    known = [term[1] for term in (left, right) if term[0] != "'a'"]
    return "".join(shown) if not known or any(known) else None


def conditions(source: dict[str, Any]) -> st.SearchStrategy[Term]:
    number, flag = source["n"], source["b"]
    return st.sampled_from(
        [
            ("s.n < 1", number is not None and number < 1),
            ("s.n >= 1", number is not None and number >= 1),
            ("s.n == 0", number == 0),
            ("s.n is present", number is not None),
            ("s.b is absent", flag is None),
            ("s.b", bool(flag)),
            ("not s.b", not flag),
            ("s.b == none", flag is None),
            ("s.t == s.u", (source["t"] or None) == (source["u"] or None)),
            ("s.t in s.l", bool(source["t"]) and source["t"] in source["l"]),
            ("s.u in ['a', '0']", source["u"] in ("a", "0")),
            ("s.l is present", bool(source["l"])),
            ("s.t < s.u", bool(source["t"]) and bool(source["u"]) and source["t"] < source["u"]),
        ]
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), source=SOURCE)
def test_an_expression_means_what_the_language_page_says(data: st.DataObject, source: dict[str, Any]):
    text, meaning = data.draw(terms(source))
    test, holds = data.draw(conditions(source))
    (made,) = run(
        HEAD + f'  y: 1\n  x: "{{{{ {text} }}}}"\n  z: {{$if: "{{{{ {test} }}}}", $make: 1}}\n', source
    )
    assert made == {"y": 1} | ({"x": meaning} if present(meaning) else {}) | ({"z": 1} if holds else {})


UUID = "7d9f4f2e-3c4b-4c6e-9d3a-0a1b2c3d4e5f"
KEPT = (
    "map: T\nfrom: s\nlet: {k: '{{ s.t }}', v: '{{ s.t }}'}\n"
    "make:\n  id: \"{{ k | id('T') }}\"\n  a: '{{ v }}'\n  l: [1]\n  m: {b: '{{ s.u }}'}\n"
)
WORDS_OF_OVERLAYS = "extends map from each let when withdraw make id k v a l m b"
CHANGES = st.sampled_from([f"{word}: " for word in WORDS_OF_OVERLAYS.split()])
CHANGED = st.sampled_from(
    ["T", "null", "{}", "[]", "$add: ", "{{ k }}", "'{{ s.u }}'", "\n", "\n  ", "\n    ", ", "]
)
MARKS = st.sampled_from([*"{}[]:,'\"-# "])
TEXTS = st.one_of(
    st.text(max_size=100), st.lists(st.one_of(CHANGES, CHANGED, MARKS, TOKENS), max_size=25).map("".join)
)


PLACES = st.sampled_from(
    [
        ("outbound/T.yaml", "{}"),
        ("outbound/T.yaml", "extends: T\n{}"),
        ("outbound/T.yaml", "extends: T\nmake:\n  c: {}"),
        ("outbound/T.yaml", "extends: T\nmake: {}"),
        ("outbound/T.yaml", "extends: T\nlet: {}"),
        ("concepts/m.yaml", "{}"),
        ("concepts/m.yaml", "group: [{}]"),
        ("overlay.yaml", "{}"),
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(
    place=("outbound/T.yaml", "extends: T\nlet: {}"), text="{k: '{{ s.u }}'}", source={"t": "a", "u": "b"}
)
@given(place=PLACES, text=TEXTS, source=SOURCE)
def test_any_overlay_is_a_load_error_or_a_map_that_ends_and_keeps_every_id(
    place: tuple[str, str], text: str, source: dict[str, Any]
):
    roots = source | {"uuid": UUID}
    (before,) = run(KEPT, roots)
    file, head = place
    with suppress(Misconfigured, MappingError):
        made = run(KEPT, roots, (file, head.replace("{}", text)))
        assert {resource["id"] for resource in made if "id" in resource and "a" in resource} <= {
            before.get("id")
        }
        assert file == "outbound/T.yaml" or made == [before]


# Trees of literals: what a mapping makes, and what an overlay says about it.
LEAF = st.sampled_from(["a", "b", 1, 0, True, False, None, ""])
EMPTY = (None, "", [], {})
ITEM = st.one_of(LEAF, st.dictionaries(st.sampled_from("pqr"), LEAF, max_size=2))
LIST = st.lists(ITEM, max_size=3)


def trees(*more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    below = st.recursive(
        st.one_of(LEAF, LIST, *more),
        lambda inner: st.dictionaries(st.sampled_from("pqr"), inner, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(st.sampled_from("pqr"), below, min_size=1, max_size=3)


CHANGE = trees(st.fixed_dictionaries({"$add": LIST}))


def is_empty(value: Any) -> bool:
    return value is None or (value in EMPTY and not isinstance(value, bool | int))


def laid(below: Any, above: Any) -> Any:
    """What the language page says of a value over another; LookupError where there is no list to add to."""
    if not isinstance(above, dict):
        return above
    if "$add" in above:
        if is_empty(below):
            return above["$add"]
        if not isinstance(below, list):
            raise LookupError
        return below + above["$add"]
    result = dict(below) if isinstance(below, dict) else {}
    for key, value in above.items():
        if is_empty(value):
            result.pop(key, None)
        else:
            result[key] = laid(result.get(key), value)
    return result


def pruned(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: pruned(below) for key, below in value.items()}
        return {key: below for key, below in kept.items() if not is_empty(below)}
    if isinstance(value, list):
        return [item for item in map(pruned, value) if not is_empty(item)]
    return value


def makes(tree: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return not is_empty(tree)


def heeded(change: dict[str, Any], below: list[Any], above: tuple[str, ...] = ()) -> dict[str, Any]:
    """A change without the removals of what nothing below it makes."""
    pruned_object = {}
    for key, value in change.items():
        path = (*above, key)
        if is_empty(value):
            kept = value if any(makes(path_below, path) for path_below in below) else ...
        elif isinstance(value, dict) and "$add" not in value:
            kept = heeded(value, below, path) or ...
        else:
            kept = value
        if kept is not ...:
            pruned_object[key] = kept
    return pruned_object


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(base=trees(), drawn=st.lists(CHANGE, min_size=1, max_size=3))
def test_a_stack_of_overlays_means_what_the_language_page_says(
    base: dict[str, Any], drawn: list[dict[str, Any]]
):
    changes: list[dict[str, Any]] = []
    for change in drawn:
        changes += [kept] if (kept := heeded(change, [base, *changes])) else []
    overlays = [("outbound/T.yaml", f"extends: T\nmake: {json.dumps(change)}\n") for change in changes]
    mapping = f"map: T\nfrom: s\nmake: {json.dumps(base)}\n"
    try:
        expected = base
        for change in changes:
            expected = laid(expected, change)
    except LookupError:
        with pytest.raises(Misconfigured, match="no list to add to"):
            run(mapping, {}, *overlays)
        return
    wanted = pruned(expected)
    assert run(mapping, {}, *overlays) == ([wanted] if wanted else [])
    if drawn[0] != heeded(drawn[0], [base]):
        with pytest.raises(Misconfigured) as caught:
            run(mapping, {}, ("outbound/T.yaml", f"extends: T\nmake: {json.dumps(drawn[0])}\n"))
        assert all("nothing makes" in issue.what for issue in caught.value.issues)
