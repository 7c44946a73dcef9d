"""A migration keeps what the release before has written, and what its processes go on writing."""

import pytest
from alembic import command
from sqlalchemy import insert, select

from service.store import schema
from service.store import tables as t
from service.store.sql.engine import connect
from service.values.scope import Scope
from tests.store.made import AT

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
    seen = [store.resource(INSURER, "Practitioner", nurse) is not None for nurse in ("n1", "n2", "n3")]
    assert seen == [True, True, False]
    store.transact(
        lambda unit: unit.resources.mention("case", "default", "river", [("Practitioner", "n2")], [])
    )
