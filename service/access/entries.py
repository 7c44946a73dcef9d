"""The partner registry as it is written: views, who assigns numbers, and an entry for each partner."""

from dataclasses import replace
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from service.access.credentials import CredentialsContract, IssuerContract, credentials
from service.access.intake import IntakeContract
from service.access.policy import LOCAL, RIGHTS, may_want
from service.values.access.credentials import Credentials
from service.values.access.labels import LEVELS, SENSITIVITIES
from service.values.access.purposes import PARENTS
from service.values.access.scope import DEFAULT, RETURNED, Binding, Partner, Queue, Retention
from service.values.inbound.intake import IntakeSettings
from service.wire.contracts.documents.case import TARGETED_GROUPS

RUN_OUT_DAYS: Final = {"hospital": 90}
"""How long after it has ended a treatment is still one, unless a partner's entry says otherwise."""
MOST_RUN_OUT_DAYS: Final = 36_500
LEAST_BYTES: Final = 100_000_000
"""What a stream keeps at least: it lets go whole segments only, and keeps the last one."""
MOST_BYTES: Final = 10**15


class _Strict(Schema):
    class Meta:
        """Unknown members are errors."""

        unknown = RAISE

    error_messages = {"type": "An object stands here."}  # noqa: RUF012  marshmallow declares it so


class _Binding(_Strict):
    pattern = fields.String(required=True, validate=validate.Regexp(r"[a-z*#.]+\Z"))
    full_resource = fields.Boolean(load_default=False)


class _Queue(_Strict):
    name = fields.String(required=True, validate=validate.Length(min=1, max=200))
    bindings = fields.List(fields.Nested(_Binding), required=True, validate=validate.Length(min=1))
    queue_type = fields.String(load_default="quorum", validate=validate.OneOf(["quorum", "stream"]))
    targeted_groups = fields.List(
        fields.String(validate=validate.OneOf(TARGETED_GROUPS)), validate=validate.Length(min=1)
    )
    depth_limit = fields.Integer(strict=True, validate=validate.Range(min=1))
    # https://www.rabbitmq.com/docs/streams#retention
    max_age = fields.String(
        validate=validate.Regexp(r"[1-9][0-9]{0,4}[YMDhms]\Z", error="Write e.g. 7D or 12h.")
    )
    max_bytes = fields.Integer(strict=True, validate=validate.Range(min=LEAST_BYTES, max=MOST_BYTES))

    @validates_schema
    def check_stream(self, queue: dict[str, Any], **_: Any) -> None:
        """Let streams alone say how much they keep; nothing takes a resource out of one once it is erased."""
        if queue["queue_type"] == "stream":
            if any(binding["full_resource"] for binding in queue["bindings"]):
                raise ValidationError("A stream keeps what is erased; leave full_resource out.", "bindings")
            if "depth_limit" in queue:
                raise ValidationError("A stream is limited by max_age and max_bytes.", "depth_limit")
            return
        for name in {"max_age", "max_bytes"}.intersection(queue):
            raise ValidationError("Only a stream keeps what was read; say `queue_type: stream`.", name)


class _Identifier(_Strict):
    error_messages = {"type": "An object with `system` and `value` stands here."}  # noqa: RUF012  as above
    system = fields.String(required=True)
    value = fields.String(required=True)


class PartnerContract(_Strict, CredentialsContract):
    """An entry of a partner."""

    name = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,60}\Z"))
    kind = fields.String(required=True, validate=validate.OneOf(sorted(RIGHTS)))
    view = fields.String(load_default=DEFAULT)
    identifiers = fields.List(fields.Nested(_Identifier), load_default=list)
    queues = fields.List(fields.Nested(_Queue), load_default=list)
    intake = fields.Nested(IntakeContract, load_default=IntakeSettings)
    writes = fields.List(fields.String(validate=validate.OneOf(RETURNED)), load_default=list)
    purpose = fields.String()
    labels = fields.List(fields.String(validate=validate.OneOf((*LEVELS, *SENSITIVITIES))), load_default=list)
    break_the_glass = fields.Boolean(truthy={True}, falsy={False}, load_default=False)
    run_out_days = fields.Integer(strict=True, validate=validate.Range(min=0, max=MOST_RUN_OUT_DAYS))
    revoked = fields.Boolean(truthy={True}, falsy={False}, load_default=False)

    @validates_schema
    def check_break_the_glass(self, entry: dict[str, Any], **_: Any) -> None:
        """Let hospitals alone see anybody in an emergency."""
        if entry["break_the_glass"] and entry["kind"] != "hospital":
            raise ValidationError("Only a hospital breaks the glass; leave it out.", "break_the_glass")

    @validates_schema
    def check_purpose(self, entry: dict[str, Any], **_: Any) -> None:
        """Refuse a purpose of use that partners of its kind have not."""
        known = [code for code in PARENTS if may_want(entry["kind"], code)]
        if entry.get("purpose", known[0]) not in known:
            raise ValidationError(f"A partner of this kind has one of {', '.join(known)}.", "purpose")


class _Identifying(_Strict):
    system = fields.String(required=True, validate=validate.Length(min=1))
    asserted_by = fields.List(fields.String(), required=True, validate=validate.Length(min=1))


class RegistryContract(_Strict):
    """The registry file."""

    views = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"[a-z0-9-]{1,50}\Z")),
        values=fields.List(fields.String()),
        load_default=dict,
    )
    identifying = fields.List(fields.Nested(_Identifying), load_default=list)
    issuers = fields.List(fields.Nested(IssuerContract), load_default=list)
    partners = fields.List(fields.Nested(PartnerContract), required=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_names(self, _: Any, registry: Any, **__: Any) -> None:
        """Find names that stand twice and views that are not there, whatever else is wrong."""
        views, partners = (_part(registry, key) for key in ("views", "partners"))
        wrong: dict[str, Any] = {}
        if isinstance(views, dict) and DEFAULT in views:
            wrong["views"] = {DEFAULT: ["The overlays of the default view stand in CASEBRIDGE_OVERLAYS."]}
        view_names = [DEFAULT, *(views if isinstance(views, dict) else ())]
        seen = {LOCAL.name}
        for index, partner in enumerate(partners if isinstance(partners, list) else ()):
            name, view = _part(partner, "name"), _part(partner, "view") or DEFAULT
            mistakes: dict[str, Any] = {}
            if isinstance(name, str) and name in seen:
                mistakes["name"] = [f"Two partners are named {name}."]
            if isinstance(view, str) and view not in view_names:
                listed = ", ".join(map(str, view_names))
                mistakes["view"] = [f"There is no such view; known are {listed}."]
            if mistakes:
                wrong.setdefault("partners", {})[index] = mistakes
            seen |= {name} if isinstance(name, str) else set()
        if wrong:
            raise ValidationError(wrong)


def _part(value: Any, key: str) -> Any:
    """Return a member of what may not even be an object."""
    return value.get(key) if isinstance(value, dict) else None


def partner_of(entry: dict[str, Any]) -> Partner:
    """Return the partner of a loaded entry; one that is revoked keeps nothing that lets it in."""
    queues = tuple(map(_queue_of, entry["queues"]))
    identifiers = tuple((identifier["system"], identifier["value"]) for identifier in entry["identifiers"])
    partner = Partner(
        entry["name"],
        entry["kind"],
        entry["view"],
        identifiers,
        queues,
        intake=entry["intake"],
        writes=tuple(entry["writes"]),
        purpose=entry.get("purpose"),
        labels=tuple(entry["labels"]),
        breaks_glass=entry["break_the_glass"],
        run_out_days=entry.get("run_out_days", RUN_OUT_DAYS.get(entry["kind"], 0)),
        credentials=credentials(entry),
    )
    if not entry["revoked"]:
        return partner
    shut = replace(partner.intake, senders=(), amqp_users=(), amqp_replies=(), endpoints=(), topics=())
    return replace(partner, intake=shut, queues=(), credentials=Credentials(), revoked=True)


def _queue_of(entry: dict[str, Any]) -> Queue:
    stream = Retention(entry.get("max_age"), entry.get("max_bytes"))
    return Queue(
        entry["name"],
        tuple(Binding(**binding) for binding in entry["bindings"]),
        stream=stream if entry["queue_type"] == "stream" else None,
        depth_limit=entry.get("depth_limit"),
        targeted_groups=frozenset(entry.get("targeted_groups", ())),
    )
