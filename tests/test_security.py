"""What SECURITY.md says stands against somebody does: each row names a test, and that is there."""

import re
from pathlib import Path

import pytest

from service.wire.fhir.check.xhtml import narrative

ROOT = Path(__file__).parents[1]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LOCKS = ("requirements.lock", "tests/requirements.lock", ".ci/audit.lock")


def rows():
    """The threats: the cells of each row."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_there_are_threats():
    assert len(rows()) > 10


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[1])
def test_each_threat_names_a_control_and_tests_that_are_there(row):
    _, tries, control, tests = row
    assert tries
    assert control
    named = TEST.findall(tests)
    assert named
    for path, name in named:
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), name


@pytest.mark.parametrize("path", LOCKS)
def test_every_locked_package_has_its_hash(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    packages = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(packages) > 20
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    # where they come from is the machine's own configuration
    assert "://" not in text


def test_xml_is_parsed_nowhere_but_in_the_check_of_narratives_which_hold_no_entities():
    parsers = re.compile(r"^\s*(?:import|from) (xml|lxml|defusedxml|bs4|xmltodict)\b", re.MULTILINE)
    service = ROOT / "service"
    paths = [path for path in service.rglob("*.py") if parsers.search(path.read_text(encoding="utf-8"))]
    assert [path.relative_to(service).as_posix() for path in paths] == ["wire/fhir/check/xhtml.py"]
    for declared in ('<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>', '<?xml version="1.0"?>'):
        assert narrative(f'{declared}<div xmlns="http://www.w3.org/1999/xhtml">x</div>') is not None
