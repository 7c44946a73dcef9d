"""The door for HL7 v2 over HTTP.

https://hapifhir.github.io/hapi-hl7v2/hapi-hl7overhttp/specification.html
"""

from typing import Final

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from service.errors import TooLarge, Unsupported
from service.receive.discharge.compressed import check_plain
from service.receive.discharge.hl7v2 import ER7, TAKEN, Acknowledged, Messages
from service.receive.discharge.messages import keyed
from service.wire.parameters import parameters

XML: Final = "XML-encoded messages are not taken; send the vertical bar encoding (ER7)."


def blueprint(messages: Messages) -> Blueprint:
    """Return the route /hl7v2."""
    door = Blueprint("hl7v2", __name__)

    @door.post("/hl7v2")
    def post() -> Response:
        parameters(request.args.items(multi=True))
        try:
            raw = request.get_data()
        except RequestEntityTooLarge:
            return _response(messages.refused(None, TooLarge("It is too large for one; send it in parts.")))
        check_plain(raw, "Content-Encoding")
        if "xml" in request.mimetype or raw[:64].lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<"):
            raise Unsupported(XML, where="Content-Type")
        key = keyed(request.headers.get("Idempotency-Key"))
        if request.mimetype not in TAKEN:
            raise Unsupported(f"Send {ER7}.", where="Content-Type")
        return _response(messages.answered(g.partner, raw, "http", key))

    return door


def _response(given: Acknowledged) -> Response:
    return Response(given.body, given.status if given.body else 204, mimetype=ER7)
