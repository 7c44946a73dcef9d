"""The language page: what it shows is what the language takes."""

import json
import re
from pathlib import Path

from jsonschema import Draft202012Validator

from service.mapping.source import documents, plain
from service.mapping.translate import load
from service.wire.contracts.schemas import schema
from service.wire.fhir import profiles
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


def examples(page: str) -> dict[str, str]:
    """Each example by the file it says it is; what says none is the body of a mapping."""
    found = {}
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)):
        named = re.match(r"# (\S+\.yaml)\n", block)
        body = f"map: M{number}\nfrom: case\nmake:\n" + re.sub("(?m)^", "  ", block)
        found[named[1] if named else f"outbound/M{number}.yaml"] = block if named else body
    return found


def test_each_example_of_the_page_loads(language_page, tmp_path):
    for file, text in examples(language_page).items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    world = {"case": {"case": CASE, "client": thing()}}
    plain, over = (
        load(tmp_path, sources=world, links={}, overlays=each, profiles=profiles)
        for each in ((), ("northern",))
    )
    inbound = load(tmp_path, sources={"fhir": roots()}, links={}, makes={"Discharge": schema("discharge")})
    assert [each.target for each in inbound.mappings] == ["Discharge"]
    assert (len(plain.mappings), len(plain.concept_maps)) == (4, 1)
    assert plain.terminology.targets("episode-status", "open")[0]["code"] == "active"
    assert over.terminology.targets("episode-status", "open")[0]["code"] == "waitlist"
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
    assert over.mappings[0].claims == ("http://hl7.org/fhir/us/core/StructureDefinition/us-core-goal",)


def test_the_schema_for_editors_takes_what_the_page_shows_and_refuses_what_the_language_refuses(
    language_page,
):
    check = Draft202012Validator(json.loads((MAPPINGS / "schema.json").read_text()))
    shown = {file: text for file, text in examples(language_page).items() if "outbound/" in file}
    assert len(shown) > 5
    for file, text in shown.items():
        check.validate(plain(documents(text, file)[0]))
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
