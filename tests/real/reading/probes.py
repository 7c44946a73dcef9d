"""Messages of our own that are sent before and after one that others wrote."""

from collections.abc import Iterator
from hashlib import sha256

from tests.real.reading.er7 import Message, Repetition, nobody
from tests.real.reading.fact import Fact, plain
from tests.real.reading.house import ER7, House
from tests.real.reading.seen import Seen

# types of table 0203 that number a person here; a missing one means the record's number, and NNxxx a nation's
RECORDS = frozenset({"", "MR", "PI", "PT", "NI"})
# those of something that several persons can have, or that one has several of
OTHERS = frozenset({"AN", "VN", "MB", "MC", "MA", "SN", "DL"})

# whose numbers change hands
MERGING = frozenset({"A17", "A18", "A24", "A34", "A36", "A37", "A40", "A41", "A45", "A47"})


def admission(message: Message) -> bytes:
    """Return a plain admission of the stay that a message is about, as it would have come before."""
    head, pid, pv1 = (message.first(name) for name in ("MSH", "PID", "PV1"))
    separator, encoding = head.raw(1), head.raw(2)
    time = message.first("EVN").raw(2) or head.raw(7)
    component = encoding[:1]
    fields = ["MSH" + separator + encoding, *(head.raw(number) for number in (3, 4, 5, 6)), time, ""]
    fields += [f"ADT{component}A01", "BEFORE", head.raw(11), head.raw(12) or "2.5"]
    visits = (pv1.raw(19), pv1.raw(50), pid.raw(18))
    place = ["PV1", "", pv1.raw(2), *[""] * 16, visits[0] if any(visits) else "BEFORE", *[""] * 30, visits[1]]
    # who gets another number was known by the old one
    number = message.first("MRG").raw(1) if message.trigger == "A47" else pid.raw(3)
    person = ["PID", "", pid.raw(2), number, *[""] * 14, visits[2]]
    lines = (fields, person, place)
    return "".join(separator.join(line).rstrip(separator) + "\r" for line in lines).encode()


def in_original_mode(raw: bytes) -> bytes:
    """Return a message that asks for no accept acknowledgement (MSH-15, MSH-16): one answer tells all."""
    head, end, rest = raw.partition(b"\r" if b"\r" in raw else b"\n")
    fields = head.split(raw[3:4])
    for number in (15, 16):
        # MSH-1 is the separator itself
        if len(fields) >= number:
            fields[number - 1] = b""
    return raw[3:4].join(fields) + end + rest


def finds(house: House, file: str, message: Message, partner: str) -> Iterator[Seen]:
    """Give whether a new visit of the same name, by each number alone, comes to the person who had it.

    A record's number is the same with and without its type and its authority.
    """
    if message.trigger in MERGING or _patients(house) != 1:
        return
    mark = message.first("MSH").raw(2)[:1]
    authorities = {repetition.text(4) for repetition in message.first("PID").repetitions(3)}
    for repetition in message.first("PID").repetitions(3):
        value, kind = repetition.text(1), repetition.text(5).upper()
        if (kind in RECORDS or kind.startswith("NN")) and not nobody(value):
            for variant, number in _variants(repetition, mark, of_one=len(authorities) == 1):
                fact = Fact(f"found by {variant}", plain(value), repetition.at(1))
                yield _probe(house, file, message, partner, fact, number)
        elif kind in OTHERS or nobody(value):
            what = "a placeholder" if nobody(value) else f"a number of type {kind}"
            fact = Fact(f"found by {what}", plain(value), repetition.at(5), wanted=False)
            yield _probe(house, file, message, partner, fact, repetition.raw)


def _variants(number: Repetition, mark: str, *, of_one: bool) -> Iterator[tuple[str, str]]:
    parts = number.raw.split(mark)
    yield "its number", number.raw
    if len(parts) > 4 and parts[4]:
        yield "its number without type", mark.join(parts[:4])
    # of several authorities nobody can tell whose a number is
    if len(parts) > 3 and parts[3] and of_one:
        yield "its number without authority and type", parts[0]


def _probe(house: House, file: str, message: Message, partner: str, fact: Fact, number: str) -> Seen:
    before = _patients(house)
    became, _ = house.send("/hl7v2", ER7, _visit(message, number), partner)
    is_one = became == [("accepted", "")] and _patients(house) == before
    right = is_one == fact.wanted
    return Seen(file, fact, "found" if right else "missing" if fact.wanted else "there")


def _visit(message: Message, number: str) -> bytes:
    """Return an admission to a new visit of somebody of the same name who is known by a number."""
    head, pid = message.first("MSH"), message.first("PID")
    separator, mark = head.raw(1), head.raw(2)[:1]
    time = message.first("EVN").raw(2) or head.raw(7)
    fields = ["MSH" + separator + head.raw(2), *(head.raw(number) for number in (3, 4, 5, 6)), time, ""]
    fields += [f"ADT{mark}A01", sha256(number.encode()).hexdigest()[:16], head.raw(11), head.raw(12) or "2.5"]
    person = ["PID", "", "", number, "", pid.raw(5), "", pid.raw(7), pid.raw(8)]
    place = ["PV1", "", "I", *[""] * 16, "ANOTHER"]
    return "".join(
        separator.join(segment).rstrip(separator) + "\r" for segment in (fields, person, place)
    ).encode()


def _patients(house: House) -> int:
    total: int = house.client.get("/fhir/Patient").json["total"]
    return total
