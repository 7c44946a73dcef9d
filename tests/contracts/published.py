"""Holds messages to what contracts/asyncapi.yaml publishes; tests that take a message call `check`."""

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.contracts import consumers

FOLDER = Path(__file__).parents[2] / "contracts"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def retrieve(uri):
    """A file of contracts/, by its file URI."""
    contents = json.loads(Path(urlsplit(uri).path).read_text(encoding="utf-8"))
    return Resource.from_contents(contents, default_specification=DRAFT202012)


REGISTRY = Registry(retrieve=retrieve)


@cache
def described():
    """The AsyncAPI document as it is committed."""
    return yaml.load((FOLDER / "asyncapi.yaml").read_bytes(), LOADER)


def keys():
    """The routing keys of what we tell."""
    operations = [
        operation for operation in described()["operations"].values() if operation["action"] == "send"
    ]
    return [operation["channel"]["$ref"].removeprefix("#/channels/") for operation in operations]


@cache
def published(key):
    """What is published of a routing key: the payload's validator, and the schemas it is made of."""
    assert key in described()["channels"], f"{key} is in no channel of contracts/asyncapi.yaml"
    payload = described()["components"]["messages"][key]["payload"]
    validator = Draft202012Validator(
        {"$id": f"{FOLDER.as_uri()}/asyncapi.yaml", **payload},
        registry=REGISTRY,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )
    envelope, closer = payload["allOf"]
    data = closer["properties"]["data"]["$ref"]
    return validator, *(json.loads((FOLDER / name).read_text()) for name in (envelope["$ref"], data)), data


def check(key, message):
    """Return the message; fail when it is not as published, says more, or lacks what a consumer reads."""
    validator, envelope, data, file = published(key)
    wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(message)]
    assert wrong == [], (key, message, wrong)
    assert set(message) <= set(envelope["properties"]), (key, message)
    assert set(message["data"]) <= set(data["properties"]), (key, message)
    assert message["dataschema"].endswith(file.rpartition("/")[2])
    assert message["subject"] == message["data"]["reference"]
    assert datetime.fromisoformat(message["time"]).utcoffset() is not None
    consumers.check(message)
    return message


def check_fed(message):
    """As `check`, of a message from the feed, whose routing key its type tells."""
    return check(message["type"].removeprefix("org.casebridge.").rpartition(".")[0], message)
