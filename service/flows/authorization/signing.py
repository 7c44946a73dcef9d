"""The keys that we sign tokens with, as this process knows them; another one may rotate them at any time."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Lock
from typing import Any, Final

from service.access import access_tokens
from service.access.keys import new_private_jwk, public_key, public_part
from service.errors import Conflict
from service.flows.ports import Clock
from service.flows.ports.credentials import CredentialsPort
from service.values.access.credentials import PublicKey, SigningKey
from service.wire.json import dump, parse

FRESH: Final = 30.0
"""How many seconds this process takes the keys it knows for ours before it looks for what became of them."""
PAUSE: Final = 1.0
"""How many seconds it takes at least between two looks for a key that it does not know."""
KEPT: Final = timedelta(minutes=10)
"""How long a retired key is still published: longer than anything that it signed is good for."""
assert timedelta(seconds=FRESH + access_tokens.SECONDS) < KEPT


class Signing:
    """Our signing keys. They are read when first asked for; where there is none yet, one is made."""

    def __init__(self, store: CredentialsPort, clock: Clock, seconds: Callable[[], float]) -> None:
        """Take where they are kept, what tells the time, and a clock that never goes back."""
        self._store = store
        self._clock = clock
        self._seconds = seconds
        self._lock = Lock()
        self._keys: tuple[SigningKey, ...] = ()
        self._read_at = self._looked_at = float("-inf")

    def signer(self) -> SigningKey:
        """Return the key that signs now."""
        with self._lock:
            self._refresh()
            if not self._keys or self._keys[0].retired is not None:
                self._make_first()
            return self._keys[0]

    def own(self) -> PublicKey:
        """Return the public key of the one that signs now."""
        return public_key(_public_jwk(self.signer()))

    def verifier(self, kid: str) -> PublicKey | None:
        """Return the public key of a `kid`, unless it is not ours or over."""
        with self._lock:
            self._refresh()
            if self._find(kid) is None and self._seconds() - self._looked_at >= PAUSE:
                self._looked_at = self._seconds()
                self._read()
            key = self._find(kid)
        return public_key(_public_jwk(key)) if key is not None else None

    def public_keys(self) -> dict[str, Any]:
        """Return the JWK Set of the keys that our tokens may be verified with."""
        self.signer()
        with self._lock:
            return {"keys": [_public_jwk(key) for key in self._keys if not self._is_over(key)]}

    def _find(self, kid: str) -> SigningKey | None:
        return next((key for key in self._keys if key.kid == kid and not self._is_over(key)), None)

    def _is_over(self, key: SigningKey) -> bool:
        return key.retired is not None and key.retired + KEPT <= self._clock()

    def _refresh(self) -> None:
        if self._seconds() - self._read_at >= FRESH:
            self._read()

    def _read(self) -> None:
        self._keys = tuple(self._store.signing_keys())
        self._read_at = self._seconds()

    def _make_first(self) -> None:
        # or another process makes it at the same time
        with suppress(Conflict):
            rotate(self._store, self._clock)
        self._read()


def rotate(store: CredentialsPort, clock: Clock) -> SigningKey:
    """Add a key that signs from now on, and retire the others; return it.

    Raises:
        Conflict: another process does so at the same time.
    """
    jwk, at = new_private_jwk(), clock()
    key = SigningKey(store.last_number() + 1, jwk["kid"], dump(jwk).decode(), at)
    store.add_signing_key(key, dump(public_part(jwk)).decode(), at - KEPT)
    return key


def _public_jwk(key: SigningKey) -> dict[str, Any]:
    jwk: dict[str, Any] = parse(key.jwk.encode())
    return public_part(jwk)
