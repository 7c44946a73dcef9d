"""An export is the state at a position, whatever is written meanwhile; two of them are all there is."""

import json
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from service.errors import Unavailable
from service.store import tables as t
from service.store.export import positions
from service.store.export.exports import SqlExports
from service.store.relay.positions import Positions
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.values.jobs.exports import Asked
from tests.store.made import version

ALL = Scope(everything=True)
NORTH = Scope(payers=(("urn:payers", "north"),), purposes=1, withheld=0)
FOREVER = {"start": "2000-01-01", "end": "9999-12-31"}
ONE = ("urn:payers", "north", "2000-01-01", "9999-12-31")


@pytest.fixture
def exports(engine):
    """Parts of two resources, planned four at a time."""
    return SqlExports(engine, size=2, step=4)


def now():
    return datetime.now(UTC)


def write(store, id_, number, *, type_="CarePlan", client="river", labels=0):
    """Write a version of a resource, whose body tells which it is."""
    body = json.dumps({"id": id_, "n": number}).encode()
    made = version("case-" + client if client else "entry", id_, number=number, type_=type_, client=client,
                   body=body, at=now())  # fmt: skip
    made = type(made)(**{**{name: getattr(made, name) for name in made.__slots__}, "labels": labels})
    store.transact(lambda unit: unit.resources.write([made]))


def member(store, client, rows=(ONE,)):
    store.transact(lambda unit: unit.resources.memberships(client, rows))


def exported(exports, scope=ALL, since=None, types=("CarePlan",), partner="north", **more):
    """An export that is planned to its end."""
    export = exports.begin(partner, scope, Asked("x", types, since=since, **more), now())
    return planned(exports, export, scope)


def planned(exports, export, scope):
    while not export.finished:
        export = exports.advance(export, scope)
    return export


def content(exports, export, scope=ALL):
    """What an export has, by reference, and what it says is gone."""
    numbers, gone = {}, set()
    for part in exports.parts(export.id):
        if part.kind == "deleted":
            these = [f"{deletion.type}/{deletion.id}" for deletion in exports.deletions(export, part, scope)]
            assert len(these) == part.size
            gone |= set(these)
            continue
        lines = exports.lines(export, part, scope)
        bodies = [json.loads(line) for line in lines.body.splitlines()]
        assert len(bodies) == len(lines.things)
        for body, (_, reference) in zip(bodies, lines.things, strict=True):
            assert reference == f"{part.type}/{body['id']}/_history/{body['n']}"
            assert reference.partition("/_")[0] not in numbers
            numbers[reference.partition("/_")[0]] = body["n"]
    return numbers, gone


def state(engine):
    with engine.connect() as connection:
        rows = connection.execute(select(t.resource.c.type, t.resource.c.id, t.resource.c.version))
        return {f"{type_}/{id_}": number for type_, id_, number in rows}


def test_an_export_comes_in_parts_in_the_order_of_ids_and_each_is_the_same_again(engine, store, exports):
    for number in range(11):
        write(store, f"p{number:02}", 1)
    export = exported(exports)
    parts = exports.parts(export.id)
    assert [part.size for part in parts] == [2, 2, 2, 2, 2, 1]
    assert [part.number for part in parts] == [1, 2, 3, 4, 5, 6]
    numbers, _ = content(exports, export)
    assert numbers == state(engine)
    before = [exports.lines(export, part, ALL) for part in parts]
    for number in range(11):
        write(store, f"p{number:02}", 2)
        write(store, f"q{number:02}", 1)
    assert [exports.lines(export, part, ALL) for part in parts] == before
    Positions(engine).number(5000)
    assert [exports.lines(export, part, ALL) for part in parts] == before


def test_nothing_is_an_export_without_parts(exports):
    assert exports.parts(exported(exports).id) == []
    assert exports.parts(exported(exports, since=now()).id) == []


def test_what_is_not_committed_yet_comes_with_the_next_export(engine, store, exports):
    """Its row lies before those that are there: a gap, which is filled later."""
    if engine.dialect.name == "sqlite":
        pytest.skip("one writes at a time")
    write(store, "p1", 1)
    begun, done = threading.Event(), threading.Event()

    def slowly(unit):
        row = version("case-river", "late", client="river", body=b'{"id":"late","n":1}', at=now())
        unit.resources.write([row])
        unit.resources.version_of("default", "CarePlan", "late-one")
        begun.set()
        assert done.wait(60)

    thread = threading.Thread(target=store.transact, args=(slowly,))
    thread.start()
    assert begun.wait(60)
    write(store, "p2", 1)
    first = exported(exports)
    assert first.gaps
    numbers, _ = content(exports, first)
    assert numbers == {"CarePlan/p1": 1, "CarePlan/p2": 1}
    done.set()
    thread.join()
    write(store, "late", 2)
    assert content(exports, first)[0] == numbers
    second = exported(exports, since=first.at)
    assert content(exports, second)[0]["CarePlan/late"] == 2
    third = exported(exports, since=second.at)
    assert content(exports, third)[0] == {}


def test_exports_around_concurrent_writes_come_to_the_state(engine, store, exports):
    """By the oracle: what is there in the end is what all of them had, the later over the earlier."""
    seed = random.Random(14)
    stop = threading.Event()
    failed = []

    def writing(name):
        mine = {}
        try:
            while not stop.wait(0.01):
                id_ = f"{name}{seed.randrange(30):02}"
                mine[id_] = mine.get(id_, 0) + 1
                write(store, id_, mine[id_])
        except Exception as exc:  # noqa: BLE001
            failed.append(exc)

    threads = [threading.Thread(target=writing, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    collected, export = {}, None
    begun = []
    try:
        for _ in range(10):
            export = exports.begin("north", ALL, Asked("x", ("CarePlan",), since=export and export.at), now())
            begun.append(export)
            collected |= content(exports, planned(exports, export, ALL))[0]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    last = exported(exports, since=export.at)
    collected |= content(exports, last)[0]
    assert collected == state(engine)
    # an earlier one is as it was: what it has was the newest then, so what comes after it has changed since,
    # but for what was written beside something that was not committed yet
    for earlier, later in zip(begun, [*begun[1:], last], strict=True):
        before, after = content(exports, earlier)[0], content(exports, later)[0]
        assert earlier.gaps or not before.items() & after.items()
    assert content(exports, exported(exports, since=last.at))[0] == {}


def test_any_instant_leads_to_a_position_and_what_was_numbered_long_before_is_not_told_again(engine, store):
    exports, clock = SqlExports(engine), iter(range(0, 10_000, 10))
    leader = Positions(engine, lambda: float(next(clock)))
    write(store, "p1", 1)
    leader.number(10)
    leader.number(10)
    between = now()
    write(store, "p2", 1)
    leader.number(10)
    leader.number(10)
    assert content(exports, exported(exports, since=between, partner="other"))[0] == {"CarePlan/p2": 1}
    assert content(exports, exported(exports, since=now(), partner="other"))[0] == {}
    early = between - timedelta(days=1)
    assert len(content(exports, exported(exports, since=early, partner="other"))[0]) == 2


def test_who_joins_is_there_whole_and_who_leaves_is_gone(engine, store, exports):
    for client in ("river", "lake", "brook"):
        write(store, f"{client}-1", 1, client=client)
    member(store, "river")
    member(store, "lake")
    first = exported(exports, NORTH)
    assert set(content(exports, first, NORTH)[0]) == {"CarePlan/river-1", "CarePlan/lake-1"}
    member(store, "brook")
    member(store, "lake", ())
    write(store, "lake-2", 1, client="lake")
    second = exported(exports, NORTH, since=first.at)
    assert content(exports, second, NORTH) == ({"CarePlan/brook-1": 1}, {"CarePlan/lake-1"})
    assert set(content(exports, first, NORTH)[0]) == {"CarePlan/river-1"}
    third = exported(exports, NORTH, since=second.at)
    assert content(exports, third, NORTH) == ({}, set())
    again = exported(exports, NORTH, since=first.at)
    assert content(exports, again, NORTH) == ({"CarePlan/brook-1": 1}, {"CarePlan/lake-1"})
    member(store, "lake")
    back = exported(exports, NORTH, since=third.at)
    assert set(content(exports, back, NORTH)[0]) == {"CarePlan/lake-1", "CarePlan/lake-2"}


def test_who_joins_after_the_kick_off_comes_with_the_next_export(store, exports):
    write(store, "river-1", 1)
    write(store, "lake-1", 1, client="lake")
    member(store, "river")
    first = exported(exports, NORTH)
    member(store, "lake")
    assert set(content(exports, first, NORTH)[0]) == {"CarePlan/river-1"}
    second = exported(exports, NORTH, since=first.at)
    assert set(content(exports, second, NORTH)[0]) == {"CarePlan/lake-1"}


def refuse(engine, client, labels, purposes=0):
    row = {"client": client, "position": 0, "system": "", "value": "", "purposes": purposes, "labels": labels}
    with engine.begin() as connection:
        connection.execute(delete(t.consent).where(t.consent.c.client == client))
        if labels is not None:
            connection.execute(insert(t.consent), {**row, **FOREVER})


def test_what_a_client_denies_of_some_sensitivity_is_gone_and_comes_back_with_their_consent(
    engine, store, exports
):
    for id_, labels in (("plain", 0), ("psychiatric", 4), ("both", 12)):
        write(store, id_, 1, labels=labels)
    member(store, "river")
    first = exported(exports, NORTH)
    assert len(content(exports, first, NORTH)[0]) == 3
    refuse(engine, "river", 4)
    second = exported(exports, NORTH, since=first.at)
    numbers, gone = content(exports, second, NORTH)
    assert gone == {"CarePlan/psychiatric", "CarePlan/both"}
    assert set(numbers) == {"CarePlan/plain"}
    refuse(engine, "river", 8)
    third = exported(exports, NORTH, since=second.at)
    assert content(exports, third, NORTH)[1] == set()
    assert set(content(exports, third, NORTH)[0]) == {"CarePlan/plain", "CarePlan/psychiatric"}
    assert content(exports, exported(exports, NORTH, since=first.at), NORTH)[1] == {"CarePlan/both"}
    refuse(engine, "river", 0)
    fourth = exported(exports, NORTH, since=third.at)
    assert content(exports, fourth, NORTH) == ({}, {"CarePlan/plain", "CarePlan/psychiatric"})


@pytest.mark.parametrize(
    ("labels", "purposes", "gone"),
    [(1, 0, {"CarePlan/restricted"}), (1, 1, {"CarePlan/restricted"}), (1, 2, set()), (2, 1, set())],
)
def test_what_a_client_denies_for_a_purpose_or_a_level_is_gone_for_that(
    engine, store, exports, labels, purposes, gone
):
    write(store, "plain", 1)
    write(store, "restricted", 1, labels=1)
    member(store, "river")
    first = exported(exports, NORTH)
    refuse(engine, "river", labels, purposes)
    second = exported(exports, NORTH, since=first.at)
    assert content(exports, second, NORTH)[1] == gone


def test_what_was_never_in_the_scope_is_not_told_of(store, exports):
    """Not of another's clients, nor of what is withheld, not even that it is gone."""
    scope = Scope(payers=NORTH.payers, purposes=1, withheld=4)
    write(store, "plain", 1)
    write(store, "secret", 1, labels=4)
    write(store, "lake-1", 1, client="lake")
    member(store, "river")
    first = exported(exports, scope)
    assert set(content(exports, first, scope)[0]) == {"CarePlan/plain"}
    member(store, "river", ())
    second = exported(exports, scope, since=first.at)
    assert content(exports, second, scope) == ({}, {"CarePlan/plain"})


def test_with_other_rights_nothing_is_known_of_what_was_given(store, exports):
    write(store, "plain", 1)
    write(store, "secret", 1, labels=4)
    member(store, "river")
    before = Scope(payers=NORTH.payers, purposes=1, withheld=4)
    first = exported(exports, before)
    second = exported(exports, NORTH, since=first.at)
    assert set(content(exports, second, NORTH)[0]) == {"CarePlan/plain", "CarePlan/secret"}
    assert not exports.may_plan(first, NORTH)
    assert exports.may_plan(first, before)


def test_a_version_that_is_withheld_is_not_shown_and_the_next_one_comes_with_the_next_export(
    engine, store, exports
):
    write(store, "p1", 1)
    first = exported(exports)
    write(store, "p1", 2)
    with engine.begin() as connection:
        connection.execute(update(t.history).where(t.history.c.version == 1).values(withheld=True))
    assert content(exports, first)[0] == {}
    assert content(exports, exported(exports, since=first.at))[0] == {"CarePlan/p1": 2}


def test_an_export_is_planned_once_whoever_asks_at_the_same_time(store, exports):
    for number in range(11):
        write(store, f"p{number:02}", 1)
    export = exports.begin("north", ALL, Asked("x", ("CarePlan", "Goal")), now())
    while not export.finished:
        stale, export = export, exports.advance(export, ALL)
        assert exports.advance(stale, ALL) == export
    assert [part.size for part in exports.parts(export.id)] == [2, 2, 2, 2, 2, 1]


def test_no_two_exports_of_a_partner_have_the_same_transaction_time(exports):
    at = now()
    begun = [exports.begin("north", ALL, Asked("x", ("CarePlan",)), at).at for _ in range(3)]
    assert len(set(begun)) == 3
    assert all(instant.microsecond % 1000 == 0 for instant in begun)


def test_what_is_past_is_forgotten_but_for_where_it_stood(engine, store, exports):
    write(store, "p1", 1)
    old = exported(exports)
    exports.end_past(now() + timedelta(seconds=1), now())
    assert (exports.find(old.id), exports.parts(old.id)) == (None, [])
    assert content(exports, exported(exports, since=old.at))[0] == {}
    exports.end_past(now() + timedelta(seconds=1), now() + timedelta(days=900))
    with engine.connect() as connection:
        assert connection.execute(select(t.export)).all() == []


def test_what_is_written_faster_than_it_is_numbered_is_not_waited_for(engine, store):
    ticking = iter((0.0, 10.0))
    old, positions.BATCH = positions.BATCH, 1
    try:
        for number in range(3):
            write(store, f"p{number}", 1)
        with pytest.raises(Unavailable, match="numbered"):
            positions.number_all(engine, lambda: next(ticking))
    finally:
        positions.BATCH = old


def test_a_store_may_be_asked_by_another_process(engine, store, exports):
    for number in range(5):
        write(store, f"p{number}", 1)
    export = exported(exports)
    other = SqlExports(engine, size=2, step=4)
    assert content(other, other.find(export.id)) == content(exports, export)
    assert isinstance(store, SqlStore)


def test_who_is_away_while_a_part_is_fetched_comes_whole_with_the_next_export(store, exports):
    write(store, "river-1", 1)
    write(store, "lake-1", 1, client="lake")
    member(store, "river")
    member(store, "lake")
    first = exported(exports, NORTH)
    member(store, "lake", ())
    assert set(content(exports, first, NORTH)[0]) == {"CarePlan/river-1"}
    member(store, "lake")
    second = exported(exports, NORTH, since=first.at)
    assert content(exports, second, NORTH) == ({"CarePlan/lake-1": 1}, set())
    third = exported(exports, NORTH, since=second.at)
    assert content(exports, third, NORTH) == ({}, set())
