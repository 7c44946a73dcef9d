"""The codes of our concept maps stand in the code systems that their groups name, under the display given."""

import gzip
import json
from pathlib import Path

import pytest
import yaml

from tests.real.real_data import folder

MAPPINGS = Path(__file__).parents[2] / "mappings"
MAPS = sorted(MAPPINGS.rglob("concepts/*.yaml"))
OURS = "https://casebridge.org/fhir/CodeSystem/"
# what some senders write beside a standard's codes: nobody publishes it
SENDERS = f"{OURS}senders-"
# not in HL7's download of R4, or for each site to define
ELSEWHERE = (
    SENDERS,
    "http://terminology.hl7.org/CodeSystem/v2-0112",
    "http://snomed.info/",
    "http://medcomfhir.dk/",
    "http://hl7.org/fhir/us/",
    "urn:",
)


@pytest.fixture(scope="module")
def published():
    """The displays of every code system in the definitions, and of ours, by url and code."""
    displays_of = {}
    bundles = folder("definitions/medplum-r4")
    raw = [(bundles / name).read_bytes() for name in ("valuesets.json", "v3-codesystems.json")]
    raw.append(gzip.decompress((bundles / "v2-tables.json.gz").read_bytes()))
    defined = [entry["resource"] for text in raw for entry in json.loads(text)["entry"]]
    defined += [yaml.safe_load(path.read_bytes()) for path in MAPPINGS.rglob("codesystems/*.yaml")]
    for resource in defined:
        if resource["resourceType"] == "CodeSystem":
            # some tables of v2 are told by version; a later one has all codes of an earlier
            displays = displays_of.setdefault(resource["url"].partition("|")[0], {})
            displays.update(concepts(resource.get("concept", [])))
    return displays_of


def concepts(listed):
    for coding in listed:
        yield coding["code"], " ".join(coding.get("display", "").split())
        yield from concepts(coding.get("concept", []))


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_every_code_is_in_the_system_that_its_group_names_under_its_display(path, published):
    for group in groups(path):
        for url, coded in sides(group):
            assert url
            for coding in coded if not url.startswith(ELSEWHERE) else ():
                assert coding["code"] in published[url]
                assert coding.get("display", published[url][coding["code"]]) == published[url][coding["code"]]


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_what_only_senders_write_is_in_no_table_it_could_be_taken_from(path, published):
    for group in groups(path):
        if group["source"].startswith(SENDERS):
            assert group["source"] == f"{SENDERS}{path.stem}"
            tables = {group["source"] for group in groups(path)} & published.keys()
            said = {element["code"] for element in group["element"]}
            assert [sorted(said & published[url].keys()) for url in tables] == [[]] * len(tables)


def groups(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))["group"]


def sides(group):
    """The source and the target of a group, each with its codes."""
    targets = [target for element in group["element"] for target in element["target"]]
    yield group.get("source"), group["element"]
    yield group.get("target"), [target for target in targets if "code" in target]


def test_most_maps_lead_from_or_to_what_is_published(published):
    known = [url in published for path in MAPS for group in groups(path) for url, _ in sides(group)]
    assert sum(known) > len(known) * 0.8
