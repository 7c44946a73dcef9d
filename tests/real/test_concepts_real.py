"""The public codes our concept maps lead to stand in HL7's own code systems, under the display given."""

import json
from pathlib import Path

import pytest
import yaml

from tests.real.real_data import folder

MAPS = sorted((Path(__file__).parents[2] / "mappings/concepts").glob("*.yaml"))
# not in HL7's download of R4, or, as v2's tables, for each site to extend
ELSEWHERE = (
    "http://terminology.hl7.org/CodeSystem/v2-",
    "http://snomed.info/",
    "https://casebridge.org/",
    "http://medcomfhir.dk/",
    "http://hl7.org/fhir/us/",
)


@pytest.fixture(scope="module")
def published():
    """The displays of every code system in the definitions, by url and code."""
    found = {}
    for name in ("valuesets.json", "v3-codesystems.json"):
        for entry in json.loads((folder("definitions/medplum-r4") / name).read_bytes())["entry"]:
            if entry["resource"]["resourceType"] == "CodeSystem":
                displays = found.setdefault(entry["resource"]["url"], {})
                displays.update(concepts(entry["resource"].get("concept", [])))
    return found


def concepts(listed):
    for each in listed:
        yield each["code"], " ".join(each.get("display", "").split())
        yield from concepts(each.get("concept", []))


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_every_code_of_hl7_is_a_published_one_under_its_display(path, published):
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["group"]:
        targets = [target for element in group["element"] for target in element["target"]]
        sides = ((group.get("source"), group["element"]), (group.get("target"), targets))
        for known, coded in ((published[url], side) for url, side in sides if is_of_hl7(url)):
            for each in (each for each in coded if "code" in each):
                assert each["code"] in known
                assert each.get("display", known[each["code"]]) == known[each["code"]]


def is_of_hl7(url):
    """Whether a system stands in HL7's download of R4, all of it."""
    return (url or "").startswith("http") and not url.startswith(ELSEWHERE)


def test_most_maps_lead_to_hl7():
    groups = [group for path in MAPS for group in yaml.safe_load(path.read_text(encoding="utf-8"))["group"]]
    assert sum(is_of_hl7(each.get("target")) for each in groups) > len(groups) / 2
