"""Partners' keys: those that the registry names, and those at the addresses that it names."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from service.access.keys import jwks, public_key
from service.errors import Rejected
from service.flows.authorization.key_cache import KeyCache, Keys
from service.flows.ports.credentials import KeySetPort
from service.values.access.credentials import Fetched, PublicKey
from service.values.access.scope import Partner
from service.wire.json import parse


class KeySets:
    """Finds the key of a partner by its `kid`."""

    def __init__(self, fetch: KeySetPort, seconds: Callable[[], float]) -> None:
        """Take what fetches, and a clock that never goes back."""
        self._fetch = fetch
        self._seconds = seconds
        self._cached: dict[str, tuple[str, KeyCache]] = {}

    def find(self, partner: Partner, kid: str) -> PublicKey | None:
        """Return a partner's key, None where it has none of that name, or none that can be had."""
        credentials = partner.credentials
        if credentials.jwks_url is None:
            return next((key for key in credentials.keys if key.kid == kid), None)
        return self._cache_of(partner, credentials.jwks_url).find(kid)

    def _cache_of(self, partner: Partner, url: str) -> KeyCache:
        known = self._cached.get(partner.name)
        if known is not None and known[0] == url:
            return known[1]
        # another address has been registered: what the one before said is nothing to it
        hosts = partner.credentials.private_hosts
        cache = KeyCache(partner.name, lambda: usable(self._fetch(url, hosts), public_key), self._seconds)
        self._cached[partner.name] = (url, cache)
        return cache


def usable(fetched: Fetched, key_of: Callable[[Any], PublicKey]) -> Keys:
    """Return the keys of a JWK Set that are for what is taken here; others may stand there too.

    Raises:
        Rejected: it is none.
    """
    keys: dict[str, PublicKey] = {}
    for jwk in jwks(parse(fetched.body)):
        with suppress(Rejected):
            key = key_of(jwk)
            keys.setdefault(key.kid, key)
    return Keys(keys, fetched.max_age)
