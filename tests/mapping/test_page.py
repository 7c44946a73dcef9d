"""The language page: what it shows is what the language takes."""

import json
import re
from pathlib import Path

from jsonschema import Draft202012Validator

from service.mapping.source import documents, plain
from service.mapping.translate import load

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


def test_each_example_of_the_page_loads(language_page, tmp_path):
    (tmp_path / "outbound").mkdir()
    (tmp_path / "concepts").mkdir()
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", language_page, re.DOTALL)):
        folder = "concepts" if "resourceType: ConceptMap" in block else "outbound"
        head = "" if folder == "concepts" or "map:" in block else f"map: M{number}\nfrom: case\nmake:\n"
        text = head + (re.sub("(?m)^", "  ", block) if head else block)
        (tmp_path / folder / f"m{number}.yaml").write_text(text)
    catalogue = load(tmp_path, sources={"case": {"case": CASE, "client": thing()}}, links={})
    assert (len(catalogue.mappings), len(catalogue.concept_maps)) == (4, 1)


def test_the_schema_for_editors_takes_what_the_page_shows_and_refuses_what_the_language_refuses(
    language_page,
):
    check = Draft202012Validator(json.loads((MAPPINGS / "schema.json").read_text()))
    blocks = re.findall(r"```yaml\n(.*?)```", language_page, re.DOTALL)
    shown = [
        plain(documents(block, "page")[0]) for block in blocks if "resourceType: ConceptMap" not in block
    ]
    for each in shown:
        check.validate(each if "map" in each else {"map": "M", "from": "case", "make": each})
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


def test_the_shipped_mappings_follow_the_schema_for_editors():
    check = Draft202012Validator(json.loads((MAPPINGS / "schema.json").read_text()))
    for path in sorted((MAPPINGS / "outbound").glob("*.yaml")):
        for document in documents(path.read_text(), path.name):
            check.validate(plain(document))
