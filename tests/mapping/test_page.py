"""The language page: every example is run, and what it says it gives is what it gives."""

import json
import re
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from service.access import registry
from service.flows.authoring.preview import of_document
from service.mapping.catalogue import load
from service.mapping.language.filters import FILTERS
from service.mapping.target.targets import schema_without_links
from service.settings import Settings
from service.wire.contracts.published.json_schemas import links, schema, sources
from service.wire.fhir.definitions import profiles
from service.wire.fhir.sent.json_schema import roots as fhir_roots
from service.wire.yaml import documents, plain
from service.wiring import compiled
from tests.mapping import page as pages

MAPPINGS = Path(__file__).parents[2] / "mappings"
PAGE = (MAPPINGS / "README.md").read_text(encoding="utf-8")
EXAMPLES = pages.examples(PAGE)
BODIES = [example for example in EXAMPLES if not example.file]
# those that stand in inbound mappings, by where in a Discharge what they give may stand
INBOUND = {
    "fhirpath": "patient.names.family",
    "translate": "stay.kind",
    "coded": "stay.disposition",
    "code_of": "stay.types.code",
    "number_type": "patient.identifiers.type",
}
LEAVES = [(leaf, value) for title in ("Leaves", "Expressions") for leaf, value in pages.rows(PAGE, title)] + [
    (leaf, value) for name, (_, leaf, value) in pages.filters(PAGE).items() if name not in INBOUND
]
CLIENT, CASE = pages.documents(PAGE)
TELECOM = next(example.text for example in EXAMPLES if example.file.endswith("telecom.yaml"))
NAMES = """
let:
  goal: "{{ case.plan.goals[0] }}"
  service: "{{ case.plan.services[0] }}"
  name: "{{ client.names[0] }}"
"""
ENCOUNTER = {
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
    "hospitalization": {
        "dischargeDisposition": {
            "coding": [
                {"system": "urn:example:mercy", "code": "01"},
                {"system": "http://terminology.hl7.org/CodeSystem/discharge-disposition", "code": "home"},
            ]
        }
    },
}
NUMBER = {"system": "urn:example:persons", "value": "R-1"}
RECORD = {"coding": [{"system": "http://hl7.org/fhir/v2/0203", "code": "MR"}]}
PATIENT = {
    "resourceType": "Patient",
    "identifier": [{**NUMBER, "type": RECORD}],
    "name": [{"use": "official", "family": "Example"}],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The code tables of the repository with those of the page, and the page's overlay."""
    folder = tmp_path_factory.mktemp("page")
    for kind in ("codesystems", "concepts"):
        shutil.copytree(MAPPINGS / kind, folder / kind)
    for example in EXAMPLES:
        if example.file.startswith(("codesystems/", "concepts/")):
            (folder / example.file).write_text(example.text, encoding="utf-8")
    return folder


@pytest.fixture
def run(folder):
    """What a document makes of the page's case."""

    def run(text):
        outbound = folder / "outbound"
        shutil.rmtree(outbound, ignore_errors=True)
        outbound.mkdir()
        (outbound / "Example.yaml").write_text(text, encoding="utf-8")
        return made("case", load(folder, sources=sources(), links=links(), profiles=profiles))

    return run


def made(kind, catalogue):
    document = {"client": CLIENT, "case": CASE}[kind]
    explained = of_document(catalogue, lambda _: [], kind, document, CLIENT if kind == "case" else None)
    assert explained.issues == ()
    return [resource.resource for resource in explained.resources]


def body(text, names=""):
    indented = "".join(f"  {line}\n" for line in text.splitlines())
    return f"map: M\nfrom: case\n{names}make:\n{indented}"


@pytest.mark.parametrize("example", BODIES, ids=range(len(BODIES)))
def test_an_example_makes_what_stands_below_it(run, example):
    assert example.makes is not None
    assert run(body(example.text)) == [example.makes]


@pytest.mark.parametrize(
    "example", [example for example in EXAMPLES if example.file.startswith("outbound/")], ids=lambda e: e.file
)
def test_a_mapping_of_the_page_makes_the_resources_below_it(run, example):
    assert run(example.text) == example.makes


@pytest.mark.parametrize(("leaf", "value"), LEAVES, ids=[leaf for leaf, _ in LEAVES])
def test_a_line_of_a_table_gives_what_stands_beside_it(run, leaf, value):
    assert run(body(f"x: {json.dumps(leaf)}", NAMES)) == ([] if value is None else [{"x": value}])


def test_every_kind_of_expression_and_every_filter_has_its_line():
    assert len(pages.rows(PAGE, "Leaves")) == 4
    assert len(pages.rows(PAGE, "Expressions")) >= 11
    assert set(pages.filters(PAGE)) == set(FILTERS)


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_the_page_says_of_a_filter_what_its_docstring_says(name):
    summary, leaf, _ = pages.filters(PAGE)[name]
    assert (summary, leaf) == (FILTERS[name].summary, FILTERS[name].example)


def test_the_inbound_examples_give_what_stands_beside_them(tmp_path):
    (example,) = (example for example in EXAMPLES if example.file.startswith("inbound/"))
    leaf, kind, disposition, class_, type_ = (pages.filters(PAGE)[name][1:] for name in INBOUND)
    (tmp_path / "inbound").mkdir()
    shutil.copytree(MAPPINGS / "concepts", tmp_path / "concepts")
    text = (
        f"{example.text}    kind: {json.dumps(kind[0])}\n    disposition: {json.dumps(disposition[0])}\n"
        f"    types: [{{code: {json.dumps(class_[0])}}}]\n"
        f"  patient:\n    names: [{{family: {json.dumps(leaf[0])}}}]\n"
        f"    identifiers: [{{system: {NUMBER['system']}, value: R-1, type: {json.dumps(type_[0])}}}]\n"
    )
    (tmp_path / "inbound/Discharge.yaml").write_text(text, encoding="utf-8")
    makes = {"Discharge": schema_without_links(schema("discharge"))}
    compiled = load(tmp_path, sources={"fhir": fhir_roots()}, links={}, direction="inbound", makes=makes)
    hospital = {"resource": {"resourceType": "Organization", "name": "City Hospital"}}
    roots = {
        "bundle": {"timestamp": "2026-03-01T08:00:00Z"},
        "encounter": {"serviceProvider": hospital, **ENCOUNTER},
        "patient": PATIENT,
    }
    (discharge,) = compiled.projector("fhir").run(roots)
    assert discharge.resource == {
        "event": "discharge",
        "recorded": "2026-03-01T08:00:00Z",
        "stay": {
            "hospital": {"name": "City Hospital"},
            "kind": kind[1],
            "disposition": disposition[1],
            "types": [{"code": class_[1]}],
        },
        "patient": {"names": [{"family": leaf[1]}], "identifiers": [{**NUMBER, "type": type_[1]}]},
    }


def test_the_overlay_of_the_page_changes_what_it_says_on_the_shipped_mappings(tmp_path):
    shutil.copytree(MAPPINGS, tmp_path / "mappings")
    for example in EXAMPLES:
        if example.file.startswith("overlays/"):
            path = tmp_path / "mappings" / example.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.text, encoding="utf-8")
    plain, over = (
        load(tmp_path / "mappings", sources=sources(), links=links(), overlays=stack, profiles=profiles)
        for stack in ((), ("northern",))
    )
    plans = [
        next(resource for resource in made("case", catalogue) if resource["resourceType"] == "CarePlan")
        for catalogue in (plain, over)
    ]
    assert [plan["title"] for plan in plans] == ["Back on the bicycle", "Care plan: Back on the bicycle"]
    assert plans[1]["category"][-1] == {"text": "shared"}
    assert plans[1]["meta"]["profile"][0].endswith("us-core-careplan")
    divs = [plan["text"]["div"] for plan in plans]
    assert [re.search("<p>(.*?)</p>", div)[1] for div in divs] == [plan["title"] for plan in plans]
    (patient,) = (resource for resource in made("client", over) if resource["resourceType"] == "Patient")
    assert "telecom" not in patient
    reach = {
        mapping.target for mapping in plain.mappings if "telecom:" in (MAPPINGS / mapping.file).read_text()
    }
    assert reach == set(re.findall(r"^extends: (\w+)", TELECOM, re.MULTILINE))
    teams = [
        next(resource for resource in made("case", catalogue) if resource["resourceType"] == "CareTeam")
        for catalogue in (plain, over)
    ]
    codes = [[coding["code"] for coding in team["participant"][0]["role"][0]["coding"]] for team in teams]
    assert [("224535009" in code, "106292003" in code) for code in codes] == [(True, False), (False, True)]


def test_a_hospitals_overlay_of_the_page_reads_its_codes_as_it_says(tmp_path):
    """The page's overlay stands on the shipped inbound mappings, by the page's registry."""
    shutil.copytree(MAPPINGS, tmp_path / "mappings")
    for example in EXAMPLES:
        if example.file.startswith(("overlays/", "hospitals.yaml")):
            path = tmp_path / ("" if example.file == "hospitals.yaml" else "mappings") / example.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.text, encoding="utf-8")
    settings = {
        "CASEBRIDGE_MAPPINGS": str(tmp_path / "mappings"),
        "CASEBRIDGE_PARTNERS": str(tmp_path / "hospitals.yaml"),
    }
    inbounds = compiled.inbounds(Settings.from_env(settings))

    def read(stack, form, roots):
        return inbounds[stack].projector(form).run(roots)[0].resource["stay"]["disposition"]

    def fhir(stack, coding):
        ended = {"dischargeDisposition": {"coding": [coding]}}
        return read(stack, "fhir", {"encounter": {"status": "finished", "hospitalization": ended}})

    def v2(stack, code):
        message = {"MSH": {"f9": {"c1": "ADT", "c2": "A03"}}, "PV1": {"f36": {"c1": code}}}
        return read(stack, "hl7v2", {"message": message, "times": {}})

    mercys = "urn:example:mercy:dispositions"
    table = "http://terminology.hl7.org/CodeSystem/v2-0112"
    explained = {
        "system": "http://terminology.hl7.org/CodeSystem/discharge-disposition",
        "code": "aadvice",
        "display": "Left against advice",
    }
    assert fhir(None, {"system": mercys, "code": "07"}) == {"system": mercys, "code": "07"}
    assert v2(None, "07") == {"system": table, "code": "07"}
    assert fhir(("mercy",), {"system": mercys, "code": "07"}) == v2(("mercy",), "07") == explained
    # what the overlay does not explain stays as it was sent
    standard = explained | {"code": "home", "display": "Home"}
    for other in ({"system": mercys, "code": "ZZ"}, standard, standard | {"code": "07"}):
        assert fhir(("mercy",), other) == other
    assert v2(("mercy",), "ZZ") == {"system": table, "code": "ZZ"}


def test_the_registry_of_the_page_is_one(tmp_path):
    (example,) = (example for example in EXAMPLES if example.file == "partners.yaml")
    (tmp_path / "partners.yaml").write_text(example.text, encoding="utf-8")
    partners = registry.load(tmp_path / "partners.yaml")
    assert {partners[name].view for name in ("northern", "northern-engineer")} == {"northern"}
    assert registry.views(tmp_path / "partners.yaml") == {"northern": ("northern", "minimum-necessary")}


def test_the_schema_for_editors_takes_what_the_page_shows_and_refuses_what_the_language_refuses():
    check = Draft202012Validator(json.loads((MAPPINGS / "schema.json").read_text()))
    shown = [example for example in EXAMPLES if "outbound/" in example.file or not example.file]
    assert len(shown) > 8
    for example in shown:
        check.validate(
            plain(documents(example.text if example.file else body(example.text), example.file or "M")[0])
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
    for path in sorted(
        path for kind in ("outbound", "compositions") for path in MAPPINGS.rglob(f"{kind}/*.yaml")
    ):
        for document in documents(path.read_text(), path.name):
            check.validate(plain(document))


def test_every_word_of_the_language_stands_on_the_page():
    from service.mapping.compiler import reader
    from service.mapping.layers import merge

    words = {*reader._KEYS, *reader._BLOCKS, merge.EXTENDS, merge.ADD}
    assert [word for word in sorted(words) if f"`{word}`" not in PAGE and f"{word}:" not in PAGE] == []
