"""Whatever stands in a valid value's place is taken and written again as it was, or refused by its place."""

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import Rejected
from service.wire.contracts.load import load
from service.wire.json import dump, parse
from tests.projection.strategies import documents
from tests.projection.worlds import DIRECTORY, QUICK

TARGETS = {kind: ["x"] for kind in (*DIRECTORY, "client", "client.related_persons", "client.coverages")}
BAD = ("", " ", "\x00", "a\ud800", "\ufffe", "a b", "2026-02-30", "9" * 5000, "../..", "_schema")
JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.decimals(), st.text(max_size=8), st.sampled_from(BAD)
    ),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3),
    max_leaves=6,
)
UNKNOWN = "no-contract-knows-this"
Steps = tuple[str | int, ...]


def children(node: Any) -> list[tuple[str | int, Any]]:
    """What is in an object or a list, each with its step."""
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else []


def places(node: Any, at: Steps = ()) -> Iterator[Steps]:
    """The way to every value in a document, and to a member that no contract knows in every object."""
    if at:
        yield at
    if isinstance(node, dict):
        yield (*at, UNKNOWN)
    for key, below in children(node):
        yield from places(below, (*at, key))


def put(document: dict[str, Any], at: Steps, value: Any) -> dict[str, Any]:
    """The document with another value in a place."""
    changed = copy.deepcopy(document)
    holder: Any = changed
    for step in at[:-1]:
        holder = holder[step]
    holder[at[-1]] = value
    return changed


def leads(document: dict[str, Any], pointer: str) -> bool:
    """Whether a JSON pointer leads to a place in the document, or to a member missing or odd there."""
    holder: Any = document
    for step in pointer.split("/")[1:-1]:
        steps = dict(children(holder))
        holder = steps[int(step) if isinstance(holder, list) else step]
    return pointer.startswith("/") and isinstance(holder, dict | list)


@given(st.data(), st.sampled_from([*DIRECTORY, "client", "case"]), st.booleans())
@settings(QUICK, max_examples=200)
def test_what_does_not_fit_is_refused_by_its_place(data: Any, kind: str, whole: bool) -> None:
    document = data.draw(documents(kind, TARGETS, whole=whole))
    at = data.draw(st.sampled_from(list(places(document))))
    changed = put(document, at, data.draw(JUNK))
    refused_places: list[str] = []
    try:
        loaded = load(kind, changed)
    except Rejected as refused:
        refused_places = [issue.where for issue in refused.issues]
    if refused_places:
        assert [place for place in refused_places if not leads(changed, place)] == []
    else:
        assert loaded == changed
        assert parse(dump(loaded)) == loaded
    if at[-1] == UNKNOWN:
        assert refused_places == ["/" + "/".join(str(step) for step in at)]
