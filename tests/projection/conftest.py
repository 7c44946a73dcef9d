"""The real flows, with the real mappings and every overlay, on SQLite."""

import pytest

from service import wiring
from service.settings import Settings
from service.store.schema import upgrade
from service.store.sql.engine import connect
from service.store.store import SqlStore
from tests.projection.worlds import House


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('validity') / 'casebridge.db'}")
    upgrade(engine)
    given = Settings.from_env({})
    overlays = {name: outbound for name, (outbound, _) in wiring.each_overlay(given).items()}
    views = {"default": wiring.catalogue(given), **overlays}
    yield House(SqlStore(engine), wiring.projecting(given, views))
    engine.dispose()
