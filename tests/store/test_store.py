"""The store keeps what the flows hand it, inside a scope, on SQLite and PostgreSQL alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from service.errors import Conflict, Gone, Misconfigured
from service.store.migrations.schema import check
from service.store.relay.outbox import Outbox
from service.values.access.scope import Scope
from service.values.criteria import HasNoTerm, HasTerm, HasText, InRange, Says
from service.values.kept.resources import HistoryQuery, Query, SearchRows
from service.wire.json import parse
from tests.store.made import AT, document, message, version

ALL = Scope(everything=True)
CPR = "urn:oid:1.2.208.176.1.2"
PAYER = ("urn:payers", "north")
INSURER = Scope(payers=(PAYER,))


def add(store, *documents):
    store.transact(
        lambda unit: [unit.documents.add(document, cause="create", partner="cms") for document in documents]
    )


def write(store, *versions):
    store.transact(lambda unit: unit.resources.write(versions))


def test_a_document_is_found_by_its_name_and_by_our_uuid(store):
    river = document()
    add(store, river)
    assert store.document(ALL, "client", "cms", "river") == river
    assert store.document(ALL, "client", "other", river.uuid) == river
    assert store.document(ALL, "client", "other", "river") is None


def test_a_document_out_of_scope_does_not_exist(store):
    add(store, document())
    assert store.document(Scope(source="other"), "client", "cms", "river") is None
    assert store.document(Scope(), "client", "cms", "river") is None
    assert store.documents(Scope(source="other"), "client") == []
    assert len(store.documents(Scope(source="cms"), "client")) == 1


def test_one_name_is_one_document(store):
    add(store, document())
    with pytest.raises(Conflict):
        add(store, document())


def test_an_identifying_identifier_is_one_clients_alone(store):
    number = {"system": CPR, "value": "1"}
    add(store, document(identifiers=[number]))
    with pytest.raises(Conflict, match="Another client"):
        add(store, document("robin", identifiers=[number]))
    assert store.document(ALL, "client", "cms", "robin") is None


def test_other_identifiers_may_repeat_and_find_documents(store):
    number = {"system": "urn:ward", "value": "7"}
    add(store, document(identifiers=[number]), document("robin", identifiers=[number]))
    assert len(store.documents(ALL, "client", identifier=("urn:ward", "7"))) == 2
    assert store.documents(ALL, "client", identifier=(None, "8")) == []


def test_every_revision_is_kept(store):
    river = document()
    add(store, river)
    store.transact(
        lambda unit: unit.documents.update(replace(river, revision=2), cause="replace", partner="cms")
    )
    assert [revision.revision for revision in store.revisions(ALL, river.uuid)] == [2, 1]
    assert store.revisions(Scope(source="other"), river.uuid) == []


def test_a_story_that_fails_leaves_nothing(store):
    def story(unit):
        unit.documents.add(document(), cause="create", partner="cms")
        raise KeyError

    with pytest.raises(KeyError):
        store.transact(story)
    assert store.documents(ALL, "client") == []


def test_writes_to_one_document_are_serialised(store):
    river = document()
    add(store, river)

    def raise_revision(_):
        def story(unit):
            client = unit.documents.lock(ALL, "client", "cms", "river")
            unit.documents.update(
                replace(client, revision=client.revision + 1), cause="replace", partner="cms"
            )
            return unit.resources.sequence(river.uuid, "default", 2, "")

        return store.transact(story)

    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(raise_revision, range(30)))
    assert store.document(ALL, "client", "cms", "river").revision == 31
    assert sorted(numbers) == list(range(1, 61, 2))


def test_a_new_version_replaces_the_current_one_and_joins_the_history(store):
    river = document()
    add(store, river)
    write(store, version(river.uuid, "p1", body=b'{"v":1}'))
    write(store, version(river.uuid, "p1", number=2, body=b'{"v":2}'))
    assert store.resource(ALL, "CarePlan", "p1").body == b'{"v":2}'
    assert store.version(ALL, "CarePlan", "p1", 1).body == b'{"v":1}'
    assert [entry.version for entry in store.history(ALL, HistoryQuery(("CarePlan",), "p1")).entries] == [
        2,
        1,
    ]


def test_an_insurer_sees_its_members_and_what_they_refer_to_and_nothing_else(store):
    mine, other, nurse = document(), document("robin"), document("nurse", kind="practitioner")
    add(store, mine, other, nurse)
    write(
        store,
        version("case", "p1", client=mine.uuid),
        version("case", "p2", client=other.uuid),
        version(nurse.uuid, "n1", type_="Practitioner"),
        version(nurse.uuid, "n2", type_="Practitioner"),
    )
    nurses = [("Practitioner", "n1"), ("Practitioner", "n2")]
    mentioned = dict.fromkeys(nurses, 0)
    store.transact(lambda unit: unit.resources.mention("case", "default", mine.uuid, mentioned, []))
    del mentioned[nurses[1]]
    store.transact(lambda unit: unit.resources.mention("case", "default", mine.uuid, mentioned, nurses[1:]))
    store.transact(lambda unit: unit.resources.memberships(mine.uuid, [(*PAYER, "2020-01-01", "9999-12-31")]))
    store.transact(
        lambda unit: unit.resources.memberships(other.uuid, [(*PAYER, "2020-01-01", "2020-12-31")])
    )
    page = store.search(INSURER, Query("CarePlan"))
    assert [entry.id for entry in page.entries] == ["p1"]
    assert page.total == 1
    assert store.resource(INSURER, "CarePlan", "p2") is None
    assert store.history(INSURER, HistoryQuery(("CarePlan",), "p2")).entries == ()
    assert store.resource(INSURER, "Practitioner", "n1") is not None
    assert store.resource(INSURER, "Practitioner", "n2") is None
    assert store.search(Scope(payers=(("urn:payers", "south"),)), Query("CarePlan")).total == 0


def test_search_finds_by_terms_ranges_texts_and_by_what_is_said(store):
    river = document()
    add(store, river)
    rows = SearchRows(
        terms=("status|urn:status|active", "subject>Patient/c1"),
        ranges=(("period", 100.0, 200.0),),
        texts=(("title", "100%_x"),),
        present=0b101,
    )
    write(store, version(river.uuid, "p1", rows=rows), version(river.uuid, "p2"))

    def ids_with(criterion):
        return sorted(entry.id for entry in store.search(ALL, Query("CarePlan", (criterion,))).entries)

    def text(modifier, value):
        return HasText((("CarePlan.title", modifier, value),))

    assert ids_with(HasTerm(("CarePlan.status|urn:status|active",))) == ["p1"]
    assert ids_with(HasTerm(("CarePlan.nothing", "CarePlan.subject>Patient/c1"), is_narrow=True)) == ["p1"]
    assert ids_with(HasTerm(("CarePlan.status|urn:other|active",))) == []
    assert ids_with(HasTerm(())) == []
    assert ids_with(HasNoTerm(("CarePlan.status|urn:status|active",))) == ["p2"]
    assert ids_with(InRange((("CarePlan.period", "eq", 100.0, 200.0),))) == ["p1"]
    assert (
        ids_with(InRange((("CarePlan.period", "gt", 200.0, 200.0), ("CarePlan.period", "lt", 1.0, 1.0))))
        == []
    )
    assert ids_with(Says(0b001, something=True)) == ["p1"]
    assert ids_with(Says(0b001, something=False)) == ["p2"]
    assert ids_with(text("", "100%")) == ["p1"]
    assert ids_with(text("contains", "%_")) == ["p1"]
    assert ids_with(text("", "1000")) == []
    assert ids_with(text("contains", "__")) == []


def test_search_finds_a_new_version_by_its_own_rows_or_those_it_keeps(store):
    river = document()
    add(store, river)

    def versions_with(status):
        query = Query("CarePlan", (HasTerm((f"CarePlan.status={status}",)),))
        return [(entry.id, entry.version) for entry in store.search(ALL, query).entries]

    draft, active = (SearchRows(terms=(f"status={status}",)) for status in ("draft", "active"))
    write(store, version(river.uuid, "p1", rows=draft), version(river.uuid, "p2", rows=draft))
    write(store, replace(version(river.uuid, "p1", number=2, rows=draft), is_found_alike=True))
    assert versions_with("draft") == [("p2", 1), ("p1", 2)]
    write(store, version(river.uuid, "p1", number=3, rows=active))
    assert (versions_with("draft"), versions_with("active")) == ([("p2", 1)], [("p1", 3)])
    assert [entry.version for entry in store.history(ALL, HistoryQuery(("CarePlan",), "p1")).entries] == [
        3,
        2,
        1,
    ]


def test_pages_follow_each_other_without_gap_or_repeat(store):
    river = document()
    add(store, river)
    write(store, *(version(river.uuid, f"p{n}", at=AT + timedelta(seconds=n // 3)) for n in range(10)))
    seen, after = [], None
    while True:
        page = store.search(ALL, Query("CarePlan", count=4, after=after))
        seen += [entry.id for entry in page.entries]
        after = page.next
        if after is None:
            break
    assert sorted(seen) == sorted(f"p{n}" for n in range(10))
    assert len(seen) == 10


def test_erasure_reaches_history_search_and_outbox(store, engine):
    river = document()
    add(store, river)
    rows = SearchRows(terms=("x",), ranges=(("birthDate", 1.0, 2.0),), texts=(("name", "river"),))
    write(store, version(river.uuid, "p1", rows=rows))
    store.transact(lambda unit: unit.resources.emit([message(f"client/{river.uuid}", 1)]))
    with engine.begin() as connection:
        # as a release before 0012 wrote it
        connection.execute(text('UPDATE outbox SET "full" = body'))

    def erase(unit):
        erased = unit.resources.erase(river)
        unit.documents.erase(river)
        return erased

    assert store.transact(erase) == [("default", "CarePlan", "p1")]
    with pytest.raises(Gone):
        store.resource(ALL, "CarePlan", "p1")
    (stone,) = store.history(ALL, HistoryQuery(("CarePlan",), "p1")).entries
    assert (stone.is_erased, stone.client) == (True, None)
    assert store.history(INSURER, HistoryQuery(("CarePlan",), "p1")).total == 0
    assert store.document(ALL, "client", "cms", "river") is None
    assert store.revisions(ALL, river.uuid) == []
    with engine.connect() as connection:
        for table in ("search_range", "search_text"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0
        assert connection.execute(text('SELECT count("full") FROM outbox')).scalar() == 0


def test_positions_are_gap_free_and_keep_each_owners_order(store, engine):
    outbox = Outbox(engine)

    def story(n):
        owner = f"case/{n % 3}"

        def emit(unit):
            first = unit.resources.sequence(owner, "default", 2, "")
            unit.resources.emit([message(owner, first), message(owner, first + 1)])

        store.transact(emit)
        outbox.number()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(story, range(24)))
    outbox.number()
    events = store.events(ALL, 0, 100)
    assert [event.position for event in events] == list(range(1, 49))
    for owner in {event.owner for event in events}:
        mine = [parse(event.body)["sequence"] for event in events if event.owner == owner]
        assert mine == list(range(1, 17))
    assert store.events(Scope(), 0, 100) == []


def test_what_is_marked_is_no_longer_pending(store, engine):
    outbox = Outbox(engine)
    store.transact(
        lambda unit: unit.resources.emit([message("case/1", 1), message("case/1", 2), message("case/2", 1)])
    )
    assert outbox.number() == 3
    outbox.mark([1], "published")
    outbox.park(2, "too large for the broker")
    assert [message_.position for message_ in outbox.pending(0, 10)] == [3]
    assert outbox.backlog() == 1


def test_what_is_parked_is_listed_with_its_reason_until_it_is_released(store, engine):
    outbox = Outbox(engine)
    store.transact(
        lambda unit: unit.resources.emit([message("case/1", 1), message("case/2", 1), message("case/3", 1)])
    )
    outbox.number()
    outbox.park(2, "too large for the broker")
    outbox.park(1, "no frame fits it")
    assert [
        (parked_message.position, parked_message.owner, parked_message.reason)
        for parked_message in outbox.parked_messages()
    ] == [
        (1, "case/1", "no frame fits it"),
        (2, "case/2", "too large for the broker"),
    ]
    assert outbox.release([2, 3]) == 1
    assert [parked_message.position for parked_message in outbox.parked_messages()] == [1]
    assert [message_.position for message_ in outbox.pending(0, 10)] == [2, 3]


def test_a_database_without_this_releases_schema_is_refused(engine):
    check(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="casebridge db upgrade"):
        check(engine)
