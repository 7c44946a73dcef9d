"""From the day a client's identity is protected, nothing that anybody may read tells where the client is."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings

from service.wire.fhir.check.validate import validate
from tests.projection.worlds import QUICK, House, Step, references, worlds

# what stands in the directory is told of professionals and organisations, not of the client
DIRECTORY_OWNED = {"Organization", "Location", "Practitioner", "PractitionerRole"}


TELLING = {"address", "telecom", "locationReference", "location", "destination"}


def keys(node: Any) -> Iterator[str]:
    """Every key below a node."""
    if isinstance(node, dict):
        yield from node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from keys(below)


def whereabouts(resource: dict[str, Any]) -> list[str]:
    """What in a resource of a client or case tells where the client is."""
    telling = [key for key in keys(resource) if key in TELLING]
    telling += [reference for reference in references(resource) if reference.startswith("Location/")]
    for participant in resource.get("participant", []) if resource["resourceType"] == "CareTeam" else ():
        roles = {coding["code"] for role in participant.get("role", []) for coding in role["coding"]}
        telling += ["community"] if "community" in roles and "member" in participant else []
    return telling


def protect(world: list[Step]) -> list[Step]:
    """Nobody in the world is protected; at its end all that can be is withdrawn, and then the client is."""
    unprotected = [
        (kind, ref, {**body, "protected_identity": False}) if kind == "client" else (kind, ref, body)
        for kind, ref, body in world
    ]
    client = {**next(body for kind, _, body in reversed(unprotected) if kind == "client")}
    client.pop("related_persons", None)
    return [
        *unprotected,
        ("case", "y", {"client": "x", "status": "active"}),
        ("client", "x", client),
        ("client", "x", {**client, "protected_identity": True}),
    ]


@given(worlds())
@settings(QUICK, max_examples=25)
def test_nothing_of_a_protected_client_tells_where_they_are(house: House, world: list[Step]) -> None:
    last = list(house.project(protect(world)))[-len(house.projection.catalogues) :]
    for resources in last:
        mine = [resource for resource in resources if resource["resourceType"] not in DIRECTORY_OWNED]
        assert {"Patient", "EpisodeOfCare", "CareTeam"} <= {resource["resourceType"] for resource in mine}
        assert [
            (resource["resourceType"], whereabouts(resource)) for resource in mine if whereabouts(resource)
        ] == []
        relatives = [resource for resource in mine if resource["resourceType"] == "RelatedPerson"]
        assert [relative for relative in relatives if relative["active"] or validate(relative)] == []
