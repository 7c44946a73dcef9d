"""contracts/released.json: the schemas that the last release published, to which those of today are held.

`accepted` tells of a breach that goes out all the same, and why; the next release forgets it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from service.errors import Misconfigured
from service.wire.contracts.published.compatibility import ANNOTATIONS, Breach, breaches

FILE: Final = "released.json"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was released: by which version, its schemas by the names of their files, accepted breaches."""

    release: str
    schemas: Mapping[str, Any]
    accepted: Mapping[str, str] = field(default_factory=dict)

    def breaches(self, current: Mapping[str, Any]) -> list[Breach]:
        """Return what the schemas of today break of those released, unless it is accepted."""
        return [breach for breach in breaches(self.schemas, current) if breach.what not in self.accepted]


def read(folder: Path) -> Baseline:
    """Return what was released, as a folder of contracts has it.

    Raises:
        Misconfigured: the folder does not have it, or it is not as `write` writes it.
    """
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return Baseline(kept["release"], kept["schemas"], kept["accepted"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        what = "It cannot be read; take it from the last release, or run `casebridge contracts release`."
        raise Misconfigured(what, where=str(folder / FILE)) from exc


def write(folder: Path, release: str, schemas: Mapping[str, Any]) -> None:
    """Have a folder say that these schemas are released; a line each, so that a difference can be read."""
    lines = [f"    {json.dumps(name)}: {json.dumps(_bare(schemas[name]))}" for name in sorted(schemas)]
    text = '{{\n  "release": {},\n  "accepted": {{}},\n  "schemas": {{\n{}\n  }}\n}}\n'
    (folder / FILE).write_text(text.format(json.dumps(release), ",\n".join(lines)), encoding="utf-8")


def _bare(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without what is only told to people."""
    bare = {word: value for word, value in schema.items() if word not in ANNOTATIONS}
    if "properties" in bare:
        bare["properties"] = {name: _bare(member) for name, member in schema["properties"].items()}
    if "items" in bare:
        bare["items"] = _bare(schema["items"])
    return bare
