"""How sensitive a resource is, by the codes that it has and those that it tells of in words."""

from typing import Any, Final

from service.values.access.labels import Coding, Labels

Json = dict[str, Any]
SERVICES: Final = "https://casebridge.org/fhir/CodeSystem/service-kind"


def with_labels(resource: Json, labels: Labels, roots: Json) -> Json:
    """Return a resource with the labels of its codes in `meta.security`, beside those that it has."""
    made = labels.of(resource, _kinds_of_services(resource, roots))
    if not made:
        return resource
    meta = resource.get("meta", {})
    had = meta.get("security", [])
    known = {(label.get("system"), label.get("code")) for label in had}
    more = [{"system": system, "code": code} for system, code in made if (system, code) not in known]
    return {**resource, "meta": {**meta, "security": [*had, *more]}}


def _kinds_of_services(resource: Json, roots: Json) -> list[Coding]:
    """Return the kinds of the services that a plan lists in its narrative, where it has one."""
    if resource["resourceType"] != "CarePlan" or "text" not in resource:
        return []
    services = roots["case"].get("plan", {}).get("services", [])
    return [(SERVICES, service["kind"]) for service in services]
