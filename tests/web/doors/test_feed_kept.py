"""Who follows the feed from before what is kept is told so, and how to go on."""

from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from service.store import tables as t
from service.store.relay import positions, retention
from tests.flows import river

REFERENCE = Path(__file__).parents[3] / "contracts/consumers/reference.py"


@pytest.fixture
def pruned(rivers_house, engine, monkeypatch):
    """River's story, its first messages deleted as old, the others there."""
    monkeypatch.setattr(positions, "TICK_SECONDS", 0.0)
    for _ in range(2):
        rivers_house.outbox.number()
    with engine.connect() as connection:
        last = connection.execute(
            select(func.max(t.tick.c.position)).where(t.tick.c.stream == "outbox")
        ).scalar()
    rivers_house.outbox.mark(list(range(1, last + 1)), "published")
    spans = retention.batches(engine, datetime.now(UTC) + timedelta(seconds=1))
    assert sum(retention.prune(engine, spans)) == last
    assert rivers_house.put("/api/clients/late", {**river.CLIENT, "identifiers": []}).status_code == 201
    rivers_house.outbox.number()
    return last


def follow(house, query=""):
    return house.get(f"/events{query}", partner="engineer")


@pytest.mark.parametrize("wait", ["", "&wait=30"])
def test_a_place_from_before_is_gone(rivers_house, pruned, wait):
    for after in (0, pruned - 1):
        answer = follow(rivers_house, f"?after={after}{wait}")
        assert (answer.status_code, answer.mimetype) == (410, "application/problem+json")
        assert "go on with /events without `after`" in answer.json["detail"]


def test_without_a_place_it_begins_with_what_is_kept_and_goes_on(rivers_house, pruned):
    answer = follow(rivers_house, "?_count=1")
    assert (answer.status_code, answer.headers["Casebridge-Position"]) == (200, str(pruned + 1))
    assert follow(rivers_house, f"?after={pruned}&_count=1").json == answer.json
    rest = follow(rivers_house, f"?after={pruned + 1}")
    end = rest.headers["Casebridge-Position"]
    assert int(end) == pruned + 1 + len(rest.json)
    assert follow(rivers_house, f"?after={end}").json == []


def test_nobody_else_is_told_what_is_kept(rivers_house, pruned):
    assert rivers_house.get("/events?after=0", partner="stranger").status_code in {401, 403, 404}


class Answered:
    """What requests makes of an answer, of one that the application gave without a socket."""

    def __init__(self, answer):
        self.status_code, self.headers, self._answer = answer.status_code, answer.headers, answer

    def json(self):
        return self._answer.json

    def raise_for_status(self):
        assert self.status_code < 400


def test_the_reference_consumer_reads_the_resources_anew_and_goes_on(rivers_house, pruned, tmp_path, capsys):
    found = spec_from_file_location("reference", REFERENCE)
    reference = module_from_spec(found)
    found.loader.exec_module(reference)
    consumer = reference.Consumer("", {}, str(tmp_path / "changes.db"))
    consumer._session = SimpleNamespace(
        get=lambda path, params, timeout: Answered(
            rivers_house.get(
                path, partner="engineer", query_string={k: v for k, v in params.items() if v is not None}
            )
        )
    )
    consumer._database.execute("INSERT INTO place VALUES ('feed', 1)")
    consumer._catch_up()
    assert capsys.readouterr().err == "some messages are no longer kept\n"
    kept = [message["id"] for message in follow(rivers_house).json]
    assert [id_ for (id_,) in consumer._database.execute("SELECT id FROM change ORDER BY number")] == kept
    consumer._catch_up()
    assert capsys.readouterr().err == ""
    consumer._database.close()
