"""Any valid document, made from its contract: a new field is generated as soon as it is declared.

What a contract's rules across members refuse (an end before its start) is taken out again by the place that
the refusal names, so a new rule needs nothing here either. A new *type* of field does: `_values` says so.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from marshmallow import fields, validate

from service.errors import Rejected
from service.wire.contracts.documents import case, plan
from service.wire.contracts.documents import fields as own
from service.wire.contracts.documents.kinds import KINDS
from service.wire.contracts.links import items, links
from service.wire.contracts.load import load

# what people write, and what breaks those who read it: directions, emoji, markup, blanks, other planes
NASTY = (
    " leads", "trails ", "a\tb\r\nc", "<b>&amp;</b>", "]]>", "<!DOCTYPE x>", "\"'`", "{{ x }}", "$each",
    "שלום \u202eabc", "👩‍👩‍👧", "e\u0301", "\u00a0x\u3000", "\u2028x", "\x7f\x85a", "\ufeffx", "\ufffd",
    "\U0001fffe", "Ærøskøbing", "null", "0", "#", "Type/id", "a/../b", "%00", "x" * 400,
)  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(NASTY),
    st.text(
        st.characters(exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"], exclude_characters="\ufffe\uffff"),
        min_size=1,
        max_size=8,
    ),
)
CODES = st.from_regex(r"[!-~é🚲]{1,6}( [!-~]{1,4}){0,2}", fullmatch=True)
URIS = st.one_of(
    st.sampled_from(
        ["http://loinc.org", "http://snomed.info/sct", "urn:oid:1.2.3", "urn:example:a", "#", "x"]
    ),
    st.from_regex(
        r"https?://[a-z0-9.\-]{1,9}(/[A-Za-z0-9._~%!$&'()*+,;=:@]{0,6}){0,3}(#[a-z]*)?", fullmatch=True
    ),
)
IDS = st.one_of(
    st.sampled_from(["a", "b", "c", "d.1", "0", "Z-9", "x" * 64]), st.from_regex(own.ID, fullmatch=True)
)
DAYS = st.dates().map(str)
DATES = st.builds(lambda day, said: day[:said], DAYS, st.sampled_from([4, 7, 10]))
ZONES = st.sampled_from(["Z", "+00:00", "-00:00", "+05:45", "-13:59", "+14:00", "-03:30"])
INSTANTS = st.builds(
    lambda day, time, fraction, zone: f"{day}T{time.replace(microsecond=0)}{fraction}{zone}",
    DAYS, st.times(), st.sampled_from(["", ".5", ".120", ".123456789"]), ZONES,
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9),
    st.decimals(-1000, 1000, places=2),
    st.decimals(-(10**17), 10**17, places=18),
    st.sampled_from([Decimal(digits) for digits in ("1E-18", "-0.00", "0E+30", "9.99E+17", "1.50")]),
)
ABSENT = object()
Targets = dict[str, list[str]]


@st.composite
def documents(draw: Any, kind: str, targets: Targets, *, whole: bool = False) -> dict[str, Any]:
    """A valid document of a kind; a `whole` one has every member, as far as it can.

    `targets` are the ids that its links may name, by where they lead.
    """
    made = draw(_contract(KINDS[kind], targets, whole))
    _lead(draw, kind, made)
    return _mended(kind, made)


@st.composite
def _contract(draw: Any, contract: type[own.Contract], targets: Targets, whole: bool) -> dict[str, Any]:
    made = {}
    declared = contract().fields
    optional = [name for name, field in declared.items() if not field.required]
    wanted = optional if whole else draw(st.lists(st.sampled_from(optional), unique=True)) if optional else []
    for name, field in declared.items():
        if field.required or name in wanted:
            value = draw(_values(field, targets, whole))
            if value is not ABSENT:
                made[name] = value
    return ADJUSTED.get(contract, lambda _draw, made: made)(draw, made)


def _values(field: Any, targets: Targets, whole: bool) -> st.SearchStrategy[Any]:
    """The values of a field; ABSENT where a link finds nothing to name."""
    match field:
        case fields.Nested():
            return _contract(type(field.schema), targets, whole)
        case fields.List(inner=own.Link() as link):
            return st.lists(_link(link, targets), min_size=whole, max_size=3)
        case fields.List():
            most = min(_limit(field), 3) if not whole else 1 + _name_one_another(field)
            items = _values(field.inner, targets, whole)
            return st.lists(items, min_size=whole, max_size=most, unique_by=_local_id)
        case own.Link():
            return _link(field, targets)
    for type_, strategy in SIMPLE.items():
        if type(field) is type_:
            return strategy(field)
    raise TypeError(f"say in SIMPLE how a {type(field).__name__} is generated")


def _name_one_another(parts: fields.List[Any]) -> bool:
    """Whether the parts in a list may name others in it, so that one alone could not."""
    below = parts.inner.schema.fields.values() if isinstance(parts.inner, fields.Nested) else ()
    return any(isinstance(part, own.Link) and part.to.endswith(f".{parts.name}") for part in below)


def _link(link: own.Link, targets: Targets) -> st.SearchStrategy[Any]:
    if link.to.startswith("case."):
        return st.just(link.to)  # the parts are not there yet: `_lead` names one
    return st.sampled_from(targets[link.to]) if targets.get(link.to) else st.just(ABSENT)


def _local_id(item: Any) -> Any:
    return item["id"] if isinstance(item, dict) and "id" in item else id(item)


def _limit(field: Any) -> int:
    return min(
        [validator.max for validator in field.validators if isinstance(validator, validate.Length)] or [3]
    )


SIMPLE: dict[type, Callable[[Any], st.SearchStrategy[Any]]] = {
    own.Text: lambda field: TEXT.map(lambda text: text[: _limit(field)]),
    own.Words: lambda field: TEXT.map(lambda text: " ".join(text[: _limit(field)].split())),
    own.OpenCode: lambda _: CODES,
    own.Code: lambda field: st.sampled_from(next(validator.choices for validator in field.validators)),
    own.Id: lambda _: IDS,
    own.Uri: lambda _: URIS,
    own.Url: lambda _: URIS.filter(own.URL.match) | st.just("urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"),
    own.MediaType: lambda _: st.sampled_from(["application/pdf", "text/plain; charset=utf-8", "a/b;c=d"]),
    own.Language: lambda _: st.sampled_from(["da", "sv-FI", "de-CH-1901", "zh-Hant", "x-klingon"[2:]]),
    own.PartialDate: lambda _: DATES,
    own.Instant: lambda _: INSTANTS,
    own.When: lambda _: DATES | INSTANTS,
    own.Number: lambda _: NUMBERS,
    own.WholeNumber: lambda field: st.integers(field.validators[0].min, field.validators[0].max),
    own.Flag: lambda _: st.booleans(),
}


def _exactly_one(draw: Any, somebody: dict[str, Any]) -> dict[str, Any]:
    """Somebody in the team or in a stay is exactly one of these: most would be thrown away."""
    ways = ["practitioner", "organization", "related_person", "name"]
    there = [way for way in ways if way in somebody] or ["name"]
    who = draw(st.sampled_from(there))
    kept = {key: value for key, value in somebody.items() if key not in ways or key == who}
    return kept if who in kept else {**kept, "name": draw(TEXT)}


def _one_author(draw: Any, note: dict[str, Any]) -> dict[str, Any]:
    """Who wrote a note is one of three, or nobody."""
    there = [key for key in ("practitioner", "organization", "name") if key in note]
    who = draw(st.sampled_from(there)) if there else None
    return {key: value for key, value in note.items() if key not in there or key == who}


ADJUSTED: dict[type, Callable[[Any, dict[str, Any]], dict[str, Any]]] = {
    case.MemberContract: _exactly_one,
    case.ParticipantContract: _exactly_one,
    plan.NoteContract: _one_author,
}


def _lead(draw: Any, kind: str, document: dict[str, Any]) -> None:
    """Let each link into the document itself name a part of it, or take it out where there is none."""
    for link in list(links(kind, document)):
        root, _, path = link.to.partition(".")
        if root != kind or not path:
            continue
        if there := list(items(document, path)):
            link.part[link.key] = draw(st.sampled_from(there))
        elif isinstance(link.part, list):
            link.part.clear()
        else:
            del link.part[link.key]
        if isinstance(link.part, list) and link.key == len(link.part) - 1:
            link.part[:] = dict.fromkeys(link.part)


def _mended(kind: str, document: dict[str, Any]) -> dict[str, Any]:
    """The document without what its contract refuses."""
    for _ in range(200):
        try:
            return load(kind, document)
        except Rejected as refused:
            _take_out(document, str(refused.issues[0].where).split("/")[1:])
    return reject()


def _take_out(document: Any, steps: list[str]) -> None:
    """Take a member out; if it is not even there, the object that misses it."""
    holders = [document]
    for step in steps[:-1]:
        holders.append(holders[-1][int(step) if isinstance(holders[-1], list) else step])
    while holders:
        holder, step = holders.pop(), steps.pop()
        if isinstance(holder, list):
            holder.pop(int(step))
            return
        if step in holder:
            del holder[step]
            return
    reject()
