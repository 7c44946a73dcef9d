"""Cases coming in, new and with one goal changed, against bare transactions that write the very same rows.

Ours goes through the WSGI application in this process (parse, check, map, validate, store, answer); the
bare side writes what ours wrote, row for row, with `executemany` into a database of the same schema.
"""

import copy
import tempfile
import time
from pathlib import Path

from service.wire.json import dump
from tests.performance import house
from tests.performance.bare import Bare, insert, upsert
from tests.performance.cases import case
from tests.performance.lines import Entry, at_least, median, ratios, spread, turns

LINES = {"new": "case.vs_rows", "one goal changed": "case_changed.vs_rows"}
BUDGETS = {"new": 0.45, "one goal changed": 0.40}


def run(quick: bool, servers: house.Servers) -> list[Entry]:
    """Measure both lines: new cases, and changed ones."""
    count, number = (25, 4) if quick else (60, 9)
    with (
        house.database(servers) as url,
        house.database(servers) as twin,
        tempfile.TemporaryDirectory() as folder,
    ):
        put, bare = house.House(url, Path(folder)), Bare(url, twin)
        try:
            return _measured(put, bare, count, number)
        finally:
            put.close()
            bare.close()


def _measured(put: house.House, bare: Bare, count: int, number: int) -> list[Entry]:
    put.put_directory()
    ours: dict[str, list[float]] = {"new": [], "one goal changed": []}
    theirs: dict[str, list[float]] = {"new": [], "one goal changed": []}
    sizes: dict[str, int] = {}
    for turn in turns("case.vs_rows", number):
        numbers = range(turn * count, (turn + 1) * count)
        for number_ in numbers:
            put.put(*house.client(number_))
        bare.seen()
        documents = {
            "new": [(*house.case(number_), None) for number_ in numbers],
            "one goal changed": [(house.case(number_)[0], changed(number_), 1) for number_ in numbers],
        }
        for kind, puts in documents.items():
            ours[kind].append(_seconds(put, puts))
            written = bare.seen()
            assert len(written) == 2 * count, "a case is one transaction, the record of its answer another"
            theirs[kind].append(2 * bare.write(written, insert if kind == "new" else upsert))
            sizes.setdefault(kind, sum(len(rows) for one in written[:2] for rows in one.values()))
    entries = []
    for kind, seconds in ours.items():
        shares = ratios(theirs[kind][1:], seconds[1:])
        ms = [spread([1000 * second for second in one[1:]]) for one in (seconds, theirs[kind])]
        detail = (
            f"{kind} {spread(shares)}, {ms[0]} ms against {ms[1]} for {sizes[kind]} rows; {number} rounds of "
            f"{count} cases, one after the other through the WSGI application in one process"
        )
        entries.append(at_least(LINES[kind], median(shares), "ratio", BUDGETS[kind], detail))
    return entries


def changed(number: int) -> bytes:
    """Return the body of a case with one goal changed."""
    document = copy.deepcopy(case(number))
    document["plan"]["goals"][2]["description"] = "Cycle to the bakery"
    return dump(document)


def _seconds(put: house.House, puts: list[tuple[str, bytes, int | None]]) -> float:
    """The seconds one takes."""
    began = time.perf_counter()
    for put_ in puts:
        put.put(*put_)
    return (time.perf_counter() - began) / len(puts)
