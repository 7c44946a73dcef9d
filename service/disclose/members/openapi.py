"""What is said of the routes of member matches.

https://hl7.org/fhir/us/davinci-hrex/OperationDefinition-member-match.html ·
https://hl7.org/fhir/us/davinci-pdex/OperationDefinition-BulkMemberMatch.html
"""

from typing import Final

from service.disclose.export.openapi import MANIFEST, PREFER
from service.wire.contracts.published.openapi.operations import (
    FHIR,
    FHIR_TAG,
    JSON,
    Operation,
    answer,
    place,
    resource,
)

_BODY: Final = {"required": True, "content": {FHIR: {"schema": resource("Parameters")}}}
_MANY: Final = {
    "bulk-member-match": "Begin to match many members, each with a consent",
    "provider-member-match": "Begin to match many members, each with an attestation of treating them",
}
_WHICH: Final = place("id", "The match.")


def operations() -> tuple[Operation, ...]:
    """Return the operations of the match of one member."""
    told = answer("Parameters: MemberIdentifier, and MemberId.", FHIR, resource("Parameters"))
    return (
        Operation(
            "post",
            "/fhir/Patient/$member-match",
            "member-match",
            tag=FHIR_TAG,
            summary="Ask who of your members somebody is, by demographics and the coverage of a card",
            parameters=("Format",),
            body=_BODY,
            answers={200: told},
            faults=(406, 408, 413, 415, 422),
        ),
    )


def of_many() -> tuple[Operation, ...]:
    """Return the operations of matches of many members."""
    begun = {"description": "It is begun.", "headers": {"Content-Location": "Content-Location"}}
    return (
        *(
            Operation(
                "post",
                f"/fhir/Group/${name}",
                name,
                tag=FHIR_TAG,
                summary=summary,
                parameters=(PREFER, "Format"),
                body=_BODY,
                answers={202: begun},
                faults=(406, 408, 413, 415),
                silent="It tells where to ask, and nothing of anybody.",
            )
            for name, summary in _MANY.items()
        ),
        *_of_one(),
    )


def _of_one() -> tuple[Operation, ...]:
    under_way = {
        "description": "It is under way.",
        "headers": {name: name for name in ("X-Progress", "Retry-After", "Expires")},
    }
    lines = answer("A Group, as a line.", "application/fhir+ndjson", {"type": "string"})
    return (
        Operation(
            "get",
            "/fhir/Group/$member-matches/{id}",
            "member-matches-status",
            tag=FHIR_TAG,
            summary="Ask how far a match of many members is",
            parameters=(_WHICH,),
            answers={200: answer("Where its Groups are.", JSON, MANIFEST, ("Expires",)), 202: under_way},
            faults=(404, 406),
        ),
        Operation(
            "delete",
            "/fhir/Group/$member-matches/{id}",
            "member-matches-cancel",
            tag=FHIR_TAG,
            summary="Forget a match of many members, with all that was sent",
            parameters=(_WHICH,),
            answers={202: {"description": "It is no longer there."}},
            faults=(404, 406),
            silent="It tells nothing.",
        ),
        Operation(
            "get",
            "/fhir/Group/$member-matches/{id}/{number}",
            "member-matches-file",
            tag=FHIR_TAG,
            summary="Fetch a Group of a match of many members",
            parameters=(_WHICH, place("number", "The file.", type="integer")),
            answers={200: lines},
            faults=(404,),
        ),
    )
