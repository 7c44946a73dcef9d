"""The keys that access tokens are signed with, as the operator of this machine handles them."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.flows.authorization.signing import rotate
from service.settings import Settings
from service.store.partners.credentials import SqlCredentials
from service.values.access.credentials import SigningKey
from service.wiring.access.secret import cipher
from service.wiring.operator import check
from service.wiring.rooms import now, open_database


def signing_keys(settings: Settings) -> list[SigningKey]:
    """Return our signing keys, the newest first; raises Misconfigured when the secret is another."""
    with _credentials(settings) as credentials:
        return credentials.signing_keys()


def rotate_signing_key(settings: Settings) -> SigningKey:
    """Make a key that signs from now on, and retire the others; raises as `signing.rotate`."""
    with _credentials(settings) as credentials:
        return rotate(credentials, now)


@contextmanager
def _credentials(settings: Settings) -> Iterator[SqlCredentials]:
    check(settings)
    with open_database(settings) as engine:
        yield SqlCredentials(engine, cipher(settings))
