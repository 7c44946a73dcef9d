"""What the service keeps inside a document: its types, and the JSON they are stored as under `$service`.

`part_of` and `as_json` are the only ones that know the keys. What is empty is not stored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.values.kept.facts import Fact, Facts, Moment

Json = dict[str, Any]
Pair = tuple[str, str]

# no document that comes in has this key
SERVICE: Final = "$service"


@dataclass(frozen=True, slots=True)
class StatusPeriod:
    """A status of a case or a stay and the instants between which it held; no `end` where it still does."""

    status: str
    start: str
    end: str | None = None


@dataclass(frozen=True, slots=True)
class EmptiedCase:
    """A case that nobody had taken over, whose stays a merge gave to the case `target`.

    `stays` has the keys of these, each with whether the target told of it before.
    """

    case: str
    target: str
    stays: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Merge:
    """What undoing the merge of a client needs.

    `cases` are those that became the other client's; `waiting` the keys of the stays without a case, each
    with whether the other client had it too; `overruled` the other client's facts that were older, None
    where there was none; `emptied` the cases whose stays went to another.
    """

    cases: tuple[str, ...]
    waiting: Mapping[str, bool]
    overruled: Mapping[str, Fact | None]
    emptied: tuple[EmptiedCase, ...]


@dataclass(frozen=True, slots=True)
class ServicePart:
    """What the service keeps with a document.

    Of any: `received` is what hospitals brought, as parts of a document of its kind; `untaken` says that no
    case system has taken over what a hospital opened.

    Of a client: `facts` are what hospitals said of the person, `identifying` the (system, value) by which
    they know them, `stays` the facts of the stays without a case by their keys; `merged_into` is the uuid of
    the client they have become, `merge` how that is undone, `absorbed` the uuids of those who became them.

    Of a case: `stays` are the facts of its stays by their keys; `emptied` says that it lost them all to
    another; `status_history` are its statuses, oldest first.

    Of an entry of the directory: `heard` is when what stands there was said.

    `newer` is what a newer release keeps; it is stored as it was read.
    """

    facts: Facts = field(default_factory=dict)
    identifying: tuple[Pair, ...] = ()
    stays: Mapping[str, Facts] = field(default_factory=dict)
    received: Json = field(default_factory=dict)
    status_history: tuple[StatusPeriod, ...] = ()
    untaken: bool = False
    emptied: bool = False
    merged_into: str | None = None
    absorbed: tuple[str, ...] = ()
    merge: Merge | None = None
    heard: Moment | None = None
    newer: Json = field(default_factory=dict)


NOTHING: Final = ServicePart()
_KEYS: Final = frozenset(ServicePart.__dataclass_fields__) - {"newer"}


def parts_of(body: Json) -> tuple[Json, ServicePart]:
    """Return a stored body as what its owner sent and what the service keeps with it."""
    if SERVICE not in body:
        return body, NOTHING
    return {name: value for name, value in body.items() if name != SERVICE}, part_of(body[SERVICE])


def body_of(own: Json, part: ServicePart) -> Json:
    """Return a body as it is stored; the inverse of `parts_of`."""
    kept = as_json(part)
    return {**own, SERVICE: kept} if kept else own


def part_of(kept: Json) -> ServicePart:
    """Return what is stored under `$service`."""
    return ServicePart(
        facts=_facts(kept.get("facts", {})),
        identifying=tuple((system, value) for system, value in kept.get("identifying", ())),
        stays={key: _facts(facts) for key, facts in kept.get("stays", {}).items()},
        received=kept.get("received", {}),
        status_history=tuple(_status(entry) for entry in kept.get("status_history", ())),
        untaken=kept.get("untaken", False),
        emptied=kept.get("emptied", False),
        merged_into=kept.get("merged_into"),
        absorbed=tuple(kept.get("absorbed", ())),
        merge=_merge(kept["merge"]) if "merge" in kept else None,
        heard=tuple(kept["heard"]) if "heard" in kept else None,
        newer={name: value for name, value in kept.items() if name not in _KEYS},
    )


def as_json(part: ServicePart) -> Json:
    """Return what is stored under `$service`; empty where there is nothing to store."""
    kept = {
        "facts": _facts_as_json(part.facts),
        "identifying": [list(pair) for pair in part.identifying],
        "stays": {key: _facts_as_json(facts) for key, facts in part.stays.items()},
        "received": part.received,
        "status_history": statuses_as_json(part.status_history),
        "untaken": part.untaken,
        "emptied": part.emptied,
        "merged_into": part.merged_into,
        "absorbed": list(part.absorbed),
        "merge": _merge_as_json(part.merge) if part.merge is not None else None,
        "heard": list(part.heard) if part.heard is not None else None,
        **part.newer,
    }
    return {name: value for name, value in kept.items() if value or name in part.newer}


def statuses_as_json(history: tuple[StatusPeriod, ...]) -> list[Json]:
    """Return a status history as R4 has it: each status with the period in which it held."""
    return [
        {
            "status": period.status,
            "period": {"start": period.start, **({} if period.end is None else {"end": period.end})},
        }
        for period in history
    ]


def _facts(stored: Json) -> Facts:
    return {path: Fact(tuple(at), value) for path, (at, value) in stored.items()}


def _facts_as_json(facts: Facts) -> Json:
    return {path: [list(at), value] for path, (at, value) in facts.items()}


def _status(entry: Json) -> StatusPeriod:
    return StatusPeriod(entry["status"], entry["period"]["start"], entry["period"].get("end"))


def _merge(stored: Json) -> Merge:
    return Merge(
        cases=tuple(stored["cases"]),
        waiting=stored["waiting"],
        overruled={
            path: None if fact is None else Fact(tuple(fact[0]), fact[1])
            for path, fact in stored["overruled"].items()
        },
        emptied=tuple(EmptiedCase(case["case"], case["target"], case["stays"]) for case in stored["emptied"]),
    )


def _merge_as_json(merge: Merge) -> Json:
    return {
        "cases": list(merge.cases),
        "waiting": dict(merge.waiting),
        "overruled": {
            path: None if fact is None else [list(fact.at), fact.value]
            for path, fact in merge.overruled.items()
        },
        "emptied": [
            {"case": emptied.case, "target": emptied.target, "stays": dict(emptied.stays)}
            for emptied in merge.emptied
        ],
    }
