"""The language page: what it shows is what the language takes."""

import json
import re
from pathlib import Path

from jsonschema import Draft202012Validator

from service.mapping.source import documents, plain
from service.mapping.translate import load
from service.wire.contracts.schemas import schema
from service.wire.fhir.schema import roots

UUID = "7d9f4f2e-3c4b-4c6e-9d3a-0a1b2c3d4e5f"
MAPPINGS = Path(__file__).parents[2] / "mappings"

TEXT = {"type": ["string", "null"]}


def thing(**properties):
    return {"type": "object", "properties": {"id": TEXT} | properties, "additionalProperties": False}


def many(**properties):
    return {"type": "array", "items": thing(**properties)}


CASE = thing(
    plan=thing(
        title=TEXT,
        goals=many(description=TEXT, start=TEXT),
        services=many(withdrawn={"type": "boolean"}),
        appointments=many(),
    ),
    period=thing(start=TEXT, end=TEXT),
)


def blocks(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)


def folder_of(block: str) -> str:
    """Where an example of the page would stand."""
    if block.startswith("title:"):
        return "overlays/page"
    if "from: fhir" in block:
        return "inbound"
    overlay = "overlays/page/" if "extends:" in block or "waitlist" in block else ""
    return overlay + ("concepts" if "resourceType: ConceptMap" in block else "outbound")


def test_each_example_of_the_page_loads(language_page, tmp_path):
    (tmp_path / "overlays/us-core").mkdir(parents=True)
    names = {"outbound": "m{}", "concepts": "map", "overlays/page": "overlay", "inbound": "in"}
    for number, block in enumerate(blocks(language_page)):
        folder = folder_of(block)
        headless = folder == "outbound" and "map:" not in block
        text = f"map: M{number}\nfrom: case\nmake:\n" + re.sub("(?m)^", "  ", block) if headless else block
        if "extends: Goal" in block:
            text = text.replace("extends: Goal", "extends: goal-of-plan")
        stem = names.get(folder.removeprefix("overlays/page/"), "m").format(number)
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / f"{stem}.yaml").write_text(text)
    world = {"case": {"case": CASE, "client": thing()}}
    plain, over = (load(tmp_path, sources=world, links={}, overlays=each) for each in ((), ("page",)))
    makes = {"Discharge": schema("discharge")}
    inbound = load(tmp_path, sources={"fhir": roots()}, links={}, makes=makes)
    assert [each.target for each in inbound.mappings] == ["Discharge"]
    assert (len(plain.mappings), len(plain.concept_maps)) == (4, 1)
    assert plain.terminology.targets("map", "open")[0]["code"] == "active"
    assert over.terminology.targets("map", "open")[0]["code"] == "waitlist"
    goals = [{"id": "1", "description": "walk", "start": "2026"}]
    given = {"case": {"uuid": UUID, "plan": {"title": "T", "goals": goals}}, "client": {"uuid": UUID}}
    said = [
        each.resource
        for found in (plain, over)
        for each in found.projector("case").run(given)
        if each.target == "Goal"
    ]
    assert [each["description"]["text"] for each in said] == ["walk", "Goal: walk"]
    assert ["startDate" in each for each in said] == [True, False]
    assert said[1]["category"] == [{"text": "shared"}]


def test_the_schema_for_editors_takes_what_the_page_shows_and_refuses_what_the_language_refuses(
    language_page,
):
    check = Draft202012Validator(json.loads((MAPPINGS / "schema.json").read_text()))
    shown = [
        plain(documents(block, "page")[0])
        for block in blocks(language_page)
        if folder_of(block).endswith("outbound")
    ]
    for each in shown:
        check.validate(
            each if {"map", "extends"} & each.keys() else {"map": "M", "from": "case", "make": each}
        )
    good = {"map": "M", "from": "case", "make": {"a": 1}}
    for wrong in (
        {"mak": {}},
        {"when": "case.plan"},
        {"each": "case.plan.goals"},
        {"make": {"$make": 1}},
        {"make": {"a": {"$each": "x", "$make": 1}}},
        {"make": {"$xhtml": [], "$if": "{{ x }}"}},
    ):
        assert not check.is_valid(good | wrong), wrong
    over = {"extends": "M", "make": {"a": {"$add": [1]}, "b": {"$if": "{{ x }}"}, "c": None}}
    check.validate(over)
    for wrong in (
        {"map": "M"},
        {"each": "a in b"},
        {"make": {"id": "x"}},
        {"make": {"resourceType": "x"}},
        {"make": {"a": {"$add": 1}}},
        {"make": {"a": {"$add": [], "b": 1}}},
    ):
        assert not check.is_valid(over | wrong), wrong


def test_the_shipped_mappings_follow_the_schema_for_editors():
    check = Draft202012Validator(json.loads((MAPPINGS / "schema.json").read_text()))
    for path in sorted([*MAPPINGS.glob("outbound/*.yaml"), *MAPPINGS.glob("overlays/*/outbound/*.yaml")]):
        for document in documents(path.read_text(), path.name):
            check.validate(plain(document))
