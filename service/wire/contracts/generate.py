"""Write the JSON Schemas of the internal contracts into a folder, and tell which there are stale."""

import json
from pathlib import Path

from service.wire.contracts.kinds import KINDS
from service.wire.contracts.schemas import schema


def write(folder: Path) -> None:
    """Write one `<kind>.schema.json` a kind of document."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in _documents().items():
        (folder / name).write_text(text, encoding="utf-8")


def stale(folder: Path) -> list[str]:
    """Return the names of files that are missing or say something else than the contracts."""
    return [
        name
        for name, text in _documents().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]


def _documents() -> dict[str, str]:
    return {
        f"{kind}.schema.json": json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n" for kind in KINDS
    }
