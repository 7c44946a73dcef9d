"""Partners' keys: those that the registry names, and those at the addresses that it names."""

from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Final

import structlog

from service.access.keys import jwks, public_key
from service.errors import Rejected, Unavailable
from service.flows.ports.credentials import KeySetPort
from service.values.credentials import Fetched, PublicKey
from service.values.scope import Partner
from service.wire.json import parse

SHORTEST: Final = 60
LONGEST: Final = 3600
UNSAID: Final = 300
"""How many seconds a JWK Set is kept where its headers do not say; what they say is kept in the other two."""
PAUSE: Final = 30.0
"""How many seconds there are at least between two fetches for one partner, whoever names it."""
PATIENCE: Final = 1.0
"""How many seconds a request waits for the fetch of another."""

log = structlog.get_logger()


class _Cached:
    """What was fetched from a partner's address, and when; the lock is held while it is fetched."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.lock = Lock()
        self.keys: dict[str, PublicKey] = {}
        self.until = self.tried = float("-inf")


class KeySets:
    """Finds the key of a partner by its `kid`."""

    def __init__(self, fetch: KeySetPort, seconds: Callable[[], float]) -> None:
        """Take what fetches, and a clock that never goes back."""
        self._fetch = fetch
        self._seconds = seconds
        self._cached: dict[str, _Cached] = {}

    def find(self, partner: Partner, kid: str) -> PublicKey | None:
        """Return a partner's key, None where it has none of that name, or none that can be had.

        A JWK Set is fetched when it is not kept any more, and once for a `kid` that is not in it.
        """
        credentials = partner.credentials
        if credentials.jwks_url is None:
            return next((key for key in credentials.keys if key.kid == kid), None)
        cached = self._cached.get(partner.name)
        if cached is None or cached.url != credentials.jwks_url:
            # another address has been registered: what the one before said is nothing to it
            cached = self._cached[partner.name] = _Cached(credentials.jwks_url)
        if not self._has(cached, kid) and cached.lock.acquire(timeout=PATIENCE):
            try:
                if not self._has(cached, kid) and self._seconds() - cached.tried >= PAUSE:
                    self._renew(cached, partner)
            finally:
                cached.lock.release()
        return cached.keys.get(kid) if self._has(cached, kid) else None

    def _has(self, cached: _Cached, kid: str) -> bool:
        return self._seconds() < cached.until and kid in cached.keys

    def _renew(self, cached: _Cached, partner: Partner) -> None:
        """Fetch the JWK Set anew; one that cannot be had leaves what is kept as long as it may be."""
        credentials = partner.credentials
        assert credentials.jwks_url is not None
        cached.tried = self._seconds()
        try:
            fetched = self._fetch(credentials.jwks_url, credentials.private_hosts)
            keys = _usable(fetched)
        except (Unavailable, Rejected) as exc:
            log.warning("jwks_unusable", partner=partner.name, why=str(exc.args[0]))
            return
        kept = UNSAID if fetched.max_age is None else min(max(fetched.max_age, SHORTEST), LONGEST)
        cached.keys, cached.until = keys, self._seconds() + kept


def _usable(fetched: Fetched) -> dict[str, PublicKey]:
    """Return the keys of a JWK Set that are for what is taken here; others may stand there too.

    Raises:
        Rejected: it is none.
    """
    keys: dict[str, PublicKey] = {}
    for jwk in jwks(parse(fetched.body)):
        with suppress(Rejected):
            key = public_key(jwk)
            keys.setdefault(key.kid, key)
    return keys
