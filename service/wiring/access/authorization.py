"""Tokens, plugged together: keys, the registry, and who shows what."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from sqlalchemy import Engine

from service.access import registry
from service.access.rates import Rate, Slots
from service.authorize.callers import ByName, ByToken, Caller
from service.authorize.quotas import Quotas
from service.authorize.tokens import TOKEN, Tokens
from service.errors import Misconfigured
from service.flows.authorization.bearers import Bearers
from service.flows.authorization.emergencies import Emergencies
from service.flows.authorization.grants import Granting
from service.flows.authorization.issued import IssuedTokens
from service.flows.authorization.key_sets import KeySets
from service.flows.authorization.signing import Signing
from service.settings import Settings, is_loopback
from service.store.partners.credentials import SqlCredentials
from service.values.access.scope import Partner
from service.wire.http import fetch
from service.wiring.access.secret import cipher


def quotas(settings: Settings, slots: Slots) -> Quotas:
    """Plug how much partners and strangers may ask; with `off`, on this machine alone, it is not limited."""
    partner, at_once, address = settings.partner_rate, settings.partner_requests, settings.address_rate
    if settings.auth == "off":
        partner = at_once = address = 0
    partners, strangers = Rate(slots, "partner", partner), Rate(slots, "address", address)
    return Quotas(partners, strangers, at_once, settings.tls_proxies, monotonic)


@dataclass(frozen=True, slots=True)
class Authorization:
    """How it is known who asks; `tokens` is what gives them out, where they are used at all."""

    caller: Caller
    tokens: Tokens | None


def authorization(
    settings: Settings,
    engine: Engine,
    partners: Mapping[str, Partner],
    now: Callable[[], datetime],
    emergencies: Emergencies | None = None,
) -> Authorization:
    """Plug what the setting `auth` asks for; without `emergencies` no glass is broken.

    Raises:
        Misconfigured: the secret cannot be used, or is not the one that our keys were encrypted with.
    """
    if settings.auth == "off":
        return Authorization(ByName(partners), None)
    credentials = SqlCredentials(engine, cipher(settings))
    # that the secret is another is told at start, and not to whoever asks first
    credentials.signing_keys()
    signing = Signing(credentials, now, monotonic)
    granting = Granting(
        store=credentials,
        signing=signing,
        key_sets=KeySets(fetch, monotonic),
        partners=partners,
        address=settings.base_url,
        token_url=f"{settings.base_url}{TOKEN}",
        clock=now,
        emergencies=emergencies,
    )
    issued = IssuedTokens(registry.read(settings.partners).issuers(), partners, fetch, monotonic)
    bearers = Bearers(signing, partners, settings.base_url, now, issued)
    proxies = settings.tls_proxies
    return Authorization(ByToken(bearers, proxies), Tokens(granting, proxies))


def check_address(settings: Settings) -> None:
    """Raise Misconfigured where others could ask and nobody is registered; `off` is refused as a setting."""
    if settings.partners is None and not is_loopback(settings.host):
        what = (
            "Without a registry it is served on a loopback address only; name one, or set CASEBRIDGE_HOST "
            "to 127.0.0.1."
        )
        raise Misconfigured(what, where="CASEBRIDGE_PARTNERS")
