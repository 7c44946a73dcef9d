"""The door for HL7 v2 over HTTP.

https://hapifhir.github.io/hapi-hl7v2/hapi-hl7overhttp/specification.html
"""

from typing import Final

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from service.door import Door
from service.errors import TooLarge, Unsupported
from service.receive.discharge.compressed import check_plain
from service.receive.discharge.hl7v2 import ER7, TAKEN, Acknowledgement, Hl7v2Reception
from service.receive.discharge.messages import sender_keys
from service.receive.http.fhir_openapi import SILENT, TAG, WRONG
from service.wire.contracts.published.openapi.operations import Described, Operation
from service.wire.parameters import parameters

XML: Final = "XML-encoded messages are not taken; send the vertical bar encoding (ER7)."
_MESSAGE: Final[Described] = {"type": "string", "description": "HL7 v2, vertical bar encoding."}
_PROBLEM: Final[Described] = {"$ref": "#/components/schemas/Problem"}


def door(messages: Hl7v2Reception) -> Door:
    """Return the door /hl7v2."""
    routes = Blueprint("hl7v2", __name__)

    @routes.post("/hl7v2")
    def post() -> Response:
        parameters(request.args.items(multi=True))
        try:
            raw = request.get_data()
        except RequestEntityTooLarge:
            return _response(
                messages.refusal_of(None, TooLarge("It is too large for one; send it in parts."))
            )
        check_plain(raw, "Content-Encoding")
        if "xml" in request.mimetype or raw[:64].lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<"):
            raise Unsupported(XML, where="Content-Type")
        key = sender_keys(request.headers.get("Idempotency-Key"))
        if request.mimetype not in TAKEN:
            raise Unsupported(f"Send {ER7}.", where="Content-Type")
        return _response(messages.answer(g.partner, raw, "http", key))

    return Door(routes, "discharges", (_operation(),))


def _response(acknowledgement: Acknowledgement) -> Response:
    return Response(
        acknowledgement.body, acknowledgement.status if acknowledgement.body else 204, mimetype=ER7
    )


def _operation() -> Operation:
    acknowledgement = {"description": "An acknowledgement.", "content": {ER7: {"schema": _MESSAGE}}}
    refused = {
        status: {
            "description": what,
            "content": {ER7: {"schema": _MESSAGE}, "application/problem+json": {"schema": _PROBLEM}},
        }
        for status, what in WRONG.items()
    }
    return Operation(
        "post",
        "/hl7v2",
        "hl7v2",
        tag=TAG,
        silent=SILENT,
        summary="Send HL7 v2 ADT messages, one or a batch",
        body={"required": True, "content": {ER7: {"schema": _MESSAGE}}},
        answers={
            200: {**acknowledgement, "description": "AA: it is kept; a batch: each is answered in its own."},
            204: {"description": "It is kept, and its sender wants no acknowledgement."},
            500: {
                "description": "Something failed on our side.",
                "content": {ER7: {"schema": _MESSAGE}, "application/problem+json": {"schema": _PROBLEM}},
            },
            **refused,
        },
    )
