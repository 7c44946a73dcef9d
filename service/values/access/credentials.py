"""How a partner shows who it is, and what we sign with."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are verified with: by its `kid`, with one algorithm, as a JWK in JSON.

    `expires` is the second since 1970 from which on it is not taken any more (None: it does not say).
    """

    kid: str
    algorithm: str
    jwk: str
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the registry says of how a partner authenticates, and what it may ask for at most.

    `keys` are its public keys, `jwks_url` where they are fetched instead; `private_hosts` are the hosts that
    may have addresses of a private network, and be asked without TLS, there and as endpoints of answers.
    `scopes` narrow what its kind may ask for (None: all of that). `subjects` are (issuer, value) pairs by
    which tokens of others name it.
    """

    keys: tuple[PublicKey, ...] = ()
    jwks_url: str | None = None
    private_hosts: tuple[str, ...] = ()
    scopes: str | None = None
    subjects: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are taken beside ours: for `audience`, `claim` tells whose one is.

    `purpose_claim` tells what data is wanted for; `private_hosts` are as those of a partner.
    """

    url: str
    audience: str
    claim: str
    private_hosts: tuple[str, ...] = ()
    purpose_claim: str = "purpose_of_use"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of ours, numbered from 1; the one with the highest number signs.

    `jwk` is a JWK in JSON: the private key, or the public one after it was retired.
    """

    number: int
    kid: str
    jwk: str
    created: datetime
    retired: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoredPartner:
    """A partner's entry in JSON as it is stored; each change of any of them has the next number, from 1."""

    name: str
    number: int
    entry: bytes
    changed: datetime


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered, and for how many seconds it may be kept (None: it does not say)."""

    body: bytes
    max_age: int | None
