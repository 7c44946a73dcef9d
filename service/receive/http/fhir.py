"""The doors for FHIR that hospitals send: messages, transactions, batches, an Encounter alone.

https://hl7.org/fhir/R4/messageheader-operation-process-message.html · https://hl7.org/fhir/R4/http.html
"""

from typing import Any

from flask import Blueprint, Response, g, request

from service.door import Door, limits
from service.errors import Malformed, Refused, Unsupported
from service.receive.discharge.bundles import Bundles
from service.receive.discharge.compressed import check_plain
from service.receive.discharge.messages import sender_keys
from service.receive.discharge.process import Processing
from service.receive.discharge.sent import JSON, check_entries, check_type, sent_as
from service.receive.discharge.single import Encounters
from service.receive.http import fhir_openapi
from service.receive.http.preferring import minimal_if_preferred
from service.values.inbound.inbox import Answer
from service.wire.fhir.exchange.bundles import conditional, is_named
from service.wire.fhir.exchange.process_message import CONTENT, how, message_of
from service.wire.parameters import parameters


def door(messages: Processing, bundles: Bundles, encounters: Encounters) -> Door:
    """Return the door that takes FHIR in."""
    routes = Blueprint("hospital", __name__, url_prefix="/fhir")

    @routes.post("/$process-message")
    def process() -> Response:
        return _response(_combined_answer(messages))

    @routes.post("", strict_slashes=False)
    def bundle() -> Response:
        raw, sent = fhir_body("Bundle")
        if sent.get("type") == "batch":
            return _response(bundles.batch(g.partner, sent, _sender_keys()))
        if sent.get("type") == "transaction":
            return _response(bundles.transaction(g.partner, raw, sent, _sender_keys()))
        what = "A transaction or a batch is taken here; a message at $process-message."
        raise Refused(what, where="Bundle.type")

    @routes.post("/Encounter")
    def create() -> Response:
        raw, sent = fhir_body("Encounter")
        new = request.headers.get("If-None-Exist")
        return _stay(*encounters.answer(g.partner, raw, sent, _sender_keys(), if_none_exist=new))

    @routes.put("/Encounter")
    def update() -> Response:
        raw, sent = fhir_body("Encounter")
        _check_named(sent, f"Encounter?{request.query_string.decode('utf-8', 'replace')}")
        seen = request.headers.get("If-Match")
        return _stay(*encounters.answer(g.partner, raw, sent, _sender_keys(), if_match=seen))

    return Door(routes, "discharges", tuple(fhir_openapi.operations()))


def _combined_answer(messages: Processing) -> Answer:
    raw, sent = fhir_body("Bundle", "Parameters")
    waits, url = how(sent, parameters(request.args.items(multi=True), ("async", "response-url", "_format")))
    message = message_of(sent)
    if message is not sent:
        check_type(message, ("Bundle",), CONTENT)
        check_entries(message, limits().entries)
    if waits:
        return messages.promise(g.partner, raw, message, _sender_keys(), url)
    return messages.answer(g.partner, raw, message, _sender_keys())


def _stay(stay_answer: Answer, headers: dict[str, str]) -> Response:
    answer = _response(stay_answer)
    answer.headers.update(headers)
    return minimal_if_preferred(answer)


def _check_named(sent: Any, url: str) -> None:
    """Refuse criteria that are not one identifier, and this one of those of the stay that is sent."""
    identifier = conditional(url)
    if identifier is None:
        raise Malformed("Name the stay: identifier=system|value.", where="identifier")
    if not is_named(sent, identifier):
        what = (
            "None of these is the identifier that the address names; send the one that the stay is known by."
        )
        raise Refused(what, where="Encounter.identifier")


def fhir_body(*types: str) -> tuple[bytes, Any]:
    """Return what was requested with a resource of one of the types: its bytes, and what they say.

    Raises:
        Unsupported: it is not sent as JSON.
        Malformed, TooLarge: as `sent_as`.
    """
    raw = request.get_data()
    check_plain(raw, "Content-Encoding")
    if "xml" in request.mimetype or raw[:64].lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<"):
        raise Unsupported("XML is not taken; send application/fhir+json.", where="Content-Type")
    if request.mimetype not in JSON:
        raise Unsupported("Send application/fhir+json.", where="Content-Type")
    return raw, sent_as(raw, limits(), *types)


def _sender_keys() -> tuple[str, ...]:
    return sender_keys(request.headers.get("Idempotency-Key"))


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, mimetype=answer.media_type)
