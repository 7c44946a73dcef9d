"""An owner's rows leave one at a time and in order, whatever happens to others."""

from service.publish.lanes import LONGEST_PAUSE, Lanes
from service.values.resources import Numbered
from tests.publish.made import message


def rows(*owners):
    return [Numbered(number, message(owner)) for number, owner in enumerate(owners, 1)]


def taken(lanes):
    found = []
    while (row := lanes.take()) is not None:
        found.append(row)
    return found


def test_one_row_of_each_owner_goes_and_the_next_only_after_it_is_done():
    lanes = Lanes()
    lanes.add(rows("a", "a", "b"))

    first = taken(lanes)
    lanes.done(first[0])

    assert [row.position for row in first] == [1, 3]
    assert [row.position for row in taken(lanes)] == [2]


def test_a_held_owner_is_read_again_from_its_first_row_while_others_go_on():
    lanes = Lanes()
    lanes.add(rows("a", "a", "b", "b"))
    a, b = taken(lanes)

    lanes.hold(a, now=10.0)
    lanes.done(b)
    assert [row.position for row in taken(lanes)] == [4]
    lanes.done(Numbered(4, b.message))
    assert not lanes.due(10.2)
    assert lanes.due(10.25)
    lanes.rewind(10.25)
    assert lanes.cursor == 0

    lanes.add(rows("a", "a"))
    assert [row.position for row in taken(lanes)] == [1]


def test_what_waits_is_read_again_after_a_rewind():
    lanes = Lanes()
    lanes.add(rows("a", "b", "b"))
    a, b = taken(lanes)
    lanes.done(a)
    lanes.hold(b, now=0.0)
    lanes.add([Numbered(4, message("c"))])

    lanes.rewind(1.0)

    assert lanes.waiting == 0
    assert lanes.cursor == 1


def test_pauses_grow_to_a_limit_and_are_forgotten_after_success():
    lanes = Lanes()
    now = 0.0
    for _ in range(12):
        lanes.add(rows("a"))
        (row,) = taken(lanes)
        lanes.hold(row, now)
        assert lanes.due(now + LONGEST_PAUSE)
        now += LONGEST_PAUSE
        lanes.rewind(now)
    lanes.add(rows("a"))
    (row,) = taken(lanes)
    lanes.done(row)
    lanes.add(rows("a"))
    (row,) = taken(lanes)
    lanes.hold(row, now)

    assert lanes.due(now + 0.3)


def test_owners_held_one_after_the_other_come_due_together():
    lanes = Lanes()
    lanes.add(rows("a", "b"))
    a, b = taken(lanes)
    lanes.hold(a, now=10.0)
    lanes.hold(b, now=10.2)
    lanes.rewind(10.25)
    lanes.add(rows("a", "b"))
    assert [row.position for row in taken(lanes)] == [1, 2]


def test_a_parked_row_stops_its_owner_only():
    lanes = Lanes()
    lanes.add(rows("a", "a", "b"))
    a, _b = taken(lanes)

    lanes.park(a)
    lanes.add([Numbered(4, message("a")), Numbered(5, message("c"))])

    assert [row.position for row in taken(lanes)] == [5]
    assert lanes.waiting == 0


def test_a_parked_owner_goes_on_from_its_row_when_it_is_parked_no_more():
    lanes = Lanes({"a": 1, "b": 2})
    lanes.add(rows("a", "b", "a", "c"))
    assert [row.position for row in taken(lanes)] == [4]
    lanes.done(Numbered(4, message("c")))

    lanes.keep_parked({"b": 2}, now=5.0)
    assert lanes.due(5.0)
    lanes.rewind(5.0)
    assert lanes.cursor == 0

    lanes.add(rows("a", "b", "a"))
    assert [row.position for row in taken(lanes)] == [1]
    assert lanes.parked == {"b": 2}
