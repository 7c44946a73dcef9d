"""What each file says beside what came of it, file by file."""

import re
from collections.abc import Iterator
from dataclasses import replace

from tests.real.reading import er7, fhir, found, probes, v2
from tests.real.reading.bundle import Sent
from tests.real.reading.fact import Fact, facts_invented, stands
from tests.real.reading.house import ER7, House, elements_in_notes, fields_in_notes
from tests.real.reading.probes import admission, in_original_mode
from tests.real.reading.seen import Seen

# a hospital by MSH-11
PARTNERS = {"P": "mercy", "T": "training", "D": "debugging"}
# these begin a stay, or tell of none: before any other a plain admission of the same stay is sent
OPENING = frozenset({"A01", "A04", "A05", "A14", "A28", *(v2.MERGES - {"A47"})})
# the visit of an admission of ours, where the message names none
BEFORE = Fact("stay.identifier", "before", "", may=True)
# why a message is put aside, and the fact that would have it used
WANTING = {"no-patient": "patient.identifier", "no-stay": "stay.identifier"}
_INDEX = re.compile(r"\[\d+\]")
_TYPED = re.compile(r"\.ofType\(\w+\)")
_IN_BUNDLE = re.compile(r"\ABundle\.entry\[\d+\]\.resource\.ofType\((\w+)\)")
_LAST = re.compile(r"\[\d+\]\Z|\.[^.\]]*\Z")


def of_v2(house: House, file: str, raw: bytes) -> tuple[list[tuple[str, str]], list[Seen]]:
    """Return what became of a message, and its facts, or what speaks against that it was not accepted."""
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
    became, answer = house.send("/hl7v2", ER7, in_original_mode(raw), partner)
    facts, noted = {*v2.facts(message), BEFORE}, fields_in_notes(answer)
    if ("accepted", "") not in became:
        return became, [*facts_held_back(file, facts, became), *use_of_trigger(file, message, became, noted)]
    seen = verdicts(file, facts, house, noted)
    return became, [*seen, *probes.finds(house, file, message, partner)]


def of_fhir(house: House, file: str, raw: bytes, route: str, kind: str):
    """Return what became of a Bundle or an Encounter, and its facts where it was accepted."""
    house.forget()
    partner = "lakeside" if route == "/fhir/Encounter" else "mercy"
    became, answer = house.send(route, kind, raw, partner)
    try:
        facts = set(fhir.facts(Sent(raw), found.TODAY))
    except (AttributeError, KeyError, TypeError):
        return [*became, ("unread", "it is not built as R4 says")], []
    if ("accepted", "") not in became:
        return became, list(facts_held_back(file, facts, became))
    return became, verdicts(file, facts, house, elements_in_notes(answer))


def facts_held_back(file: str, facts: set[Fact], became: list[tuple[str, str]]) -> Iterator[Seen]:
    """Give the numbers that a reader finds in what was put aside for want of one."""
    for state, reason in became:
        if state == "quarantined" and reason in WANTING:
            ours = (fact for fact in facts if fact.kind == WANTING[reason] and fact.wanted and not fact.may)
            for one in sorted(ours, key=lambda one: one.where)[:1]:
                yield Seen(file, replace(one, kind=f"{one.kind} of what is put aside as {reason}"), "missing")


def use_of_trigger(
    file: str, message: er7.Message, became: list[tuple[str, str]], noted: set[str]
) -> Iterator[Seen]:
    """Give whether the sender is told that a trigger is not used."""
    if ("ignored", "nothing-to-do") in became:
        fact = Fact(f"a use of {message.trigger}", message.trigger, "MSH-9.2")
        yield Seen(file, fact, "told" if noted & {"MSH-9", "MSH-9.2", "EVN-1"} else "missing")


def verdicts(file: str, facts: set[Fact], house: House, noted: set[str]) -> list[Seen]:
    """Return the verdict on each fact."""
    there = found.facts_served(house.served())
    seen = [Seen(file, fact, verdict(fact, there, noted)) for fact in facts if not fact.may]
    seen += [
        Seen(file, Fact(kind, value, "served"), "invented") for kind, value in facts_invented(facts, there)
    ]
    return sorted(seen, key=lambda one: (one.fact.kind, one.fact.where, one.fact.value))


def verdict(fact: Fact, there: dict[str, set[str]], noted: set[str]) -> str:
    """Return the verdict on a fact by what is served and by the places that the answer names."""
    is_there = stands(fact, there)
    if is_there == fact.wanted:
        return "found"
    if is_there:
        return "there"
    if fact.kind.endswith("that leads nowhere"):
        # of that the reference is told, in whatever of the element it stands
        return "told" if any(_is_within(place, fact.where) for place in noted) else "missing"
    return "told" if any(place in noted for place in _above(fact.where)) else "missing"


def _is_within(place: str, where: str) -> bool:
    outer = {*_above(where)} & {where, _INDEX.sub("", where), _IN_BUNDLE.sub(r"\1", where)}
    return any(place == place_ or place.startswith((f"{place_}.", f"{place_}[")) for place_ in outer)


def _above(where: str) -> Iterator[str]:
    """Give a place and all that it is in: `PID-5.3` is in `PID-5`, `Patient.name[0].given` in its name.

    A place in a Bundle is that in its resource too; a note may be of every member of a list.
    """
    while where:
        for spelling in (where, _TYPED.sub("", where), _IN_BUNDLE.sub(r"\1", where)):
            yield from (spelling, _INDEX.sub("", spelling))
        inside = _LAST.search(where)
        where = where[: inside.start()] if inside else ""
