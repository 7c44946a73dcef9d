"""What a reader of HL7 v2's chapter 3 looks for of the person and the stay that a message tells of.

https://www.hl7.eu/HL7v2x/v251/std251/ch03.html
"""

from collections.abc import Iterator
from dataclasses import replace

from tests.real.reading import v2_people, v2_types
from tests.real.reading.codes import CLASS, DISPOSITION, LANGUAGES, SEX, STATUS
from tests.real.reading.er7 import Message, Segment
from tests.real.reading.fact import Fact, plain

# MRG-1 tells by which numbers the person was known before
MERGES = frozenset({"A18", "A34", "A36", "A40", "A47"})
# they tell of a person, and their PV1 is there for form's sake
PERSONAL = frozenset({"A28", "A31", *MERGES})
LEFT = frozenset({"A03"})


def facts(message: Message) -> Iterator[Fact]:
    """Give what is to be found of a message."""
    if message.trigger == "A29":
        # what it says of a person is taken back
        return
    yield from person(message)
    if message.trigger not in PERSONAL:
        yield from stay(message)
        yield from v2_people.diagnoses(message)
        yield from v2_people.doctors(message)
    if message.trigger not in MERGES:
        yield from v2_people.kin(message)
        yield from v2_people.coverages(message)


def person(message: Message) -> Iterator[Fact]:
    """Give what PID, PD1 and MRG tell of a person."""
    # a merge may tell of several persons
    for pid in message.segments("PID"):
        yield from _identified(message, pid)


def _identified(message: Message, pid: Segment) -> Iterator[Fact]:
    for number in (2, 3, 4, 19):
        for repetition in pid.repetitions(number):
            yield from v2_types.identifier("patient.identifier", repetition)
    if message.trigger in MERGES:
        for merged_number in (
            number for merged in message.segments("MRG") for number in merged.repetitions(1)
        ):
            yield from v2_types.identifier("patient.identifier.merged", merged_number)
    for repetition in pid.repetitions(5):
        yield from v2_types.name("patient.name", repetition)
    for repetition in pid.repetitions(9):
        yield from v2_types.name("patient.alias", repetition)
    yield from v2_types.time("patient.birth_date", pid, 7, days=True)
    if sex := pid.text(8):
        yield Fact("patient.gender", SEX.get(plain(sex), plain(sex)), "PID-8")
    # whose whereabouts are to be kept
    wanted = not is_protected(message)
    for number in (13, 14, 40):
        for repetition in pid.repetitions(number):
            yield from v2_types.telecom("patient.telecom", repetition, wanted=wanted)
    for repetition in pid.repetitions(11):
        yield from v2_types.address("patient.address", repetition, wanted=wanted)
    if tongue := pid.text(15):
        words = (pid.text(15, 2), pid.text(15, 4))
        others = [LANGUAGES.get(plain(text), plain(text)) for text in (tongue, *words) if text]
        yield Fact("patient.language", plain(tongue), "PID-15.1", tuple(others))
    yield from v2_types.time("patient.deceased", pid, 29)
    if plain(pid.text(30)) in {"y", "yes"}:
        yield Fact("patient.has_died", "true", "PID-30")


def stay(message: Message) -> Iterator[Fact]:
    """Give what PV1 and PV2 tell of the stay."""
    pv1, pv2, pid = message.first("PV1"), message.first("PV2"), message.first("PID")
    numbers = [*pv1.repetitions(19), *pv1.repetitions(50), *pid.repetitions(18)]
    for visit_number in numbers:
        yield from v2_types.identifier("stay.identifier", visit_number)
    yield from class_(pv1)
    begun = STATUS.get(message.trigger)
    if begun and not (message.trigger not in LEFT and pv1.text(45)):
        yield Fact("stay.status", begun, "MSH-9.2")
    yield from v2_types.time("stay.start", pv1, 44)
    if message.trigger in {*LEFT, "A08"}:
        yield from v2_types.time("stay.end", pv1, 45)
    # when it came to be stands for the edge that nobody wrote
    happened = [(message.first(name), number) for name, number in (("EVN", 6), ("EVN", 2), ("MSH", 7))]
    for segment, number in happened if message.trigger in LEFT else happened[:1]:
        for fact in v2_types.time("stay.end" if message.trigger in LEFT else "stay.start", segment, number):
            yield replace(fact, may=True)
    wanted = not is_protected(message)
    yield from place("stay.location", pv1, 3, wanted=wanted)
    # where somebody goes is said at the end, and may be planned before
    has_not_left = message.trigger not in {*LEFT, "A08"}
    if code := pv1.text(36):
        codes_ = (DISPOSITION.get(plain(code)), plain(pv1.text(36, 2)))
        others = tuple(text for text in codes_ if text)
        yield Fact("stay.disposition", plain(code), "PV1-36.1", others, may=has_not_left)
    for component in (1, 2):
        if where := pv1.text(37, component):
            codes_ = plain(where), f"PV1-37.{component}"
            yield Fact("stay.destination", *codes_, wanted=wanted, may=has_not_left)
    for component in (1, 2, 4, 5, 9):
        if why := pv2.text(3, component):
            yield Fact("stay.reason", plain(why), f"PV2-3.{component}")


def class_(pv1: Segment) -> Iterator[Fact]:
    """Give the class of a stay; where none is told, none may be served."""
    class_code = plain(pv1.text(2))
    if class_code in CLASS:
        yield Fact("stay.class", CLASS[class_code], "PV1-2")
    elif class_code in {"r", "b", "c"}:
        # HL7 maps none of them; either is a reading of somebody who comes again, of a birth, of an account
        yield from (Fact("stay.class", other_class, "PV1-2", may=True) for other_class in ("amb", "imp"))
    elif class_code in {"", "n", "u"}:
        for other_class in ("imp", "amb", "emer", "ss"):
            yield Fact("stay.class", other_class, "PV1-2", wanted=False)


def place(kind: str, segment: Segment, number: int, *, wanted: bool) -> Iterator[Fact]:
    """Give the parts of a PL that say where somebody is: point of care, room, bed, building, floor, words."""
    for repetition in segment.repetitions(number)[:1]:
        for component in (1, 2, 3, 4, 7, 8, 9):
            if said := plain(repetition.text(component)):
                where = kind if component != 4 else "stay.facility"
                yield Fact(where, said, repetition.at(component), wanted=wanted or component == 4)


def is_protected(message: Message) -> bool:
    """Return whether the person's whereabouts are to be protected: by PD1-12, or an ARV of them or of all."""
    restricted = (arv.text(3) for arv in message.segments("ARV") if arv.text(2) != "D")
    return message.first("PD1").text(12) == "Y" or not {"ALL", "DEM", "LOC"}.isdisjoint(restricted)
