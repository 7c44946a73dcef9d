"""Builds a stay from its facts, and decides which stays are one.

A stay's status is that of its latest event that has one; leave and return close nothing; a cancelled
discharge has no end, disposition or destination; a death ends the stay.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, Final

from service.cases.changes import status_history
from service.cases.facts import facts_below, value
from service.cases.hospital.deaths import is_death
from service.cases.hospital.discharge import (
    DELETED,
    UNSAID_KIND,
    condition_id,
    diagnosis_key,
    digest,
    key_by,
    stay_id,
    who,
)
from service.cases.identity.identifiers import differing_system, is_visit, once, share_a_number
from service.values.dates import is_before
from service.values.kept.facts import Fact, Facts
from service.values.kept.service_part import StatusPeriod

Json = dict[str, Any]
_OVER: Final = frozenset({"finished", "cancelled"})
UNSAID: Final = Fact((), None)


class Ambiguous(Exception):
    """The numbers of an event are those of several stays, and nothing says of which."""


def matching_keys(sent: Sequence[Json], stays: Mapping[str, Facts], start: str | None = None) -> list[str]:
    """Return the keys of the stays that an event is about by its identifiers: none, one, or parts of one.

    A stay is known by any of its visit numbers. An account may be that of several stays, as may a number that
    was an alternate one: it leads to one that has no other visit number, to the one that began on the day of
    `start`, to the one that has not ended, or to the only one; and to none that had ended before `start`.

    Raises:
        Ambiguous: only an account is sent, and it has several stays of which none or many go on; or only a
            visit number that was used again.
    """
    visits = [identifier for identifier in sent if is_visit(identifier)]
    strong, weak = by_visits(sent, stays), []
    for key, facts in stays.items():
        held = [identifier for _, identifier in facts_below(facts, "identifiers") if not is_visit(identifier)]
        ours = _visits(facts)
        if not share_a_number(visits, ours) and share_a_number(sent, held):
            weak += [key] if differing_system(visits, ours) is None else []
    if strong:
        if any(_are_two(stays[one], stays[other], visits) for one, other in combinations(strong, 2)):
            raise Ambiguous
        nameless = [key for key in weak if not _visits(stays[key])]
        return sorted({*strong, *nameless})
    weak = _about(start, weak, stays)
    if len(weak) > 1:
        going = [key for key in weak if value(stays[key], "status") not in _OVER]
        if len(going) != 1:
            raise Ambiguous
        return going
    return weak


def _about(start: str | None, keys: list[str], stays: Mapping[str, Facts]) -> list[str]:
    """Return those of some stays that may be the one that began at `start`: an account is used again."""
    if start is None:
        return keys
    begun = {key: value(stays[key], "period.start") for key in keys}
    same = [key for key in keys if begun[key] and begun[key][:10] == start[:10]]
    return same or [key for key in keys if not _had_ended(stays[key], start)]


def _had_ended(facts: Facts, start: str) -> bool:
    end = value(facts, "period.end")
    return value(facts, "status") == "finished" and end is not None and is_before(end, start)


def told_by(partner: str, stays: Mapping[str, Facts]) -> dict[str, Facts]:
    """Return the stays that a partner reported; a hospital's events concern only its own."""
    return {key: facts for key, facts in stays.items() if value(facts, "partner") == partner}


def by_visits(sent: Sequence[Json], stays: Mapping[str, Facts]) -> list[str]:
    """Return the keys of the stays that have one of some visit numbers.

    A number that is used again, as a name on a server is, does not make one of two visits.
    """
    visits = [identifier for identifier in sent if is_visit(identifier)]
    held = {key: _visits(facts) for key, facts in stays.items()}
    return [
        key
        for key, ours in held.items()
        if share_a_number(visits, ours) and differing_system(visits, ours) is None
    ]


def _are_two(one: Facts, other: Facts, sent: Sequence[Json]) -> bool:
    """Whether two stays have different numbers, and what is sent does not say that both are of one."""
    ours = _visits(one)
    return differing_system([*ours, *sent], _visits(other)) is not None


def _visits(facts: Facts) -> list[Json]:
    return [identifier for _, identifier in facts_below(facts, "identifiers") if is_visit(identifier)]


def stay_of(key: str, facts: Facts) -> dict[str, Any]:
    """Return the stay that facts make; `conditions` and `contacts` are still as the sender wrote them."""
    status = value(facts, "status") or "in-progress"
    start, end = value(facts, "period.start"), value(facts, "period.end")
    parts = {
        "id": stay_id(key),
        "status": status,
        "kind": value(facts, "kind") or UNSAID_KIND,
        "class_as_sent": value(facts, "class_as_sent"),
        "types": value(facts, "types"),
        "identifiers": once(_first(facts, key)),
        "hospital": value(facts, "hospital"),
        "period": _period(start, end if status in {"finished", "cancelled"} else None),
        "location": value(facts, "location"),
        "disposition": value(facts, "disposition"),
        "destination": value(facts, "destination"),
        "reasons": value(facts, "reasons"),
    }
    return {name: part for name, part in parts.items() if part}


def history(facts: Facts) -> tuple[StatusPeriod, ...]:
    """Return the statuses that a stay has had, each from when it came to be so by the events' own times.

    The last has no end. An event that arrives late finds its place among the others.
    """
    periods: tuple[StatusPeriod, ...] = ()
    for _, status in sorted(facts_below(facts, "statuses"), key=lambda entry: _moment(entry[0])):
        periods = status_history(periods, status["status"], status["at"])
    return periods


def _moment(path: str) -> list[int]:
    return [int(number) for number in path.split(".")]


def died_in(stays: Iterable[Facts]) -> str | bool | None:
    """Return when one of some stays ended in death by its disposition, True without a time; None if none did.

    The stay's word stays the stay's: with its discharge it is taken back.
    """
    for facts in stays:
        if is_death(value(facts, "disposition") or {}) and value(facts, "status") == "finished":
            return value(facts, "period.end") or True
    return None


def diagnoses(facts: Facts) -> list[Json]:
    """Return the diagnoses of a stay, the first in rank first; one that is of two kinds stands twice."""
    every = _amended_list(facts, "conditions", "kind", diagnosis_key)
    once: dict[tuple[str, str], Json] = {}
    for diagnosis in sorted(every, key=lambda diagnosis: diagnosis.get("rank", 1001)):
        once.setdefault((condition_id(diagnosis["code"]), diagnosis.get("kind", "other")), diagnosis)
    return list(once.values())


def contacts(facts: Facts) -> list[Json]:
    """Return the people who take part in a stay."""
    return _amended_list(facts, "contacts", "role", who)


def _amended_list(facts: Facts, name: str, by: str, key: Callable[[Json], str]) -> list[Json]:
    """Return the items of a list, as it was told whole, with what was said later of single items.

    One that is deleted goes as what it is said to be; where it stands as something else alone, it goes too.
    An entry of the sender's own list is one whatever is said of it: what is said later stands for it.
    """
    items = {
        (kind, key(item)): (facts[f"{name}.{kind}"].at, item)
        for kind, group in facts_below(facts, name)
        for item in group
    }
    cleared = facts[name].at if name in facts else ()
    later = [
        (facts[f"{name}-amended.{path}"].at, item) for path, item in facts_below(facts, f"{name}-amended")
    ]
    # what is deleted and added by one message is there
    for at, item in sorted(later, key=lambda one: (one[0], one[1]["action"] != DELETED)):
        kind, one = item.get(by, "other"), key(item)
        if item["action"] == DELETED:
            for place in _places(items, kind, one, item):
                # what the same message says of it as something else stays
                if items[place][0] < at or (place[0] == kind and items[place][0] == at):
                    del items[place]
        elif at >= max(cleared, facts.get(f"{name}.{kind}", UNSAID).at):
            if "entry" in item:
                others = [place for place in items if place[1] == one and items[place][0] < at]
                items = {place: item for place, item in items.items() if place not in others}
            items[kind, one] = at, item
    return [
        {inside: member for inside, member in item.items() if inside not in {"action", "entry"}}
        for _, item in items.values()
    ]


def _places(items: Mapping[tuple[str, str], Any], kind: str, one: str, item: Json) -> list[tuple[str, str]]:
    """Return the keys of an item that is to be deleted; an entry sent without its id is found by its code."""
    keys = [one] if "entry" not in item else [one, condition_id(item["code"])]
    for key in keys:
        if (kind, key) in items:
            return [(kind, key)]
        if places := [place for place in items if place[1] == key]:
            return places
    return []


def begun_kinds(facts: Facts) -> list[tuple[str, str]]:
    """Return (kind, last day) of what the stay was ever said to be; the latest that was said."""
    return facts_below(facts, "begun")


def _first(facts: Facts, key: str) -> list[dict[str, Any]]:
    """Return the identifiers, the one that made the key in front; of itself alone it made keys before."""
    partner = value(facts, "partner")

    def is_other(identifier: Json) -> bool:
        return key not in {key_by(partner, identifier), digest(identifier["system"], identifier["value"])}

    return sorted((identifier for _, identifier in facts_below(facts, "identifiers")), key=is_other)


def _period(start: str | None, end: str | None) -> dict[str, str]:
    period = {"start": start, "end": None if start and end and is_before(end, start) else end}
    return {edge: when for edge, when in period.items() if when}
