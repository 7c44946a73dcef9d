"""The part of a hospital's registry entry that says how what it sends is used, read strictly."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import available_timezones

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from service.access.policy import LOCAL
from service.errors import Misconfigured
from service.values.access.scope import Partner
from service.values.identifiers.assertions import Assertions
from service.values.identifiers.numbers import type_of
from service.values.inbound.intake import IntakeSettings, Topic
from service.values.inbound.senders import SenderPattern
from service.wire.hl7v2.er7.charsets import of_partner

PLACE: Final = validate.Regexp(r"(MSH|EVN|PV1|PV2)-[1-9][0-9]?\Z", error="A field of MSH, EVN, PV1 or PV2.")
ADDRESS: Final = validate.Regexp(
    r"https?://[^\s?#]+[^\s?#/]\Z", error="Write an http(s) address without a slash at its end."
)
# AMQP has 255 bytes for a name
SHORT: Final = validate.Length(min=1, max=255)


def _readable(name: str) -> None:
    """Refuse a character set that is not read here."""
    try:
        of_partner(name)
    except Misconfigured as exc:
        raise ValidationError(str(exc.args[0])) from exc


def _is_type(code: str) -> None:
    """Refuse what is no type of a number."""
    if type_of(code) != code:
        raise ValidationError("No type of HL7 table 0203; write e.g. SS.")


def _is_pattern(pattern: str) -> None:
    """Refuse what is no regular expression."""
    try:
        re.compile(pattern)
    except re.error as exc:
        raise ValidationError(f"No regular expression: {exc}.") from exc


class Authority(Schema):
    """An assigning authority as the partner writes it, and its URI."""

    class Meta:
        """Unknown members are errors."""

        unknown = RAISE

    name = fields.String(required=True)
    uri = fields.String(required=True)


class Sending(Schema):
    """As `SenderPattern`; some name in MSH and some of the connection must be there."""

    class Meta:
        """Unknown members are errors."""

        unknown = RAISE

    application = fields.String()
    facility = fields.String()
    certificates = fields.List(
        fields.String(validate=validate.Regexp(r"(CN=|DNS:|URI:|IP Address:|email:).+\Z"))
    )
    addresses = fields.List(fields.IPInterface())

    @validates_schema
    def check(self, entry: dict[str, Any], **_: Any) -> None:
        """Refuse what anybody could say of themselves, and what any of theirs could be."""
        if not ({"application", "facility"} & entry.keys()):
            raise ValidationError("Name application (MSH-3) or facility (MSH-4).")
        if not (entry.get("certificates") or entry.get("addresses")):
            raise ValidationError("Name certificates or addresses.")

    @post_load
    def pattern(self, entry: dict[str, Any], **_: Any) -> SenderPattern:
        """Return it frozen."""
        names, networks = entry.get("certificates", ()), entry.get("addresses", ())
        return SenderPattern(
            entry.get("application"),
            entry.get("facility"),
            tuple(names),
            tuple(str(network.network) for network in networks),
        )


class TopicContract(Schema):
    """As `Topic`."""

    class Meta:
        """Unknown members are errors."""

        unknown = RAISE

    name = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,60}\Z"))
    server = fields.String(required=True, validate=ADDRESS)
    topic = fields.String(required=True, validate=validate.Regexp(r"[a-z]+:[^\s]+\Z"))
    filters = fields.List(fields.String(validate=validate.Regexp(r"[A-Z][A-Za-z]+\?\S+\Z")))
    token_file = fields.String(validate=validate.Length(min=1))

    @post_load
    def topic_of(self, entry: dict[str, Any], **_: Any) -> Topic:
        """Return it frozen."""
        return Topic(**{**entry, "filters": tuple(entry.get("filters", ()))})


class IntakeContract(Schema):
    """As `IntakeSettings`, which says what the members mean and what they are when left out."""

    class Meta:
        """Unknown members are errors."""

        unknown = RAISE

    unknown_person = fields.String(validate=validate.OneOf(("create", "quarantine", "ignore")))
    kinds = fields.List(
        fields.String(
            validate=validate.OneOf(("inpatient", "emergency", "outpatient", "short-stay", "unknown"))
        ),
        validate=validate.Length(min=1),
    )
    days = fields.Integer(strict=True, validate=validate.Range(min=1, max=36_500))
    processing = fields.String(validate=validate.OneOf(("production", "training", "debugging")))
    identifying = fields.List(fields.String(), validate=validate.Length(min=1))
    identifying_types = fields.List(fields.String(validate=_is_type), validate=validate.Length(min=1))
    placeholders = fields.List(
        fields.String(validate=[validate.Length(max=200), _is_pattern]), validate=validate.Length(min=1)
    )
    case_system = fields.String()
    bases = fields.List(fields.String(validate=ADDRESS), validate=validate.Length(min=1))
    time_zone = fields.String(
        validate=validate.OneOf(sorted(available_timezones()), error="No time zone of IANA's.")
    )
    charset = fields.String(validate=_readable)
    admission_time = fields.List(fields.String(validate=PLACE), validate=validate.Length(min=1))
    discharge_time = fields.List(fields.String(validate=PLACE), validate=validate.Length(min=1))
    authorities = fields.List(fields.Nested(Authority))
    overlays = fields.List(fields.String())
    senders = fields.List(fields.Nested(Sending), validate=validate.Length(min=1))
    endpoints = fields.List(fields.String(), validate=validate.Length(min=1))
    amqp_users = fields.List(fields.String(validate=SHORT), validate=validate.Length(min=1))
    amqp_replies = fields.List(fields.String(validate=SHORT), validate=validate.Length(min=1))
    topics = fields.List(fields.Nested(TopicContract), validate=validate.Length(min=1))
    not_retained = fields.String(validate=validate.OneOf(("accept", "refuse")))

    @validates_schema
    def check_topics(self, entry: dict[str, Any], **_: Any) -> None:
        """Refuse two topics of one name."""
        names = [topic.name for topic in entry.get("topics", ())]
        if len(set(names)) < len(names):
            raise ValidationError("Each topic needs a name of its own.", "topics")

    @post_load
    def settings(self, entry: dict[str, Any], **_: Any) -> IntakeSettings:
        """Return them frozen."""
        frozen: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()
        }
        pairs = tuple((authority["name"], authority["uri"]) for authority in entry.get("authorities", ()))
        return IntakeSettings(**{**frozen, "authorities": pairs})


def offers(partners: Mapping[str, Partner]) -> dict[str, tuple[str, ...]]:
    """Return, by case system, the hospitals that offer it what they open.

    A hospital that names no case system offers to the only one there is.

    Raises:
        Misconfigured: a hospital names what is no case system.
    """
    systems = [partner.name for partner in partners.values() if partner.kind == "case-system"]
    only = systems[0] if len(systems) == 1 else None
    hospitals: dict[str, list[str]] = {name: [] for name in systems}
    for partner in partners.values():
        to = partner.intake.case_system or only
        if to is not None and to not in hospitals:
            raise Misconfigured(f"{partner.name} offers to {to} in intake/case_system: no case system here.")
        if partner.kind == "hospital" and to is not None:
            hospitals[to].append(partner.name)
    return {name: tuple(names) for name, names in hospitals.items()}


def near(name: str, offered: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Return whose clients a hospital's patients are looked for first among, by what `offers` returns.

    Of a hospital that offers to nobody these are its own; of who is no hospital, too.
    """
    for system, hospitals in offered.items():
        if name in hospitals:
            return frozenset({system, *hospitals})
    return frozenset({name})


def assertions_of(entries: Sequence[Mapping[str, Any]], partners: Mapping[str, Partner]) -> Assertions:
    """Return who may say whose the numbers of the systems are that the registry names; `local` always may.

    Raises:
        Misconfigured: a system is named twice, or a partner that is not there.
    """
    asserters: dict[str, frozenset[str]] = {}
    for at, entry in enumerate(entries):
        system, names = entry["system"], entry["asserted_by"]
        if system in asserters:
            raise Misconfigured(f"/identifying/{at}: {system} stands twice; name all its partners once.")
        if unknown := sorted(set(names) - partners.keys()):
            raise Misconfigured(f"/identifying/{at}/asserted_by: {unknown[0]} is no partner here.")
        asserters[system] = frozenset({LOCAL.name, *names})
    return Assertions(tuple(asserters.items()))


def amqp_senders(partners: Mapping[str, Partner]) -> dict[str, Partner]:
    """Return the hospitals and case systems by their users at the broker.

    Raises:
        Misconfigured: two of them share a user, or a partner that sends nothing that way says how it sends.
    """
    by_user: dict[str, Partner] = {}
    for partner in partners.values():
        if partner.kind != "hospital" and partner.intake.senders:
            raise Misconfigured(f"{partner.name} is no hospital: intake/senders is for those.")
        if partner.kind not in {"hospital", "case-system"} and partner.intake.amqp_users:
            what = "intake/amqp_users is for hospitals and case systems"
            raise Misconfigured(f"{partner.name} is a partner of another kind: {what}.")
        for user in partner.intake.amqp_users:
            if user in by_user:
                raise Misconfigured(
                    f"{by_user[user].name} and {partner.name} have the same intake/amqp_users."
                )
            by_user[user] = partner
    return by_user
