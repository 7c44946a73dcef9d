"""Tokens that somebody else signs: issuers whom the registry names, and what their JWT say.

https://www.rfc-editor.org/rfc/rfc9068#section-4 · https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from collections.abc import Callable
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from service.access.access_tokens import SECONDS, AccessToken
from service.access.client_assertions import MOST_PURPOSES, SKEW
from service.access.compact import LONGEST, Signed
from service.access.keys import BITS, DIGITS, LONGEST_NAME
from service.access.smart_scopes import known_scopes
from service.errors import Rejected
from service.values.access.credentials import Issuer, PublicKey
from service.wire.json import dump, parse

RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt", "jwt"})


class _Registry(JWSRegistry):
    max_header_length = LONGEST


def issuer_key(jwk: Any) -> PublicKey:
    """Return the public key that a JWK of an issuer is; its `algorithm` is empty where any of RSA's may be.

    Raises:
        Rejected: it is private, has no `kid`, or is for none of the algorithms that are taken.
    """
    kid = jwk.get("kid") if isinstance(jwk, dict) else None
    if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_NAME:
        raise Rejected("A key is an object with a `kid`.")
    kind, algorithm = jwk.get("kty"), jwk.get("alg", "")
    if "d" in jwk or kind not in ("RSA", "EC") or jwk.get("use", "sig") != "sig":
        raise Rejected("Name public keys of RSA or EC, to sign with.")
    if kind == "RSA" and len(str(jwk.get("n"))) not in DIGITS:
        raise Rejected(f"A key of RSA has {BITS[0]} to {BITS[-1]} bits.")
    try:
        key = (RSAKey if kind == "RSA" else ECKey).import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError) as exc:
        raise Rejected("Not a key.") from exc
    if isinstance(key, RSAKey):
        fits = key.public_key.key_size in BITS and algorithm in ("", *RSA)
    else:
        only = CURVES.get(jwk.get("crv", ""))
        fits, algorithm = only is not None and algorithm in ("", only), only or ""
    if not fits:
        raise Rejected("The key is for no algorithm that is taken.")
    return PublicKey(kid, algorithm, dump(key.as_dict(private=False)).decode())


def read(
    signed: Signed, issuer: Issuer, find_key: Callable[[str], PublicKey | None], now: int
) -> tuple[str, AccessToken]:
    """Return what a token of an issuer says, and the value of the claim that tells whose it is.

    The partner of the token is not known yet; scopes that are none of ours are not heeded.

    Raises:
        Rejected: it is not for us, past, changed, or says something that is not understood; says what.
    """
    header, claims = signed.header, signed.claims
    kid, algorithm = header.get("kid"), header.get("alg")
    if str(header.get("typ", "JWT")).lower() not in _TYPES or "crit" in header:
        raise Rejected("typ")
    key = find_key(kid) if isinstance(kid, str) and kid else None
    if key is None or not _is_signed(signed, key, algorithm):
        raise Rejected("signature")
    audiences = claims.get("aud")
    if issuer.audience not in (audiences if isinstance(audiences, list) else [audiences]):
        raise Rejected("aud")
    expires, issued = _instant(claims, "exp"), _instant(claims, "iat") or now
    if expires is None or expires <= now - SKEW:
        raise Rejected("exp")
    if max(issued, _instant(claims, "nbf") or 0) > now + SKEW:
        raise Rejected("nbf")
    subject = claims.get(issuer.claim)
    if not isinstance(subject, str) or not subject:
        raise Rejected(issuer.claim)
    # its keys are looked at again after as long as a token of ours is good for
    until = min(expires + SKEW, now + SECONDS)
    purposes = _purposes(claims, issuer.purpose_claim)
    token = AccessToken("", "", _scope(claims), issued, until, purposes, _certificate(claims))
    return subject, token


def _is_signed(signed: Signed, key: PublicKey, algorithm: Any) -> bool:
    """Tell whether a key made the signature, with an algorithm that is the key's own."""
    if algorithm != key.algorithm and (key.algorithm or algorithm not in RSA):
        return False
    made = (RSAKey if algorithm in RSA else ECKey).import_key(parse(key.jwk.encode()))
    try:
        jws.deserialize_compact(
            signed.text, made, registry=_Registry(algorithms=[algorithm], strict_check_header=False)
        )
    except (JoseError, ValueError):
        return False
    return True


def _instant(claims: dict[str, Any], name: str) -> int | None:
    """Return a claim in whole seconds, None where it is left out."""
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise Rejected(name)
    return value


def _scope(claims: dict[str, Any]) -> str:
    scope = claims.get("scope", "")
    return known_scopes(scope if isinstance(scope, str) else "")


def _purposes(claims: dict[str, Any], name: str) -> tuple[str, ...]:
    """Return the purposes of use of a claim, none where it is not there; raises Rejected for another thing.

    A name with dots leads into objects, where no claim has it. They are texts, as UDAP writes them, or
    codings, as in IHE's Internet User Authorization.
    """
    found: Any = claims.get(name)
    if name not in claims:
        found = claims
        for step in name.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    if found is None:
        return ()
    said = found.split() if isinstance(found, str) else found
    if not isinstance(said, list) or not 1 <= len(said) <= MOST_PURPOSES:
        raise Rejected(name)
    return tuple(_purpose(each, name) for each in said)


def _purpose(said: Any, name: str) -> str:
    if isinstance(said, dict):
        system, code = said.get("system", ""), said.get("code")
        said = f"{system}#{code}" if system and isinstance(code, str) else code
    if not isinstance(said, str) or not 1 <= len(said) <= LONGEST_NAME:
        raise Rejected(name)
    return said


def _certificate(claims: dict[str, Any]) -> str | None:
    """Return the certificate that a token is bound to; raises Rejected where that is something else."""
    if "cnf" not in claims:
        return None
    cnf = claims["cnf"]
    thumbprint = cnf.get("x5t#S256") if isinstance(cnf, dict) and len(cnf) == 1 else None
    if not isinstance(thumbprint, str):
        raise Rejected("cnf")
    return thumbprint
