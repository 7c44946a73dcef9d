"""What is said of the routes of member matches.

https://hl7.org/fhir/us/davinci-hrex/OperationDefinition-member-match.html
"""

from service.wire.contracts.published.openapi.operations import FHIR, FHIR_TAG, Operation, answer, resource


def operations() -> tuple[Operation, ...]:
    """Return the operations of member matches."""
    told = answer("Parameters: MemberIdentifier, and MemberId.", FHIR, resource("Parameters"))
    return (
        Operation(
            "post",
            "/fhir/Patient/$member-match",
            "member-match",
            tag=FHIR_TAG,
            summary="Ask who of your members somebody is, by demographics and the coverage of a card",
            parameters=("Format",),
            body={"required": True, "content": {FHIR: {"schema": resource("Parameters")}}},
            answers={200: told},
            faults=(406, 408, 413, 415, 422),
        ),
    )
