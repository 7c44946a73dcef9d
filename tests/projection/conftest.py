"""The real flows, with the real mappings and every overlay, on SQLite."""

import pytest

from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.store.store import SqlStore
from service.wiring import compiled, rooms
from tests.projection.worlds import House


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('validity') / 'casebridge.db'}")
    upgrade(engine)
    settings = Settings.from_env({})
    overlays = {name: outbound for name, (outbound, *_) in compiled.each_overlay(settings).items()}
    views = {"default": compiled.catalogue(settings), **overlays}
    yield House(SqlStore(engine), rooms.projecting(settings, views))
    engine.dispose()
