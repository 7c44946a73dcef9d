"""Partners that are registered while we run, keys that we sign with, and the assertions that were used."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from service.values.access.credentials import Fetched, SigningKey, StoredPartner


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


class PartnersPort(Protocol):
    """Partners that are registered while we run; each call is a transaction of its own."""

    def newest(self) -> int:
        """Return the number of the last change, 0 before the first."""

    def all(self) -> list[StoredPartner]:
        """Return the partners that are stored, by name."""

    def put(self, partner: StoredPartner) -> None:
        """Store a partner, in the place of the one of its name.

        Raises Conflict when another change has its number already.
        """


class KeySetPort(Protocol):
    """Fetches a partner's JWK Set."""

    def __call__(self, url: str, private_hosts: Collection[str]) -> Fetched:
        """Return what an address answers; raises Unavailable, which says why."""
