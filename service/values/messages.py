"""What a message says: its envelope and the data of each type; messages are made and described of this.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md and its extensions partitioning, sequence,
distributed tracing
"""

from typing import Annotated, Any, Final, NamedTuple, NotRequired, TypedDict

UNTOLD: Final = "Provenance"


class Written(TypedDict):
    """Says that a resource has a new version; who asked for it gets the resource too."""

    reference: Annotated[str, {"description": "The resource, as it is read under /fhir."}]
    versionId: Annotated[
        str,
        {
            "description": "The version that came of the change.",
            "pattern": "^[1-9][0-9]*$",
            "examples": ["2"],
        },
    ]
    changed: Annotated[
        list[str],
        {
            "description": "Which elements differ from the version before; none in the first.",
            "examples": [["status", "period.end"]],
        },
    ]
    resource: NotRequired[
        Annotated[dict[str, Any], {"description": "That version; only in queues bound with full_resource."}]
    ]


class Erased(TypedDict):
    """Says that a resource is gone from everywhere, and nothing else about it."""

    reference: Annotated[str, {"description": "The resource; reading it answers 410 from now on."}]


class CaseTold(TypedDict):
    """Says how a case stands."""

    reference: Annotated[str, {"description": "The case, by our id; it is read under /api/cases."}]
    revision: Annotated[
        int, {"description": "The revision that came of the change.", "minimum": 1, "examples": [1]}
    ]
    status: Annotated[str, {"description": "The status of the case in that revision."}]


class StayTold(CaseTold):
    """Says what a hospital told of a stay in a case."""

    stay: Annotated[
        str,
        {
            "description": "The stay, as it is read under /fhir.",
            "pattern": "^Encounter/",
            "examples": ["Encounter/1d6a2f0e-6f3a-5b6c-9a53-0b8a0f1c7e55"],
        },
    ]


class GlassTold(TypedDict):
    """Says that somebody saw a client in an emergency whom it would not see otherwise."""

    reference: Annotated[str, {"description": "The client, by our id; it is read under /api/clients."}]
    partner: Annotated[
        str,
        {
            "description": "Who broke the glass; why, only the audit tells.",
            "pattern": "^[a-z0-9-]{1,60}$",
            "examples": ["mercy"],
        },
    ]


class CloudEvent(TypedDict):
    """The envelope: CloudEvents 1.0 with the extensions partitioning, sequence and distributed tracing."""

    specversion: Annotated[str, {"const": "1.0"}]
    id: Annotated[
        str,
        {
            "description": "The same whenever the message is sent again: take each id once.",
            "minLength": 1,
            "examples": ["0b6a9f7e-54b0-4d0e-9d57-6a2f8f3f2c11"],
        },
    ]
    source: Annotated[
        str,
        {
            "description": "This service, and an epoch that is raised after a restore from backup.",
            "format": "uri-reference",
            "examples": ["https://casebridge.example/epoch/1"],
        },
    ]
    type: Annotated[str, {"description": "What happened: org.casebridge.<what>.<happened>.v1"}]
    subject: Annotated[str, {"description": "What it happened to; the reference in data."}]
    time: Annotated[
        str,
        {
            "description": "When it was recorded.",
            "format": "date-time",
            "examples": ["2026-03-01T08:00:00.000Z"],
        },
    ]
    dataschema: Annotated[
        str, {"description": "Where the JSON Schema of data is served.", "format": "uri-reference"}
    ]
    datacontenttype: Annotated[str, {"const": "application/json"}]
    partitionkey: Annotated[
        str,
        {"description": "The owner whose messages keep their order, e.g. case/<id>.", "pattern": "^[a-z]+/"},
    ]
    sequence: Annotated[
        str,
        {
            "description": "The number among the owner's messages, without gaps; compare it as text.",
            "pattern": "^[0-9]{20}$",
            "examples": ["00000000000000000001"],
        },
    ]
    traceparent: NotRequired[
        Annotated[
            str,
            {
                "description": "The trace of the request or message that it follows of: W3C Trace Context.",
                "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
                "examples": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
            },
        ]
    ]
    data: Annotated[dict[str, Any], {"description": "What the type says, without personal data."}]


RESOURCE: Final[dict[str, type]] = {"created": Written, "updated": Written, "deleted": Erased}
CASE: Final[dict[str, type]] = {
    "opened": CaseTold,
    "updated": CaseTold,
    "closed": CaseTold,
    "admitted": StayTold,
    "discharged": StayTold,
    "discharge-cancelled": StayTold,
}


CLIENT: Final[dict[str, type]] = {"glass-broken": GlassTold}


class Happened(NamedTuple):
    """Something that happened to a case, and the local id of the stay it happened by."""

    what: str
    stay: str | None = None


# A type changes incompatibly by a line here: of a routing key, the version of what goes by it.
VERSIONS: Final[dict[str, int]] = {}


def type_name(key: str) -> str:
    """Return the CloudEvents type of what goes by a routing key, with its version."""
    return f"org.casebridge.{_versioned(key)}"


def schema_name(key: str) -> str:
    """Return the name of the JSON Schema of the data of what goes by a routing key."""
    return f"{_versioned(key)}.schema.json"


def _versioned(key: str) -> str:
    return f"{key}.v{VERSIONS.get(key, 1)}"
