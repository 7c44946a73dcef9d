"""What each file says beside what came of it, file by file."""

import re
from collections.abc import Iterator

from tests.real.reading import er7, fhir, found, probes, v2
from tests.real.reading.bundle import Sent
from tests.real.reading.fact import Fact, invented, stands
from tests.real.reading.house import ER7, House, elements_told, fields_told
from tests.real.reading.probes import admission
from tests.real.reading.seen import Seen

# a hospital by MSH-11
PARTNERS = {"P": "mercy", "T": "training", "D": "debugging"}
# these begin a stay, or tell of none: before any other a plain admission of the same stay is sent
OPENING = frozenset({"A01", "A04", "A05", "A14", "A28", "A31", "A34", "A40"})
_INDEX = re.compile(r"\[\d+\]")
_TYPED = re.compile(r"\.ofType\(\w+\)")
_IN_BUNDLE = re.compile(r"\ABundle\.entry\[\d+\]\.resource\.ofType\((\w+)\)")
_LAST = re.compile(r"\[\d+\]\Z|\.[^.\]]*\Z")


def of_v2(house: House, file: str, raw: bytes) -> tuple[list[tuple[str, str]], list[Seen]]:
    """Return what became of a message, and its facts where it was accepted."""
    try:
        message = er7.Message(raw)
    except (AssertionError, ValueError, IndexError):
        return [("unread", "python-hl7 cannot read it")], []
    if message.kind != "ADT":
        return [], []
    house.forget()
    partner = PARTNERS.get(message.first("MSH").text(11), "mercy")
    if message.trigger not in OPENING:
        house.send("/hl7v2", ER7, admission(message), partner)
    became, answer = house.send("/hl7v2", ER7, raw, partner)
    if ("accepted", "") not in became:
        return became, []
    seen = compared(file, set(v2.facts(message)), house, fields_told(answer))
    return became, [*seen, *probes.found_by(house, file, message, partner)]


def of_fhir(house: House, file: str, raw: bytes, route: str, kind: str):
    """Return what became of a Bundle or an Encounter, and its facts where it was accepted."""
    house.forget()
    partner = "lakeside" if route == "/fhir/Encounter" else "mercy"
    became, answer = house.send(route, kind, raw, partner)
    if ("accepted", "") not in became:
        return became, []
    return became, compared(file, set(fhir.facts(Sent(raw), found.TODAY)), house, elements_told(answer))


def compared(file: str, facts: set[Fact], house: House, told: set[str]) -> list[Seen]:
    """Return the verdict on each fact."""
    there = found.served(house.served())
    seen = [Seen(file, each, verdict(each, there, told)) for each in facts if not each.may]
    seen += [Seen(file, Fact(kind, value, "served"), "invented") for kind, value in invented(facts, there)]
    return sorted(seen, key=lambda each: (each.fact.kind, each.fact.where, each.fact.value))


def verdict(fact: Fact, there: dict[str, set[str]], told: set[str]) -> str:
    """Return the verdict on a fact by what is served and by the places that the answer names."""
    is_there = stands(fact, there)
    if is_there == fact.wanted:
        return "found"
    if is_there:
        return "there"
    return "told" if any(place in told for place in _above(fact.where)) else "missing"


def _above(where: str) -> Iterator[str]:
    """Give a place and all that it is in: `PID-5.3` is in `PID-5`, `Patient.name[0].given` in its name.

    A place in a Bundle is that in its resource too; a note may be of every member of a list.
    """
    while where:
        for each in (where, _TYPED.sub("", where), _IN_BUNDLE.sub(r"\1", where)):
            yield from (each, _INDEX.sub("", each))
        inside = _LAST.search(where)
        where = where[: inside.start()] if inside else ""
