"""The messages as a page to read: of each type an example, when it comes, and what to do with it."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from service.values.messages import CASE, CLIENT, RESOURCE
from service.wire.contracts.published.messages import ENVELOPE, MessageType, envelope
from service.wire.yaml import only, plain

FILE: Final = "messages.md"
# of what happened when it comes and what to do then, with {what} for what it happened to
_WORDS: Final = Path(__file__).with_name("occasions.yaml")
_SCHEMA: Final = "\nIts JSON Schema is [{0}](messages/{0}).\n"
_KINDS: Final = {"case": "Cases", "client": "Clients"}


def page(message_types: Iterable[MessageType]) -> str:
    """Return the page of the types of messages, in their order."""
    words: dict[str, Any] = plain(only(_WORDS.read_bytes(), _WORDS.name))
    sections = (_section(message_type, words) for message_type in message_types)
    lines = (line for section in sections for line in section)
    return f"{words['head']}\n{_members(envelope())}{_SCHEMA.format(ENVELOPE)}{''.join(lines)}"


def _section(message_type: MessageType, words: dict[str, Any]) -> Iterator[str]:
    what = message_type.example["subject"].partition("/")[0]
    happened = message_type.key.partition(".")[2]
    # what happens first to what a message is of has the heading of all that does
    if happened == next(iter({"case": CASE, "client": CLIENT}.get(what, RESOURCE))):
        yield f"\n## {_KINDS.get(what, what)}\n"
    told = words["happened"].get(message_type.key) or words["happened"][happened]
    subject = words["resources"].get(what, f"A resource of type {what}")
    yield f"\n### {message_type.key}\n\n"
    yield f"When: {told['when'].format(what=subject)}\n\n"
    yield f"What to do: {told['then']}\n\n"
    yield f"```json\n{json.dumps(message_type.example, indent=2)}\n```\n\n"
    yield _members(message_type.data) + _SCHEMA.format(message_type.schema)


def _members(schema: dict[str, Any]) -> str:
    """Return a table of the members of a schema."""
    rows = []
    for name, member in schema["properties"].items():
        presence = "always" if name in schema["required"] else "may be missing"
        rows.append(f"| `{name}` | {presence} | {_meaning(member)} |\n")
    return "| member | | |\n|---|---|---|\n" + "".join(rows)


def _meaning(member: dict[str, Any]) -> str:
    values = [member["const"]] if "const" in member else member.get("enum", ())
    listed = ", ".join(f"`{value}`" for value in values)
    said = member.get("description", "").rstrip(".").replace("<", "&lt;")
    return "; ".join(part for part in (said, listed) if part)
