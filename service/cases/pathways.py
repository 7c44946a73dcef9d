"""Which follow-up services a discharge proposes, and until when."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from service.values.pathways import Pathway, Proposal


def propose(
    pathways: Sequence[Pathway],
    stay: str,
    discharged: str,
    conditions: Sequence[dict[str, Any]],
    group: str | None,
) -> list[dict[str, Any]]:
    """Return the services to propose after a stay, as the plan of a case holds them.

    A pathway for a diagnosis or a group overrules the one for everybody where both have a service of one id.

    Args:
        pathways: in the order in which later ones overrule.
        stay: the local id of the stay.
        discharged: the day or instant of discharge; the sender's own calendar day counts.
        conditions: the diagnoses of the stay.
        group: the targeted group of the case.
    """
    chosen: dict[str, dict[str, Any]] = {}
    for pathway in sorted(pathways, key=lambda each: bool(each.diagnoses or each.groups)):
        found = _match(pathway, conditions)
        if not (pathway.diagnoses or pathway.groups) or found is not None or group in pathway.groups:
            for each in pathway.services:
                chosen[each.id] = _service(each, stay, discharged, found, pathway.holidays)
    return list(chosen.values())


def due(start: str, days: int, *, working: bool, holidays: frozenset[str] = frozenset()) -> str:
    """Return the ISO date so many days later; Saturdays, Sundays and holidays are no working days."""
    day = date.fromisoformat(start)
    if not working:
        return (day + timedelta(days)).isoformat()
    while days:
        day += timedelta(1)
        days -= day.weekday() < 5 and holidays.isdisjoint({day.isoformat(), f"{day:%m-%d}"})
    return day.isoformat()


def _match(pathway: Pathway, conditions: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    for each in conditions:
        code = each["code"]
        for system, start in pathway.diagnoses:
            if code.get("system") == system and code.get("code", "").startswith(start):
                return each
    return None


def _service(
    proposal: Proposal, stay: str, discharged: str, condition: dict[str, Any] | None, holidays: frozenset[str]
) -> dict[str, Any]:
    day = discharged[:10]
    said = {
        "id": f"{stay}.{proposal.id}",
        "kind": proposal.kind,
        "status": "proposed",
        "description": proposal.description,
        "setting": proposal.setting,
        "necessity": {"condition": condition["id"], "decision": "pending"} if condition else None,
    }
    if len(day) == len("YYYY-MM-DD"):
        said["period"] = {
            "start": day,
            "end": due(day, proposal.days, working=proposal.working, holidays=holidays),
        }
    return {name: each for name, each in said.items() if each}
