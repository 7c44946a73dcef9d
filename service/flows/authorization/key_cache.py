"""Keys that stand at another address: kept for a while, and asked for seldom."""

from collections.abc import Callable
from threading import Lock
from typing import Final, NamedTuple

import structlog

from service.errors import Rejected, Unavailable
from service.values.access.credentials import PublicKey

SHORTEST: Final = 60
LONGEST: Final = 3600
UNSAID: Final = 300
"""How many seconds a JWK Set is kept where its headers do not say; what they say is kept in the other two."""
PAUSE: Final = 30.0
"""How many seconds there are at least between two fetches from one address, whoever names it."""
PATIENCE: Final = 1.0
"""How many seconds a request waits for the fetch of another."""

log = structlog.get_logger()


class Keys(NamedTuple):
    """Keys by their `kid`, and for how many seconds they may be kept (None: that is not said)."""

    by_kid: dict[str, PublicKey]
    max_age: int | None


class KeyCache:
    """The keys of one address."""

    def __init__(self, whose: str, load: Callable[[], Keys], seconds: Callable[[], float]) -> None:
        """Take whose they are, what gets them (it raises Unavailable or Rejected), and a steady clock."""
        self._whose = whose
        self._load = load
        self._seconds = seconds
        # held while they are fetched
        self._lock = Lock()
        self._keys: dict[str, PublicKey] = {}
        self._until = self._tried = float("-inf")

    def find(self, kid: str) -> PublicKey | None:
        """Return the key of a `kid`, None where there is none, or none that can be had.

        They are fetched when they are not kept any more, and once for a `kid` that is not among them.
        """
        if not self._has(kid) and self._lock.acquire(timeout=PATIENCE):
            try:
                if not self._has(kid) and self._seconds() - self._tried >= PAUSE:
                    self._renew()
            finally:
                self._lock.release()
        return self._keys.get(kid) if self._has(kid) else None

    def _has(self, kid: str) -> bool:
        return self._seconds() < self._until and kid in self._keys

    def _renew(self) -> None:
        """Fetch them anew; when that fails, what is kept is kept as long as it may be."""
        self._tried = self._seconds()
        try:
            keys, max_age = self._load()
        except (Unavailable, Rejected) as exc:
            log.warning("jwks_unusable", partner=self._whose, why=str(exc.args[0]))
            return
        kept = UNSAID if max_age is None else min(max(max_age, SHORTEST), LONGEST)
        self._keys, self._until = keys, self._seconds() + kept
