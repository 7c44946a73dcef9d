"""What is said of the routes for FHIR that hospitals send: messages, transactions, batches, an Encounter.

https://hl7.org/fhir/R4/messageheader-operation-process-message.html
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from service.wire.contracts.published.openapi.operations import (
    FHIR,
    Described,
    Operation,
    answer,
    query,
    resource,
)

TAG: Final = "Hospitals"
_KEY: Final[Described] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Your own name for it: sent again with the same content it is answered as before.",
    "schema": {"type": "string"},
}
_NEW: Final[Described] = {
    "name": "If-None-Exist",
    "in": "header",
    "description": "`identifier=system|value`: nothing is done when a stay has it (412 when several have).",
    "schema": {"type": "string"},
}
_SEEN: Final[Described] = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of the last answer: nothing is done when the stay has another (412).",
    "schema": {"type": "string"},
}
_MINIMAL: Final[Described] = {
    "name": "Prefer",
    "in": "header",
    "description": "`return=minimal` leaves out the body of 200 and 201.",
    "schema": {"type": "string"},
}
_FAULTS: Final = (408, 413, 415, 422)
WRONG: Final = {
    400: "It could not be read.",
    403: "A partner of this kind may not send discharges.",
    408: "It did not come in time.",
    413: "It is over a limit.",
    415: "A media type that is not taken; XML is none.",
    422: "It can be read, and not be used.",
    503: "It cannot be kept now; send it again.",
}
"""What an error means that is answered by a message, by its status."""
SILENT: Final = "Its sender is told what became of what it sent, in ids and in issues that quote nothing."


def operations() -> Iterator[Operation]:
    """Give the operations."""
    describe = partial(Operation, tag=TAG, silent=SILENT)
    yield describe(
        "post",
        "/fhir/$process-message",
        "process-message",
        summary="Send a message: a discharge, an admission, a transfer, their cancellation",
        parameters=(
            query(
                "async",
                "`true`: it is kept and answered later. It may stand in Parameters beside `content`, as "
                "`response-url` may.",
                enum=["true", "false"],
            ),
            query("response-url", "Where to, when not to MessageHeader.source.endpoint.", format="uri"),
            _KEY,
        ),
        body=_body("Bundle", "Parameters"),
        answers={
            200: answer("The response message: it is kept, and used.", FHIR, resource("Bundle")),
            202: answer(
                "The response message: it waits in quarantine. With `async=true` an OperationOutcome: it is "
                "kept, and the response message will be posted to the partner's registered endpoint.",
                FHIR,
                resource(),
            ),
            # once the message can be named, a response message says what is wrong
            **{status: answer(what, FHIR, resource()) for status, what in WRONG.items()},
        },
    )
    waits = answer("It waits in quarantine, under the id that is told.", FHIR, resource("OperationOutcome"))
    yield describe(
        "post",
        "/fhir",
        "bundle",
        summary="Send a transaction, used whole or not at all, or a batch, each entry for itself",
        parameters=(_KEY,),
        body=_body("Bundle"),
        answers={200: answer("What became of each entry.", FHIR, resource("Bundle")), 202: waits},
        faults=(*_FAULTS, 412),
    )
    outcome = resource("OperationOutcome")
    stay = {
        200: answer("It was known before (`ETag`: its version), or nothing came of it.", FHIR, outcome),
        201: answer("It is kept, and used; `Location` and `ETag` tell of a stay in a case.", FHIR, outcome),
        202: waits,
    }
    by_identifier = query("identifier", "The stay: `system|value`, one of the Encounter's identifiers.")
    for method, name, parameters in (
        ("post", "send-encounter", (_NEW, _MINIMAL, _KEY)),
        ("put", "send-encounter-by-identifier", ({**by_identifier, "required": True}, _SEEN, _MINIMAL, _KEY)),
    ):
        yield describe(
            method,
            "/fhir/Encounter",
            name,
            summary="Send a stay" if method == "post" else "Send a stay by its identifier",
            parameters=parameters,
            body=_body("Encounter"),
            answers=stay,
            faults=(*_FAULTS, 412),
        )


def _body(*types: str) -> Described:
    schemas = [resource(resource_type) for resource_type in types]
    schema: Described = schemas[0] if len(schemas) == 1 else {"oneOf": schemas}
    return {"required": True, "content": {FHIR: {"schema": schema}}}
