"""What is said of the routes of the quarantine."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final, get_args

from service.values.inbound.inbox import EntryState
from service.wire.contracts.published.openapi.operations import JSON, Described, Operation, answer, query

_TEXT: Final[Described] = {"type": "string"}
_ENTRY: Final[Described] = {
    "name": "entry",
    "in": "path",
    "required": True,
    "description": "The entry's id.",
    "schema": _TEXT,
}
_SILENT: Final = "What is told of an entry quotes nothing of what its bytes say."
_STATES: Final = list(get_args(EntryState))
_ISSUES: Final[Described] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["what", "where", "code"],
        "properties": {"what": _TEXT, "where": _TEXT, "code": _TEXT},
    },
}
_TOLD: Final[Described] = {
    "type": "object",
    "required": ["id", "partner", "arrived", "way", "media_type", "state", "tries"],
    "additionalProperties": False,
    "properties": {
        "id": _TEXT,
        "partner": _TEXT | {"description": "Who sent it."},
        "arrived": _TEXT | {"format": "date-time"},
        "way": _TEXT | {"description": "How it came.", "examples": ["http", "mllp", "amqp"]},
        "media_type": _TEXT,
        "state": _TEXT | {"enum": _STATES},
        "reason": _TEXT | {"description": "A code for why it was not used.", "examples": ["no-patient"]},
        "issues": _ISSUES | {"description": "What is wrong, and where."},
        "flagged": {"type": "boolean", "description": "One of its keys came before with other content."},
        "edited": {"type": "boolean", "description": "An operator put other bytes in the place of its own."},
        "replay_of": _TEXT | {"description": "The entry that this one is a replay of."},
        "tries": {"type": "integer", "minimum": 0},
        "due": _TEXT | {"format": "date-time", "description": "When it is tried again by itself."},
    },
}


def operations() -> Iterator[Operation]:
    """Give the operations."""
    describe = partial(Operation, tag="Quarantine", silent=_SILENT)
    listed = {"type": "object", "required": ["items"], "properties": {"items": _list_of(_TOLD)}}
    yield describe(
        "get",
        "/api/quarantine",
        "list-quarantine",
        summary="List what could not be used, the first to arrive first; a hospital its own",
        parameters=(
            query("state", "Only entries of this state.", enum=[*_STATES, "all"], default="quarantined"),
            query("partner", "Only what this partner sent."),
            query("after", "The id of the last entry you have seen."),
            "Count",
        ),
        answers={200: answer("Entries, without what their bytes say.", JSON, listed)},
        faults=(422,),
    )
    one = partial(describe, parameters=(_ENTRY,))
    path = "/api/quarantine/{entry}"
    shown_entry = {200: answer("The entry, without what its bytes say.", JSON, _TOLD)}
    yield one("get", path, "show-quarantine", summary="Show an entry", answers=shown_entry, faults=(404,))
    yield from _bodies(describe, f"{path}/body", shown_entry)
    yield _prune_operation(describe)
    became = {
        "type": "object",
        "required": ["state", "entry", "issues"],
        "properties": {"state": _TEXT, "entry": _TEXT, "issues": _ISSUES},
    }
    for word, summary, answers in (
        ("replay", "Use an entry now", {200: answer("What became of it.", JSON, became)}),
        ("discard", "Say that an entry will not be used", shown_entry),
        ("stop", "Try an entry no more by itself", shown_entry),
    ):
        yield one(
            "post",
            f"{path}/{word}",
            f"{word}-quarantine",
            right="replay",
            summary=summary,
            answers=answers,
            faults=(404, 409),
        )


def _prune_operation(describe: Any) -> Operation:
    names = ("bodies", "entries", "quarantined", "left")
    counts = {name: {"type": "integer", "minimum": 0} for name in names}
    gone = {"type": "object", "required": list(counts), "properties": counts}
    operation: Operation = describe(
        "post",
        "/api/quarantine/prune",
        "prune-quarantine",
        right="administer",
        summary="Delete old bytes, and later all that is known of a message",
        parameters=(
            query("bodies", "After how many days bytes are deleted; 90 unless said."),
            query("entries", "After how many days all is deleted; 730 unless said."),
            query("quarantined", "After how many days quarantine ends unused; 365 unless said."),
        ),
        answers={200: answer("What was deleted, and how much is left for the next request.", JSON, gone)},
        faults=(400,),
    )
    return operation


def _bodies(describe: Any, path: str, shown_entry: dict[int, Described]) -> Iterator[Operation]:
    edited: Described = {
        "name": "edited",
        "in": "query",
        "description": "Give the bytes that an operator put in their place.",
        "allowEmptyValue": True,
        "schema": _TEXT,
    }
    yield describe(
        "get",
        path,
        "read-quarantine-body",
        right="bodies",
        silent="",
        summary="Read the bytes of an entry as they came: personal data",
        parameters=(_ENTRY, edited),
        answers={200: answer("The bytes.", "application/octet-stream", _TEXT)},
        faults=(404,),
    )
    yield describe(
        "put",
        path,
        "edit-quarantine",
        right="replay",
        summary="Put other bytes in the place of an entry's, for its replay",
        parameters=(_ENTRY,),
        body={"required": True, "content": {"*/*": {"schema": _TEXT}}},
        answers=shown_entry,
        faults=(404, 408, 409, 413),
    )


def _list_of(schema: Described) -> Described:
    return {"type": "array", "items": schema}
