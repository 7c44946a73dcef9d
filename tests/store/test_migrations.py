"""A migration keeps what the release before has written, and what its processes go on writing."""

import json

import pytest
from alembic import command
from sqlalchemy import insert, select, update

from service.store import tables as t
from service.store.migrations import schema
from service.store.relay.outbox import Outbox
from service.store.relay.retention import prune
from service.store.sql.engine import connect
from service.values.access.scope import Scope
from tests.store.made import AT, message

ALL = Scope(everything=True)
INSURER = Scope(payers=(("urn:payers", "north"),))


@pytest.fixture
def engine(empty_database_url):
    """A database without a schema."""
    engine = connect(empty_database_url)
    yield engine
    engine.dispose()


def upgraded(engine, revision):
    """Run the migrations up to one."""
    config = schema._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def resource(engine, owner, type_, id_, client=None):
    with engine.begin() as connection:
        row = {"view": "default", "type": type_, "id": id_, "version": 1, "owner": owner, "client": client}
        more = {"body": b"{}", "digest": "", "mapping_version": "", "last_updated": AT}
        connection.execute(insert(t.resource), {**row, **more})


def refers(engine, id_, parameter, *targets):
    """Write the rows that 0005 knew of what a CarePlan of the client refers to."""
    base = {"view": "default", "type": "CarePlan", "id": id_, "client": "river", "parameter": parameter}
    with engine.begin() as connection:
        for type_, target in targets:
            connection.execute(insert(t.reference), {**base, "target_type": type_, "target_id": target})


def test_what_a_payer_saw_of_the_directory_it_sees_after_0006_and_new_references_of_older_processes(
    engine, store
):
    upgraded(engine, "0005")
    for number in (1, 2):
        resource(engine, "case", "CarePlan", f"p{number}", "river")
        refers(engine, f"p{number}", "*", ("Patient", "r"), ("Practitioner", "n1"), ("CarePlan", "p2"))
    refers(engine, "p1", "patient", ("Patient", "r"))
    resource(engine, "river", "Patient", "r", "river")
    for nurse in ("n1", "n2", "n3"):
        resource(engine, nurse, "Practitioner", nurse)
    with engine.begin() as connection:
        member = {"client": "river", "position": 0, "start": "2020-01-01", "end": "9999-12-31"}
        connection.execute(insert(t.membership), {**member, "system": "urn:payers", "value": "north"})
    upgraded(engine, "0006")
    with engine.connect() as connection:
        c = t.reference.c
        left = connection.execute(select(c.id, c.parameter, c.target_type)).all()
        mentioned = connection.execute(select(t.mention.c.target_id).order_by("target_id")).scalars().all()
    assert sorted(left) == [
        ("p1", "*", "Practitioner"),
        ("p1", "patient", "Patient"),
        ("p2", "*", "Practitioner"),
    ]
    assert mentioned == ["n1", "r"]
    refers(engine, "p2", "*", ("Practitioner", "n1"), ("Practitioner", "n2"), ("Goal", "g"))
    upgraded(engine, "head")
    seen = [store.resource(INSURER, "Practitioner", nurse) is not None for nurse in ("n1", "n2", "n3")]
    assert seen == [True, True, False]
    store.transact(
        lambda unit: unit.resources.mention("case", "default", "river", {("Practitioner", "n2"): 0}, [])
    )


def messages(engine, states, first=1):
    """Write messages as a release before 0014 left them; `states` by position, None where it has none yet."""
    with engine.begin() as connection:
        for name, (position, state) in enumerate(states, first):
            row = {"position": position, "state": state, "message": str(name), "sequence": name}
            more = {"view": "default", "owner": f"case/{name}", "routing_key": "goal.created"}
            times = {"recorded": AT, "recorded_on": AT.date()}
            connection.execute(insert(t.outbox), {**row, **more, **times, "body": b"{}"})


def counted(engine, last):
    with engine.begin() as connection:
        if connection.execute(update(t.counter).where(t.counter.c.name == "outbox"), {"last": last}).rowcount:
            return
        connection.execute(insert(t.counter), {"name": "outbox", "last": last})


def test_what_was_pending_is_published_after_0011_and_what_a_relay_of_before_left_too(engine):
    upgraded(engine, "0008")
    messages(engine, enumerate(("published", "pending", "parked", "owed", "unrouted", "pending"), 1))
    counted(engine, 6)
    upgraded(engine, "0011")
    # a relay of the release before leads once more: it publishes 6 to 8, numbers 9 and 10 and is gone
    messages(engine, enumerate(("published", "unrouted", "pending", "parked"), 7), 7)
    with engine.begin() as connection:
        connection.execute(update(t.outbox).where(t.outbox.c.position == 6).values(state="published"))
    counted(engine, 10)
    schema.upgrade(engine)
    outbox = Outbox(engine)

    def pending():
        return [row.position for row in outbox.pending(0, 10)]

    assert (pending(), outbox.backlog()) == ([2, 9], 2)
    outbox.mark([2], "published")
    assert outbox.release([3]) == 1
    assert (pending(), outbox.backlog()) == ([3, 9], 2)
    outbox.mark([3, 9], "published")
    assert (pending(), outbox.backlog()) == ([], 0)
    assert list(prune(engine, [(1, 10)])) == [8]
    with engine.connect() as connection:
        left = connection.execute(select(t.outbox.c.position, t.outbox.c.state).order_by(t.outbox.c.position))
        assert left.all() == [(4, "owed"), (10, "parked")]


@pytest.mark.parametrize(("left", "begins"), [(range(1, 4), 0), (range(4, 6), 3), ((), 5)])
def test_0035_says_from_where_on_messages_are_kept(engine, store, left, begins):
    upgraded(engine, "0031")
    with engine.begin() as connection:
        connection.execute(update(t.numbering).where(t.numbering.c.stream == "outbox").values(last=5, row=5))
        for position in left:
            run = {"stream": "outbox", "position": position, "row": position, "length": 1}
            connection.execute(insert(t.position_run), run)
    schema.upgrade(engine)
    assert store.feed_begins() == begins


def test_a_broker_that_was_away_for_long_gets_all_after_0014(engine):
    upgraded(engine, "0008")
    messages(engine, enumerate(["pending"] * 2500, 1))
    counted(engine, 2500)
    schema.upgrade(engine)
    outbox, got = Outbox(engine), []
    while rows := outbox.pending(got[-1] if got else 0, 1000):
        got += [row.position for row in rows]
    assert got == list(range(1, 2501))


def test_0014_keeps_every_position_gives_one_to_what_waits_and_leaves_a_leader_of_before_nothing(
    engine, store
):
    upgraded(engine, "0013")
    # the third row was committed after the fourth was numbered, the last two were not numbered yet
    messages(engine, [(place, "pending") for place in (1, 2, 4, 3, 5, None, None)])
    counted(engine, 5)
    schema.upgrade(engine)
    store.transact(lambda unit: unit.resources.emit([message("case/1", 8)]))
    with engine.begin() as connection:
        # what one of the release before numbers by
        left = connection.exec_driver_sql("UPDATE outbox SET position = 9 WHERE position IS NULL").rowcount
    outbox = Outbox(engine)
    assert (left, outbox.number()) == (0, 1)
    assert [(row.position, row.id) for row in store.events(ALL, 0, 7)] == list(enumerate("1243567", 1))
    assert [row.position for row in outbox.pending(0, 10)] == list(range(1, 9))


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
def test_bodies_are_compressed_with_lz4_in_every_partition_after_0013(engine):
    schema.upgrade(engine)
    asked = """
        SELECT relname, attname FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
        WHERE attcompression = 'l' AND relkind IN ('r', 'p') ORDER BY 1
    """
    with engine.connect() as connection:
        rows_ = [tuple(row) for row in connection.exec_driver_sql(asked)]
    bodies = [("document", "body"), ("resource", "body"), ("revision", "body")]
    assert {*bodies, ("resource_history_default", "body"), ("inbox_default", "raw")} <= {*rows_}


STAYS = {"v1": {"partner": [[1, 0, 0], "mercy"], "status": [[1, 0, 0], "in-progress"]}}
ENDED = {
    "partner": [[1, 0, 0], "lakeside"],
    "status": [[1772200000, 0, 0], "finished"],
    "period.end": [[1, 0, 0], "2026-02"],
}
DOCUMENTS = {
    "ward": ("organization", None, {"name": "Ward", "part_of": "house"}),
    "house": ("organization", None, {"name": "House", "identifiers": [{"system": "urn:h", "value": "H"}]}),
    "river": ("client", None, {"names": [], "$service": {"stays": STAYS}}),
    "case": (
        "case",
        "river",
        {
            "status": "finished",
            "closure": {"reason": "goals-met", "date": "2026-03-05"},
            "team": [{"id": "m", "role": "other", "organization": "ward", "period": {"start": "2026"}}],
            "stays": [{"id": "s", "status": "planned", "kind": "unknown", "hospital": "house"}],
            "$service": {"stays": {"v2": ENDED, "v3": {**ENDED, "status": [[2, 0, 0], "cancelled"]}}},
        },
    ),
}


def test_0017_fills_in_who_treats_whom(engine):
    upgraded(engine, "0013")
    with engine.begin() as connection:
        for uuid, (kind, client, body) in DOCUMENTS.items():
            row = {"uuid": uuid, "kind": kind, "source": "cms", "source_id": uuid, "client": client}
            more = {"revision": 1, "body": json.dumps(body).encode(), "created": AT, "updated": AT}
            connection.execute(insert(t.document), {**row, **more})
        names = {
            "document": "house",
            "position": 0,
            "kind": "organization",
            "digest": "",
            "identifying": False,
        }
        connection.execute(insert(t.identifier), {**names, "system": "urn:h", "value": "H"})
    upgraded(engine, "0017")
    c = t.treatment.c
    with engine.connect() as connection:
        chosen = select(c.document, c.client, c.system, c.value, c.start, c.end)
        rows = connection.execute(chosen.order_by(c.document, c.sent, c.position)).all()
    assert [tuple(row) for row in rows] == [
        ("case", "river", "urn:h", "H", "0001-01-01", "9999-12-31"),
        ("case", "river", "urn:h", "H", "2026-01-01", "2026-03-05"),
        ("case", "river", "", "lakeside", "0001-01-01", "2026-02-31"),
        ("river", "river", "", "mercy", "0001-01-01", "9999-12-31"),
    ]
