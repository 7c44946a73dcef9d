"""The whole application, wired as it is served, on SQLite and PostgreSQL."""

import pytest

from service.settings import Settings
from service.store.relay.outbox import Outbox
from service.wiring import rooms, serving
from tests.contracts.answered import CheckedClient
from tests.flows import river
from tests.web.sent import Mercy

REGISTRY = """
partners:
  - {name: cms, kind: case-system}
  - {name: other, kind: case-system}
  - {name: northern, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
  - {name: southern, kind: insurer, identifiers: [{system: "urn:example:payers", value: southern}]}
  - {name: mercy, kind: hospital}
  - {name: lakeside, kind: hospital}
  - name: harbour
    kind: hospital
    intake:
      bases: ["https://harbour.example/fhir", "http://10.0.0.7/r4"]
      identifying: ["urn:example:persons"]
  - name: hillside
    kind: hospital
    intake: {bases: ["https://hillside.example/fhir"], unknown_person: quarantine, not_retained: refuse}
  - {name: engineer, kind: engineer}
"""


@pytest.fixture
def registry(tmp_path):
    """The file of the partner registry."""
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


@pytest.fixture
def settings(registry, database_url):
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_PARTNERS": str(registry),
    }
    return Settings.from_env(environment)


class House:
    """The application as partners see it."""

    def __init__(self, app, engine):
        self.app = app
        self.client = app.test_client()
        self.engine = engine
        self.outbox = Outbox(engine)

    def ask(self, method, path, *, partner="cms", headers=(), **options):
        """Ask as a partner; None sends no name, as an operator on this machine does."""
        named = {"Casebridge-Partner": partner} if partner else {}
        return self.client.open(path, method=method, headers={**named, **dict(headers)}, **options)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def put(self, path, document, **options):
        return self.ask("PUT", path, json=document, **options)

    def one(self, type_, partner="cms"):
        """The one resource of a type that a partner sees."""
        body = self.get(f"/fhir/{type_}", partner=partner).json
        assert body["total"] == 1
        return body["entry"][0]["resource"]


@pytest.fixture
def engine(settings):
    engine = rooms.database(settings)
    yield engine
    engine.dispose()


@pytest.fixture
def app(settings, engine, mappings):
    app = serving.application(settings, engine, mappings)
    app.test_client_class = CheckedClient
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def numbered(engine):
    """Gives what is committed its positions in the feed, as the leader does."""
    return Outbox(engine).number


@pytest.fixture
def house(app, engine):
    return House(app, engine)


@pytest.fixture
def rivers_house(house):
    """River's story up to the running case."""
    for path, document in river.STORY:
        assert house.put(path, document).status_code == 201
    return house


@pytest.fixture
def mercy(house):
    return Mercy(house)
