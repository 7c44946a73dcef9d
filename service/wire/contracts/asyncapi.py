"""The messages on RabbitMQ as an AsyncAPI document.

https://www.asyncapi.com/docs/reference/specification/v3.0.0 and its AMQP bindings 0.3.0
"""

from collections.abc import Iterable
from typing import Any, Final

from service.wire.contracts.messages import ENVELOPE, Told

ABOUT: Final = """\
What changed, in the order in which it changed, owner by owner.

Messages go to a topic exchange by their routing key, `<what>.<happened>`. Bindings such as `careplan.*`,
`*.deleted` or `case.closed` choose among them. Queues and their bindings are declared by the service from
its partner registry: quorum queues, each with a dead-letter queue named `<queue>.dead`.

A message comes at least once: take each `id` once. Messages with one `partitionkey` come in the order of
their `sequence`, which has no gaps; of different owners nothing is said. What a message tells was committed
before it is sent, and can be read from then on.

By default no message carries personal data: it says what changed, and who may see it reads it under /fhir.
A queue bound with `full_resource` gets the resource too, in `data.resource`.
"""
_BINDING: Final = "0.3.0"


def asyncapi(told: Iterable[Told], *, version: str, exchange: str, content_type: str) -> dict[str, Any]:
    """Return the AsyncAPI document of these messages: a channel, an operation and a message for each."""
    told = tuple(told)
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
        "channels": {each.key: _channel(each) for each in told},
        "operations": {f"tell-{each.key}": _operation(each) for each in told},
        "components": {
            "messages": {each.key: _message(each, content_type) for each in told},
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


def _channel(each: Told) -> dict[str, Any]:
    return {
        "address": each.key,
        "messages": {each.key: {"$ref": f"#/components/messages/{each.key}"}},
        "bindings": {"$ref": "#/components/channelBindings/events"},
    }


def _operation(each: Told) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{each.key}"},
        "summary": each.summary,
        "messages": [{"$ref": f"#/channels/{each.key}/messages/{each.key}"}],
        "bindings": {"$ref": "#/components/operationBindings/told"},
    }


def _message(each: Told, content_type: str) -> dict[str, Any]:
    kind = each.example["type"]
    closer = {
        "type": {"const": kind},
        "partitionkey": {"pattern": each.owners},
        "data": {"$ref": f"./messages/{each.schema}"},
    }
    return {
        "name": kind,
        "title": each.summary,
        "contentType": content_type,
        "payload": {"allOf": [{"$ref": f"./messages/{ENVELOPE}"}, {"properties": closer}]},
        "examples": [{"name": each.key, "payload": each.example}],
    }
