"""Keys that we sign with, and the assertions that partners have used."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from service.values.credentials import Fetched, SigningKey


class CredentialsPort(Protocol):
    """What all processes share of tokens; each call is a transaction of its own."""

    def signing_keys(self) -> list[SigningKey]:
        """Return our keys, the newest first."""

    def last_number(self) -> int:
        """Return the number of the newest of our keys, 0 without any; no secret is needed for it."""

    def add_signing_key(self, key: SigningKey, public: str, over: datetime) -> None:
        """Add a key, with its public part as a JWK; retire those before it.

        Those retired before an instant are deleted.

        Raises Conflict when another has its number already.
        """

    def use_assertion(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """Record that an assertion is used; return whether it is so for the first time.

        What is past at `now` is forgotten.
        """


class KeySetPort(Protocol):
    """Fetches a partner's JWK Set."""

    def __call__(self, url: str, private_hosts: Collection[str]) -> Fetched:
        """Return what an address answers; raises Unavailable, which says why."""
