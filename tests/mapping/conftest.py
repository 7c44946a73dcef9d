"""A small world of sources for the tests of the mapping language."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from service.errors import Misconfigured
from service.mapping.catalogue import Catalogue, load
from tests.mapping.overlaid import BASE, OVER

TEXT = {"type": ["string", "null"]}
PERIOD = {"type": "object", "properties": {"start": TEXT, "end": TEXT}, "additionalProperties": False}


def thing(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def many(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


PRACTITIONER = thing(
    name=TEXT,
    active={"type": "boolean"},
    qualifications=many(thing(id={"type": "string"}, title=TEXT)),
)
CLIENT = thing(
    given=many({"type": "string"}),
    family=TEXT,
    sex={"type": "string", "enum": ["female", "male", "other"]},
    related_persons=many(thing(id={"type": "string"}, name=TEXT)),
)
GOAL = thing(
    id={"type": "string"},
    description=TEXT,
    weight={"type": ["number", "null"]},
    done={"type": ["boolean", "null"]},
    tags=many({"type": "string"}),
    progress=many({"$ref": "#/$defs/Progress"}),
    owner={"x-link": "practitioner"},
)
CASE = {
    "type": "object",
    "properties": {
        "status": {"type": "string", "enum": ["open", "closed"]},
        "kind": TEXT,
        "note": TEXT,
        "period": {"anyOf": [{"$ref": "#/$defs/Period"}, {"type": "null"}]},
        "manager": {"x-link": "practitioner"},
        "helpers": many({"x-link": "practitioner"}),
        "carer": {"x-link": "client.related_persons"},
        "extra": {"type": "object"},
        "plan": thing(id={"type": "string"}, title=TEXT, goals=many({"$ref": "#/$defs/Goal"})),
    },
    "additionalProperties": False,
    "$defs": {"Period": PERIOD, "Goal": GOAL, "Progress": thing(id={"type": "string"}, note=TEXT)},
}
SOURCES = {
    "case": {"case": CASE, "client": CLIENT},
    "client": {"client": CLIENT},
    "practitioner": {"practitioner": PRACTITIONER},
}
LINKS = {"practitioner": PRACTITIONER}
CASE_UUID = "7d9f4f2e-3c4b-4c6e-9d3a-0a1b2c3d4e5f"
CLIENT_UUID = "11111111-2222-4333-8444-555555555555"
PRACTITIONER_UUID = "99999999-8888-4777-a666-555555555555"

Write = Callable[..., Path]
Load = Callable[..., Catalogue]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files of a mapping folder: `write("outbound/Goal.yaml", text)`."""

    def write(name: str, text: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return tmp_path

    return write


@pytest.fixture
def catalogue(write: Write, tmp_path: Path) -> Load:
    """Loads the folder, with the given text as `outbound/T.yaml`."""

    def build(text: str | bytes = "", **settings: Any) -> Catalogue:
        if text:
            write("outbound/T.yaml", text)
        return load(tmp_path, sources=SOURCES, links=LINKS, **settings)

    return build


@pytest.fixture
def mistakes(catalogue: Load) -> Callable[..., list[tuple[str, str]]]:
    """What is wrong with a mapping: (place, message) pairs."""

    def mistakes(text: str | bytes = "", **settings: Any) -> list[tuple[str, str]]:
        with pytest.raises(Misconfigured) as caught:
            catalogue(text, **settings)
        return [(issue.where, issue.what) for issue in caught.value.issues]

    return mistakes


@pytest.fixture
def case() -> dict[str, Any]:
    """A case with its links resolved."""
    carer = {"id": "r1", "name": "Carer"}
    manager = {
        "uuid": PRACTITIONER_UUID,
        "name": "M",
        "active": True,
        "qualifications": [{"id": "q1", "title": "RN"}],
    }
    return {
        "client": {
            "uuid": CLIENT_UUID,
            "given": ["A", "B"],
            "family": "C",
            "sex": "female",
            "related_persons": [carer],
        },
        "case": {
            "uuid": CASE_UUID,
            "status": "open",
            "kind": "home",
            "note": 'a <b> & "c"',
            "period": {"start": "2024-02-03T04:05:06+02:00", "end": None},
            "manager": manager,
            "helpers": [manager],
            "carer": carer,
            "extra": {"x": [None, {"y": ""}], "z": 0, "f": False},
            "plan": {
                "id": "p1",
                "title": " T ",
                "goals": [
                    {
                        "id": "g1",
                        "description": "walk",
                        "weight": 0,
                        "done": False,
                        "tags": ["x", "y"],
                        "progress": [{"id": "n1", "note": "one"}, {"id": "n2", "note": "two"}],
                        "owner": manager,
                    },
                    {"id": "g2", "description": "", "weight": None, "done": None, "tags": [], "progress": []},
                ],
            },
        },
    }


@pytest.fixture
def make(catalogue: Load, case: dict[str, Any]) -> Callable[[str], Any]:
    """What the leaves given as the body of `make` come to for the case; {} when nothing is made."""

    def make(body: str, *, head: str = "") -> Any:
        text = (
            "map: T\nfrom: case\n"
            + dedent(head)
            + "make:\n"
            + "".join(f"  {line}\n" for line in dedent(body).strip("\n").splitlines())
        )
        made = catalogue(text).projector("case").run(case)
        if "each:" in head:
            return [result.resource for result in made]
        return made[0].resource if made else {}

    return make


@pytest.fixture
def laid(write, catalogue, case):
    """What T is with an overlay on it, less its id and type."""

    def laid(text, *, names=("over",), base=BASE):
        write(OVER, "extends: T\n" + text)
        made = catalogue(base, overlays=names).projector("case").run(case)
        return (
            {k: v for k, v in made[0].resource.items() if k not in {"id", "resourceType"}} if made else None
        )

    return laid


@pytest.fixture
def wrong(write, mistakes, catalogue):
    """What is wrong with an overlay over T: (place, message) pairs."""

    def wrong(text, file=OVER, names=("over",), **more):
        write(file, text)
        return mistakes(BASE, overlays=names, **more)

    return wrong
