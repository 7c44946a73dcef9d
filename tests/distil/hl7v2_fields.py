"""Distils the titles and data types of fields into fields.json, for the segments of `schema.FIELDS`.

Run as `python -m tests.distil.hl7v2_fields SHEETS TABLES`. SHEETS is the folder `mappings` of HL7's own
sheets (https://github.com/HL7/v2-to-fhir), which have the titles of most; TABLES that of the package hl7apy,
which has those of the others, by version. The same folders give the same bytes.
"""

import csv
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from service.wire.hl7v2.json_schema import FIELDS

DATA: Final = Path(__file__).parents[2] / "service/wire/hl7v2/fields.json"
# the newer first: what was withdrawn since has its type in the older
_VERSIONS: Final = ("v2_8_2", "v2_5_1", "v2_4")
_WITHDRAWN: Final = "WD"


def distil(sheets: Path, tables: Path) -> bytes:
    """Return fields.json: by segment a list of [title, data type], field 1 first; "" where unknown."""
    titles = dict(_of_sheets(sheets))
    others = list(_of_tables(tables))
    rows_of = {}
    for name, count in sorted(FIELDS.items()):
        rows = []
        for number in range(1, count + 1):
            entries = [source[name, number] for source in (titles, *others) if (name, number) in source]
            title = next((title for title, _ in entries if title), "")
            kind = next((kind for _, kind in entries if kind and kind != _WITHDRAWN), "")
            rows.append([title, kind])
        rows_of[name] = rows
    lines = [f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in rows_of.items()]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _of_sheets(folder: Path) -> Iterator[tuple[tuple[str, int], tuple[str, str]]]:
    for path in sorted(folder.rglob("*HL7_Segment*.csv"), reverse=True):
        for row in csv.reader(path.read_text(encoding="utf-8").splitlines()):
            segment, dash, number = row[1].strip().partition("-") if len(row) > 3 else ("", "", "")
            if dash and number.isdigit() and segment in FIELDS and row[2].strip():
                yield (segment, int(number)), (row[2].strip(), row[3].strip())


def _of_tables(folder: Path) -> Iterator[dict[tuple[str, int], tuple[str, str]]]:
    sys.path.insert(0, str(folder.parent))
    for version in _VERSIONS:
        fields: dict[str, Any] = importlib.import_module(f"{folder.name}.{version}.fields").FIELDS
        titles = {}
        for name, columns in fields.items():
            segment, _, number = name.partition("_")
            if segment in FIELDS and number.isdigit():
                titles[segment, int(number)] = (columns[3].replace("_", " ").capitalize(), columns[2])
        yield titles


if __name__ == "__main__":
    DATA.write_bytes(distil(Path(sys.argv[1]), Path(sys.argv[2])))
