"""What is said of the routes of tokens."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from service.wire.contracts.published.openapi.operations import JSON, Described, Operation, answer

FORM: Final = "application/x-www-form-urlencoded"
TAG: Final = "Authorization"
_TEXT: Final[Described] = {"type": "string"}
_PROBLEM: Final[Described] = {"$ref": "#/components/schemas/Problem"}
_NO_STORE: Final[Described] = {
    "Cache-Control": {"description": "No cache keeps it.", "schema": {"const": "no-store"}}
}


def operations(token: str, jwks: str) -> Iterator[Operation]:
    """Give the operations of the token endpoint, our keys and the configuration."""
    describe = partial(Operation, tag=TAG, faults=(404, 408, 413, 503))
    refused = {
        "description": "No token is issued (RFC 6749 section 5.2); the description says what to change.",
        "content": {JSON: {"schema": _error_response()}, "application/problem+json": {"schema": _PROBLEM}},
    }
    yield describe(
        "post",
        token,
        "token",
        summary="Get an access token for a client assertion (SMART Backend Services)",
        body={"required": True, "content": {FORM: {"schema": _token_request()}}},
        answers={
            200: {**answer("A token for five minutes.", JSON, _token_response()), "headers": _NO_STORE},
            400: refused,
        },
    )
    keys = {"type": "array", "items": {"type": "object", "required": ["kty", "kid"]}}
    yield describe(
        "get",
        jwks,
        "jwks",
        summary="Read the keys that our tokens are signed with",
        answers={200: answer("A JWK Set (RFC 7517).", JSON, _object(keys=keys))},
    )
    texts = {"type": "array", "items": _TEXT}
    yield describe(
        "get",
        "/fhir/.well-known/smart-configuration",
        "smart-configuration",
        summary="Read where tokens are given, and for what",
        faults=(404,),
        answers={
            200: answer(
                "The configuration, as SMART App Launch 2.2 has it.",
                JSON,
                _object(
                    token_endpoint=_TEXT,
                    jwks_uri=_TEXT,
                    grant_types_supported=texts,
                    token_endpoint_auth_methods_supported=texts,
                    token_endpoint_auth_signing_alg_values_supported=texts,
                    scopes_supported=texts,
                    capabilities=texts,
                    code_challenge_methods_supported=texts,
                ),
            )
        },
    )


def _token_request() -> Described:
    assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    described = _object(
        grant_type={"const": "client_credentials"},
        client_assertion_type={"const": assertion},
        client_assertion=_TEXT | {"description": "A JWT that your key signs with RS384 or ES384."},
    )
    scope = "SMART scopes, separated by spaces; all that you may have, without it."
    described["properties"]["scope"] = _TEXT | {"description": scope}
    return described


def _token_response() -> Described:
    return _object(
        access_token=_TEXT,
        token_type={"const": "bearer"},
        expires_in={"type": "integer", "maximum": 300},
        scope=_TEXT | {"description": "What was granted: of what you asked for, what you may have."},
    )


def _error_response() -> Described:
    codes = ["invalid_client", "invalid_request", "invalid_scope", "unsupported_grant_type"]
    return _object(error={"enum": codes}, error_description=_TEXT)


def _object(**properties: Described) -> Described:
    return {"type": "object", "required": list(properties), "properties": properties}
