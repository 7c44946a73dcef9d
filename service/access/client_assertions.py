"""Client assertions: the signed JWT by which a partner shows who it is, used once.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#authenticating-to-the-token-endpoint
https://www.rfc-editor.org/rfc/rfc7523#section-3
"""

from dataclasses import dataclass
from typing import Any, Final

from service.access import compact
from service.access.compact import Signed
from service.access.keys import ALGORITHMS, LONGEST_NAME
from service.errors import Rejected, Ungranted
from service.values.access.emergencies import Emergency

SECONDS: Final = 300
"""How long an assertion may be good for."""
SKEW: Final = 30
"""How many seconds the clocks of a partner and ours may differ by."""
MOST_PURPOSES: Final = 20
B2B_AT: Final = "extensions.hl7-b2b"
PURPOSES_AT: Final = f"{B2B_AT}.purpose_of_use"
LONGEST_REASON: Final = 1_000
_TYPES: Final = frozenset({"jwt", "client-authentication+jwt"})
_LATEST: Final = 2**40


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """What an assertion says: who, by which key, its own number, until when, and what data is wanted for.

    `purposes` are those of the extension `hl7-b2b` (UDAP Security 2.0, section 5.2.1.1), where it is there;
    `emergency` is what it says beside them of why whose glass is to be broken.
    """

    signed: Signed
    client: str
    kid: str
    jku: str | None
    jti: str
    expires: int
    purposes: tuple[str, ...]
    emergency: Emergency | None = None


def read(text: str, audience: str, now: int) -> ClientAssertion:
    """Return what an assertion says, as far as it is right whoever it is of; `now` is in seconds.

    Raises:
        Ungranted: a header or claim is missing or wrong; says which, and what was expected.
    """
    try:
        signed = compact.read(text)
    except Rejected as exc:
        raise Ungranted("invalid_client", f"client_assertion: {exc}") from exc
    kid = _header(signed.header)
    claims = signed.claims
    client = _name(claims, "iss")
    if claims.get("sub") != client:
        raise _wrong("sub", "expected the same as iss, the client id")
    if claims.get("aud") not in (audience, [audience]):
        raise _wrong("aud", f"expected {audience}, exactly")
    jku = signed.header.get("jku")
    expires = _lifetime(claims, now)
    b2b = _b2b(claims)
    return ClientAssertion(
        signed,
        client,
        kid,
        jku if isinstance(jku, str) else None,
        _name(claims, "jti"),
        expires,
        _purposes(b2b) if b2b is not None else (),
        _emergency(b2b) if b2b is not None else None,
    )


def named_client(text: str) -> str:
    """Return whom an assertion says it is of, which is anybody's word; nothing where it cannot be read."""
    try:
        client = compact.read(text).claims.get("iss")
    except Rejected:
        return ""
    return client if isinstance(client, str) else ""


def _header(header: dict[str, Any]) -> str:
    """Return the `kid` of a header that is right."""
    if header.get("alg") not in ALGORITHMS:
        raise _wrong("alg", f"expected {' or '.join(ALGORITHMS)}", "header")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise _wrong("typ", "expected JWT", "header")
    if "crit" in header:
        raise _wrong("crit", "no extension of the header is understood here; leave it out", "header")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_NAME:
        raise _wrong("kid", "expected the kid of the key that signs", "header")
    return kid


def _lifetime(claims: dict[str, Any], now: int) -> int:
    """Return when an assertion ends, which is soon and not yet."""
    expires = _instant(claims, "exp")
    if expires is None:
        raise _wrong("exp", f"expected an integer, at most {SECONDS} seconds from now")
    if expires <= now - SKEW:
        raise _wrong("exp", f"it is past; our clock says {now}")
    if expires > now + SECONDS + SKEW:
        raise _wrong("exp", f"expected at most {SECONDS} seconds from now; our clock says {now}")
    for name in ("nbf", "iat"):
        instant = _instant(claims, name)
        if instant is not None and instant > now + SKEW:
            raise _wrong(name, f"it is in the future; our clock says {now}")
    return expires


def _instant(claims: dict[str, Any], name: str) -> int | None:
    """Return a claim in whole seconds, None where it is left out."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LATEST:
        raise _wrong(name, "expected whole seconds since 1970, as a number")
    return value


def _name(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_NAME:
        raise _wrong(name, f"expected a text of 1 to {LONGEST_NAME} characters")
    return value


def _b2b(claims: dict[str, Any]) -> dict[str, Any] | None:
    """Return the extension object, None where it is not there."""
    extensions = claims.get("extensions", {})
    if not isinstance(extensions, dict):
        raise Ungranted("invalid_request", "client_assertion: extensions: expected an object")
    if "hl7-b2b" not in extensions:
        return None
    b2b = extensions["hl7-b2b"]
    return b2b if isinstance(b2b, dict) else {}


def _purposes(b2b: dict[str, Any]) -> tuple[str, ...]:
    purposes = b2b.get("purpose_of_use")
    if (
        not isinstance(purposes, list)
        or not 1 <= len(purposes) <= MOST_PURPOSES
        or not all(isinstance(code, str) and 1 <= len(code) <= LONGEST_NAME for code in purposes)
    ):
        raise Ungranted(
            "invalid_request", f"client_assertion: {PURPOSES_AT}: expected a list of codes, e.g. TREAT"
        )
    return tuple(purposes)


def _emergency(b2b: dict[str, Any]) -> Emergency | None:
    """Return the reason and the person, None where they are not there, or are no such."""
    reason, patient = b2b.get("reason"), b2b.get("patient")
    if not isinstance(reason, str) or not isinstance(patient, dict):
        return None
    said = (reason.strip(), patient.get("system"), patient.get("value"))
    if not all(isinstance(text, str) and text and "\0" not in text for text in said):
        return None
    if len(said[0]) > LONGEST_REASON or max(len(str(text)) for text in said[1:]) > LONGEST_NAME:
        return None
    return Emergency(*map(str, said))


def _wrong(name: str, expected: str, part: str = "claim") -> Ungranted:
    return Ungranted("invalid_client", f"client_assertion: {part} {name}: {expected}.")
