"""A client of SMART Backend Services, with requests and joserfc alone: yours may do the same.

https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
"""

import time
from typing import Any, Final
from uuid import uuid4

import requests
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from service.errors import Rejected, Unavailable

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TIMEOUT: Final = 30.0
LIFETIME: Final = 240
"""For how many seconds an assertion is good: at most 300."""


def emergency(reason: str, system: str, value: str) -> dict[str, Any]:
    """Return the extensions of an assertion that breaks the glass of who has a number."""
    patient = {"system": system, "value": value}
    return {"hl7-b2b": {"version": "1", "purpose_of_use": ["BTG"], "reason": reason, "patient": patient}}


def assertion(
    client: str, jwk: dict[str, Any], token_endpoint: str, extensions: dict[str, Any] | None = None
) -> str:
    """Return a client assertion, which is good for one request; `jwk` is the client's private key."""
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": token_endpoint, "iat": now, "exp": now + LIFETIME}
    more = {"extensions": extensions} if extensions else {}
    key, algorithm = (
        (ECKey.import_key(jwk), "ES384") if jwk.get("kty") == "EC" else (RSAKey.import_key(jwk), "RS384")
    )
    header = {"alg": algorithm, "kid": jwk["kid"], "typ": "JWT"}
    return jwt.encode(header, {**claims, **more, "jti": str(uuid4())}, key, algorithms=[algorithm])


def form(
    client: str,
    jwk: dict[str, Any],
    token_endpoint: str,
    scope: str | None = None,
    extensions: dict[str, Any] | None = None,
) -> dict[str, str]:
    """Return the parameters of a request for a token; without a scope it is for all that may be had."""
    return {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion(client, jwk, token_endpoint, extensions),
        **({"scope": scope} if scope else {}),
    }


def token(
    base: str,
    client: str,
    jwk: dict[str, Any],
    scope: str | None = None,
    extensions: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Ask the service at an address for a token; return its answer: `access_token`, `scope`, `expires_in`.

    Raises:
        Rejected: it gives none; says why.
        Unavailable: it does not answer.
    """
    try:
        configuration = requests.get(f"{base}/fhir/.well-known/smart-configuration", timeout=TIMEOUT)
        if configuration.status_code != 200:
            raise Rejected(
                f"It answered {configuration.status_code}: no SMART server is there.", where=configuration.url
            )
        endpoint = configuration.json()["token_endpoint"]
        answer = requests.post(endpoint, data=form(client, jwk, endpoint, scope, extensions), timeout=TIMEOUT)
        body: dict[str, Any] = answer.json()
    except (requests.RequestException, KeyError) as exc:
        raise Unavailable(
            f"The service does not answer as it should ({type(exc).__name__}).", where=base
        ) from exc
    if answer.status_code != 200:
        raise Rejected(f"{body.get('error')}: {body.get('error_description')}", where=endpoint)
    if not {"access_token", "scope"} <= body.keys():
        raise Unavailable("What answers there gives no token.", where=base)
    return body
