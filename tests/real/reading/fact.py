"""A fact that a reader looks for, and how it is known again in what is served."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

_OFFSET: Final = re.compile(r"(Z|[+-]\d\d:?\d\d)\Z")
_NOT_DIGIT: Final = re.compile(r"\D")
# the shortest that is known by its end: the country's and the area's codes are left out or written apart
_LOCAL: Final = 5
# kinds that are known when they stand in some words: a ward among the parts of a place
WORDS: Final = (
    *("stay.location", "stay.destination", "stay.hospital", "stay.disposition", "stay.reason"),
    *("doctor.name", "doctor.given", "kin.name", "kin.given", "coverage.payer", "stay.type"),
    *("patient.name", "patient.alias", "patient.address.line", "kin.address", "diagnosis.text"),
)
# kinds whose facts are `whose=what`: a role of a doctor, a rank of a diagnosis, a number of a coverage
OWNED: Final = (
    *("doctor.role", "kin.telecom", "kin.relationship", "patient.telecom.system", "doctor.telecom.system"),
    *("diagnosis.system", "diagnosis.use", "diagnosis.rank", "diagnosis.clinical", "diagnosis.verification"),
    *("diagnosis.date", "diagnosis.onset", "diagnosis.recorded", "diagnosis.abatement"),
    *("coverage.status", "coverage.subscriber", "coverage.plan", "coverage.group", "coverage.start"),
    *("coverage.end", "coverage.relationship"),
)
# of these nothing may be served that was not sent
CHECKED: Final = (
    *("patient.identifier", "patient.gender", "patient.birth_date", "patient.telecom", "patient.deceased"),
    *("stay.identifier", "stay.class", "stay.start", "stay.end", "stay.destination"),
    *(
        "diagnosis.code",
        "doctor.identifier",
        "kin.telecom",
        "coverage.payer.identifier",
        "coverage.subscriber",
    ),
    *("coverage.start", "coverage.end", "patient.has_died"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """What is to be found (or, `wanted` being false, must not be), in the place where it was read.

    `value` is as `plain`, `digits` or `moment` write it; `others` are values that are as right, as the code
    that HL7 maps it to. A fact of a role, a use or a status is `whose=what`. One that `may` be there is not
    looked for: it says that who serves it has not invented it.
    """

    kind: str
    value: str
    where: str
    others: tuple[str, ...] = ()
    wanted: bool = True
    may: bool = False


def plain(text: str) -> str:
    """Return a text without case, and with single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def digits(text: str) -> str:
    """Return a phone's digits; what has none is as it is (an e-mail address, a link)."""
    return plain(text) if "@" in text or "://" in text else _NOT_DIGIT.sub("", text) or plain(text)


def moment(text: str) -> str | None:
    """Return a time of v2 or of FHIR as its digits and its offset, None when it is none.

    `2026-02-27T14:00:00.5+01:00` and `20260227140000.5+0100` both are `20260227140000+0100`.
    """
    text = text.strip()
    ending = _OFFSET.search(text) if len(text) > len("2026-02-27") or "+" in text else None
    local = text[: ending.start()] if ending else text
    if not re.fullmatch(r"[0-9T:. -]+", local):
        return None
    figures = re.sub(r"[T: -]", "", local).split(".")[0]
    if len(figures) not in {4, 6, 8, 10, 12, 14}:
        return None
    # a second that is inserted
    figures = re.sub(r"\A(\d{12})60\Z", r"\g<1>59", figures)
    try:
        # a date alone counts from its beginning
        _instant((figures + "0101")[: max(8, len(figures))], "+0000")
    except ValueError:
        return None
    offset = ending[1].replace(":", "").replace("Z", "+0000") if ending else ""
    return figures + offset


def stands(fact: Fact, served: dict[str, set[str]]) -> bool:
    """Return whether a fact is among those that are served."""
    kind = fact.kind.split(" (")[0]
    there = served.get(kind, set())
    return any(_is_known(kind, value, there) for value in (fact.value, *fact.others))


def facts_invented(facts: set[Fact], served: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the kind and the value of what is served and is in no fact that was read, whoever's."""
    read: dict[str, list[str]] = {kind: [] for kind in CHECKED}
    for fact in facts:
        kind = fact.kind.split(" (")[0].removesuffix(".merged")
        if kind in read:
            read[kind] += [_bare(kind, value) for value in (fact.value, *fact.others)]
    there = ((kind, _bare(kind, value)) for kind in CHECKED for value in sorted(served.get(kind, ())))
    return [
        (kind, value)
        for kind, value in dict.fromkeys(there)
        if not any(_same(kind, value_, value) for value_ in read[kind])
    ]


def _bare(kind: str, value: str) -> str:
    return value.rpartition("=")[2] if kind.startswith(OWNED) else value


def of(whose: str, facts: Iterable[Fact]) -> Iterator[Fact]:
    """Give facts as those of somebody or something: a name, a code, a payer."""
    for fact in facts:
        others = tuple(f"{whose}={other}" for other in fact.others)
        yield replace(fact, value=f"{whose}={fact.value}", others=others)


def _is_known(kind: str, value: str, there: set[str]) -> bool:
    if value in there:
        return True
    if not kind.startswith(OWNED):
        return any(_same(kind, value, other) for other in there)
    whose, _, what = value.rpartition("=")
    pairs = (pair.rpartition("=") for pair in there)
    return any(_is_in(whose, one) and _same(kind, what, said) for one, _, said in pairs)


def _same(kind: str, sent: str, served: str) -> bool:
    if sent == served:
        return True
    if kind.endswith((".start", ".end", ".birth_date", ".deceased", ".date")):
        return _same_time(sent, served)
    if kind.endswith(".telecom"):
        return sent.isdigit() and _same_number(sent, served)
    return kind.startswith(WORDS) and _is_in(sent, served)


def _is_in(value: str, words: str) -> bool:
    """Whether a text stands in another, not inside a word of it; an empty one does."""
    return not value or re.search(rf"(?<!\w){re.escape(value)}(?!\w)", words) is not None


def _same_number(one: str, other: str) -> bool:
    long, short = sorted((one, other), key=len, reverse=True)
    # of what was sent, all must be there: a number that lost its area is another one
    return other == long and len(short) >= _LOCAL and short in long


def _same_time(sent: str, served: str) -> bool:
    (ours, here), (theirs, there) = _parts(sent), _parts(served)
    if here and there and len(ours) > 8 and len(theirs) > 8:
        return _instant(ours[:12], here) == _instant(theirs[:12], there)
    # as precise as the one that says less
    least = min(len(ours), len(theirs))
    return least >= min(len(ours), 8) and ours[:least] == theirs[:least]


def _parts(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"(\d+)([+-]\d{4})?", text)
    return (match[1], match[2] or "") if match else (text, "")


def _instant(figures: str, offset: str) -> datetime:
    return datetime.strptime(figures.ljust(14, "0") + offset, "%Y%m%d%H%M%S%z")
