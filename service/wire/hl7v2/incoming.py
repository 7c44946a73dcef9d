"""HL7 v2 that partners send, as inbound mappings read it: a patient at a time, numbers named."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from service.errors import Issue
from service.values.dates import is_before
from service.values.inbound.intake import IntakeSettings
from service.wire.hl7v2.er7.error_locations import ErrorLocation
from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.json_schema import schema
from service.wire.hl7v2.types.authorities import name_systems
from service.wire.hl7v2.types.systems import NONE, CodeSystems
from service.wire.hl7v2.view import to_json

Json = dict[str, Any]
TRIGGERS: Final = (("MSH", "f9", "c2"), ("EVN", "f1", "c1"))
PERSONAL: Final = frozenset({"A28", "A31"})
"""The triggers that tell of the person alone: PV1 is there because the message wants one, and says N."""
OF_STAYS: Final = ("PV1", "PV2", "DG1", "PR1", "DRG")
ENDED: Final = frozenset({"A03", "A08"})
"""The triggers of which the time of discharge is used."""
RECORDED: Final = ("EVN-2", "MSH-7")
AHEAD: Final = timedelta(days=31)
NO_ZONE: Final = (
    "Without an offset, and no time zone is registered: taken as UTC. Send +0100, or have `time_zone` set."
)
NO_PAYER: Final = "Not used: nothing says who pays. Send the insurer in IN1-3 or IN1-4."
NOT_THE_NAME: Final = "Not used beside the name of a person; it is kept with the message."
# what may name a payer, and what numbers somebody insured
_PAYERS: Final = (
    ("f2", "c1"),
    ("f2", "c2"),
    ("f3", "c1"),
    ("f4", "c1"),
    ("f15", "c1"),
    ("f35", "c1"),
    ("f35", "c2"),
)
_NUMBERS: Final = ("f36", "f49")
_MATTERING: Final = ("PV1-45", "PV1-44", "EVN-6", "EVN-2", "MSH-7")
_OFFSET: Final = re.compile(r"([+-]\d{2}:?\d{2}|Z)\s*\Z")
IMPOSSIBLE: Final = (
    "Before the admission, or far in the future: not taken for the time of discharge; correct it."
)


def roots() -> dict[str, Json]:
    """Return the roots of the source `hl7v2` (see `patients`), each with its JSON Schema."""
    names = ("recorded", "admitted", "discharged", "left")
    times = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    return {"message": schema(), "times": {**times, "additionalProperties": False}}


def patients(
    message: Message, partner: str, settings: IntakeSettings, systems: CodeSystems = NONE
) -> tuple[list[Json], list[Issue]]:
    """Return the roots of the source `hl7v2`, an item for each PID, and what is not taken at its word.

    Args:
        message: a message that was read.
        partner: the sender's name in the registry; numbers of no stated authority are theirs.
        settings: their time zone, authorities, and the fields that tell the times of admission and discharge.
        systems: the coding systems that they name.

    Returns:
        For each patient `message` (as `view.to_json` shows it, with only their segments, and under each
        identifier what `authorities.name_systems` says) and `times`: `recorded` (EVN-2, else MSH-7, as an
        instant: of a day alone its end), `admitted` and `discharged` (the first of the fields told by
        `settings` that can be: no discharge is before the admission, or a month and more after it was
        recorded), and `left` (as `discharged`, but of the stay's own segments: EVN and MSH tell of the event,
        whatever that is). Where the trigger tells of the person alone, nothing of a stay is there.

        Issues name time stamps that are none, and those of a discharge that cannot be.
    """
    view = to_json(message, _zone(settings), systems)
    whole, notes = view.json, list(view.issues)
    if settings.time_zone is None:
        notes += _without_offset(whole)
    items = []
    for patient in whole["patients"] or [{}]:
        segments = {**{name: whole[name] for name in ("MSH", "EVN") if name in whole}, **patient}
        if _trigger(segments) in PERSONAL:
            segments = _without_stay(segments)
        notes += _left_out(segments)
        name_systems(segments, partner, settings)
        items.append({"message": segments, "times": _times(segments, settings, notes)})
    return items, notes


def _zone(settings: IntakeSettings) -> ZoneInfo:
    return ZoneInfo(settings.time_zone or "UTC")


def _without_offset(segments: Json) -> Iterator[Issue]:
    """Give the first time of those that matter whose sender says nothing of where it was."""
    for place in _MATTERING:
        name, _, number = place.partition("-")
        sent = segments.get(name, {}).get(f"f{number}", {})
        if "T" in sent.get("time", "") and not _OFFSET.search(sent["c1"]):
            yield Issue(NO_ZONE, place, "value")
            return


def _left_out(segments: Json) -> Iterator[Issue]:
    """Give what a segment tells that is of no use with the rest of it."""
    for number, insurance in enumerate(segments.get("IN1", ()), 1):
        is_named = any(part in insurance.get(field, ()) for field, part in _PAYERS)
        if not is_named and any("c1" in insurance.get(field, ()) for field in _NUMBERS):
            yield Issue(NO_PAYER, str(ErrorLocation("IN1", number, 4)), "required")
    for number, person in enumerate(segments.get("NK1", ()), 1):
        if "c1" in person.get("f13", ()) and ("f2" in person or "f30" in person):
            yield Issue(NOT_THE_NAME, str(ErrorLocation("NK1", number, 13)), "informational")


def _without_stay(segments: Json) -> Json:
    """Return the segments without those of a stay, and without PID-18, which may number one."""
    person = {name: value for name, value in segments.items() if name not in OF_STAYS}
    if "PID" in person:
        fields = person["PID"].items()
        person["PID"] = {name: value for name, value in fields if name not in {"f18", "r18"}}
    return person


def _times(segments: Json, settings: IntakeSettings, notes: list[Issue]) -> Json:
    recorded = _recorded_at(segments, settings)
    admitted = _first(segments, settings.admission_time, bool)

    def can_be(ended: str) -> bool:
        return not (_before(ended, admitted) or _ahead(ended, recorded))

    of_stay = [place for place in settings.discharge_time if place.startswith("PV")]
    times = {
        "recorded": recorded,
        "admitted": admitted,
        "discharged": _first(segments, settings.discharge_time, can_be),
        "left": _first(segments, of_stay, can_be),
    }
    if _trigger(segments) in ENDED:
        ended = [(place, _time(segments, place)) for place in of_stay]
        notes += [Issue(IMPOSSIBLE, place, "value") for place, time in ended if time and not can_be(time)]
    return {name: time for name, time in times.items() if time is not None}


def _recorded_at(segments: Json, settings: IntakeSettings) -> str | None:
    """Return when an event was recorded: of senders who tell days alone, the end of the day.

    What they tell of one day is then in the order of the events.
    """
    instant = _first(segments, RECORDED, _is_instant)
    day = _first(segments, RECORDED, lambda time: len(time) == 10)
    if instant is not None or day is None:
        return instant
    return datetime.fromisoformat(f"{day}T23:59:59").replace(tzinfo=_zone(settings)).isoformat()


def _trigger(segments: Json) -> str:
    """Return what has happened, as MSH-9.2 says, or EVN-1 where that is left out."""
    triggers = (segments.get(name, {}).get(field, {}).get(part) for name, field, part in TRIGGERS)
    return next((trigger for trigger in triggers if trigger), "")


def _first(segments: Json, places: Iterable[str], holds: Callable[[str], bool]) -> str | None:
    """Return the first time that fields tell, of those that something holds of."""
    times = (_time(segments, place) for place in places)
    return next((time for time in times if time is not None and holds(time)), None)


def _time(segments: Json, place: str) -> str | None:
    name, _, number = place.partition("-")
    time: str | None = segments.get(name, {}).get(f"f{number}", {}).get("time")
    return time


def _is_instant(time: str) -> bool:
    return "T" in time


def _before(ended: str, admitted: str | None) -> bool:
    """Whether a discharge would lie before its admission, as far as both say."""
    return admitted is not None and is_before(ended, admitted)


def _ahead(ended: str, recorded: str | None) -> bool:
    """Whether a discharge is over a month later than it was recorded: some announce it days before."""
    if recorded is None:
        return False
    if _is_instant(ended):
        return datetime.fromisoformat(ended) - datetime.fromisoformat(recorded) > AHEAD
    if len(ended) == 10:
        return date.fromisoformat(ended) - date.fromisoformat(recorded[:10]) > AHEAD
    return ended > recorded[: len(ended)]
