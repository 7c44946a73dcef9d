"""The tables of what is used of what hospitals send are those of the mappings as they are."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.__main__ import cli
from service.flows.authoring.fields import COMMAND, PASSED, pages
from service.flows.authoring.reasons import ELEMENTS, FIELDS, SEGMENTS
from service.mapping.author.reading import reading
from service.mapping.language.fhirpath import members
from service.settings import Settings
from service.values.inbound.intake import IntakeSettings
from service.wire.fhir.definitions.r4 import definitions
from service.wire.fhir.exchange.bundles import USED
from service.wire.hl7v2 import unused as in_hl7v2
from service.wire.hl7v2.json_schema import FIELDS as COUNTS
from service.wire.hl7v2.titles import titles
from service.wiring import compiled

CATALOGUE = compiled.inbound(Settings.from_env({}))
PAGES = pages(CATALOGUE)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_table_is_current(name):
    written = (Path("docs") / name).read_text(encoding="utf-8")
    assert written == PAGES[name], f"write it anew: {COMMAND}"


def test_the_command_writes_them_and_prints_them(tmp_path):
    done = CliRunner().invoke(cli, ["mappings", "fields", "--out", str(tmp_path / "docs")])
    assert done.output.startswith("2 pages are written")
    assert {page.name: page.read_text(encoding="utf-8") for page in (tmp_path / "docs").iterdir()} == PAGES
    printed = CliRunner().invoke(cli, ["mappings", "fields"]).output
    assert all(page in printed for page in PAGES.values())


def test_every_field_of_the_segments_that_are_used_is_listed():
    page = PAGES["hl7v2.md"]
    for name, count in COUNTS.items():
        if f"## {name}\n" in page:
            assert all(f"| {name}-{number} |" in page for number in range(1, count + 1))
        else:
            assert f"| {name} |" in page
    names = ".1 → `patient.names.family`; .2, .3 → `patient.names.given`; .4, .6 → `patient.names.suffix`"
    assert f"| PID-5 | Patient Name | {names}" in page
    assert "| PV1-46 | Current Patient Balance |  | billing" in page


def test_a_field_that_is_read_says_what_for():
    read = reading(CATALOGUE, "hl7v2")
    known = in_hl7v2.known(read.paths, read.wholes, IntakeSettings())
    table = [line.split("|") for line in PAGES["hl7v2.md"].splitlines() if line.count("|") == 5]
    rows = {cells[1].strip(): cells[3].strip() for cells in table}
    places = [(name, number) for name, fields in known.segments.items() for number in fields]
    assert ("DG1", 2) in places
    assert [f"{name}-{number}" for name, number in places if not rows[f"{name}-{number}"]] == []


def test_every_type_that_is_used_and_its_elements_are_listed():
    page = PAGES["fhir-in.md"]
    for type_ in USED:
        _, _, rest = page.partition(f"\n## {type_}\n")
        section = rest.partition("\n## ")[0]
        listed = {element.name for element in definitions()[type_].elements} - PASSED
        assert all(f"\n| {name} |" in section for name in listed)


def test_titles_and_reasons_are_of_fields_that_there_are():
    assert {name: len(rows) for name, rows in titles().items()} == COUNTS
    assert set(SEGMENTS) <= set(COUNTS)
    for name, reasons in FIELDS.items():
        assert all(1 <= number <= COUNTS[name] for number in reasons)
    for type_, reasons in ELEMENTS.items():
        assert set(reasons) <= {element.name for element in definitions()[type_].elements}


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ("name.first()", ["name"]),
        ("name[0].given.first()", ["name.given"]),
        ("Patient.name.family", ["name.family"]),
        ("$this", [""]),
        ("class.where(type.coding.code = 'plan').value", ["class.type.coding.code", "class.value"]),
        ("identifier.exists(type.text = 'x')", ["identifier", "identifier.type.text"]),
        ("(name.text | name.family).first()", ["name.family", "name.text"]),
        ("contact.select(name.text)", ["contact.name.text"]),
        ("extension('urn:x').value", ["extension.value"]),
        ("name.where($this.use = 'old').text + '.'", ["name.text", "name.use"]),
    ],
)
def test_it_is_known_what_fhirpath_reads(expression, read):
    assert sorted(members(expression)) == read
