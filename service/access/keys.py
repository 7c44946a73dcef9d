"""Keys as JWK: partners' public ones, of the two algorithms that are taken, and our own.

https://www.rfc-editor.org/rfc/rfc7517 · https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from service.errors import Rejected
from service.values.access.credentials import PublicKey
from service.wire.json import dump

ES384: Final = "ES384"
RS384: Final = "RS384"
ALGORITHMS: Final = (RS384, ES384)
CURVE: Final = "P-384"
MOST_KEYS: Final = 50
# no set: what stands in a JWK may be a list, which has no hash
_TYPES: Final = ("RSA", "EC")
# NIST SP 800-131A; past the longest, verifying would cost more than it is worth
BITS: Final = range(2048, 4096 + 1)
# of such a modulus in base64url
DIGITS: Final = range(342, 683 + 1)
LONGEST_NAME: Final = 255


def jwks(document: Any) -> list[Any]:
    """Return the keys of a JWK Set as they stand; raises Rejected when it is none, or has too many."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or len(keys) > MOST_KEYS:
        raise Rejected(f"Not a JWK Set; write an object with `keys`, {MOST_KEYS} at most.")
    return keys


def public_key(jwk: Any) -> PublicKey:
    """Return the public key that a JWK is.

    Raises:
        Rejected: it is a private key, has no `kid`, or is for neither RS384 nor ES384; says what to change.

    Its `exp` says until when it is taken, as in the historical keys of OpenID Federation 1.0.
    """
    if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or not jwk["kid"]:
        raise Rejected("A key is an object with a `kid`.")
    if len(jwk["kid"]) > LONGEST_NAME:
        raise Rejected(f"A `kid` has {LONGEST_NAME} characters at most.")
    expires = jwk.get("exp")
    if "exp" in jwk and (not isinstance(expires, int) or isinstance(expires, bool)):
        raise Rejected("`exp` of a key is whole seconds since 1970, as a number.")
    if "d" in jwk or jwk.get("kty") not in _TYPES:
        raise Rejected("Name public keys of RSA or EC; a private or symmetric key is nobody else's business.")
    if jwk["kty"] == "RSA" and len(str(jwk.get("n"))) not in DIGITS:
        raise Rejected(f"A key of RSA has {BITS[0]} to {BITS[-1]} bits.")
    try:
        key = (RSAKey if jwk["kty"] == "RSA" else ECKey).import_key(_known(jwk))
    except (JoseError, ValueError, TypeError, KeyError) as exc:
        raise Rejected("Not a key: a member of it is missing or has another form than a JWK's.") from exc
    if isinstance(key, RSAKey):
        algorithm, fits = RS384, key.public_key.key_size in BITS
    else:
        algorithm, fits = ES384, jwk.get("crv") == CURVE
    if not fits or jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig":
        bits = f"{BITS[0]} to {BITS[-1]} bits"
        raise Rejected(f"A key is for RS384 ({bits}) or ES384 ({CURVE}), and to sign with.")
    return PublicKey(jwk["kid"], algorithm, dump(key.as_dict(private=False)).decode(), expires)


def _known(jwk: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in jwk.items() if name != "exp"}


def new_private_jwk() -> dict[str, Any]:
    """Return a new private key for ES384 as a JWK; its `kid` is the thumbprint (RFC 7638)."""
    key = ECKey.generate_key(CURVE, {"alg": ES384, "use": "sig"})
    return {**key.as_dict(private=True), "kid": key.thumbprint()}


def public_part(jwk: dict[str, Any]) -> dict[str, Any]:
    """Return the public key of a private one, both as a JWK."""
    return {name: value for name, value in jwk.items() if name != "d"}
