"""What consumers read of messages, as contracts/consumers/*/contract.yaml says; `check` holds one to it."""

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parents[2] / "contracts" / "consumers"


@cache
def contracts():
    """Each consumer's contract, by its name."""
    return {
        path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in sorted(FOLDER.glob("*/contract.yaml"))
    }


def fields_of(contract, type_):
    """The fields that a consumer reads of a type, by their paths."""
    return {
        path: needed
        for read in contract["reads"]
        if any(fnmatchcase(type_, pattern) for pattern in read["types"])
        for path, needed in read["fields"].items()
    }


def needs(fields):
    """The JSON Schema of what is read: `?` behind a name says it may be missing, `[]` that there are many."""
    schema = {}
    for path, needed in fields.items():
        place = schema
        for step in path.split("."):
            name = step.rstrip("?[]")
            place["type"] = "object"
            if "?" not in step:
                place["required"] = sorted({*place.get("required", ()), name})
            place = place.setdefault("properties", {}).setdefault(name, {})
            if step.endswith("[]"):
                place["type"] = "array"
                place = place.setdefault("items", {})
        place.update(needed)
    return schema


@cache
def validators(type_):
    """What each reader of a type needs, by its name."""
    read = {name: fields_of(contract, type_) for name, contract in contracts().items()}
    checker = Draft202012Validator.FORMAT_CHECKER
    return {
        name: Draft202012Validator(needs(fields), format_checker=checker)
        for name, fields in read.items()
        if fields
    }


def check(message):
    """Fail when a message does not have what a consumer reads of it."""
    for name, validator in validators(message["type"]).items():
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(message)]
        assert wrong == [], (name, message, wrong)
