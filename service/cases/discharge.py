"""What one event of a hospital says about a stay and a person, as facts; and what their facts come to.

A stay's status is that of its latest event that has one; leave and return close nothing; a cancelled
discharge has no end, disposition or destination; a death ends the stay.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any, Final

from service.cases.facts import Facts, Moment, listed, seconds, value

# how the events of one second follow each other
ORDER: Final = (
    "plan",
    "register",
    "admit",
    "change-class",
    "transfer",
    "cancel-transfer",
    "leave",
    "return",
    "update",
    "merge",
    "discharge",
    "death",
    "cancel-discharge",
    "cancel-admit",
)
STATUS: Final = {
    "plan": "planned",
    "register": "in-progress",
    "admit": "in-progress",
    "leave": "onleave",
    "return": "in-progress",
    "discharge": "finished",
    "death": "finished",
    "cancel-discharge": "in-progress",
    "cancel-admit": "cancelled",
}
# who says one of these says that somebody is, was or will be in hospital
BEGUN: Final = frozenset(ORDER) - {"update", "merge", "cancel-admit"}
ENDED: Final = frozenset({"discharge", "death"})
UNSAID_KIND: Final = "inpatient"
UNSAID_DAY: Final = "9999"
PERSONAL: Final = (
    "names",
    "gender",
    "birth_date",
    "deceased",
    "has_died",
    "telecom",
    "addresses",
    "language",
    "protected_identity",
)
# the use of an identifier by which somebody was known before
ALIAS: Final = "old"
OF_DISCHARGE: Final = ("period.end", "disposition", "destination")
DISPOSITIONS: Final = "http://terminology.hl7.org/CodeSystem/discharge-disposition"
EXPIRED: Final = "exp"


def moment(event: str, recorded: str) -> Moment:
    """Return when an event was said, so that moments order as the events did."""
    return [*seconds(recorded), ORDER.index(event)]


def key_of(said: dict[str, Any]) -> str | None:
    """Return the key of an event's stay, made of its first identifier; None when it has none."""
    identifiers = said.get("stay", {}).get("identifiers")
    return digest(identifiers[0]["system"], identifiers[0]["value"]) if identifiers else None


def stay_id(key: str) -> str:
    """Return the id of a stay in its case."""
    return f"stay-{key[:16]}"


def stay_facts(said: dict[str, Any], at: Moment, partner: str) -> Facts:
    """Return what an event says of its stay."""
    stay, event = said.get("stay", {}), said["event"]
    found: dict[str, Any] = {"partner": partner}
    status = stay.get("status") or STATUS.get(event)
    if status is not None:
        found["status"] = status
    for name in ("kind", "hospital", "location", "disposition", "destination", "reasons"):
        if name in stay:
            found[name] = stay[name]
    found |= {f"period.{edge}": when for edge, when in stay.get("period", {}).items()}
    found |= _happened(said, found)
    for each in stay.get("identifiers", []):
        found[f"identifiers.{digest(each['system'], each['value'])}"] = each
    for each in stay.get("conditions", []):
        found.setdefault(f"conditions.{each.get('kind', 'other')}", []).append(each)
    for each in said.get("contacts", []):
        found.setdefault(f"contacts.{each['role']}", []).append(each)
    if event == "cancel-discharge":
        found |= dict.fromkeys(OF_DISCHARGE)
    for path in said.get("cleared", []):
        if path.startswith("stay.") or path == "contacts":
            found[path.removeprefix("stay.")] = None
    return {path: [at, each] for path, each in found.items()} | _begun(said, found.get("kind"))


def _happened(said: dict[str, Any], found: dict[str, Any]) -> dict[str, str]:
    """Let the event's own time stand for the period's edge that it is, when the period does not say."""
    if "happened" not in said:
        return {}
    if said["event"] in ENDED and "period.end" not in found:
        return {"period.end": said["happened"]}
    if said["event"] in {"admit", "register"} and "period.start" not in found:
        return {"period.start": said["happened"]}
    return {}


def _begun(said: dict[str, Any], kind: str | None) -> Facts:
    """Return of which kinds a stay was ever said to be, and when it last was: that never goes back."""
    if said["event"] not in BEGUN:
        return {}
    stay = said.get("stay", {})
    last = stay.get("period", {}).get("end") or said.get("happened") or stay.get("period", {}).get("start")
    return {f"begun.{kind or UNSAID_KIND}": [[0, 0, 0], last[:10] if last else UNSAID_DAY]}


def person_facts(said: dict[str, Any], at: Moment, partner: str) -> Facts:
    """Return what an event says of the person."""
    patient = said.get("patient", {})
    found: dict[str, Any] = {name: patient[name] for name in PERSONAL if name in patient}
    if said["event"] == "death":
        found["has_died"] = True
        if "deceased" not in found and "happened" in said:
            found["deceased"] = said["happened"]
    for each in patient.get("identifiers", []):
        found[f"identifiers.{digest(each['system'], each['value'])}"] = each
    for name in ("related_persons", "coverages"):
        if name in said:
            found[f"{name}.{partner}"] = said[name]
    for path in said.get("cleared", []):
        if path.startswith("patient."):
            found[path.removeprefix("patient.")] = None
            if path == "patient.deceased":
                # who tells a death by a flag alone takes it back so too
                found.setdefault("has_died", None)
        elif path in {"related_persons", "coverages"}:
            found[f"{path}.{partner}"] = None
    return {path: [at, each] for path, each in found.items()}


def alias_facts(identifiers: list[dict[str, Any]], at: Moment) -> Facts:
    """Return the identifiers by which somebody was known before, as facts of who they are now."""
    return {
        f"identifiers.{digest(each['system'], each['value'])}": [at, {**each, "use": ALIAS}]
        for each in identifiers
    }


def stay_of(key: str, facts: Facts) -> dict[str, Any]:
    """Return what a stay's facts come to; `conditions` and `contacts` still in the sender's words."""
    status = value(facts, "status") or "in-progress"
    start, end = value(facts, "period.start"), value(facts, "period.end")
    said = {
        "id": stay_id(key),
        "status": status,
        "kind": value(facts, "kind") or UNSAID_KIND,
        "identifiers": _first([each for _, each in listed(facts, "identifiers")], key),
        "hospital": value(facts, "hospital"),
        "period": _period(start, end if status in {"finished", "cancelled"} else None),
        "location": value(facts, "location"),
        "disposition": value(facts, "disposition"),
        "destination": value(facts, "destination"),
        "reasons": value(facts, "reasons"),
    }
    return {name: each for name, each in said.items() if each}


def died_in(stays: Iterable[Facts]) -> str | bool | None:
    """Return when one of some stays ended in death by its disposition, True without a time; None if none did.

    The stay's word stays the stay's: with its discharge it is taken back.
    """
    for facts in stays:
        disposition = value(facts, "disposition") or {}
        is_expired = (disposition.get("system"), disposition.get("code")) == (DISPOSITIONS, EXPIRED)
        if is_expired and value(facts, "status") == "finished":
            return value(facts, "period.end") or True
    return None


def diagnoses(facts: Facts) -> list[dict[str, Any]]:
    """Return the diagnoses of a stay, the first in rank first, each code once."""
    every = [each for _, group in listed(facts, "conditions") for each in group]
    once: dict[str, dict[str, Any]] = {}
    for each in sorted(every, key=lambda each: each.get("rank", 1001)):
        once.setdefault(condition_id(each["code"]), each)
    return list(once.values())


def contacts(facts: Facts) -> list[dict[str, Any]]:
    """Return the people who take part in a stay."""
    return [each for _, group in listed(facts, "contacts") for each in group]


def begun_kinds(facts: Facts) -> list[tuple[str, str]]:
    """Return (kind, last day) of what the stay was ever said to be; the latest that was said."""
    return listed(facts, "begun")


def condition_id(code: dict[str, Any]) -> str:
    """Return the local id of a diagnosis: the same code is the same condition of a case."""
    words = code.get("code") or code.get("text", "").casefold()
    return f"dx-{digest(code.get('system', ''), words)[:16]}"


def digest(system: str, value: str) -> str:
    """Return the digest of a system and a value."""
    return sha256(f"{system}|{value}".encode()).hexdigest()


def _first(identifiers: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Put the identifier that is the key in front."""
    return sorted(identifiers, key=lambda each: digest(each["system"], each["value"]) != key)


def _period(start: str | None, end: str | None) -> dict[str, str]:
    period = {"start": start, "end": None if start and end and _before(end, start) else end}
    return {edge: when for edge, when in period.items() if when}


def _before(one: str, other: str) -> bool:
    if "T" in one and "T" in other:
        return seconds(one) < seconds(other)
    said = min(10, len(one), len(other))
    return one[:said] < other[:said]
