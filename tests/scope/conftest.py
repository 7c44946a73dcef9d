"""The application, and a world of partners and people in it."""

import pytest
from flask.testing import FlaskClient

from service.settings import Settings
from service.store.relay.outbox import Outbox
from service.wiring import rooms, serving
from tests.scope.world import HOSPITALS, REGISTRY, World
from tests.web.sent import ER7, a03


class House:
    """The application as partners see it; `check` is given all that is answered to one of them."""

    def __init__(self, app, engine):
        app.test_client_class = FlaskClient
        self.client, self.app, self.engine = app.test_client(), app, engine
        self.check = None

    def ask(self, method, path, *, partner="cms", headers=(), **options):
        named = {"Casebridge-Partner": partner} if partner else {}
        answer = self.client.open(path, method=method, headers={**named, **dict(headers)}, **options)
        if self.check is not None and partner:
            self.check(partner, method, path, options, answer)
        return answer

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def put(self, path, document, **options):
        return self.ask("PUT", path, json=document, **options)


@pytest.fixture
def house(tmp_path, database_url, mappings):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_PARTNERS": str(path),
        "CASEBRIDGE_PARTNER_RATE": "0",
    }
    settings = Settings.from_env(environment)
    engine = rooms.database(settings)
    yield House(serving.application(settings, engine, mappings), engine)
    engine.dispose()


SEEDS = (1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 40)))


@pytest.fixture(params=SEEDS)
def world(house, request):
    """What two case systems and two hospitals said of people; of what each hospital said some is no use."""
    made = World(house, request.param).make()
    for name in HOSPITALS:
        for at in range(2):
            raw = a03(f"{name}-{at}", person=f"new-{name}-1", visit=f"{name}-{at}").replace(b"PID|", b"PIX|")
            house.ask("POST", "/hl7v2", partner=name, data=raw, content_type=ER7)
    Outbox(house.engine).number()
    return made
