"""Holds answers to what contracts/openapi.yaml says of their route; tests ask through `CheckedClient`."""

import gzip
import json
import re
from functools import cache

import yaml
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.contracts.published import FOLDER, LOADER, check_fed, retrieve

URI = f"{FOLDER.as_uri()}/openapi.yaml"
METHODS = {"GET", "PUT", "POST", "PATCH", "DELETE"}


@cache
def described():
    """The OpenAPI document as it is committed."""
    return yaml.load((FOLDER / "openapi.yaml").read_bytes(), LOADER)


@cache
def registry():
    """The document and the schemas beside it, for references."""
    document = Resource.from_contents(described(), default_specification=DRAFT202012)
    return Registry(retrieve=retrieve).with_resource(URI, document)


def resolved(part):
    """Follow a reference within the document."""
    if "$ref" not in part:
        return part
    return registry().resolver(URI).lookup(part["$ref"]).contents


def validator(schema):
    """A validator of a schema that stands in the document."""
    if schema.get("$ref", "").startswith("#"):
        schema = {"$ref": f"{URI}{schema['$ref']}"}
    return Draft202012Validator({"$id": f"{FOLDER.as_uri()}/part.yaml", **schema}, registry=registry())


@cache
def operation(method, path):
    """The operation of a path that is asked for, concrete paths first; None when there is none."""
    for template in sorted(described()["paths"], key=lambda path_: path_.count("{")):
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path) and method.lower() in described()["paths"][template]:
            return described()["paths"][template][method.lower()]
    return None


def hold(method, path, answer):
    """Fail when an answer has another status, media type, header or body than is said of its route."""
    described_operation = operation(method, path)
    if described_operation is None:
        assert answer.status_code in {400, 401, 403, 404, 405, 406, 414, 429}, (
            method,
            path,
            answer.status_code,
        )
        return
    place = (method, path, answer.status_code)
    assert str(answer.status_code) in described_operation["responses"], place
    response = resolved(described_operation["responses"][str(answer.status_code)])
    missing = [name for name in response.get("headers", {}) if name not in answer.headers]
    assert missing == [], place
    if answer.headers.get("Preference-Applied") == "return=minimal":
        assert (answer.get_data(), "Content-Type" in answer.headers) == (b"", False), place
        return
    assert answer.mimetype in response.get("content", {answer.mimetype: {}}), (*place, answer.mimetype)
    schema = response.get("content", {}).get(answer.mimetype, {}).get("schema", {"type": "string"})
    if schema.get("type") != "string":
        sent = answer.get_data()
        body = json.loads(gzip.decompress(sent) if answer.content_encoding == "gzip" else sent)
        wrong = [f"{error.json_path}: {error.message}" for error in validator(schema).iter_errors(body)]
        assert wrong == [], (*place, wrong)
        if path == "/events" and answer.status_code == 200:
            for item in body:
                check_fed(item)


class CheckedClient(FlaskClient):
    """A test client that holds each answer to the contract."""

    def open(self, *arguments, **more):
        """Ask, and check the answer."""
        answer = super().open(*arguments, **more)
        if answer.request.method in METHODS:
            hold(answer.request.method, answer.request.path, answer)
        return answer
