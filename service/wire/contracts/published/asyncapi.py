"""The messages on RabbitMQ as an AsyncAPI document.

https://www.asyncapi.com/docs/reference/specification/v3.0.0 and its AMQP bindings 0.3.0
"""

from collections.abc import Iterable
from typing import Any, Final

from service.wire.contracts.published.messages import ENVELOPE, MessageType

ABOUT: Final = """\
What changed, in the order in which it changed, owner by owner.

Messages go to a topic exchange by their routing key, `<what>.<happened>`. Bindings such as `careplan.*`,
`*.deleted` or `case.closed` choose among them. Queues of partners are declared by the service from
its registry: quorum queues, each with a dead-letter queue named `<queue>.dead`, or streams. Each gets what
its bindings there cover by an exchange of its own, `casebridge.to.<queue>`, so that none holds back another.

A message comes at least once: take each `id` once. Messages with one `partitionkey` come in the order of
their `sequence`, which has no gaps; of different owners nothing is said. In the queue of a partner the header
`casebridge-previous` is the `sequence` of the message of that owner which the queue got before: so it shows
what was lost, and `/events` has it. What a message tells was committed before it is sent, and can be read
from then on.

By default no message carries personal data: it says what changed, and who may see it reads it under /fhir.
A queue bound with `full_resource` gets the resource too, in `data.resource`.

Hospitals send discharges the other way, and case systems clients and cases, to a queue of their own each;
what it takes is told at its channel. A header `traceparent` there, or of an HTTP request, is carried to each
message that follows.
"""
DISCHARGES: Final = """\
A stay has begun, changed, ended or was cancelled, as a hospital says it to anybody: an HL7 v2 ADT message or
batch, or FHIR R4 JSON: a message or transaction Bundle, or an Encounter. The content type tells which.

Publish to the exchange of this name, or to the queue; persistent, and confirmed. `user-id` names the AMQP
user of the connection: the broker vouches for it, and the partner registry knows the hospital by it
(`intake/amqp_users`). With a `message-id` the same message is used once, however often it comes.

What comes is taken in the order in which it came, and acknowledged once it is committed. With `reply-to` it
is answered there, with its `correlation-id` (else its `message-id`), as it would be over HTTP; the header
`casebridge-status` has the status. Answers go to queues of the sender's own connection and to those in
`intake/amqp_replies`. What cannot be kept goes to the queue of this name and `.dead`, with the headers
`casebridge-reason` (a list), `casebridge-user` and `casebridge-correlation`: of a batch the whole, though its
other messages are used.
"""
CASES: Final = """\
A case system puts or patches a client or a case, as it would over HTTP: the same documents, rights, scope and
audit. The property `type` says which, the header `ref` is its own id of the document, as in the address.
The headers `If-Match` and `If-None-Match` are those of HTTP: who changes what is there sends `If-Match`.

Publish to the exchange of this name, or to the queue; persistent, and confirmed. `user-id` names the AMQP
user of the connection: the broker vouches for it, and the partner registry knows the case system by it
(`intake/amqp_users`). Each message needs a `message-id` of its own: by it a command is obeyed once, however
often it comes, and answered as the first time.

What comes is taken in the order in which it came, and acknowledged once it is committed. What cannot be done
now is tried again, with longer and longer pauses. With `reply-to` it is answered there, with its
`correlation-id` (else its `message-id`), as it would be over HTTP; the headers `casebridge-status`, `ETag`
and `Casebridge-Id` have what HTTP's have. Answers go to queues of the sender's own connection and to those in
`intake/amqp_replies`. What cannot be done goes to the queue of this name and `.dead`, with the headers
`casebridge-reason` (a list of what HTTP would answer), `casebridge-user` and `casebridge-correlation`.
"""
_HEADERS: Final = ("ref", "If-Match", "If-None-Match", "traceparent")
_BINDING: Final = "0.3.0"
_TAKEN: Final[dict[str, Any]] = {
    "discharge-hl7v2": {
        "name": "discharge-hl7v2",
        "title": "An ADT message of HL7 2.1 to 2.9, or a batch of them, in the vertical bar encoding",
        "contentType": "x-application/hl7-v2+er7",
        "payload": {"type": "string", "pattern": "^(MSH|FHS|BHS)"},
    },
    "discharge-fhir": {
        "name": "discharge-fhir",
        "title": "A FHIR R4 message, transaction or Encounter",
        "contentType": "application/fhir+json",
        "payload": {
            "type": "object",
            "required": ["resourceType"],
            "properties": {"resourceType": {"enum": ["Bundle", "Encounter"]}},
        },
    },
}


def _commands() -> dict[str, Any]:
    """Return the messages by which documents are put and patched."""
    headers = {
        "type": "object",
        "required": ["ref"],
        "properties": {name: {"type": "string"} for name in _HEADERS},
    }
    commands: dict[str, Any] = {}
    for kind in ("client", "case"):
        commands[f"put-{kind}"] = {
            "name": f"put-{kind}",
            "title": f"A {kind} in the place of what is there, or new",
            "contentType": "application/json",
            "headers": headers,
            "payload": {"$ref": f"./{kind}.schema.json"},
        }
        commands[f"patch-{kind}"] = {
            "name": f"patch-{kind}",
            "title": f"What of a {kind} changes, as a JSON merge patch (RFC 7396)",
            "contentType": "application/merge-patch+json",
            "headers": headers,
            "payload": {"type": "object"},
        }
    return commands


def asyncapi(
    message_types: Iterable[MessageType],
    *,
    version: str,
    exchange: str,
    content_type: str,
    discharges: str,
    cases: str,
) -> dict[str, Any]:
    """Return the AsyncAPI document: a channel, an operation and a message for each of what is told.

    `exchange` is where we tell it; `discharges` and `cases` are the queues where we are told of these.
    """
    message_types = tuple(message_types)
    commands = _commands()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Casebridge messages",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": content_type,
        "servers": {
            "broker": {
                "host": "{broker}",
                "protocol": "amqp",
                "protocolVersion": "0.9.1",
                "description": "The RabbitMQ broker that CASEBRIDGE_AMQP_URL names.",
                "variables": {"broker": {"default": "localhost:5672"}},
            }
        },
        "channels": {
            **{message_type.key: _channel(message_type) for message_type in message_types},
            discharges: _inbound(discharges, DISCHARGES, _TAKEN),
            cases: _inbound(cases, CASES, commands),
        },
        "operations": {
            **{f"tell-{message_type.key}": _operation(message_type) for message_type in message_types},
            "take-discharges": _taking(discharges, "A hospital tells of a stay.", _TAKEN),
            "take-cases": _taking(cases, "A case system puts or patches a client or a case.", commands),
        },
        "components": {
            "messages": {
                **{message_type.key: _message(message_type, content_type) for message_type in message_types},
                **_TAKEN,
                **commands,
            },
            "channelBindings": {
                "events": {
                    "amqp": {
                        "is": "routingKey",
                        "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False},
                        "bindingVersion": _BINDING,
                    }
                }
            },
            "operationBindings": {
                "told": {"amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": _BINDING}}
            },
        },
    }


def _channel(message_type: MessageType) -> dict[str, Any]:
    return {
        "address": message_type.key,
        "messages": {message_type.key: {"$ref": f"#/components/messages/{message_type.key}"}},
        "bindings": {"$ref": "#/components/channelBindings/events"},
    }


def _operation(message_type: MessageType) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{message_type.key}"},
        "summary": message_type.summary,
        "messages": [{"$ref": f"#/channels/{message_type.key}/messages/{message_type.key}"}],
        "bindings": {"$ref": "#/components/operationBindings/told"},
    }


def _inbound(queue: str, about: str, taken: Iterable[str]) -> dict[str, Any]:
    queue_binding = {"name": queue, "durable": True, "exclusive": False, "autoDelete": False}
    return {
        "address": queue,
        "description": about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in taken},
        "bindings": {"amqp": {"is": "queue", "queue": queue_binding, "bindingVersion": _BINDING}},
    }


def _taking(queue: str, summary: str, taken: Iterable[str]) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{queue}"},
        "summary": summary,
        "messages": [{"$ref": f"#/channels/{queue}/messages/{name}"} for name in taken],
        "reply": {
            "address": {
                "description": "The queue that the property reply-to names.",
                "location": "$message.header#/reply-to",
            }
        },
        "bindings": {"amqp": {"ack": True, "bindingVersion": _BINDING}},
    }


def _message(message_type: MessageType, content_type: str) -> dict[str, Any]:
    kind = message_type.example["type"]
    closer = {
        "type": {"const": kind},
        "partitionkey": {"pattern": message_type.owners},
        "data": {"$ref": f"./messages/{message_type.schema}"},
    }
    return {
        "name": kind,
        "title": message_type.summary,
        "contentType": content_type,
        "payload": {"allOf": [{"$ref": f"./messages/{ENVELOPE}"}, {"properties": closer}]},
        "examples": [{"name": message_type.key, "payload": message_type.example}],
    }
