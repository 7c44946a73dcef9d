"""What a reader of HL7 v2 looks for of diagnoses, doctors, next of kin and coverages (chapters 3, 6, 15)."""

from collections.abc import Iterator
from dataclasses import replace

from tests.real.reading import codes, v2_types
from tests.real.reading.er7 import Message, Repetition, Segment, nobody
from tests.real.reading.fact import Fact, moment, of, plain

# a code and its system are the first triplet of a CWE, its alternates the second and the third
TRIPLETS = ((1, 2, 3), (4, 5, 6), (10, 11, 12))
PV1 = {7: codes.ATTENDING, 8: codes.REFERRING, 9: codes.CONSULTING, 17: codes.ADMITTING, 52: ()}
TODAY = "20300101"
GONE = frozenset({"D", "DE"})


def diagnoses(message: Message) -> Iterator[Fact]:
    """Give the diagnoses; of one that is taken back (DG1-21 D) that it is not there."""
    for diagnosis in message.segments("DG1"):
        code = next(iter(diagnosis.repetitions(3)), None)
        wanted = diagnosis.text(21) not in GONE
        known = ""
        if code is not None:
            for value, words, system in TRIPLETS:
                if text := plain(code.text(value)):
                    known = known or text
                    yield Fact("diagnosis.code", text, code.at(value), wanted=wanted)
                named = plain(code.text(system) or (diagnosis.text(2) if value == 1 else ""))
                if text and wanted and named in codes.SYSTEMS:
                    whose = f"{text}={codes.SYSTEMS[named]}"
                    yield Fact("diagnosis.system", whose, code.at(system) if code.text(system) else "DG1-2")
                if wanted and (display := plain(code.text(words))):
                    yield Fact("diagnosis.text", display, code.at(words))
            if wanted and (text := plain(code.text(9))):
                yield Fact("diagnosis.text", text, code.at(9))
        if wanted and (text := plain(diagnosis.text(4))):
            yield Fact("diagnosis.text", text, "DG1-4")
            known = known or text
        if wanted and known:
            yield from _standing(diagnosis, known)


def _standing(diagnosis: Segment, known: str) -> Iterator[Fact]:
    kind = plain(diagnosis.text(6))
    if kind in codes.USE:
        first, *rest = (f"{known}={use}" for use in codes.USE[kind])
        yield Fact("diagnosis.use", first, "DG1-6", tuple(rest))
    elif kind in {"w", "working"}:
        # what is worked with is provisional
        yield Fact(
            "diagnosis.use", f"{known}=working", "DG1-6", (f"{known}=provisional", f"{known}=differential")
        )
    rank = diagnosis.text(15)
    if rank.isdigit() and int(rank) > 0:
        yield Fact("diagnosis.rank", f"{known}={int(rank)}", "DG1-15")
    yield from of(known, v2_types.time("diagnosis.date", diagnosis, 5))


def doctors(message: Message) -> Iterator[Fact]:
    """Give who takes part: PV1-7, -8, -9, -17, -52, PD1-4, PV2-13, and ROL and PRT that add."""
    pv1 = message.first("PV1")
    for number, role in PV1.items():
        for repetition in pv1.repetitions(number):
            yield from _doctor(repetition, role)
    for repetition in message.first("PD1").repetitions(4):
        yield from _doctor(repetition, codes.PRIMARY)
    for repetition in message.first("PV2").repetitions(13):
        yield from _doctor(repetition, codes.REFERRING)
    for name, action, role, person, telecom in (("ROL", 2, 3, 4, 12), ("PRT", 2, 4, 5, 15)):
        for segment in message.segments(name):
            part = codes.ROLES.get(plain(segment.text(role)), ())
            gone = segment.text(action) in GONE
            if not part:
                # an assistant, an operator: nobody that this is about
                continue
            for repetition in segment.repetitions(person):
                yield from _doctor(repetition, part, wanted=not gone)
            for way in [] if gone else segment.repetitions(telecom):
                yield from v2_types.telecom("doctor.telecom", way)


def _doctor(said: Repetition, role: tuple[str, ...], *, wanted: bool = True) -> Iterator[Fact]:
    number, family, given_name = said.text(1), said.text(2) or said.text(2, 3), said.text(3)
    if number:
        yield Fact("doctor.identifier", plain(number), said.at(1), wanted=wanted and not nobody(number))
    if family:
        yield Fact("doctor.name", plain(family), said.at(2), wanted=wanted)
    if given_name and wanted:
        yield Fact("doctor.given", plain(given_name), said.at(3))
    who = plain(family) or (plain(number) if not nobody(number) else "")
    if who and role and wanted:
        first, *rest = (f"{who}={name}" for name in role)
        yield Fact("doctor.role", first, said.where, tuple(rest))


def kin(message: Message) -> Iterator[Fact]:
    """Give the next of kin and whom to call; who no longer is one (NK1-9) must not be there."""
    for segment in message.segments("NK1"):
        ended = moment(segment.text(9))
        is_over = ended is not None and ended[:8] < TODAY
        yield from (replace(fact, wanted=not is_over) for fact in _relative(segment))


def _relative(segment: Segment) -> Iterator[Fact]:
    people = segment.repetitions(2) or segment.repetitions(30)
    for one in people:
        for component, kind in ((1, "name"), (2, "given")):
            if text := plain(one.text(component)):
                yield Fact(f"kin.{kind}", text, one.at(component))
    organization = plain(segment.text(13))
    if organization and not people:
        yield Fact("kin.name", organization, "NK1-13.1")
    who = plain(people[0].text(1)) if people else organization
    for number in (5, 6, 40):
        for way in segment.repetitions(number):
            ways = list(v2_types.telecom("kin.telecom", way))
            # by what it is reached, an address has its own owner: itself
            yield from of(who, (fact for fact in ways if fact.kind == "kin.telecom"))
            yield from (fact for fact in ways if fact.kind != "kin.telecom")
    for place in segment.repetitions(4):
        yield from v2_types.address("kin.address", place)
    yield from of(who, _relationship(segment))


def _relationship(segment: Segment) -> Iterator[Fact]:
    code, words = plain(segment.text(3)), plain(segment.text(3, 2))
    said = [word for word in (code, words, *codes.KIN.get(code, ()), *codes.KIN.get(words, ())) if word]
    if said:
        yield Fact("kin.relationship", said[0], "NK1-3", tuple(said[1:]))


def coverages(message: Message) -> Iterator[Fact]:
    """Give what IN1 tells of each coverage."""
    for insurance in message.segments("IN1"):
        for number in insurance.repetitions(3):
            if value := number.text(1):
                yield Fact("coverage.payer.identifier", plain(value), number.at(1), wanted=not nobody(value))
        if payer := plain(insurance.text(4)):
            yield Fact("coverage.payer", payer, "IN1-4.1")
        yield from of(payer or plain(insurance.text(3)), _insurance(insurance))


def _insurance(insurance: Segment) -> Iterator[Fact]:
    for number in (36, 49):
        if value := insurance.text(number):
            yield Fact("coverage.subscriber", plain(value), f"IN1-{number}.1", wanted=not nobody(value))
    for number, kind in ((8, "group"), (9, "group.name"), (2, "plan"), (35, "plan")):
        if value := plain(insurance.text(number)):
            yield Fact(f"coverage.{kind}", value, f"IN1-{number}.1")
    if value := plain(insurance.text(2, 2)):
        yield Fact("coverage.plan.name", value, "IN1-2.2")
    yield from v2_types.time("coverage.start", insurance, 12, days=True)
    yield from v2_types.time("coverage.end", insurance, 13, days=True)
    if (relation := plain(insurance.text(17))) in {"sel", "self", "spo", "spouse", "chd", "child"}:
        first = {"sel": "self", "spo": "spouse", "chd": "child"}.get(relation, relation)
        yield Fact("coverage.relationship", first, "IN1-17.1")
