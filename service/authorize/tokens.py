"""The door to tokens: the token endpoint, our keys, and what SMART clients look for first.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from flask import Blueprint, Response, g, request

from service.access.keys import ALGORITHMS
from service.access.policy import RESOURCES, RIGHTS
from service.access.smart_scopes import SUBSCRIPTION, scope_of
from service.authorize.addresses import Proxies, address_of
from service.authorize.certificates import thumbprint
from service.authorize.tokens_openapi import FORM, operations
from service.disclosing import disclose
from service.door import PUBLIC, Door
from service.errors import NotFound, Ungranted
from service.flows.authorization.grants import GRANT_TYPE, Granting
from service.telemetry import correlation
from service.values.access.scope import RETURNED
from service.values.audit import Origin
from service.wire.contracts.published.openapi.operations import JSON
from service.wire.json import dump

TOKEN: Final = "/oauth2/token"  # noqa: S105  the address of tokens
JWKS: Final = "/oauth2/jwks"
LONGEST: Final = 32_000
MOST_PARAMETERS: Final = 50
_UNTOLD: Final = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
"""What RFC 6749 section 5.2 does not let stand in a description."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the door needs: who grants tokens, and the proxies that say which certificate a client has."""

    granting: Granting
    proxies: Proxies


def door(tokens: Tokens | None, base: str) -> Door:
    """Return the door; without `tokens`, as with CASEBRIDGE_AUTH=off, nothing is there.

    `base` is our address.
    """
    routes = Blueprint("oauth2", __name__)
    routes.register_error_handler(Ungranted, _refusal)
    configuration = dump(smart_configuration(base))

    def granting() -> Granting:
        if tokens is None:
            raise NotFound("No tokens are used here: CASEBRIDGE_AUTH is `off`.")
        return tokens.granting

    @routes.post(TOKEN)
    def token() -> Response:
        story = granting()
        assert tokens is not None
        granted = story.grant(
            _parameters(),
            thumbprint(request, tokens.proxies),
            Origin(address_of(request, tokens.proxies), correlation.get()),
        )
        answer = {
            "access_token": granted.token,
            "token_type": "bearer",
            "expires_in": granted.seconds,
            "scope": granted.scope,
        }
        return _unstored(answer, 200)

    @routes.get(JWKS)
    def jwks() -> Response:
        return Response(dump(granting().signing.public_keys()), mimetype=JSON)

    @routes.get("/fhir/.well-known/smart-configuration")
    def configured() -> Response:
        granting()
        return Response(configuration, mimetype=JSON)

    return Door(routes, PUBLIC, tuple(operations(TOKEN, JWKS)))


def smart_configuration(base: str) -> dict[str, Any]:
    """Return what a SMART client reads before it asks for a token."""
    rights = sorted(frozenset().union(*RIGHTS.values()) - {RESOURCES})
    return {
        "token_endpoint": f"{base}{TOKEN}",
        "jwks_uri": f"{base}{JWKS}",
        "grant_types_supported": [GRANT_TYPE],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": [
            "system/*.rs",
            *(f"system/{type_}.u" for type_ in RETURNED),
            f"system/{SUBSCRIPTION}.cruds",
            *map(scope_of, rights),
        ],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
        # of no use without a user who authorizes, and required all the same
        "code_challenge_methods_supported": ["S256"],
    }


def security(base: str) -> dict[str, Any]:
    """Return CapabilityStatement.rest.security of a server that takes tokens."""
    service = "http://terminology.hl7.org/CodeSystem/restful-security-service"
    addresses = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    return {
        "extension": [
            {"url": addresses, "extension": [{"url": "token", "valueUri": f"{base}{TOKEN}"}]},
        ],
        "cors": False,
        "service": [{"coding": [{"system": service, "code": "SMART-on-FHIR"}]}],
    }


def _parameters() -> list[tuple[str, str]]:
    """Return the parameters of the body; RFC 6749 section 2.3.1 wants none in the address."""
    if request.query_string:
        raise Ungranted("invalid_request", "Send the parameters in the body, none in the address.")
    if request.mimetype != FORM:
        raise Ungranted("invalid_request", f"Content-Type: expected {FORM}.")
    body = request.get_data()
    if len(body) > LONGEST:
        raise Ungranted("invalid_request", f"The body has over {LONGEST} bytes.")
    try:
        return parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError as exc:
        raise Ungranted("invalid_request", "The body is no form: percent-encode what is not ASCII.") from exc


def _refusal(error: Ungranted) -> Response:
    """Answer an error as RFC 6749 section 5.2 has it, and say for the record who was refused and why."""
    description = _UNTOLD.sub("'", str(error))
    g.asker = error.partner
    disclose("login", text=f"{error.error}: {description}")
    return _unstored({"error": error.error, "error_description": description}, error.status)


def _unstored(body: Mapping[str, Any], status: int) -> Response:
    answer = Response(dump(dict(body)), status, mimetype=JSON)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Pragma"] = "no-cache"
    return answer
