"""What Bulk Data Access has a server do (SHALL), by the ids of its requirements: a test each, or why not.

https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

import csv
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WHERE = {
    "test_export": HERE / "test_export.py",
    "test_export_asked": HERE / "test_export_asked.py",
    "test_export_smart": HERE / "test_export_smart.py",
    "test_exports": HERE.parents[1] / "store" / "test_exports.py",
}
with (HERE / "bulk_data_shalls.csv").open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


def test_each_requirement_stands_there_once():
    ids = [row["requirement"] for row in ROWS]
    assert len(ids) == len(set(ids)) >= 124


@pytest.mark.parametrize("row", ROWS, ids=[row["requirement"] for row in ROWS])
def test_a_requirement_has_a_test_or_a_reason(row):
    assert bool(row["held_by"]) != bool(row["why_not"])
    if row["held_by"]:
        module, _, name = row["held_by"].partition(".")
        assert re.search(rf"^def {name}\(", WHERE[module].read_text(encoding="utf-8"), re.MULTILINE)
