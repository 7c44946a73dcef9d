"""What a hospital's event does: whether it can be used, whose it is, which case its stay belongs to.

Which case: the one that has the stay; else the client's live case: one that no case system has taken over
yet, else the one that is furthest (active, on hold, waiting, planned) and newest; else a new one, `planned`,
when the stay is of a kind and an age that the partner's settings let open a case. A stay that opens no case
waits with the client, and comes into the case that a later word on it opens.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

from service.cases.hospital.discharge import ENDED, condition_id
from service.cases.hospital.stays import begun_kinds
from service.cases.identity.agreement import Disagreement
from service.cases.identity.identifiers import identifying
from service.values.dates import EPOCH, seconds
from service.values.inbound.intake import IntakeSettings
from service.values.kept.facts import Facts

LIVE: Final = ("active", "onhold", "waitlist", "planned")
AHEAD: Final = timedelta(days=1)
FORETOLD: Final = timedelta(days=31)
"""How far in the future an admission or a discharge that is reported as past may lie."""
STARTED: Final = frozenset({"register", "admit"})
NOT_THERE: Final = frozenset({"planned", "finished", "cancelled"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event is not used (now): kept in quarantine, or kept and ignored.

    `reason` is a code for lists and metrics, `code` a FHIR IssueType for the sender; `passing` says that it
    may come right by itself; `clients` are the uuids of those it is in conflict with.
    """

    outcome: Literal["quarantine", "ignore"]
    reason: str
    what: str
    where: str = ""
    code: str = "business-rule"
    passing: bool = False
    clients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """A case of the client as the choice sees it."""

    uuid: str
    status: str
    untaken: bool
    created: datetime


def unusable(discharge: dict[str, Any], settings: IntakeSettings, now: datetime) -> Refusal | None:
    """Return why an event cannot be used, whichever client it is about, or None when it can."""
    processing = discharge.get("processing", "production")
    if processing != settings.processing:
        what = f"A {processing} message; this partner's are {settings.processing}. Nothing was changed."
        return Refusal("ignore", "other-processing", what, "/processing", "not-supported")
    if not identifying(discharge.get("patient", {}).get("identifiers", []), settings):
        what = "Nothing says who the patient is: send an identifier that identifies, and no placeholder."
        where = "/patient/identifiers" if discharge.get("patient") else "/patient"
        return Refusal("quarantine", "no-patient", what, where, "required")
    if discharge["event"] not in {"update", "merge"} and not discharge.get("stay", {}).get("identifiers"):
        what = "The stay has no identifier: send the visit number with its assigning authority."
        return Refusal("quarantine", "no-stay", what, "/stay/identifiers", "required")
    if discharge["event"] == "merge" and not discharge.get("patient", {}).get("merged_from"):
        what = "A merge names the identifiers that are no longer used."
        return Refusal("quarantine", "no-merged", what, "/patient/merged_from", "required")
    if "recorded" in discharge:
        ahead = now.replace(tzinfo=None) + AHEAD - EPOCH
        if seconds(discharge["recorded"])[0] > ahead.total_seconds():
            what = "Recorded more than a day in the future: correct the sender's clock, edit and replay."
            return Refusal("quarantine", "future", what, "/recorded", "value")
    return _to_come(discharge, now)


def missing_visit_number(discharge: dict[str, Any]) -> str | None:
    """Return the JSON pointer of the number that an update of a stay lacks, without which it is not used."""
    stay = discharge.get("stay", {})
    tells = bool(stay.keys() - {"identifiers", "hospital"}) or bool(discharge.get("contacts"))
    has_number = bool(stay.get("identifiers"))
    return "/stay/identifiers" if discharge["event"] == "update" and tells and not has_number else None


def repeated_diagnoses(discharge: dict[str, Any]) -> Iterator[str]:
    """Give the JSON pointers of diagnoses whose code another of the stay has, that says other things of it.

    A code is one condition of a case: the first in rank is kept.
    """
    seen: dict[tuple[str, str], Any] = {}
    for at, diagnosis in enumerate(discharge.get("stay", {}).get("conditions", ())):
        key = (condition_id(diagnosis["code"]), diagnosis.get("kind", "other"))
        words = {name: diagnosis.get(name) for name in ("onset", "abatement", "recorded", "clinical_status")}
        if seen.setdefault(key, words) != words:
            yield f"/stay/conditions/{at}"


def _to_come(discharge: dict[str, Any], now: datetime) -> Refusal | None:
    """Return why a stay that has begun or ended cannot have, by its own times: they are far in the future."""
    edge = "end" if discharge["event"] in ENDED else "start" if discharge["event"] in STARTED else None
    time = discharge.get("stay", {}).get("period", {}).get(edge)
    if time is None:
        return None
    latest = now.replace(tzinfo=None) + FORETOLD
    if "T" in time:
        is_far = seconds(time)[0] > (latest - EPOCH).total_seconds()
    else:
        is_far = time > latest.date().isoformat()[: len(time)]
    if not is_far:
        return None
    what = "A month and more in the future, and told of as past: correct it, or send the stay as planned."
    return Refusal("quarantine", "future", what, f"/stay/period/{edge}", "value")


def differing_person(disagreement: Disagreement, clients: Sequence[str]) -> Refusal:
    """Return why an event cannot be used whose identifiers find a client with other demographics."""
    if disagreement.system is None:
        what = (
            "These identifiers find a client with another birth date and another name: correct either, and"
            " replay."
        )
    else:
        what = (
            f"These identifiers find a client who has another number in {disagreement.system}:"
            " correct either, or merge the two, and replay."
        )
    return Refusal(
        "quarantine",
        "other-person",
        what,
        "/patient/identifiers",
        "duplicate",
        passing=True,
        clients=tuple(clients),
    )


def several_stays() -> Refusal:
    """Return why an event cannot be used whose number is that of several stays."""
    what = "This number is that of several stays: send the visit number that only one of them has."
    return Refusal("quarantine", "several-stays", what, "/stay/identifiers", "duplicate")


def whose_refusal(
    clients: Collection[str], settings: IntakeSettings, *, is_told: bool = True
) -> Refusal | None:
    """Return why an event cannot be used, by the clients that its identifiers find, or None.

    `is_told` says whether more than a number is told of the person: nobody is made of a number alone.
    """
    if len(clients) > 1:
        what = "The identifiers are those of several clients: correct them, or merge the clients, and replay."
        return Refusal(
            "quarantine",
            "several-clients",
            what,
            "/patient/identifiers",
            "duplicate",
            passing=True,
            clients=tuple(sorted(clients)),
        )
    if clients or (is_told and settings.unknown_person == "create"):
        return None
    if settings.unknown_person == "ignore":
        what = "Nobody we know has these identifiers; this partner's settings say to ignore them."
        return Refusal("ignore", "unknown-person", what, "/patient/identifiers", "not-found")
    what = "Nobody we know has these identifiers: create the client, and replay."
    return Refusal("quarantine", "unknown-person", what, "/patient/identifiers", "not-found", passing=True)


def opens(facts: Facts, settings: IntakeSettings, today: date) -> bool:
    """Return whether a stay is of a kind and an age that opens a case."""
    oldest = "" if settings.days is None else (today - timedelta(settings.days)).isoformat()
    return any(kind in settings.kinds and last >= oldest for kind, last in begun_kinds(facts))


def choose(cases: Sequence[Seen]) -> str | None:
    """Return the uuid of the case that a new stay of the client belongs to, or None when there is none."""
    untaken = [case for case in cases if case.untaken]
    if untaken:
        return min(untaken, key=lambda case: (case.created, case.uuid)).uuid
    live = [case for case in cases if case.status in LIVE]
    if not live:
        return None
    live.sort(key=lambda case: (case.created, case.uuid), reverse=True)
    return min(live, key=lambda case: LIVE.index(case.status)).uuid


def case_status(stays: Sequence[dict[str, Any]], died: str | bool | None, today: date) -> dict[str, Any]:
    """Return how a case stands that no case system has taken over: what its body says beside its client.

    It is planned, until all its stays are cancelled, or the client has died: then it ends with them, or where
    nobody says when that was with the last of its stays, or today.
    """
    if died:
        ends = [stay["period"]["end"][:10] for stay in stays if stay.get("period", {}).get("end")]
        closed = died[:10] if isinstance(died, str) else max(ends, default=today.isoformat())
        return {"status": "finished", "closure": {"reason": "died", "date": closed}}
    if stays and all(stay["status"] == "cancelled" for stay in stays):
        return {"status": "cancelled"}
    return {"status": "planned"}


def stay_events(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    """Return what happened to a stay: `admitted`, `discharged`, `discharge-cancelled`, or nothing."""
    if after is None:
        return []
    was, now = before["status"] if before else "planned", after["status"]
    if was == now:
        return []
    if now == "finished":
        return ["discharged"]
    if now in NOT_THERE:
        return []
    return ["discharge-cancelled"] if was == "finished" else ["admitted"] if was in NOT_THERE else []
