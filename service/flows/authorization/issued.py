"""Tokens of the issuers that the registry names: whose one is, by keys that discovery leads to.

https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import structlog

from service.access import compact, issuers
from service.access.access_tokens import AccessToken
from service.errors import Malformed, Rejected
from service.flows.authorization.key_cache import KeyCache, Keys
from service.flows.authorization.key_sets import usable
from service.flows.ports.credentials import KeySetPort
from service.values.access.credentials import Issuer
from service.values.access.scope import Partner
from service.wire.json import parse

CONFIGURATION: Final = "/.well-known/openid-configuration"

log = structlog.get_logger()


class IssuedTokens:
    """What tokens of others say."""

    def __init__(
        self,
        known: Iterable[Issuer],
        partners: Mapping[str, Partner],
        fetch: KeySetPort,
        seconds: Callable[[], float],
    ) -> None:
        """Take whose tokens are taken, who is registered, what fetches, and a clock that never goes back."""
        self._partners = partners
        self._fetch = fetch
        self._issuers = {
            issuer.url: (issuer, KeyCache(issuer.url, partial(self._load, issuer), seconds))
            for issuer in known
        }

    def read(self, text: str, now: int) -> AccessToken | None:
        """Return what a token says; None where it is of none of the issuers, or not to be taken."""
        if not self._issuers:
            return None
        try:
            signed = compact.read(text)
        except Rejected:
            return None
        url = signed.claims.get("iss")
        if not isinstance(url, str) or url not in self._issuers:
            return None
        issuer, keys = self._issuers[url]
        try:
            subject, token = issuers.read(signed, issuer, keys.find, now)
        except Rejected as exc:
            log.warning("issued_token_refused", issuer=url, what=str(exc.args[0]))
            return None
        for partner in self._partners.values():
            if (url, subject) in partner.credentials.subjects:
                return replace(token, partner=partner.name)
        log.warning("issued_token_of_nobody", issuer=url)
        return None

    def _load(self, issuer: Issuer) -> Keys:
        """Return the keys of an issuer; raises Unavailable or Rejected."""
        said = parse(self._fetch(issuer.url.rstrip("/") + CONFIGURATION, issuer.private_hosts).body)
        address = (
            said.get("jwks_uri") if isinstance(said, dict) and said.get("issuer") == issuer.url else None
        )
        if not isinstance(address, str) or not _may_be_asked(address, issuer):
            raise Malformed("The configuration is of another issuer, or names no https address of keys.")
        return usable(self._fetch(address, issuer.private_hosts), issuers.issuer_key)


def _may_be_asked(address: str, issuer: Issuer) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in issuer.private_hosts)
