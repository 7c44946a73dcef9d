"""What is generated from the contracts is up to date, and says what the contracts say."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from service.wire.contracts.generate import stale
from service.wire.contracts.kinds import KINDS
from service.wire.contracts.schemas import links, schema, sources

FOLDER = Path(__file__).parents[2] / "contracts"


def test_the_generated_contracts_are_not_stale():
    assert stale(FOLDER) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_schema_is_a_valid_json_schema(kind):
    Draft202012Validator.check_schema(schema(kind))


def test_an_unknown_member_is_refused_by_the_schema_too():
    validator = Draft202012Validator(schema("client"))
    assert validator.is_valid({"names": [{"family": "x"}]})
    assert not validator.is_valid({"names": [{"family": "x"}], "nams": []})
    assert not validator.is_valid({"names": [{"family": "x"}], "gender": "bogus"})


def test_every_link_of_a_source_leads_to_a_schema():
    def walk(node):
        if isinstance(node, dict):
            if "x-link" in node:
                yield node["x-link"]
            for below in node.values():
                yield from walk(below)
        elif isinstance(node, list):
            for below in node:
                yield from walk(below)

    def leads(link, roots):
        root, *path = link.split(".")
        if not path:
            return root in links()
        found = roots[root]
        for step in path:
            found = found["properties"][step]
        return "id" in found["items"]["properties"]

    assert set(walk(sources()))
    for roots in sources().values():
        assert [link for link in walk(roots) if not leads(link, roots)] == []
