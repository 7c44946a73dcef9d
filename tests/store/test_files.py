"""Who may read the files of SQLite, whatever the umask of the process."""

import os
import stat

import pytest

from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect, writing


def modes(folder):
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.fixture
def lenient():
    before = os.umask(0)
    yield
    os.umask(before)


def test_the_owner_alone_may_read_a_database_that_is_made(tmp_path, lenient):
    engine = connect(f"sqlite:///{tmp_path}/casebridge.db")
    upgrade(engine)
    with writing(engine):
        mode_of = modes(tmp_path)
    assert mode_of == dict.fromkeys(["casebridge.db", "casebridge.db-wal", "casebridge.db-shm"], 0o600)
    engine.dispose()


def test_the_mode_that_an_operator_gave_it_stays(tmp_path):
    (tmp_path / "casebridge.db").touch()
    (tmp_path / "casebridge.db").chmod(0o640)
    engine = connect(f"sqlite:///{tmp_path}/casebridge.db")
    upgrade(engine)
    with writing(engine):
        mode_of = modes(tmp_path)
    assert set(mode_of.values()) == {0o640}
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_has_no_file(tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    engine = connect(url)
    with engine.connect():
        pass
    engine.dispose()
    assert modes(tmp_path) == {}
