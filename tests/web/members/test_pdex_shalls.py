"""What PDex has a server do (SHALL), by the ids of its requirements: a test each, or why not.

https://hl7.org/fhir/us/davinci-pdex/
"""

import csv
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
with (HERE / "pdex_shalls.csv").open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


def test_each_requirement_stands_there_once():
    ids = [row["requirement"] for row in ROWS]
    assert len(ids) == len(set(ids)) >= 56


@pytest.mark.parametrize("row", ROWS, ids=[row["requirement"] for row in ROWS])
def test_a_requirement_has_a_test_or_a_reason(row):
    assert bool(row["held_by"]) != bool(row["why_not"])
    if row["held_by"]:
        module, _, name = row["held_by"].partition(".")
        source = (HERE.parents[1] / f"{module}.py").read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\(", source, re.MULTILINE)
