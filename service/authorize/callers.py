"""Who asks: by the name that a header gives, on this machine, or by the token that it holds."""

import re
from collections.abc import Mapping
from typing import Final, Protocol

from flask import Request

from service.access import policy
from service.access.smart_scopes import at_most
from service.authorize.addresses import Proxies
from service.authorize.certificates import thumbprint
from service.errors import Denied, Unauthenticated
from service.flows.authorization.bearers import Bearer, Bearers
from service.values.access.scope import Partner

# https://www.rfc-editor.org/rfc/rfc6750#section-2.1
_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)


class Caller(Protocol):
    """Finds who asks."""

    def __call__(self, request: Request) -> Bearer:
        """Return who asks; raises Denied or Unauthenticated."""


class ByName:
    """Partners by the header `Casebridge-Partner`; without it the operator of this machine asks."""

    def __init__(self, partners: Mapping[str, Partner]) -> None:
        """Take the partners by name."""
        self._partners = partners
        self._bearers: dict[str, Bearer] = {}

    def __call__(self, request: Request) -> Bearer:
        """Return who asks; raises Denied where nobody has the name."""
        partner = self._partners.get(request.headers.get("Casebridge-Partner", "local"))
        if partner is None or partner.revoked:
            raise Denied("No such partner is registered.", where="Casebridge-Partner")
        bearer = self._bearers.get(partner.name)
        if bearer is None or bearer.partner is not partner:
            bearer = self._bearers[partner.name] = Bearer(
                partner, at_most(partner), policy.purposes(partner, ())
            )
        return bearer


class ByToken:
    """Partners by the bearer token that they hold."""

    def __init__(self, bearers: Bearers, proxies: Proxies) -> None:
        """Take whose tokens are whose, and the proxies that say which certificate a client has shown."""
        self._bearers = bearers
        self._proxies = proxies

    def __call__(self, request: Request) -> Bearer:
        """Return who asks; raises Unauthenticated."""
        match = _BEARER.fullmatch(request.headers.get("Authorization", ""))
        if match is None:
            raise Unauthenticated("Send the token that /oauth2/token gave you: `Authorization: Bearer …`.")
        return self._bearers.bearer(match[1], thumbprint(request, self._proxies))
