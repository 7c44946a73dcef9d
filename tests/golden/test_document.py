"""The golden case as a document: what people read of it in each language, to the letter, and valid R4."""

import json
import shutil

import pytest

from service.flows.authoring.validity import validity
from service.wire.fhir.check.validate import validate
from tests.golden import document
from tests.mapping.page import examples

LOINC = "http://loinc.org"
# a mapping of each overlay that it ships with is one that stands in it
OVERLAYS = ((), ("us-core",), ("dk-core",), ("minimum-necessary",))


def test_it_is_what_stands_in_the_golden_files():
    for path, expected in document.outputs():
        assert path.read_bytes() == expected, f"{path.name}; `python -m tests.golden.document` writes it"


@pytest.mark.parametrize("language", document.LANGUAGES)
def test_it_is_valid_in_each_language(language):
    bundle = document.bundle(language)
    assert validate(bundle) == []
    assert [severity for severity, _ in validity(bundle)] == ["information"]
    composition = bundle["entry"][0]["resource"]
    assert {composition["language"], *(f'lang="{language}"' in div for div in divs(composition))} == {
        language,
        True,
    }


@pytest.mark.parametrize("overlays", OVERLAYS, ids="+".join)
def test_it_is_valid_with_each_overlay(overlays):
    assert validate(document.bundle(overlays=overlays)) == []


def divs(composition):
    return [narrated["text"]["div"] for narrated in (composition, *composition["section"])]


def test_every_language_tells_the_same_rows():
    """Words differ, and nothing is left out or added in a language."""
    shapes = {}
    for language in document.LANGUAGES:
        page = document.page(document.bundle(language)["entry"][0]["resource"])
        shapes[language] = [line.count("|") for line in page.splitlines()]
        assert "2026-06-30" in page
    assert all(shape == shapes["en"] for shape in shapes.values())


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    """What is absent leaves its cell."""
    tables = [div for div in divs(document.bundle()["entry"][0]["resource"]) if "<table>" in div]
    assert len(tables) > 5
    for table in tables:
        cells = {row.count("<th>") + row.count("<td>") for row in table.split("<tr>")[1:]}
        assert len(cells) == 1, table


def test_after_a_stay_it_is_a_discharge_report_and_by_us_core_a_plan_of_care():
    report, plan = (
        document.bundle(overlays=overlays)["entry"][0]["resource"] for overlays in ((), ("us-core",))
    )
    assert report["type"]["coding"][0]["code"] == "34105-7"
    assert "encounter" in report
    assert plan["type"]["coding"] == [{"system": LOINC, "code": "18776-5", "display": "Plan of care note"}]
    assert "encounter" not in plan
    assert plan["section"] == report["section"]


def test_what_it_refers_to_stands_in_it_once_and_nothing_else_does():
    bundle = document.bundle()
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls)
    composition, *others = (entry["resource"] for entry in bundle["entry"])
    named = set(json.dumps(composition).split('"'))
    assert {url for url in named if url.startswith("https://casebridge.example/")} <= set(urls)
    # from each resource to those it refers to; what tells of another may stand behind it
    reached, waiting = set(), {composition["id"]}
    texts = {resource["id"]: json.dumps(resource) for resource in (composition, *others)}
    while waiting:
        reached |= waiting
        waiting = {id_ for owner in waiting for id_ in texts if id_ in texts[owner]} - reached
    assert {resource["resourceType"] for resource in others if resource["id"] not in reached} <= {
        "Provenance",
        "PractitionerRole",
    }


def test_a_site_says_what_it_consists_of(tmp_path):
    """By the overlay that the language page shows."""
    mappings = tmp_path / "mappings"
    shutil.copytree(document.MAPPINGS, mappings)
    for example in examples((document.MAPPINGS / "README.md").read_text(encoding="utf-8")):
        if example.file.startswith("overlays/northern/"):
            path = mappings / example.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.text, encoding="utf-8")
    before = document.bundle(overlays=("us-core",))
    after = document.bundle(overlays=("northern",), mappings=mappings)
    shown = [
        [section["title"] for section in bundle["entry"][0]["resource"]["section"]]
        for bundle in (before, after)
    ]
    titles = ["What we aim at" if title == "Goals" else title for title in shown[0] if title != "Medicines"]
    assert shown[1] == [*titles, "Your contact"]
    # with the section goes what it alone led to
    types = [{entry["resource"]["resourceType"] for entry in bundle["entry"]} for bundle in (before, after)]
    assert types[0] - types[1] == {"MedicationStatement"}
    assert "555-0114" not in json.dumps(after)
