"""The public codes our concept maps lead to stand in HL7's own code systems, under the display given."""

import json
from pathlib import Path

import pytest
import yaml

from tests.real.real_data import folder

MAPS = sorted((Path(__file__).parents[2] / "mappings/concepts").glob("*.yaml"))
# not in HL7's download of R4
ELSEWHERE = {"http://snomed.info/sct"}


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
def test_every_target_is_a_published_code_under_its_display(path, published):
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["group"]:
        if group["target"] in ELSEWHERE:
            continue
        known = published[group["target"]]
        for target in (target for element in group["element"] for target in element["target"]):
            if target["equivalence"] != "unmatched":
                assert target["code"] in known
                assert target.get("display", known[target["code"]]) == known[target["code"]]
