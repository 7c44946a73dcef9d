"""A door over HTTP: its routes, the right they need, and the description of each, in one piece."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import Blueprint, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from service.values.limits import InputLimits
from service.wire.contracts.published.openapi.operations import Operation
from service.wire.json import parse

LIMITS: Final = "LIMITS"
"""Where the application's configuration has the limits of its input."""
PUBLIC: Final = "public"
"""The right of a door that is open to everybody, without a guard."""
_UNDESCRIBED: Final = frozenset({"HEAD", "OPTIONS"})
_PLACE: Final = re.compile(r"\{\w+\}")


def limits() -> InputLimits:
    """Return what the application that answers takes in at most."""
    configured: InputLimits = current_app.config[LIMITS]
    return configured


def json_body() -> Any:
    """Return what the body of the request says; raises as `parse`."""
    most = limits()
    return parse(request.get_data(), limit=most.content_bytes, depth=most.depth)


@dataclass(frozen=True, slots=True)
class Door:
    """Routes, the right that a partner needs to use them (or PUBLIC), and an operation for each of them.

    Raises ValueError when no right is named.
    """

    blueprint: Blueprint
    right: str
    operations: tuple[Operation, ...]
    is_limited: bool = True
    """Whether there is a limit to how often it may be used."""

    def __post_init__(self) -> None:
        """Refuse a door without a right: it would stand open, or be shut, by an oversight."""
        if not self.right:
            what = f"The door {self.blueprint.name!r} names no right; name one of access.policy, or PUBLIC."
            raise ValueError(what)

    @property
    def is_public(self) -> bool:
        """Whether everybody may use it."""
        return self.right == PUBLIC

    def described(self) -> Iterator[Operation]:
        """Give the operations, each with the right that it needs: the door's, or one of its own."""
        right = None if self.is_public else self.right
        return (replace(operation, right=operation.right or right) for operation in self.operations)

    def routes(self, url_map: Map) -> dict[tuple[str, str], Operation]:
        """Return an operation of each route, by its endpoint and method.

        `url_map` is that of the application that the blueprint is registered on.

        Raises ValueError unless each route of the door is described, and each description has its route.
        """
        name = self.blueprint.name
        own = [rule for rule in url_map.iter_rules() if rule.endpoint.rpartition(".")[0] == name]
        endpoints = {rule.endpoint for rule in own}
        adapter = url_map.bind("localhost")
        missing = {(rule.rule, method) for rule in own for method in (rule.methods or set()) - _UNDESCRIBED}
        described: dict[tuple[str, str], Operation] = {}
        for operation in self.operations:
            method = operation.method.upper()
            try:
                rule, _ = adapter.match(_PLACE.sub("1", operation.path), method, return_rule=True)
            except HTTPException:
                rule = None
            if rule is None or rule.endpoint not in endpoints:
                what = f"The door {name!r} describes {method} {operation.path}, and has no such route."
                raise ValueError(what)
            missing.discard((rule.rule, method))
            described[rule.endpoint, method] = operation
        if missing:
            routes = ", ".join(sorted(f"{method} {path}" for path, method in missing))
            raise ValueError(f"The door {name!r} has routes without an operation: {routes}; describe them.")
        return described
