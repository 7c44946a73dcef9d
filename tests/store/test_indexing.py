"""What another release stored is made searchable, and what its processes write meanwhile is found again."""

from dataclasses import replace

from sqlalchemy import text

from service.store.search import indexing
from service.values.access.scope import Scope
from service.values.criteria import HasTerm, InRange
from service.values.kept.resources import Query, SearchRows
from service.wire.fhir.search.rows import rows
from service.wire.json import dump
from tests.store.made import document, version

ALL = Scope(everything=True)
PLAN = {"resourceType": "CarePlan", "id": "p1", "status": "draft", "period": {"start": "2026-03-01"}}


def versions_with(store, status, prefix="eq"):
    asked = (
        HasTerm((f"CarePlan.status={status}",)),
        InRange((("CarePlan.period", prefix, 1772323200000.0, 1e300),)),
    )
    return [(entry.id, entry.version) for entry in store.search(ALL, Query("CarePlan", asked)).entries]


def as_before(engine, number, status):
    """Write a version as a process of the release before does: what search finds it by stays as it was."""
    body = dump({**PLAN, "status": status})
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE resource SET version = :number, body = :body"), {"number": number, "body": body}
        )


def test_what_is_stored_is_made_searchable_once_and_what_older_processes_write_again(store, engine):
    river = document()
    store.transact(lambda unit: unit.documents.add(river, cause="put", partner="cms"))
    made = version(river.uuid, "p1", body=dump(PLAN))
    store.transact(lambda unit: unit.resources.write([made]))
    with engine.begin() as connection:
        connection.execute(text("UPDATE resource SET terms = NULL, present = NULL, searched = NULL"))
    assert versions_with(store, "draft") == []
    assert not indexing.is_done(engine)
    assert sum(indexing.index(engine, rows)) == 1
    assert indexing.is_done(engine)
    assert versions_with(store, "draft") == [("p1", 1)]
    assert sum(indexing.index(engine, rows)) == 0
    as_before(engine, 2, "active")
    assert versions_with(store, "draft") == [("p1", 2)]
    assert sum(indexing.index(engine, rows)) == 1
    assert (versions_with(store, "draft"), versions_with(store, "active")) == ([], [("p1", 2)])
    as_before(engine, 3, "revoked")
    (current,) = store.transact(lambda unit: unit.resources.current(river.uuid, "default")).values()
    assert not current.searched
    found_by = rows({**PLAN, "status": "revoked"})
    last = replace(version(river.uuid, "p1", number=4), rows=found_by, is_found_alike=current.searched)
    store.transact(lambda unit: unit.resources.write([last]))
    assert versions_with(store, "revoked") == [("p1", 4)]
    assert sum(indexing.index(engine, rows)) == 0


def test_many_are_made_searchable_in_batches(store, engine, monkeypatch):
    monkeypatch.setattr(indexing, "_NEXT", indexing._NEXT.limit(3))
    river = document()
    store.transact(lambda unit: unit.documents.add(river, cause="put", partner="cms"))
    made = [version(river.uuid, f"p{n}", body=dump(PLAN), rows=SearchRows()) for n in range(7)]
    store.transact(lambda unit: unit.resources.write(made))
    with engine.begin() as connection:
        connection.execute(text("UPDATE resource SET searched = 'before'"))
    assert list(indexing.index(engine, rows)) == [3, 3, 1]
    assert len(versions_with(store, "draft")) == 7
