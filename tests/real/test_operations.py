"""Each operation of the CapabilityStatement is defined, and stands at every level that it is defined at."""

import json

import pytest
from werkzeug.exceptions import HTTPException

from service.settings import Settings
from service.wire.fhir.check.validate import validate
from service.wiring import rooms, serving
from tests.real.real_data import folder

OURS = "https://casebridge.org/"
R4 = "http://hl7.org/fhir/OperationDefinition/"
# of what Bulk Data Access and Da Vinci define the address is enough: their packages are not here
GUIDES = (
    "http://hl7.org/fhir/uv/bulkdata/",
    "http://hl7.org/fhir/uv/subscriptions-backport/",
    "http://hl7.org/fhir/us/davinci-",
)


@pytest.fixture
def app(sqlite_url, mappings):
    settings = Settings.from_env({"CASEBRIDGE_AUTH": "off", "CASEBRIDGE_DATABASE_URL": sqlite_url})
    engine = rooms.database(settings)
    yield serving.application(settings, engine, mappings)
    engine.dispose()


def body_of(app, path):
    answer = app.test_client().get(path)
    assert answer.status_code == 200, path
    return answer.json


def named(statement):
    """Each operation: the type it is asked of, '' for the system, and what is said of it."""
    (rest,) = statement["rest"]
    yield from (("", operation) for operation in rest["operation"])
    for resource in rest["resource"]:
        yield from ((resource["type"], operation) for operation in resource.get("operation", ()))


def r4_definitions():
    entries = json.loads((folder("definitions/medplum-r4") / "profiles-resources.json").read_bytes())["entry"]
    resources = (entry["resource"] for entry in entries)
    return {
        resource["url"]: resource
        for resource in resources
        if resource["resourceType"] == "OperationDefinition"
    }


def test_every_operation_is_defined_and_stands_where_it_is_defined(app):
    known, routes = r4_definitions(), app.url_map.bind("localhost")
    seen = set()
    for type_, operation in named(body_of(app, "/fhir/metadata")):
        url = operation["definition"]
        if url.startswith(GUIDES):
            continue
        if url.startswith(OURS):
            definition = body_of(app, f"/fhir/OperationDefinition/{url.rpartition('/')[2]}")
            assert (definition["url"], validate(definition)) == (url, [])
        else:
            definition = known[url]
        assert definition["code"] == operation["name"]
        assert not type_ or set(definition["resource"]) & {type_, "Resource"}
        for level, path in (("system", ""), ("type", f"/{type_}"), ("instance", f"/{type_}/x")):
            address = f"/fhir{path}/${definition['code']}"
            if definition[level]:
                assert is_there(routes, address), address
        seen.add(url)
    assert len(seen) > 8


def is_there(routes, address):
    """Whether a route of an operation, and of nothing else, takes an address by POST."""
    try:
        rule, _ = routes.match(address, "POST", return_rule=True)
    except HTTPException:
        return False
    return rule.rule.endswith(address.rpartition("/")[2])


def test_the_statement_is_valid(app):
    for mode in ("full", "terminology"):
        assert validate(body_of(app, f"/fhir/metadata?mode={mode}")) == []
