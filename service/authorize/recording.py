"""The record of a request, made before its answer leaves: without it there is no answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from flask import Request
from flask.globals import app_ctx

from service.authorize.addresses import Proxies, address_of
from service.telemetry import correlation
from service.values.audit import DENIALS, AuditEntry, Disclosure, Interaction

UNMATCHED: Final = 422
"""The status of an operation that looked for somebody in vain; `disclose` names it before it looks."""
LONGEST: Final = 4_000
_ATTEMPTS: Final[dict[str, Interaction]] = {"PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Recording:
    """Where records go, the proxies that say whom they ask for, and what tells the time."""

    record: Callable[[AuditEntry], None]
    proxies: Proxies
    clock: Callable[[], datetime]

    def record_answer(self, request: Request, status: int, *, is_silent: bool) -> None:
        """Record what an answer discloses, or that it was denied.

        `is_silent` says that the route's answers disclose nothing; that a partner may not use it is recorded
        all the same.

        Raises:
            Unavailable: it cannot be recorded.
            LookupError: the route does not say what it discloses.
        """
        disclosure = _disclosure(request, status, is_silent=is_silent)
        if disclosure is None:
            return
        known = app_ctx.g
        self.record(
            AuditEntry(
                recorded=self.clock(),
                partner=known.asker,
                address=address_of(request, self.proxies),
                purposes=known.get("purposes", ()),
                status=status,
                correlation=correlation.get(),
                disclosure=disclosure,
            )
        )


def _disclosure(request: Request, status: int, *, is_silent: bool) -> Disclosure | None:
    known = app_ctx.g
    if known.get("asker") is None:
        return None
    disclosure: Disclosure | None = known.get("disclosure")
    if status >= 400:
        if disclosure is not None and (disclosure.interaction == "login" or status == UNMATCHED):
            return disclosure
        is_denial = status in DENIALS and not (is_silent and status >= 404)
        return _denial(request) if is_denial else None
    if is_silent or request.method == "OPTIONS":
        return None
    if disclosure is None:
        raise LookupError(f"{request.endpoint} does not say what it discloses.")
    return disclosure


def _denial(request: Request) -> Disclosure:
    """Return what was asked for in vain; the interaction is that of the method."""
    query = urlencode(list(request.args.items(multi=True)))
    asked = f"{request.path}?{query}" if query else request.path
    return Disclosure(_ATTEMPTS.get(request.method, "read"), (), asked[:LONGEST])
