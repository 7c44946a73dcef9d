"""Access tokens: JWT that we sign, for five minutes at most.

https://www.rfc-editor.org/rfc/rfc9068#section-2.2 · https://www.rfc-editor.org/rfc/rfc8705#section-3
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey

from service.access import compact
from service.access.keys import ES384
from service.errors import Rejected
from service.values.access.credentials import PublicKey, SigningKey
from service.wire.json import parse

SECONDS: Final = 300
"""How long a token is good for."""
TYPE: Final = "at+jwt"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a token says: whose it is, its scopes, until when, what data is wanted for.

    `opened` are the clients, by uuid, whose glass was broken for it. `certificate` is the thumbprint
    (`x5t#S256`) of the certificate that its holder must show too.
    """

    jti: str
    partner: str
    scope: str
    issued: int
    expires: int
    purposes: tuple[str, ...] = ()
    certificate: str | None = None
    opened: tuple[str, ...] = ()


def issue(key: SigningKey, address: str, token: AccessToken) -> str:
    """Return a token as text, signed; `address` is ours, issuer and audience in one."""
    claims: dict[str, Any] = {
        "iss": address,
        "aud": address,
        "sub": token.partner,
        "client_id": token.partner,
        "jti": token.jti,
        "iat": token.issued,
        "exp": token.expires,
        "scope": token.scope,
    }
    if token.purposes:
        claims["purpose_of_use"] = list(token.purposes)
    if token.opened:
        claims["opened"] = list(token.opened)
    if token.certificate is not None:
        claims["cnf"] = {"x5t#S256": token.certificate}
    signer = ECKey.import_key(parse(key.jwk.encode()))
    return jwt.encode({"alg": ES384, "typ": TYPE, "kid": key.kid}, claims, signer, algorithms=[ES384])


def read(
    text: str, find_key: Callable[[str], PublicKey | None], address: str, now: int
) -> AccessToken | None:
    """Return what a token of ours says; None where it is no token, not ours, changed, or past."""
    try:
        signed = compact.read(text)
    except Rejected:
        return None
    header, claims = signed.header, signed.claims
    kid = header.get("kid")
    if header.get("alg") != ES384 or str(header.get("typ")).lower() != TYPE or not isinstance(kid, str):
        return None
    key = find_key(kid)
    if key is None or not signed.is_signed_by(key):
        return None
    # what we signed has the claims that we write, in their types
    if claims["iss"] != address or claims["aud"] != address or claims["exp"] <= now:
        return None
    return AccessToken(
        claims["jti"],
        claims["sub"],
        claims["scope"],
        claims["iat"],
        claims["exp"],
        tuple(claims.get("purpose_of_use", ())),
        claims.get("cnf", {}).get("x5t#S256"),
        tuple(claims.get("opened", ())),
    )
