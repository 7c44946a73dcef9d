"""What stands in the components of fields, as a whole: names, addresses, contact points, concepts, places.

`READ` says of which data type a field is that mappings read so; each reader adds to the components of a
repetition what they come to, one reader for every shape that versions 2.1 to 2.9 give a data type:
HL7 v2.9 chapter 2A, https://www.hl7.eu/HL7v2x/v29/std29/ch02a.html
"""

import re
from collections.abc import Iterator
from typing import Final

from service.wire.hl7v2.types.concepts import Concept, language
from service.wire.hl7v2.types.reading import FieldContext, Json, Reader

_MAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_WEB: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_UNTOLD: Final = re.compile(r"[^\w+@]")
_ELECTRONIC: Final = frozenset({"Internet", "X.400"})


def person_name(first: int) -> Reader:
    """Return the reader of a name: XPN from its first component on, XCN from its second, after the number.

    It gives `family`, `given`, `prefix`, `suffix` (degrees too) and `period`.
    """
    family, given, second, suffix, prefix, degree = (f"c{first + number}" for number in range(6))
    shift = 0 if first == 1 else 7  # XPN-10, -12 and -13 are XCN-17, -19 and -20
    span, start, end = (f"c{number + shift}" for number in (10, 12, 13))

    def read(name: Json, reading: FieldContext) -> None:
        # FN-1 is the whole surname; else the own one, FN-2 and -3, or that of the partner, FN-4 and -5
        for parts in ((family,), (f"{family}s2", f"{family}s3"), (f"{family}s4", f"{family}s5")):
            if whole := " ".join(name[component] for component in parts if component in name):
                name["family"] = whole
                break
        for key, parts in (("given", (given, second)), ("prefix", (prefix,)), ("suffix", (suffix, degree))):
            if texts := [name[component] for component in parts if component in name]:
                name[key] = texts
        if span in name or start in name or end in name:
            edges = name.get(start, name.get(span)), name.get(end, name.get(f"{span}s2"))
            if period := reading.period(*edges):
                name["period"] = period

    return read


def address(place: Json, reading: FieldContext) -> None:
    """Read an XAD: `line` (of a SAD the street and number), and `period`."""
    street = place.get("c1", "")
    # SAD-1 is the whole; some write in it what only belongs in front of SAD-2 and SAD-3
    for part in (place[component] for component in ("c1s2", "c1s3") if component in place):
        street += f" {part}" if part not in street else ""
    street = street.strip()
    if line := [text for text in (street, place.get("c2"), place.get("c8")) if text]:
        place["line"] = line
    if "c12" in place or "c13" in place or "c14" in place:
        edges = place.get("c13", place.get("c12")), place.get("c14", place.get("c12s2"))
        if period := reading.period(*edges):
            place["period"] = period


def telecom(way: Json, reading: FieldContext) -> None:
    """Read an XTN: `points`, an e-mail address and a number perhaps, of those not told of before.

    Each has its `value`, `kind` where that is no number (`email`, `url`), `use` (XTN-2, as a coding), and
    `equipment` (XTN-3) and `period` as they are sent.
    """
    use = {"use": [{"code": way["c2"]}]} if "c2" in way else {}
    equipment = {"equipment": way["c3"]} if "c3" in way else {}
    period = reading.period(way.get("c13"), way.get("c14")) if "c13" in way or "c14" in way else None
    points: list[Json] = []
    for kind, value in _contacts(way):
        key = _UNTOLD.sub("", value).casefold() or value
        if key not in reading.seen_points:
            reading.seen_points.add(key)
            # a number may be sent beside an e-mail address, or as one
            is_number = not kind and way.get("c3") in _ELECTRONIC
            extra = {**({"kind": kind} if kind else {}), **use, **({} if is_number else equipment)}
            points.append({"value": value, **extra, **({"period": period} if period else {})})
    if points:
        way["points"] = points


def _contacts(way: Json) -> Iterator[tuple[str, str]]:
    """Give what an XTN leads to: a kind, none of a number, and a value."""
    texts = [way[part] for part in ("c4", "c12", "c1", "c9") if part in way]
    mail = next((text for text in texts if _MAIL.fullmatch(text)), None)
    if mail is not None:
        yield "email", mail
    numbers = [way.get("c12"), _telephone_text(way), way.get("c1"), way.get("c9"), way.get("c4")]
    number = next((text for text in numbers if text and not _MAIL.fullmatch(text)), None)
    if number is None:
        return
    is_electronic = way.get("c2") == "NET" or way.get("c3") in _ELECTRONIC
    if _WEB.fullmatch(number):
        yield "url", number
    elif not is_electronic or not re.search(r"[^\W\d_]", number) or _telephone_text(way) == number:
        yield "", number
    elif mail is None:
        yield "email", number


def _telephone_text(way: Json) -> str | None:
    """Return a number that is sent in parts as people write it: `+45 22 334455 ext. 6`."""
    if "c7" not in way:
        return None
    country = way.get("c5", "").lstrip("+")
    parts = [f"+{country}" if country else "", way.get("c6", ""), way["c7"]]
    if "c8" in way:
        parts.append(f"ext. {way.get('c10', '')}{way['c8']}")
    return " ".join(part for part in parts if part)


def identifier(number: Json, reading: FieldContext) -> None:
    """Read a CX: `period`; whose number it is, `authorities` says."""
    if ("c7" in number or "c8" in number) and (period := reading.period(number.get("c7"), number.get("c8"))):
        number["period"] = period


def location(place: Json, _: FieldContext) -> None:
    """Read a PL: `words` for point of care, room and bed, building, floor and description."""
    bed = " ".join(place[part] for part in ("c1", "c2", "c3") if part in place)
    rest = (bed, *(place.get(part) for part in ("c7", "c8", "c9")))
    if words := ", ".join(text for text in rest if text) or place.get("c4"):
        place["words"] = words


def destination(place: Json, _: FieldContext) -> None:
    """Read a DLD: `words`, the text beside its code, whichever component a version has it in."""
    second = place.get("c2", "")
    words = place.get("c1s2") or (second if re.search(r"[^\W\d]", second) else "") or place.get("c1")
    if words:
        place["words"] = words


def rank(number: Json, _: FieldContext) -> None:
    """Read a NM that ranks, 1 the first: `number`."""
    text = number.get("c1", "")
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 1000:
        number["number"] = int(text[:9])


def words(text: Json, _: FieldContext) -> None:
    """Read a ST: `text`."""
    if "c1" in text:
        text["text"] = text["c1"]


NAME, STAFF = person_name(1), person_name(2)
RELATIONSHIPS: Final = (
    "ASC BRO CGV CHD DEP DOM EMC EME EMR EXF FCH FND FTH GCH GRD GRP MGR MTH NCH NON OAD OTH OWN PAR SCH SEL"
    " SIB SIS SPO TRA UNK WRD"
)
CONTACTS: Final = "BP C CP E EP F I N O PR S U"
DISPOSITIONS: Final = " ".join(("01 02 03 04 05 06 07 08 09", *map(str, range(10, 43))))
ROLES: Final = "AD AI AP AT CLP CP DP EP FHCP IP MDIR OP PH PI PP RO RP RT TN TR VP VPS VTS"
PARTS: Final = (
    "AAP AC AD AHP AI AP APO ARI AT AUT CP DP EARI EP EPRI EQUIP FHCP MDIR OP OS PB PH PI PO POMD PP PPH"
    " PRI RCT RHP RO RP RPO RT SB SC TN TR VP VPS VTS WAY WAYR"
)
"""The codes of HL7 tables 0063, 0131, 0112, 0443 and 0912: what is none of these is the sender's own."""
READ: Final[dict[str, dict[int, Reader]]] = {
    "PID": {
        **dict.fromkeys((2, 3, 4, 18), identifier),
        5: NAME,
        8: Concept(1),
        9: NAME,
        11: address,
        13: telecom,
        14: telecom,
        15: language,
        **dict.fromkeys((30, 31), Concept(136)),
        40: telecom,
    },
    "MRG": dict.fromkeys((1, 2, 4), identifier),
    "PD1": {4: STAFF, 12: Concept(136)},
    "NK1": {
        2: NAME,
        3: Concept(63, RELATIONSHIPS),
        4: address,
        5: telecom,
        6: telecom,
        7: Concept(131, CONTACTS),
        15: Concept(1),
        30: NAME,
        31: telecom,
        40: telecom,
        41: telecom,
    },
    "PV1": {
        2: Concept(4, "B C E I N O P R U", is_kept=True),
        3: location,
        4: Concept(7, "A C E L N R U", is_kept=True),
        **dict.fromkeys((7, 8, 9, 17, 52), STAFF),
        **dict.fromkeys((19, 50), identifier),
        36: Concept(112, DISPOSITIONS, is_kept=True),
        37: destination,
    },
    "PV2": {3: Concept(is_kept=True), 13: STAFF},
    # before 2.4, and of many later, DG1-2 names the system and DG1-4 has the words
    "DG1": {
        3: Concept(is_kept=True, system="f2", words="f4"),
        4: words,
        6: Concept(52),
        15: rank,
        21: Concept(206),
    },
    "ROL": {2: Concept(287), 3: Concept(443, ROLES), 4: STAFF, 12: telecom},
    "PRT": {2: Concept(287), 4: Concept(912, PARTS), 5: STAFF, 15: telecom},
    "IN1": {17: Concept(63, RELATIONSHIPS)},
}
"""The fields that are read whole, by segment and number."""
