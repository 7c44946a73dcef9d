"""The titles and data types of fields, distilled into fields.json, read once."""

import json
from functools import cache
from pathlib import Path
from typing import Final

_DATA: Final = Path(__file__).with_name("fields.json")


@cache
def titles() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return by segment the (title, data type) of its fields, that of field 1 first; "" where unknown."""
    return {
        name: tuple((title, kind) for title, kind in rows)
        for name, rows in json.loads(_DATA.read_bytes()).items()
    }


def kind_of(segment: str, field: int) -> str:
    """Return the data type of a field, or nothing."""
    rows = titles().get(segment, ())
    return rows[field - 1][1] if 0 < field <= len(rows) else ""
