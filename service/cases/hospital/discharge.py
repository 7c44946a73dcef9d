"""The facts that one event of a hospital states about a stay and a person; `stays` reads them."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from service.cases.facts import instant_of
from service.cases.identity.identifiers import is_visit
from service.values.dates import seconds
from service.values.inbound.events import EVENTS
from service.values.kept.facts import Fact, Facts, Moment

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
BEGUN: Final = frozenset(EVENTS) - {"update", "merge", "cancel-admit"}
ENDED: Final = frozenset({"discharge", "death"})
BEGINNING: Final = frozenset({"admit", "register"})
UNSAID_KIND: Final = "unknown"
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
DELETED: Final = "delete"


def moment(event: str, recorded: str) -> Moment:
    """Return the moment of an event; moments sort in the order of the events."""
    return (*seconds(recorded), EVENTS.index(event))


def key_of(discharge: dict[str, Any], partner: str) -> str | None:
    """Return the key of an event's stay, made of who tells of it and a number; None without one.

    It is the first visit number, else the first: an account may have several visits. What another hospital
    tells under the same number is another stay.
    """
    identifiers = discharge.get("stay", {}).get("identifiers", [])
    number = next(filter(is_visit, identifiers), identifiers[0] if identifiers else None)
    return key_by(partner, number) if number is not None else None


def start_of(discharge: dict[str, Any]) -> str | None:
    """Return when an event says that its stay began, or None."""
    start: str | None = discharge.get("stay", {}).get("period", {}).get("start")
    return start or (discharge.get("happened") if discharge["event"] in BEGINNING else None)


def new_key(discharge: dict[str, Any], partner: str, is_taken: Callable[[str], bool]) -> str | None:
    """Return the key of a stay that is none of those known.

    Where another one had its number, which an account may be used for again, its start tells them apart.
    """
    key, start = key_of(discharge, partner), start_of(discharge)
    return digest(key, start[:10]) if key is not None and start is not None and is_taken(key) else key


def key_by(partner: str, identifier: dict[str, Any]) -> str:
    """Return the key of a stay of which a partner told first under an identifier."""
    return digest(partner, f"{identifier['system']}|{identifier['value']}")


def stay_id(key: str) -> str:
    """Return the id of a stay in its case."""
    return f"stay-{key[:16]}"


def stay_facts(discharge: dict[str, Any], at: Moment, partner: str) -> Facts:
    """Return the facts that an event states about its stay."""
    stay, event = discharge.get("stay", {}), discharge["event"]
    values: dict[str, Any] = {"partner": partner}
    status = stay.get("status") or STATUS.get(event)
    if status is not None:
        values["status"] = status
    for name in ("types", "hospital", "location", "disposition", "destination", "reasons"):
        if name in stay:
            values[name] = stay[name]
    values |= _class(stay)
    values |= {f"period.{edge}": when for edge, when in stay.get("period", {}).items()}
    values |= _period_edges(discharge, values)
    for identifier in stay.get("identifiers", []):
        # a visit's number that stands among its alternate ones too is still the visit's
        values.setdefault(number_path(identifier), identifier)
    values |= _list_facts("conditions", stay.get("conditions", []), "kind", diagnosis_key)
    values |= _list_facts("contacts", discharge.get("contacts", []), "role", who)
    if event == "cancel-discharge":
        values |= dict.fromkeys(OF_DISCHARGE)
    for path in discharge.get("cleared", []):
        if path.startswith("stay.") or path == "contacts":
            values[path.removeprefix("stay.")] = None
        elif path.startswith("contacts."):
            # another segment of the message may name somebody
            values.setdefault(path, None)
    if status is not None:
        # what it was ever said to be, each event under the moment it was said
        when = _when(discharge, status) or instant_of(at)
        values[f"statuses.{'.'.join(map(str, at))}"] = {"status": status, "at": when}
    return {path: Fact(at, value) for path, value in values.items()} | _kind_facts(
        discharge, values.get("kind")
    )


def _class(stay: dict[str, Any]) -> dict[str, Any]:
    """Return of what kind a stay is said to be, and the class that was sent with it.

    Who does not know of which class a stay is takes back nothing.
    """
    kind = stay.get("kind", UNSAID_KIND)
    sent = stay.get("class_as_sent")
    if kind == UNSAID_KIND:
        return {"class_as_sent": sent} if sent else {}
    return {"kind": kind, "class_as_sent": sent}


def _list_facts(
    name: str, items: Sequence[dict[str, Any]], by: str, key: Callable[[dict[str, Any]], str]
) -> dict[str, Any]:
    """Return a list as facts: whole by kind, or where its items say what is done with them, each alone."""
    values: dict[str, Any] = {}
    for item in items:
        if "action" in item:
            values[f"{name}-amended.{item.get(by, 'other')}.{key(item)}"] = item
        else:
            values.setdefault(f"{name}.{item.get(by, 'other')}", []).append(item)
    return values


def diagnosis_key(diagnosis: dict[str, Any]) -> str:
    """Return a key by which a diagnosis is the same in the next message: its place in a list, or its code."""
    entry = diagnosis.get("entry")
    return digest("entry", entry) if entry else condition_id(diagnosis["code"])


def who(contact: dict[str, Any]) -> str:
    """Return a key by which a participant is recognised in the next message."""
    identifiers = contact.get("identifiers")
    name = contact["names"][0] if contact.get("names") else {}
    words = " ".join([name.get("text", ""), *name.get("given", []), name.get("family", "")]).casefold()
    return digest(
        contact["role"], f"{identifiers[0]['system']}|{identifiers[0]['value']}" if identifiers else words
    )


def _when(discharge: dict[str, Any], status: str) -> str | None:
    """Return when a stay came to have a status by the event's own word: EVN-6, its period, EVN-2."""
    period = discharge.get("stay", {}).get("period", {})
    edge = {"in-progress": "start", "finished": "end"}.get(status)
    if discharge["event"] in {"return", "cancel-discharge"}:
        edge = None
    return discharge.get("happened") or period.get(edge) or discharge.get("recorded")


def _period_edges(discharge: dict[str, Any], values: dict[str, Any]) -> dict[str, str]:
    """Let the event's own time stand for the period's edge that it is, when the period does not say."""
    if "happened" not in discharge:
        return {}
    if discharge["event"] in ENDED and "period.end" not in values:
        return {"period.end": discharge["happened"]}
    if discharge["event"] in BEGINNING and "period.start" not in values:
        return {"period.start": discharge["happened"]}
    return {}


def _kind_facts(discharge: dict[str, Any], kind: str | None) -> dict[str, Fact]:
    """Return of which kinds a stay was ever said to be, and when it last was: that never goes back."""
    if discharge["event"] not in BEGUN:
        return {}
    stay = discharge.get("stay", {})
    last = (
        stay.get("period", {}).get("end") or discharge.get("happened") or stay.get("period", {}).get("start")
    )
    return {f"begun.{kind or UNSAID_KIND}": Fact((0, 0, 0), last[:10] if last else UNSAID_DAY)}


def person_facts(discharge: dict[str, Any], at: Moment, partner: str) -> Facts:
    """Return the facts that an event states about the person."""
    patient = discharge.get("patient", {})
    values: dict[str, Any] = {name: patient[name] for name in PERSONAL if name in patient}
    values |= _death(discharge, patient)
    for identifier in patient.get("identifiers", []):
        values[number_path(identifier)] = identifier
    for name in ("related_persons", "coverages"):
        if name in discharge:
            values[f"{name}.{partner}"] = discharge[name]
    for path in discharge.get("cleared", []):
        if path.startswith("patient."):
            values[path.removeprefix("patient.")] = None
            if path == "patient.deceased":
                # who tells a death by a flag alone takes it back so too
                values.setdefault("has_died", None)
        elif path in {"related_persons", "coverages"}:
            values[f"{path}.{partner}"] = None
    return {path: Fact(at, value) for path, value in values.items()}


def _death(discharge: dict[str, Any], patient: dict[str, Any]) -> dict[str, Any]:
    """Return what an event says of a death beside the patient's own elements."""
    if discharge["event"] == "death":
        when = (
            {"deceased": discharge["happened"]}
            if "happened" in discharge and "deceased" not in patient
            else {}
        )
        return {"has_died": True, **when}
    # who says that somebody lives takes back the time of a death too
    is_alive = patient.get("has_died") is False and "deceased" not in patient
    return {"deceased": None} if is_alive else {}


def alias_facts(identifiers: list[dict[str, Any]], at: Moment) -> Facts:
    """Return the former identifiers of a person as facts of the person who now has them."""
    return {number_path(identifier): Fact(at, {**identifier, "use": ALIAS}) for identifier in identifiers}


def number_path(identifier: dict[str, Any]) -> str:
    """Return the path of the fact that an identifier is."""
    return f"identifiers.{digest(identifier['system'], identifier['value'])}"


def condition_id(code: dict[str, Any]) -> str:
    """Return the local id of a diagnosis: the same code is the same condition of a case."""
    words = code.get("code") or code.get("text", "").casefold()
    return f"dx-{digest(code.get('system', ''), words)[:16]}"


def digest(system: str, value: str) -> str:
    """Return the digest of a system and a value."""
    return sha256(f"{system}|{value}".encode()).hexdigest()
