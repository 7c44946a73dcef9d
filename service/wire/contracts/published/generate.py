"""The files of contracts/, as text by name; written into a folder, and compared with what a folder holds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from service.wire.contracts.documents.kinds import KINDS
from service.wire.contracts.published import page
from service.wire.contracts.published.json_schemas import schema
from service.wire.contracts.published.messages import ENVELOPE, MessageType, envelope


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  the signature is yaml's
        """Write what is used twice in full each time, as a reader expects it."""
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """Write a text of several lines line by line."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, "|" if "\n" in data else None)


_Plain.add_representer(str, _Plain.text)


@dataclass(frozen=True, slots=True)
class Contracts:
    """What partners can rely on, beside the schemas of documents: the routes and the messages, described."""

    openapi: dict[str, Any]
    asyncapi: dict[str, Any]
    message_types: tuple[MessageType, ...]
    capability: dict[str, Any]

    def schemas(self) -> dict[str, Any]:
        """Return the JSON Schemas of documents and messages, by the names of their files."""
        return {
            **{f"{kind}.schema.json": schema(kind) for kind in KINDS},
            f"messages/{ENVELOPE}": envelope(),
            **{f"messages/{message_type.schema}": message_type.data for message_type in self.message_types},
        }

    def files(self) -> dict[str, str]:
        """Return every file of contracts/ that is generated, by name."""
        texts = {
            name: json.dumps(described, indent=2, ensure_ascii=False)
            for name, described in {**self.schemas(), "capability.json": self.capability}.items()
        }
        return {
            **{name: f"{text}\n" for name, text in texts.items()},
            "asyncapi.yaml": _yaml(self.asyncapi),
            "openapi.yaml": _yaml(self.openapi),
            page.FILE: page.page(self.message_types),
        }


def write(folder: Path, wanted: Mapping[str, str]) -> None:
    """Write the files into a folder, which is made if need be."""
    for name, text in wanted.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def stale(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Return the names of files that are missing, say something else, or are no contract of ours any more."""
    written = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for pattern in ("*.yaml", "*.schema.json", "capability.json", page.FILE)
        for path in folder.rglob(pattern)
        if path.relative_to(folder).parts[0] != "consumers"
    }
    return sorted(name for name in wanted.keys() | written.keys() if wanted.get(name) != written.get(name))


def _yaml(described: Any) -> str:
    text: str = yaml.dump(described, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return text
