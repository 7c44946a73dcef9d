"""Which hospitals treat or have treated a client: whose stay it was, and who stands in a case's team.

A stay is its sender's. What a hospital says of others makes no treatment by them: that is the case system's
word, in the stays and the team of its own document.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from service.cases.changes import CLOSED
from service.cases.facts import day, value
from service.values.access.scope import SENDER
from service.values.dates import EVER, first_day, last_day
from service.values.kept.facts import Facts

Json = dict[str, Any]


class Treatment(NamedTuple):
    """By whom, as (system, value), and from which ISO date to which."""

    system: str
    value: str
    start: str
    end: str


def of_senders(stays: Mapping[str, Facts]) -> list[Treatment]:
    """Return which partners sent stays, each to the end of its last one; a cancelled one was none."""
    ends: dict[str, str] = {}
    for facts in stays.values():
        partner, status = value(facts, "partner"), value(facts, "status")
        if status == "cancelled":
            continue
        end = EVER[1]
        if status == "finished":
            end = last_day(value(facts, "period.end") or day(facts["status"].at))
        ends[partner] = max(end, ends.get(partner, EVER[0]))
    return [Treatment(SENDER, partner, EVER[0], end) for partner, end in sorted(ends.items())]


def of_organizations(case: Json, own: Json) -> list[Treatment]:
    """Return by which organisations a case is treated: those of its own stays and of its own team.

    `case` is the whole document with its links followed, `own` what its owner sent. A department stands for
    what it is part of. A team ends with its case.
    """
    closed = _closing_day(case)
    made: list[Treatment] = []
    for stay in _parts(case, own, "stays"):
        if stay["status"] != "cancelled":
            over = stay["status"] == "finished"
            end = stay.get("period", {}).get("end") or (closed if over else None)
            made += _by(stay.get("hospital"), EVER[0], last_day(end) if over and end else EVER[1])
    for member in _parts(case, own, "team"):
        period = member.get("period", {})
        ends = [last_day(end) for end in (period.get("end"), closed) if end]
        start = first_day(period["start"]) if "start" in period else EVER[0]
        made += _by(member.get("organization"), start, min(ends, default=EVER[1]))
    return sorted(set(made))


def _closing_day(case: Json) -> str | None:
    """Return when a case ended; None while it goes on."""
    if case["status"] not in CLOSED:
        return None
    end: str | None = case.get("closure", {}).get("date") or case.get("period", {}).get("end")
    history = case.get("status_history", [])
    return end or (history[-1]["period"]["start"] if history else None)


def _parts(case: Json, own: Json, name: str) -> Iterator[Json]:
    ids: Collection[str] = {part["id"] for part in own.get(name, [])}
    return (part for part in case.get(name, []) if part["id"] in ids)


def _by(organization: Json | None, start: str, end: str) -> Iterator[Treatment]:
    seen: set[str] = set()
    while organization is not None and organization["uuid"] not in seen:
        seen.add(organization["uuid"])
        for identifier in organization.get("identifiers", []):
            yield Treatment(identifier["system"], identifier["value"], start, end)
        organization = organization.get("part_of")
