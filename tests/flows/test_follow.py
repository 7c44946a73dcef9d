"""What follows a change: readers are projected anew, and whereabouts told before are held back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from service.errors import Conflict, Issue, NotFound
from service.flows.projection.follow import Reprojection
from service.store.tables import reprojection, resource
from service.values.access.scope import Scope
from service.values.kept.resources import HistoryQuery, Query
from tests.flows import river
from tests.flows.conftest import ALL

LATER = datetime(2026, 3, 2, tzinfo=UTC)
RENAMED = Scope(payers=(("urn:example:payers", "renamed"),))


@pytest.fixture
def queue(rivers_house, projection):
    return Reprojection(rivers_house.store, projection, lambda: LATER)


def test_a_directory_entry_that_changes_reaches_those_that_name_it(rivers_house, queue):
    identifiers = [{"system": "urn:example:payers", "value": "renamed"}]
    rivers_house.put("organization", "northern", {**river.INSURER, "identifiers": identifiers}, if_match=1)
    assert rivers_house.disclosure.search(RENAMED, Query("CarePlan")).total == 0
    assert [queue.next() for _ in range(3)] == [True, True, False]
    assert rivers_house.disclosure.search(RENAMED, Query("CarePlan")).total == 1


def test_projecting_anew_what_says_the_same_makes_no_version_and_no_message(rivers_house, queue):
    rivers_house.put("practitioner", "nurse", {**river.NURSE, "gender": "female"}, if_match=1)
    rivers_house.new_messages()
    while queue.next():
        pass
    assert rivers_house.new_messages() == []


def test_a_document_that_fails_is_put_off_and_holds_up_no_other(rivers_house, projection, queue):
    client = rivers_house.documents.get(ALL, "cms", "client", "river")

    def check(resource):
        return [Issue("No.", "Coverage")] if resource["resourceType"] == "Coverage" else []

    failing = Reprojection(rivers_house.store, replace(projection, check=check), lambda: LATER)
    changed = {**river.INSURER, "identifiers": [{"system": "urn:example:payers", "value": "renamed"}]}
    rivers_house.put("organization", "northern", changed, if_match=1)
    rivers_house.put("practitioner", "nurse", {**river.NURSE, "gender": "female"}, if_match=1)
    with rivers_house.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE resource SET digest = 'old' WHERE type = 'Coverage'")
    while failing.next():
        pass
    with rivers_house.engine.connect() as connection:
        left = connection.exec_driver_sql("SELECT document, tries, reason FROM reprojection").all()
    assert [(waiting.document, waiting.tries) for waiting in left] == [(client.uuid, 1)]
    assert "Coverage" in left[0].reason
    assert not queue.next()
    assert Reprojection(rivers_house.store, projection, lambda: LATER + timedelta(hours=2)).next()


def test_a_document_that_fails_again_waits_twice_as_long_each_time_an_hour_at_most(rivers_house, projection):
    failing = replace(projection, check=lambda _: [Issue("No.", "Patient")])
    rivers_house.put("practitioner", "nurse", {**river.NURSE, "gender": "female"}, if_match=1)
    (document, *_) = [row.document for row in queued(rivers_house)]
    with rivers_house.engine.begin() as connection:
        connection.execute(update(resource).values(digest="old"))
        connection.execute(delete(reprojection).where(reprojection.c.document != document))
    at, waits = LATER, []
    for _ in range(14):
        assert Reprojection(rivers_house.store, failing, lambda now=at: now).next()
        (row,) = queued(rivers_house)
        waits.append((row.due.replace(tzinfo=UTC) - at).total_seconds())
        at = row.due.replace(tzinfo=UTC)
    assert waits[:5] == [2, 4, 8, 16, 32]
    assert waits[-3:] == [3600, 3600, 3600]


def queued(rivers_house):
    with rivers_house.engine.connect() as connection:
        return connection.execute(select(reprojection.c.document, reprojection.c.due)).all()


# SQLite has one writer at a time
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_workers_take_different_documents(rivers_house):
    rivers_house.put("practitioner", "nurse", {**river.NURSE, "gender": "female"}, if_match=1)
    rivers_house.put("organization", "northern", {**river.INSURER, "name": "North"}, if_match=1)

    def first(unit):
        mine, _ = unit.documents.next_queued(LATER)
        return mine, rivers_house.store.transact(lambda other: other.documents.next_queued(LATER))

    mine, (other, _) = rivers_house.store.transact(first)
    assert {mine.kind, other.kind} == {"client", "case"}


def test_what_others_name_cannot_be_erased(rivers_house):
    for kind, ref in (("practitioner", "nurse"), ("organization", "northern"), ("client", "river")):
        with pytest.raises(Conflict):
            rivers_house.documents.erase(ALL, "cms", kind, ref)
    rivers_house.documents.erase(ALL, "cms", "case", "c1")
    rivers_house.documents.erase(ALL, "cms", "practitioner", "nurse")


def test_older_versions_of_a_protected_client_are_shown_to_no_one(rivers_house):
    patient = rivers_house.one("Patient")
    plan = rivers_house.one("CarePlan")["id"]
    with rivers_house.engine.begin() as connection:
        # as a release before 0010 wrote them
        connection.exec_driver_sql('UPDATE outbox SET "full" = body')
    rivers_house.put("client", "river", {**river.CLIENT, "protected_identity": True}, if_match=1)
    history = rivers_house.disclosure.history(ALL, HistoryQuery(("Patient",), patient["id"]))
    assert [entry.version for entry in history.entries] == [2]
    with pytest.raises(NotFound):
        rivers_house.disclosure.vread(ALL, "Patient", patient["id"], 1)
    assert [
        entry.version
        for entry in rivers_house.disclosure.history(ALL, HistoryQuery(("CarePlan",), plan)).entries
    ] == [1]
    keys = [("default", "Patient", patient["id"], 1), ("default", "CarePlan", plan, 1)]
    assert list(rivers_house.outbox.versions(keys)) == keys[1:]
    with rivers_house.engine.connect() as connection:
        told_before = connection.exec_driver_sql(
            "SELECT count(*) FROM outbox WHERE routing_key = 'patient.created' AND \"full\" IS NOT NULL"
        )
        assert told_before.scalar() == 0
