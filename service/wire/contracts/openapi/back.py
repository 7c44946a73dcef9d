"""The door for what comes back into the case: FHIR's update, of the types of which that is taken.

https://hl7.org/fhir/R4/http.html#update
"""

from collections.abc import Iterator
from typing import Final

from service.values.scope import RETURNED
from service.wire.contracts.openapi.fhir import FHIR, TAG, place, resource
from service.wire.contracts.openapi.operations import Operation, answer

COMES: Final = {
    "CareTeam": "its participants",
    "CarePlan": "the progress of its activities",
    "EpisodeOfCare": "its careManager",
}


def operations() -> Iterator[Operation]:
    """Give the operations."""
    for type_ in RETURNED:
        stored = answer("As it is now.", FHIR, resource(type_), ("ETag", "Last-Modified"))
        yield Operation(
            "put",
            f"/fhir/{type_}/{{id}}",
            f"put-{type_}",
            tag=TAG,
            summary=f"Put a {type_} that you read, with {COMES[type_]} changed; `writes` permits it",
            right="resources",
            parameters=(place("id", "The logical id."), "If-Match"),
            body={"required": True, "content": {FHIR: {"schema": resource(type_)}}},
            answers={200: stored},
            faults=(404, 408, 412, 413, 415, 422, 428),
        )
