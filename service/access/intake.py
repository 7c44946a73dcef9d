"""The part of a hospital's registry entry that says how what it sends is used, read strictly."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from marshmallow import RAISE, Schema, fields, post_load, validate

from service.errors import Misconfigured
from service.values.intake import IntakeSettings
from service.values.scope import Partner


class Authority(Schema):
    """An assigning authority as the partner writes it, and its URI."""

    class Meta:
        """Unknown members are errors."""

        unknown = RAISE

    name = fields.String(required=True)
    uri = fields.String(required=True)


class Intake(Schema):
    """As `IntakeSettings`, which says what the members mean and what they are when left out."""

    class Meta:
        """Unknown members are errors."""

        unknown = RAISE

    unknown_person = fields.String(validate=validate.OneOf(("create", "quarantine", "ignore")))
    kinds = fields.List(
        fields.String(validate=validate.OneOf(("inpatient", "emergency", "outpatient", "short-stay"))),
        validate=validate.Length(min=1),
    )
    days = fields.Integer(strict=True, validate=validate.Range(min=1, max=36_500))
    processing = fields.String(validate=validate.OneOf(("production", "training", "debugging")))
    identifying = fields.List(fields.String(), validate=validate.Length(min=1))
    case_system = fields.String()
    time_zone = fields.String(
        validate=validate.OneOf(sorted(available_timezones()), error="No time zone of IANA's.")
    )
    charset = fields.String()
    discharge_time = fields.List(
        fields.String(validate=validate.Regexp(r"[A-Z][A-Z0-9]{2}-[1-9][0-9]?\Z")),
        validate=validate.Length(min=1),
    )
    authorities = fields.List(fields.Nested(Authority))

    @post_load
    def settings(self, given: dict[str, Any], **_: Any) -> IntakeSettings:
        """Return them frozen."""
        frozen: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        pairs = tuple((each["name"], each["uri"]) for each in given.get("authorities", ()))
        return IntakeSettings(**{**frozen, "authorities": pairs})


def offers(partners: Mapping[str, Partner]) -> dict[str, tuple[str, ...]]:
    """Return, by case system, the hospitals that offer it what they open.

    A hospital that names no case system offers to the only one there is.

    Raises:
        Misconfigured: a hospital names what is no case system.
    """
    systems = [each.name for each in partners.values() if each.kind == "case-system"]
    only = systems[0] if len(systems) == 1 else None
    found: dict[str, list[str]] = {name: [] for name in systems}
    for each in partners.values():
        to = each.intake.case_system or only
        if to is not None and to not in found:
            raise Misconfigured(f"{each.name} offers to {to} in intake/case_system: no case system here.")
        if each.kind == "hospital" and to is not None:
            found[to].append(each.name)
    return {name: tuple(names) for name, names in found.items()}
