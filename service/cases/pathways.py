"""Which follow-up services a discharge proposes, and until when."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from service.values.inbound.pathways import Pathway, Proposal


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
    for pathway in sorted(pathways, key=lambda pathway: bool(pathway.diagnoses or pathway.groups)):
        condition = _match(pathway, conditions)
        if not (pathway.diagnoses or pathway.groups) or condition is not None or group in pathway.groups:
            for proposal in pathway.services:
                chosen[proposal.id] = _service(proposal, stay, discharged, condition, pathway.holidays)
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
    for condition in conditions:
        code = condition["code"]
        for system, start in pathway.diagnoses:
            if code.get("system") == system and code.get("code", "").startswith(start):
                return condition
    return None


def _service(
    proposal: Proposal, stay: str, discharged: str, condition: dict[str, Any] | None, holidays: frozenset[str]
) -> dict[str, Any]:
    day = discharged[:10]
    service = {
        "id": f"{stay}.{proposal.id}",
        "kind": proposal.kind,
        "status": "proposed",
        "description": proposal.description,
        "setting": proposal.setting,
        "necessity": {"condition": condition["id"], "decision": "pending"} if condition else None,
    }
    if len(day) == len("YYYY-MM-DD"):
        service["period"] = {
            "start": day,
            "end": due(day, proposal.days, working=proposal.working, holidays=holidays),
        }
    return {name: part for name, part in service.items() if part}
