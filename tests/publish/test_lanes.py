"""An owner's rows leave one at a time and in order, whatever happens to others."""

from service.publish.lanes import Lanes
from service.values.kept.resources import NumberedMessage


def numbered(position, owner):
    return NumberedMessage(position, f"m{position}", "default", owner, "careplan.updated", b"{}", position)


def rows(*owners):
    return [numbered(number, owner) for number, owner in enumerate(owners, 1)]


def taken(lanes):
    rows = []
    while (row := lanes.take()) is not None:
        rows.append(row)
    return rows


def test_one_row_of_each_owner_goes_and_the_next_only_after_it_is_done():
    lanes = Lanes()
    lanes.add(rows("a", "a", "b"))

    first = taken(lanes)
    lanes.finish(first[0])

    assert [row.position for row in first] == [1, 3]
    assert [row.position for row in taken(lanes)] == [2]


def test_a_new_leader_reads_from_the_beginning_and_knows_how_many_rows_wait():
    lanes = Lanes()
    assert (lanes.cursor, lanes.waiting) == (0, 0)
    lanes.add(rows("a", "a", "b"))
    assert (lanes.cursor, lanes.waiting) == (3, 3)
    lanes.take()
    assert lanes.waiting == 2


def test_what_waits_is_read_again_after_a_rewind():
    lanes = Lanes({"b": 2})
    lanes.add(rows("a", "b", "b", "c", "c"))
    a, c = taken(lanes)
    lanes.keep_parked({})
    lanes.add([numbered(6, "b"), numbered(7, "d")])
    assert [row.position for row in taken(lanes)] == [7]
    lanes.finish(a)
    lanes.finish(c)
    lanes.finish(numbered(7, "d"))

    lanes.rewind()

    assert lanes.waiting == 0
    assert lanes.cursor == 1
    assert not lanes.due


def test_a_parked_row_stops_its_owner_only():
    lanes = Lanes()
    lanes.add(rows("a", "a", "b"))
    a, _b = taken(lanes)

    lanes.park(a)
    lanes.add([numbered(4, "a"), numbered(5, "c")])

    assert [row.position for row in taken(lanes)] == [5]
    assert lanes.waiting == 0


def test_an_owner_that_is_parked_here_goes_on_from_the_row_that_stopped_it():
    lanes = Lanes()
    lanes.add(rows("b", "a"))
    b, a = taken(lanes)
    lanes.finish(b)
    lanes.park(a)
    lanes.keep_parked({})

    lanes.rewind()

    assert lanes.cursor == 1
    lanes.add([a])
    assert taken(lanes) == [a]


def test_a_parked_owner_goes_on_from_its_row_when_it_is_parked_no_more():
    lanes = Lanes({"a": 1, "b": 2})
    lanes.add(rows("a", "b", "a", "c"))
    assert [row.position for row in taken(lanes)] == [4]
    lanes.finish(numbered(4, "c"))

    lanes.keep_parked({"b": 2})
    assert lanes.due
    lanes.rewind()
    assert lanes.cursor == 0

    lanes.add(rows("a", "b", "a"))
    assert [row.position for row in taken(lanes)] == [1]
    assert lanes.parked == {"b": 2}
