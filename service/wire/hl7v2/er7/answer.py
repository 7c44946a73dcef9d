"""Acknowledgements: HL7 v2 chapter 2, "Message acknowledgment" (MSA, ERR) and "Batch acknowledgment".

In original mode one answer says what became of the message (AA, AE, AR). A sender that fills MSH-15 or MSH-16
asks for enhanced mode: the accept acknowledgement (CA, CE, CR) when MSH-15 wants it, else the application
acknowledgement when MSH-16 wants that, else nothing. Who wants both gets the second after a CA alone: what
was not accepted reached no application. Custody being confirmed by then, it says AE of what is in quarantine.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from service.errors import CasebridgeError, Conflict, Issue, Rejected
from service.wire.hl7v2.er7 import escapes
from service.wire.hl7v2.er7.charsets import BYTEWISE
from service.wire.hl7v2.er7.delimiters import DEFAULT, Delimiters
from service.wire.hl7v2.er7.error_locations import ErrorLocation
from service.wire.hl7v2.er7.message import CONTROL_ID_LIMIT, NULL, Header, Segment
from service.wire.hl7v2.er7.times import stamp

Verdict = Literal["accept", "error", "reject"]

VERSION: Final = "2.5.1"
_TEXT_LIMIT: Final = 250
_OLD_TEXT_LIMIT: Final = 80
_MOST: Final = 100
_MOST_IN_COMMENT: Final = 5
_LETTERS: Final = {"accept": "A", "error": "E", "reject": "R"}
_ACCEPTED: Final = ("0", "Message accepted")
_CONDITIONS: Final = {
    "structure": ("100", "Segment sequence error"),
    "required": ("101", "Required field missing"),
    "value": ("102", "Data type error"),
    "invalid": ("102", "Data type error"),
    "code-invalid": ("103", "Table value not found"),
    "too-long": ("104", "Value too long"),
    "not-found": ("204", "Unknown key identifier"),
    "duplicate": ("205", "Duplicate key identifier"),
    "informational": _ACCEPTED,
    "incomplete": _ACCEPTED,
    "lock-error": ("206", "Application record locked"),
}
_UNSUPPORTED: Final = {
    "": ("200", "Unsupported message type"),
    "MSH-9": ("200", "Unsupported message type"),
    "MSH-9.2": ("201", "Unsupported event code"),
    "MSH-11": ("202", "Unsupported processing id"),
    "MSH-12": ("203", "Unsupported version id"),
    "MSH-18": ("103", "Table value not found"),
}
_INTERNAL: Final = ("207", "Application internal error")
_BEGINNING: Final = re.compile(rb"(?<=\r)(?=MSH)")
_CONTROL: Final = re.compile("[\x00-\x1f]")
_REJECTING: Final = frozenset({"MSH-9", "MSH-9.2", "MSH-11", "MSH-12"})


def verdict_of(error: CasebridgeError) -> Verdict:
    """What an error means for the sender: `error` is theirs to mend, `reject` is not of the content."""
    about_the_kind = error.code == "not-supported" and error.issues[0].where in _REJECTING
    return "error" if isinstance(error, Rejected | Conflict) and not about_the_kind else "reject"


def answer(
    header: Header | None,
    verdict: Verdict,
    issues: Sequence[Issue] = (),
    *,
    now: datetime,
    control_id: str,
) -> bytes | None:
    """Write the acknowledgement of a message, in its delimiters and character set.

    Args:
        header: the message's MSH, or None when it has none that can be read.
        verdict: what became of it.
        issues: what to tell of it, each an ERR; of an accepted message they are warnings, or
            information.
        now: the time of the answer, aware.
        control_id: our MSH-10, at most 20 characters, never used before.

    Returns:
        The answer without a transport's framing, or None when the sender wants none.
    """
    theirs = header.segment if header else Segment("MSH", DEFAULT, "ascii")
    code = _code(theirs, verdict)
    return _acknowledgement(theirs, code, verdict, issues, now, control_id) if code is not None else None


def application_answer(
    header: Header,
    verdict: Verdict,
    issues: Sequence[Issue] = (),
    *,
    now: datetime,
    control_id: str,
) -> bytes | None:
    """Write the application acknowledgement that follows the accept acknowledgement of an accepted message.

    Arguments are as those of `answer`; `verdict` is the application's.

    Returns:
        The answer, or None when there was no accept acknowledgement, or the sender wants no other.
    """
    theirs = header.segment
    if _code(theirs, "accept") != "CA" or not _is_wanted(theirs.value(16), verdict):
        return None
    return _acknowledgement(theirs, f"A{_LETTERS[verdict]}", verdict, issues, now, control_id)


def acknowledgements_of(answers: bytes) -> list[bytes]:
    """Return each of some acknowledgements that were written one after the other."""
    return [message for message in _BEGINNING.split(answers) if message]


def _acknowledgement(
    theirs: Segment, code: str, verdict: Verdict, issues: Sequence[Issue], now: datetime, control_id: str
) -> bytes:
    lines = [
        _msh(theirs, now, control_id),
        _msa(theirs, code, issues),
        *_errors(theirs, _first(issues, _MOST), verdict),
    ]
    return _encoded(lines, theirs)


def batch_answer(
    envelope: Header | None,
    answers: Sequence[bytes],
    issues: Sequence[Issue] = (),
    *,
    now: datetime,
    control_id: str,
) -> bytes:
    """Write the answers to a batch's messages as one batch.

    Args:
        envelope: the FHS or BHS it came in, or None when it has none that can be read.
        answers: those to its messages.
        issues: what is wrong with the batch, told in BTS-2: an ERR is about one message.
        now: the time of the answer, aware.
        control_id: our BHS-11.
    """
    theirs = envelope.segment if envelope else Segment("BHS", DEFAULT, "ascii")
    mirrored = [theirs.raw(number) for number in (5, 6, 3, 4)]
    fields = [*mirrored, stamp(now), "", "", "", control_id, theirs.raw(11)]
    head = _segment_text("BHS", theirs.delimiters, [theirs.delimiters.encoding, *fields])
    in_comment = _first(issues, _MOST_IN_COMMENT)
    comment = escapes.encode(" ".join(issue.what for issue in in_comment), theirs.delimiters)
    tail = _segment_text("BTS", theirs.delimiters, [str(len(answers)), comment])
    return _encoded([head], theirs) + b"".join(answers) + _encoded([tail], theirs)


def _first(issues: Sequence[Issue], most: int) -> Sequence[Issue]:
    """Return issues, of many the first, and how many more there are."""
    if len(issues) <= most:
        return issues
    return [*issues[:most], Issue(f"And {len(issues) - most} more.", "", "informational")]


def _code(theirs: Segment, verdict: Verdict) -> str | None:
    """MSA-1, or None when the sender wants no answer."""
    wishes = {"C": theirs.value(15), "A": theirs.value(16)}
    if not any(wishes.values()):
        return f"A{_LETTERS[verdict]}"
    return next(
        (f"{mode}{_LETTERS[verdict]}" for mode, wish in wishes.items() if _is_wanted(wish, verdict)), None
    )


def _is_wanted(wish: str, verdict: Verdict) -> bool:
    """Whether MSH-15 or MSH-16 asks for an answer of a verdict."""
    return wish not in {"", NULL, "NE", "SU" if verdict != "accept" else "ER"}


def _msh(theirs: Segment, now: datetime, control_id: str) -> str:
    marks = theirs.delimiters
    trigger = theirs.value(9, 2)
    kind = (
        ["ACK", trigger, "ACK"]
        if theirs.value(9, 3) or (trigger and _version(theirs) >= (2, 4))
        else ["ACK", trigger]
    )
    charset = "" if theirs.charset == BYTEWISE else theirs.raw(18)
    fields = [
        *(marks.encoding, theirs.raw(5), theirs.raw(6), theirs.raw(3), theirs.raw(4)),
        *(stamp(now), "", _components(marks, kind), control_id, theirs.raw(11) or "P"),
        *(theirs.raw(12) or VERSION, "", "", "", "", "", charset),
    ]
    return _segment_text("MSH", marks, fields)


def _msa(theirs: Segment, code: str, issues: Sequence[Issue]) -> str:
    marks = theirs.delimiters
    text = ""
    if issues and _version(theirs) < (2, 5):
        # from 2.5 on the text stands in ERR-8
        text = escapes.encode(issues[0].what[:_OLD_TEXT_LIMIT], marks)
    return _segment_text("MSA", marks, [code, theirs.raw(10)[:CONTROL_ID_LIMIT], text])


def _errors(theirs: Segment, issues: Sequence[Issue], verdict: Verdict) -> list[str]:
    """An ERR for each issue; before 2.5 there was one, which names all places in ERR-1."""
    marks = theirs.delimiters
    if not issues or _version(theirs) >= (2, 5):
        return [_err(marks, "", issue, verdict) for issue in issues]
    places = [_old_place(marks, issue) for issue in issues]
    together = marks.repetition.join(places) if marks.repetition else places[0]
    return [_err(marks, together, issues[0], verdict)]


def _err(marks: Delimiters, old_place: str, issue: Issue, verdict: Verdict) -> str:
    place = ErrorLocation.parse(issue.where)
    location = [] if place is None else [place.segment, str(place.sequence), *_inside(place)]
    condition = _components(marks, [*_condition(issue), "HL70357"])
    text = escapes.encode(issue.what[:_TEXT_LIMIT], marks)
    severity = _severity(issue, verdict)
    return _segment_text(
        "ERR", marks, [old_place, _components(marks, location), condition, severity, "", "", "", text]
    )


def _severity(issue: Issue, verdict: Verdict) -> str:
    """HL7 table 0516."""
    if issue.code == "informational":
        return "I"
    return "W" if verdict == "accept" else "E"


def _inside(place: ErrorLocation) -> list[str]:
    if not place.field:
        return []
    inner = [str(number) if number else "" for number in (place.component, place.subcomponent)]
    repetition = str(place.repetition) if place.repetition > 1 or place.component else ""
    return [str(place.field), repetition, *inner]


def _old_place(marks: Delimiters, issue: Issue) -> str:
    place = ErrorLocation.parse(issue.where)
    location = ["", "", ""] if place is None else [place.segment, str(place.sequence), str(place.field or "")]
    code, text = _condition(issue)
    coded = marks.subcomponent.join([code, text, "HL70357"]) if marks.subcomponent else code
    return _components(marks, [*location, coded])


def _condition(issue: Issue) -> tuple[str, str]:
    """The code and text of HL7 table 0357."""
    if issue.code == "not-supported":
        return _UNSUPPORTED.get(issue.where, _INTERNAL)
    return _CONDITIONS.get(issue.code, _INTERNAL)


def _version(theirs: Segment) -> tuple[int, ...]:
    """MSH-12 as numbers; what is no version counts as ours."""
    parts = theirs.value(12).split(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        parts = VERSION.split(".")
    return tuple(map(int, parts))


def _components(marks: Delimiters, parts: Sequence[str]) -> str:
    joined = marks.component.join(parts)
    return joined.rstrip(marks.component)


def _segment_text(name: str, marks: Delimiters, fields: Sequence[str]) -> str:
    return marks.field.join([name, *fields]).rstrip(marks.field)


def _encoded(lines: Sequence[str], theirs: Segment) -> bytes:
    # what is mirrored may hold control characters, and with them a frame's end
    plain = (_CONTROL.sub("", line) for line in lines)
    return "".join(f"{line}\r" for line in plain).encode(theirs.charset, "replace")
