"""What is generated from the contracts is up to date, and says what the contracts say."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from service.settings import Settings
from service.values.messages import VERSIONS
from service.wire.contracts.documents.kinds import KINDS
from service.wire.contracts.published import baseline
from service.wire.contracts.published.generate import stale, write
from service.wire.contracts.published.json_schemas import links, schema, sources
from service.wire.contracts.published.messages import messages
from service.wiring import doors

FOLDER = Path(__file__).parents[2] / "contracts"


@pytest.fixture(scope="module")
def described(mappings):
    return doors.contracts(Settings.from_env({}), mappings)


@pytest.fixture(scope="module")
def wanted(described):
    return described.files()


@pytest.fixture(scope="module")
def published_schemas(described):
    return described.schemas()


def test_the_generated_contracts_are_not_stale(wanted):
    assert stale(FOLDER, wanted) == [], "run `casebridge contracts write`"


def test_no_schema_breaks_what_the_last_release_promised(published_schemas):
    breaches = baseline.read(FOLDER).breaches(published_schemas)
    assert breaches == [], "what may change contracts/README.md tells"


def test_a_type_that_changes_incompatibly_gets_another_version(published_schemas, monkeypatch):
    """Its name, its schema's and `dataschema` have the version, and no released schema is missed."""
    monkeypatch.setitem(VERSIONS, "careplan.updated", 2)
    (told,) = [each for each in messages({"CarePlan": ("case",)}) if each.key == "careplan.updated"]
    assert told.example["type"] == "org.casebridge.careplan.updated.v2"
    assert told.example["dataschema"].endswith("/careplan.updated.v2.schema.json")
    first = "messages/careplan.updated.v1.schema.json"
    current = {name: schema for name, schema in published_schemas.items() if name != first}
    released = baseline.read(FOLDER)
    assert [breach.what for breach in released.breaches(current)] == [f"{first}: the whole is gone"]
    assert released.breaches({**current, f"messages/{told.schema}": told.data}) == []


def test_what_is_missing_changed_or_left_over_is_stale(tmp_path, wanted):
    write(tmp_path, wanted)
    assert stale(tmp_path, wanted) == []
    (tmp_path / "case.schema.json").unlink()
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 3.0.0\n")
    (tmp_path / "messages" / "basic.created.v1.schema.json").write_text("{}")
    names = ["asyncapi.yaml", "case.schema.json", "messages/basic.created.v1.schema.json"]
    assert stale(tmp_path, wanted) == names


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
        schema = roots[root]
        for step in path:
            schema = schema["properties"][step]
        return "id" in schema["items"]["properties"]

    assert set(walk(sources()))
    for roots in sources().values():
        assert [link for link in walk(roots) if not leads(link, roots)] == []
