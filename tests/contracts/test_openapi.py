"""contracts/openapi.yaml says what the routes are, all of them and no other, and is sound in itself."""

import json
import re

import pytest
from jsonschema import Draft202012Validator
from werkzeug.exceptions import HTTPException

from service.receive.http.cases_openapi import EXAMPLES
from service.wire.contracts.load import load
from tests.contracts.answered import described, operation, resolved, validator
from tests.contracts.published import FOLDER

OPERATIONS = [
    (method, path, definition)
    for path, methods in described()["paths"].items()
    for method, definition in methods.items()
]
SHAPE = {
    "type": "object",
    "required": ["openapi", "info", "servers", "tags", "paths", "components"],
    "properties": {
        "openapi": {"const": "3.1.0"},
        "info": {"type": "object", "required": ["title", "version", "description", "license"]},
        "paths": {
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {
                "propertyNames": {"enum": ["get", "put", "post", "patch", "delete"]},
                "additionalProperties": {
                    "type": "object",
                    "required": ["operationId", "tags", "summary", "security", "responses"],
                    "properties": {
                        "responses": {
                            "required": ["400", "500"],
                            "propertyNames": {"pattern": "^[1-5][0-9][0-9]$"},
                            "additionalProperties": {
                                "anyOf": [{"required": ["$ref"]}, {"required": ["description"]}]
                            },
                        },
                        "parameters": {
                            "items": {
                                "anyOf": [{"required": ["$ref"]}, {"required": ["name", "in", "schema"]}]
                            }
                        },
                    },
                },
            },
        },
    },
}


def walk(node):
    """Every object below a node."""
    if isinstance(node, dict):
        yield node
        for below in node.values():
            yield from walk(below)
    elif isinstance(node, list):
        for below in node:
            yield from walk(below)


def references(node):
    return {node["$ref"] for node in walk(node) if isinstance(node.get("$ref"), str)}


def filled(path):
    """A path with something in each place."""
    values = {"version": "1", "number": "1", "type": "Patient"}
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], "x"), path)


def test_the_document_has_the_shape_of_openapi():
    Draft202012Validator(SHAPE).validate(described())
    names = [definition["operationId"] for _, _, definition in OPERATIONS]
    assert len(names) == len(set(names))
    assert {tag for _, _, definition in OPERATIONS for tag in definition["tags"]} == {
        tag["name"] for tag in described()["tags"]
    }


def test_every_route_is_described_and_every_description_has_its_route(app):
    adapter = app.url_map.bind("localhost")
    served = {
        (rule.rule, method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"OPTIONS", "HEAD"}
    }
    matched = set()
    for method, path, _ in OPERATIONS:
        try:
            rule, _ = adapter.match(filled(path), method.upper(), return_rule=True)
        except HTTPException as nothing:
            pytest.fail(f"{method} {path} is described and not served: {nothing}")
        matched.add((rule.rule, method.upper()))
    assert served - matched == set(), "describe these beside their routes"


def test_every_reference_leads_somewhere_and_every_component_is_used():
    used = references(described())
    for reference in used:
        if reference.startswith("./"):
            assert (FOLDER / reference).is_file(), reference
        else:
            assert resolved({"$ref": reference})
    parts = described()["components"]
    made = {f"#/components/{kind}/{name}" for kind, below in parts.items() for name in below}
    assert made - used == {f"#/components/securitySchemes/{name}" for name in ("partner", "token")}


@pytest.mark.parametrize(
    ("method", "path", "definition"), OPERATIONS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_each_operation_names_its_parameters_and_its_right(method, path, definition):
    parameters = [resolved(parameter) for parameter in definition.get("parameters", ())]
    assert re.findall(r"\{(\w+)\}", path) == [one["name"] for one in parameters if one["in"] == "path"]
    assert all(one.get("required") for one in parameters if one["in"] == "path")
    guarded = {"403", "503"} <= definition["responses"].keys()
    assert guarded == bool(definition["security"]) == ("right" in definition.get("description", ""))
    assert operation(method.upper(), filled(path)) == definition


def test_every_example_is_what_its_schema_says():
    contents = [content for content in walk(described()) if "example" in content and "schema" in content]
    assert len(contents) > 15
    for content in contents:
        validator(content["schema"]).validate(content["example"])


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_example_of_a_document_can_be_put(kind):
    assert load(kind, json.loads(json.dumps(EXAMPLES[kind])))
