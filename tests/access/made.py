"""Keys of partners and what they sign, right or wrong."""

import warnings

from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from service.access.keys import public_key
from service.wire.json import dump

AUDIENCE = "https://casebridge.example/oauth2/token"
NOW = 1_900_000_000


class Any(JWSRegistry):
    """Writes what nobody should take."""

    max_header_length = 10_000


ANY = Any(
    algorithms=["RS256", "RS384", "ES256", "ES384", "HS256", "HS384", "none"], strict_check_header=False
)

ECDSA = ECKey.generate_key("P-384", {"kid": "ec"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})


def public(key):
    """What the registry says of a key."""
    return public_key(key.as_dict(private=False))


def claims(**changed):
    """Claims that are right, but for what is changed; None leaves one out."""
    right = {"iss": "northern", "sub": "northern", "aud": AUDIENCE, "exp": NOW + 60, "jti": "j-1", **changed}
    return {name: value for name, value in right.items() if value is not None}


def signed(said, key=ECDSA, **changed):
    """A compact JWS of claims, or of bytes; `changed` is of the header, None leaves a member out."""
    algorithm = {"EC": "ES384", "RSA": "RS384", "oct": "HS384"}[key.key_type]
    header = {"alg": algorithm, "typ": "JWT", "kid": key.kid, **changed}
    header = {name: value for name, value in header.items() if value is not None}
    payload = said if isinstance(said, bytes) else dump(said)
    with warnings.catch_warnings(action="ignore", category=SecurityWarning):
        return jws.serialize_compact(header, payload, key, registry=ANY)


def secret(text):
    """A symmetric key, as an attacker makes one of what is public."""
    return OctKey.import_key(text, {"kid": "ec"})
