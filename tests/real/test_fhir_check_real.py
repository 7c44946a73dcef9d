"""On resources others wrote the checker agrees with fhir.resources, and where it is stricter we know why."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from service.errors import Malformed
from service.wire.fhir.check.check import check
from service.wire.fhir.check.model import structure
from service.wire.fhir.check.primitives import PRIMITIVES
from service.wire.fhir.check.validate import validate
from service.wire.json import parse
from tests.distil.r4 import ROOTS
from tests.real.real_data import folder

# What fhir.resources lets through, by the complaint of ours that it answers to.
STRICTER = {
    r"Must be one of: ": "it takes any code for a required binding",
    r"Must have a coding that is ": "it takes any coding for a required binding",
    r"Must refer to ": "it takes any target",
    r"Must be Type/id, an absolute URL": "it does not read literal references",
    r"Must be a string\.": "it makes a string of a number",
    r"Must not be empty": "it takes an empty string or array",
    r"Must not be null": "it takes a null for an absent element",
}
FOLDERS = ("hl7-r4-examples", "us-core", "ecareplan", "payer", "europe", "medcom", "hl7v2-adt")
PRIMITIVE_NAMES = {
    "base64_binary": "base64Binary",
    "date_time": "dateTime",
    "positive_int": "positiveInt",
    "unsigned_int": "unsignedInt",
}
# Google's lists hold null as a valid element, and XHTML without its namespace.
OWN_OPINION = {"null", '"<div>text</div>"', '""'}


def inner(resource: Any) -> Iterator[dict[str, Any]]:
    """The resources of our types in a document, those in Bundles one by one."""
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if kind == "Bundle":
        for entry in resource.get("entry", []):
            yield from inner(entry.get("resource"))
    elif kind in ROOTS:
        yield resource


@cache
def resources(name: str) -> tuple[dict[str, Any], ...]:
    resources_: list[dict[str, Any]] = []
    for path in sorted(folder(name).rglob("*.json")):
        try:
            resources_ += inner(json.loads(path.read_bytes(), parse_float=Decimal))
        except ValueError:
            continue
    return tuple(resources_)


@pytest.mark.parametrize("name", FOLDERS)
def test_what_the_checker_lets_through_fhir_resources_takes(name):
    assert resources(name)
    assert [
        structure(resource) for resource in resources(name) if not check(resource) and structure(resource)
    ] == []


@pytest.mark.parametrize("name", FOLDERS)
def test_what_only_the_checker_refuses_is_of_a_known_kind(name):
    refused = [check(resource) for resource in resources(name) if not structure(resource)]
    unknown = [
        issue.what
        for issues in refused
        for issue in issues
        if not any(re.match(start, issue.what) for start in STRICTER)
    ]
    assert unknown == []


def test_official_examples_are_valid_in_every_way():
    broken = Counter(
        (resource["resourceType"], issue.where, issue.what)
        for name in ("hl7-r4-examples", "us-core")
        for resource in resources(name)
        for issue in validate(resource)
    )
    assert broken == {}


def cases(name: str) -> Iterator[tuple[str, bytes, list[dict[str, Any]]]]:
    """The validator's own cases: name, bytes and the errors it expects."""
    for path in sorted(folder(f"invalid/{name}").glob("*.json")):
        if path.name.endswith(".expected.json"):
            continue
        outcome = json.loads(path.with_suffix(".expected.json").read_bytes())["java_validator_outcome"]
        errors = [issue for issue in outcome.get("issue", []) if issue["severity"] in ("error", "fatal")]
        yield path.name, path.read_bytes(), errors


def verdict_of(raw: bytes) -> bool | None:
    """Whether we find something wrong; None when the resource is of a type we have no definition of."""
    try:
        resource = parse(raw)
    except Malformed:
        return True
    return bool(validate(resource)) if resource["resourceType"] in ROOTS else None


def test_what_hl7s_validator_calls_valid_we_call_valid():
    # HL7's "yes" to comments and to a bad id is an option of its validator that it was told to use.
    options = {
        "Condition__contained-resource-bad-id-ignore.json",
        "notJSON__json-comments-1-yes.json",
        "notJSON__json-comments-2-yes.json",
    }
    wrong = {
        name
        for kind in ("fhir-test-cases-r4", "fhir-test-cases-r4-valid")
        for name, raw, errors in cases(kind)
        if not errors and verdict_of(raw)
    }
    assert wrong <= options


def test_what_hl7s_validator_calls_malformed_we_find():
    # Its other errors need terminology, profiles, signatures or the resolution of references in a Bundle.
    base = re.compile(
        r"Invalid Resource id|must be an? (?:Object|Array|simple)|minimum required = 1, but only found 0 "
        r"\(from http://hl7.org/fhir/StructureDefinition/|not a valid date|base64"
    )
    answers = {
        name: verdict_of(raw)
        for name, raw, errors in cases("fhir-test-cases-r4")
        if any(base.search(error["details"]["text"]) for error in errors)
    }
    assert True in answers.values()
    assert [name for name, answer in answers.items() if answer is False] == []


def test_primitive_values_are_told_apart_as_others_tell_them():
    wrong = [
        (path.name, line)
        for path in sorted(folder("invalid/google-primitives").glob("*.ndjson"))
        for line in path.read_bytes().splitlines()
        if line.decode() not in OWN_OPINION and accepts(path.name, line) != (".valid." in path.name)
    ]
    assert wrong == []


def accepts(name: str, line: bytes) -> bool:
    """Whether a line of a file named after a primitive is read and is such a primitive."""
    kind = name.partition(".")[0]
    try:
        return PRIMITIVES[PRIMITIVE_NAMES.get(kind, kind)](parse(line)) is None
    except Malformed:
        return False
