"""The application as its routes are looked at; no request reaches its database."""

import pytest

from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.wiring import rooms, serving


@pytest.fixture
def app(sqlite_url, mappings):
    settings = Settings.from_env({"CASEBRIDGE_DATABASE_URL": sqlite_url, "CASEBRIDGE_AUTH": "off"})
    engine = rooms.database(settings)
    upgrade(engine)
    yield serving.application(settings, engine, mappings)
    engine.dispose()
