"""Whatever is asked by contracts/openapi.yaml, rightly or not, the answer is one that stands there."""

from pathlib import Path

import pytest
import schemathesis
from flask import Response
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.wiring import rooms, serving
from tests.flows import river
from tests.web.conftest import REGISTRY
from tests.web.sent import ER7

OPENAPI = Path(__file__).parents[2] / "contracts/openapi.yaml"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 10
PARTNERS = st.sampled_from((None, "cms", "northern", "mercy", "engineer"))
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
CONFIG = SchemathesisConfig(
    projects=ProjectsConfig(default=ProjectConfig(generation=GenerationConfig(modes=MODES)))
)
schema = schemathesis.openapi.from_path(OPENAPI, config=CONFIG)


@schemathesis.serializer(ER7)
def er7(_context, value):
    """What is sent as a message, whatever it is."""
    return {"data": value if isinstance(value, bytes) else str(value).encode()}


class House:
    """The application, and the places in paths where something is."""

    def __init__(self, app):
        self.app, self.client = app, app.test_client()
        self.places = {"clients": "river", "cases": "c1", "practitioner": "nurse", "organization": "northern"}

    def fill(self):
        for path, document in river.STORY:
            answer = self.client.put(path, json=document, headers={"Casebridge-Partner": "cms"})
            assert answer.status_code == 201, answer.json
        for entry in self.client.get("/fhir?_count=100").json["entry"]:
            self.places[entry["resource"]["resourceType"]] = entry["resource"]["id"]
        for type_ in ("CodeSystem", "ConceptMap", "ValueSet", "StructureDefinition", "Group"):
            entries = self.client.get(f"/fhir/{type_}?_count=1").json.get("entry", [])
            self.places |= {entry["resource"]["resourceType"]: entry["resource"]["id"] for entry in entries}

    def lead(self, case):
        """Let the path of a request lead to something."""
        places = case.path_parameters
        in_path = [self.places[name] for name in case.path.split("/") if name in self.places]
        place = self.places.get(places.get("type"), *in_path[-1:])
        for name in {"id", "ref"} & places.keys() if place else ():
            places[name] = place


@pytest.fixture(scope="module")
def house(tmp_path_factory, mappings):
    """River's story, and where it stands."""
    folder = tmp_path_factory.mktemp("any-request")
    (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/casebridge.db",
        "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
    }
    read = Settings.from_env(environment)
    engine = rooms.database(read)
    upgrade(engine)
    house = House(serving.application(read, engine, mappings))
    house.fill()
    yield house
    engine.dispose()


def answered(house, case, partner=None):
    """Ask as a partner, and hold the answer to what is described."""
    headers = {"Accept-Encoding": "identity"} | ({"Casebridge-Partner": partner} if partner else {})
    case.validate_response(case.call(app=house.app, headers=headers), checks=CHECKS)


@schema.parametrize()
@schema.given(partner=PARTNERS, leads=st.booleans())
@settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_the_answer_to_any_request_is_described(case, house, partner, leads):
    if leads:
        house.lead(case)
    answered(house, case, partner)


@pytest.mark.parametrize(
    "answer",
    [
        Response(b'{"status":"live"}', 201, mimetype="application/json"),
        Response(b'{"status":"live"}', mimetype="text/plain"),
        Response(b'{"status":"dead"}', mimetype="application/json"),
        Response(b"{}", 500, mimetype="application/problem+json"),
    ],
)
def test_an_answer_that_is_not_described_is_found(house, monkeypatch, answer):
    case = schema["/health/live"]["GET"].Case()
    answered(house, case)
    monkeypatch.setitem(house.app.view_functions, "health.live", lambda: answer)
    with pytest.raises(FailureGroup):
        answered(house, case)
