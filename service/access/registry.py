"""The partner registry: a YAML file, read strictly at start."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from service.access.intake import IntakeContract, amqp_senders, assertions_of, near, offers
from service.access.policy import LOCAL, RIGHTS
from service.errors import Misconfigured
from service.values.intake import IntakeSettings
from service.values.scope import DEFAULT, RETURNED, Binding, Partner, Queue
from service.wire.contracts import configured


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


class _Identifier(_Strict):
    error_messages = {"type": "An object with `system` and `value` stands here."}  # noqa: RUF012  as above
    system = fields.String(required=True)
    value = fields.String(required=True)


class _Partner(_Strict):
    name = fields.String(required=True, validate=validate.Regexp(r"[a-z0-9-]{1,60}\Z"))
    kind = fields.String(required=True, validate=validate.OneOf(sorted(RIGHTS)))
    view = fields.String(load_default=DEFAULT)
    identifiers = fields.List(fields.Nested(_Identifier), load_default=list)
    queues = fields.List(fields.Nested(_Queue), load_default=list)
    intake = fields.Nested(IntakeContract, load_default=IntakeSettings)
    writes = fields.List(fields.String(validate=validate.OneOf(RETURNED)), load_default=list)


class _Identifying(_Strict):
    system = fields.String(required=True, validate=validate.Length(min=1))
    asserted_by = fields.List(fields.String(), required=True, validate=validate.Length(min=1))


class _Registry(_Strict):
    views = fields.Dict(
        keys=fields.String(validate=validate.Regexp(r"[a-z0-9-]{1,50}\Z")),
        values=fields.List(fields.String()),
        load_default=dict,
    )
    identifying = fields.List(fields.Nested(_Identifying), load_default=list)
    partners = fields.List(fields.Nested(_Partner), required=True)

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def check_names(self, _: Any, given: Any, **__: Any) -> None:
        """Find names that stand twice and views that are not there, whatever else is wrong."""
        views, partners = (_part(given, key) for key in ("views", "partners"))
        wrong: dict[str, Any] = {}
        if isinstance(views, dict) and DEFAULT in views:
            wrong["views"] = {DEFAULT: ["The overlays of the default view stand in CASEBRIDGE_OVERLAYS."]}
        known = [DEFAULT, *(views if isinstance(views, dict) else ())]
        seen = {LOCAL.name}
        for index, each in enumerate(partners if isinstance(partners, list) else ()):
            name, view = _part(each, "name"), _part(each, "view") or DEFAULT
            said: dict[str, Any] = {}
            if isinstance(name, str) and name in seen:
                said["name"] = [f"Two partners are named {name}."]
            if isinstance(view, str) and view not in known:
                listed = ", ".join(map(str, known))
                said["view"] = [f"There is no such view; known are {listed}."]
            if said:
                wrong.setdefault("partners", {})[index] = said
            seen |= {name} if isinstance(name, str) else set()
        if wrong:
            raise ValidationError(wrong)


def _part(given: Any, key: str) -> Any:
    """Return a member of what may not even be an object."""
    return given.get(key) if isinstance(given, dict) else None


def load(path: Path | None) -> dict[str, Partner]:
    """Return the partners by name; `local`, the operator on this machine, is always there.

    Raises:
        Misconfigured: the file is missing, not YAML, says a thing twice, or something that is not known.
    """
    found = {LOCAL.name: LOCAL}
    if path is None:
        return found
    given = _registry_document(path)
    found |= {each["name"]: _partner(each) for each in given["partners"]}
    try:
        offered = offers(found)
        amqp_senders(found)
        said = assertions_of(given["identifying"], found)
    except Misconfigured as exc:
        raise Misconfigured(str(exc), where=str(path)) from exc
    return {
        name: replace(each, offered=offered.get(name, ()), near=near(name, offered), assertions=said)
        for name, each in found.items()
    }


def views(path: Path | None) -> dict[str, tuple[str, ...]]:
    """Return the overlays of each view that a partner has, the lowest first; not of the default one.

    Raises:
        Misconfigured: as `load`.
    """
    used = {partner.view for partner in load(path).values()} - {DEFAULT}
    return (
        {name: tuple(stack) for name, stack in _registry_document(path)["views"].items() if name in used}
        if path
        else {}
    )


def intakes(path: Path | None) -> dict[tuple[str, ...], str]:
    """Return each stack of overlays that a partner's messages are read with, and the place that names it.

    Raises:
        Misconfigured: as `load`.
    """
    found: dict[tuple[str, ...], str] = {}
    for index, each in enumerate(_registry_document(path)["partners"] if path else ()):
        if each["intake"].overlays is not None:
            found.setdefault(each["intake"].overlays, f"/partners/{index}/intake/overlays")
    return found


def _registry_document(path: Path) -> dict[str, Any]:
    return configured.load(_Registry(), path, "The partner registry")


def _partner(given: dict[str, Any]) -> Partner:
    queues = tuple(
        Queue(each["name"], tuple(Binding(**binding) for binding in each["bindings"]))
        for each in given["queues"]
    )
    identifiers = tuple((each["system"], each["value"]) for each in given["identifiers"])
    return Partner(
        given["name"],
        given["kind"],
        given["view"],
        identifiers,
        queues,
        intake=given["intake"],
        writes=tuple(given["writes"]),
    )
