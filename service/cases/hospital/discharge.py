"""What one event of a hospital says about a stay and a person, as facts; `stays` says what they come to."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from service.cases.facts import instant_of
from service.cases.identity.identifiers import is_visit
from service.values.dates import seconds
from service.values.facts import Fact, Facts, Moment

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
    """Return when an event was said, so that moments order as the events did."""
    return (*seconds(recorded), ORDER.index(event))


def key_of(said: dict[str, Any], partner: str) -> str | None:
    """Return the key of an event's stay, made of who tells of it and a number; None without one.

    It is the first visit number, else the first: an account may have several visits. What another hospital
    tells under the same number is another stay.
    """
    identifiers = said.get("stay", {}).get("identifiers", [])
    number = next(filter(is_visit, identifiers), identifiers[0] if identifiers else None)
    return key_by(partner, number) if number is not None else None


def start_of(said: dict[str, Any]) -> str | None:
    """Return when an event says that its stay began, or None."""
    start: str | None = said.get("stay", {}).get("period", {}).get("start")
    return start or (said.get("happened") if said["event"] in BEGINNING else None)


def new_key(said: dict[str, Any], partner: str, is_taken: Callable[[str], bool]) -> str | None:
    """Return the key of a stay that is none of those known.

    Where another one had its number, which an account may be used for again, its start tells them apart.
    """
    key, start = key_of(said, partner), start_of(said)
    return digest(key, start[:10]) if key is not None and start is not None and is_taken(key) else key


def key_by(partner: str, identifier: dict[str, Any]) -> str:
    """Return the key of a stay of which a partner told first under an identifier."""
    return digest(partner, f"{identifier['system']}|{identifier['value']}")


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
    for name in ("types", "hospital", "location", "disposition", "destination", "reasons"):
        if name in stay:
            found[name] = stay[name]
    found |= _class(stay)
    found |= {f"period.{edge}": when for edge, when in stay.get("period", {}).items()}
    found |= _period_edges(said, found)
    for each in stay.get("identifiers", []):
        # a visit's number that stands among its alternate ones too is still the visit's
        found.setdefault(number_path(each), each)
    found |= _list_facts("conditions", stay.get("conditions", []), "kind", diagnosis_key)
    found |= _list_facts("contacts", said.get("contacts", []), "role", who)
    if event == "cancel-discharge":
        found |= dict.fromkeys(OF_DISCHARGE)
    for path in said.get("cleared", []):
        if path.startswith("stay.") or path == "contacts":
            found[path.removeprefix("stay.")] = None
        elif path.startswith("contacts."):
            # another segment of the message may name somebody
            found.setdefault(path, None)
    if status is not None:
        # what it was ever said to be, each event under the moment it was said
        when = _when(said, status) or instant_of(at)
        found[f"statuses.{'.'.join(map(str, at))}"] = {"status": status, "at": when}
    return {path: Fact(at, each) for path, each in found.items()} | _kind_facts(said, found.get("kind"))


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
    found: dict[str, Any] = {}
    for each in items:
        if "action" in each:
            found[f"{name}-amended.{each.get(by, 'other')}.{key(each)}"] = each
        else:
            found.setdefault(f"{name}.{each.get(by, 'other')}", []).append(each)
    return found


def diagnosis_key(diagnosis: dict[str, Any]) -> str:
    """Return a key by which a diagnosis is the same in the next message: its place in a list, or its code."""
    entry = diagnosis.get("entry")
    return digest("entry", entry) if entry else condition_id(diagnosis["code"])


def who(contact: dict[str, Any]) -> str:
    """Return a key by which somebody who takes part is the same in the next message."""
    known = contact.get("identifiers")
    name = contact["names"][0] if contact.get("names") else {}
    words = " ".join([name.get("text", ""), *name.get("given", []), name.get("family", "")]).casefold()
    return digest(contact["role"], f"{known[0]['system']}|{known[0]['value']}" if known else words)


def _when(said: dict[str, Any], status: str) -> str | None:
    """Return when a stay came to have a status by the event's own word: EVN-6, its period, EVN-2."""
    period = said.get("stay", {}).get("period", {})
    edge = {"in-progress": "start", "finished": "end"}.get(status)
    if said["event"] in {"return", "cancel-discharge"}:
        edge = None
    return said.get("happened") or period.get(edge) or said.get("recorded")


def _period_edges(said: dict[str, Any], found: dict[str, Any]) -> dict[str, str]:
    """Let the event's own time stand for the period's edge that it is, when the period does not say."""
    if "happened" not in said:
        return {}
    if said["event"] in ENDED and "period.end" not in found:
        return {"period.end": said["happened"]}
    if said["event"] in BEGINNING and "period.start" not in found:
        return {"period.start": said["happened"]}
    return {}


def _kind_facts(said: dict[str, Any], kind: str | None) -> dict[str, Fact]:
    """Return of which kinds a stay was ever said to be, and when it last was: that never goes back."""
    if said["event"] not in BEGUN:
        return {}
    stay = said.get("stay", {})
    last = stay.get("period", {}).get("end") or said.get("happened") or stay.get("period", {}).get("start")
    return {f"begun.{kind or UNSAID_KIND}": Fact((0, 0, 0), last[:10] if last else UNSAID_DAY)}


def person_facts(said: dict[str, Any], at: Moment, partner: str) -> Facts:
    """Return what an event says of the person."""
    patient = said.get("patient", {})
    found: dict[str, Any] = {name: patient[name] for name in PERSONAL if name in patient}
    found |= _death(said, patient)
    for each in patient.get("identifiers", []):
        found[number_path(each)] = each
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
    return {path: Fact(at, each) for path, each in found.items()}


def _death(said: dict[str, Any], patient: dict[str, Any]) -> dict[str, Any]:
    """Return what an event says of a death beside the patient's own elements."""
    if said["event"] == "death":
        when = {"deceased": said["happened"]} if "happened" in said and "deceased" not in patient else {}
        return {"has_died": True, **when}
    # who says that somebody lives takes back the time of a death too
    is_alive = patient.get("has_died") is False and "deceased" not in patient
    return {"deceased": None} if is_alive else {}


def alias_facts(identifiers: list[dict[str, Any]], at: Moment) -> Facts:
    """Return the identifiers by which somebody was known before, as facts of who they are now."""
    return {number_path(each): Fact(at, {**each, "use": ALIAS}) for each in identifiers}


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
