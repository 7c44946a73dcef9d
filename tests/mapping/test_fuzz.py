"""Any text is a load error or a map that ends; generated expressions mean what a plain interpreter says."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.errors import Misconfigured
from service.mapping.projector import MappingError
from service.mapping.translate import load

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


def run(text: str, source: dict[str, Any]) -> list[Any]:
    with TemporaryDirectory() as folder:
        (Path(folder) / "outbound").mkdir()
        (Path(folder) / "outbound" / "T.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
        projector = load(Path(folder), sources={"s": {"s": SCHEMA}}, links={}).projector("s")
    return [made.resource for made in projector.run({"s": source})]


@settings(max_examples=400, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
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
    given = [term[1] for term in (left, right) if term[0] != "'a'"]
    return "".join(shown) if not given or any(given) else None


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


@settings(max_examples=300, deadline=2000, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), source=SOURCE)
def test_an_expression_means_what_the_language_page_says(data: st.DataObject, source: dict[str, Any]):
    text, meaning = data.draw(terms(source))
    test, holds = data.draw(conditions(source))
    (made,) = run(
        HEAD + f'  y: 1\n  x: "{{{{ {text} }}}}"\n  z: {{$if: "{{{{ {test} }}}}", $make: 1}}\n', source
    )
    assert made == {"y": 1} | ({"x": meaning} if present(meaning) else {}) | ({"z": 1} if holds else {})
