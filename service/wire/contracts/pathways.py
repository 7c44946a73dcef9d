"""Pathways: which services a discharge proposes; one YAML file each, read strictly at start.

`holidays.yaml` beside them lists the days on which nobody works.
"""

from datetime import date
from pathlib import Path
from typing import Any, Final

from marshmallow import ValidationError, fields, validate

from service.values.inbound.pathways import Pathway, Proposal
from service.wire.contracts import configured
from service.wire.contracts.documents.case import TARGETED_GROUPS
from service.wire.contracts.documents.fields import Code, Contract, OpenCode, Text, Uri, many
from service.wire.contracts.documents.plan import SERVICE_KINDS, SETTINGS

HOLIDAYS: Final = "holidays.yaml"
WITHIN: Final = r"([1-9][0-9]{0,2}) (working )?days?\Z"


class _Proposal(Contract):
    # behind the id of the stay and a point it is the local id of the proposed service
    id = fields.String(
        required=True,
        validate=validate.Regexp(r"[a-z0-9-]{1,40}\Z", error="Use 1 to 40 of a-z 0-9 and -."),
    )
    kind = Code(SERVICE_KINDS, required=True)
    within = fields.String(
        required=True,
        validate=validate.Regexp(WITHIN, error="Write e.g. `7 days` or `2 working days`."),
    )
    setting = Code(SETTINGS)
    description = Text(limit=1000)


class _Diagnoses(Contract):
    system = Uri(required=True)
    starts = fields.List(OpenCode(limit=20), required=True, validate=validate.Length(min=1))


class _For(Contract):
    diagnoses = many(_Diagnoses)
    groups = fields.List(Code(TARGETED_GROUPS))


class _Pathway(Contract):
    applies = fields.Nested(_For, data_key="for")
    services = many(_Proposal, required=True)


def _holiday(value: Any) -> str:
    """Return a day as `YYYY-MM-DD`, or as `MM-DD` of every year."""
    text = str(value)
    try:
        date.fromisoformat(text if len(text) > len("MM-DD") else f"2024-{text}")
    except ValueError as exc:
        raise ValidationError("Write 2026-12-25, or 12-25 for every year.") from exc
    return text


class _Holidays(Contract):
    holidays = fields.List(fields.Function(deserialize=_holiday), required=True)


def load(folder: Path) -> tuple[Pathway, ...]:
    """Return the pathways of a folder, by file name; none when there is no such folder.

    Raises:
        Misconfigured: with file and place of each mistake.
    """
    calendar = folder / HOLIDAYS
    holidays = (
        frozenset(configured.load(_Holidays(), calendar, "The calendar")["holidays"])
        if calendar.exists()
        else frozenset()
    )
    paths = (path for path in sorted(folder.glob("*.yaml")) if not path.name.startswith("."))
    return tuple(_read_pathway(path, holidays) for path in paths if path != calendar)


def _read_pathway(path: Path, holidays: frozenset[str]) -> Pathway:
    document = configured.load(_Pathway(), path, "The pathway")
    applies = document.get("applies", {})
    return Pathway(
        name=path.stem,
        services=tuple(_proposal(proposal) for proposal in document["services"]),
        diagnoses=tuple(
            (diagnosis["system"], start)
            for diagnosis in applies.get("diagnoses", [])
            for start in diagnosis["starts"]
        ),
        groups=tuple(applies.get("groups", ())),
        holidays=holidays,
    )


def _proposal(proposal: dict[str, Any]) -> Proposal:
    days, _, rest = proposal["within"].partition(" ")
    return Proposal(
        proposal["id"],
        proposal["kind"],
        int(days),
        rest.startswith("working"),
        proposal.get("setting"),
        proposal.get("description"),
    )
