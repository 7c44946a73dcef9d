"""The API reference: a page made of the OpenAPI document, and the contracts themselves as files."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from hashlib import sha256
from typing import Any, Final

from flask import Blueprint, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from service.door import PUBLIC, Door
from service.errors import NotFound
from service.wire.contracts.documents.kinds import KINDS
from service.wire.contracts.published.generate import Contracts
from service.wire.contracts.published.json_schemas import schema
from service.wire.contracts.published.openapi.operations import Described, Operation, answer

_PAGES = Environment(
    loader=PackageLoader("service.disclose.about", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

_TEXT: Final[Described] = {"type": "string"}
# by how the name of a contract ends, the first that does
_MEDIA_TYPES: Final = {
    ".yaml": "application/yaml",
    ".schema.json": "application/schema+json",
    "capability.json": "application/fhir+json",
    ".md": "text/markdown",
}
_STYLE: Final = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


def reference(contracts: Callable[[], Contracts]) -> Door:
    """Return the public door to the reference; what it answers is made when first asked for."""
    routes = Blueprint("reference", __name__)

    @routes.get("/")
    def start() -> Response:
        return Response(status=302, headers={"Location": "/docs"})

    @cache
    def html() -> bytes:
        return page(contracts())

    @cache
    def policy() -> str:
        return content_security_policy(html())

    @cache
    def files() -> Mapping[str, str]:
        return contracts().files()

    @routes.get("/docs")
    def docs() -> Response:
        response = Response(html(), mimetype="text/html")
        response.headers["Content-Security-Policy"] = policy()
        return response

    @routes.get("/docs/<name>")
    def contract(name: str) -> Response:
        return _file(files(), name)

    @routes.get("/docs/messages/<name>", endpoint="message")
    def message_schema(name: str) -> Response:
        return _file(files(), f"messages/{name}")

    return Door(routes, PUBLIC, tuple(_described()))


def page(contracts: Contracts) -> bytes:
    """Return the reference as one HTML page that loads nothing else."""
    api = contracts.openapi
    tags = [(tag["name"], tag["description"], list(_operations(api, tag["name"]))) for tag in api["tags"]]
    errors = [(name, response) for name, response in api["components"]["responses"].items()]
    documents = [(kind, list(_members(schema(kind), ""))) for kind in KINDS]
    text = _PAGES.get_template("reference.html").render(
        info=api["info"],
        tags=tags,
        errors=errors,
        documents=documents,
        messages=contracts.message_types,
        about_messages=contracts.asyncapi["info"]["description"],
        pretty=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        resolved=lambda part: _component_of(api, part),
    )
    return text.encode()


def content_security_policy(html: bytes) -> str:
    """Return the policy of a page that has nothing but its own style (CSP 3 section 2.3.1, hash-source)."""
    (style,) = _STYLE.findall(html)
    digest = b64encode(sha256(style).digest()).decode()
    forbidden = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; {forbidden}"


def _operations(api: dict[str, Any], tag: str) -> Iterator[dict[str, Any]]:
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield {**operation, "method": method.upper(), "path": path}


def _component_of(api: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference into the components."""
    if "$ref" not in part:
        return part
    component = api
    for step in part["$ref"].removeprefix("#/").split("/"):
        component = component[step]
    return component


def _members(part: dict[str, Any], path: str) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Give each member of a document: its path, whether it is required there, and its schema."""
    for name, member in part["properties"].items():
        item = member.get("items", member)
        place = f"{path}{name}" + ("[]" if item is not member else "")
        yield place, name in part.get("required", ()), item
        if "properties" in item:
            yield from _members(item, f"{place}.")


def _file(files: Mapping[str, str], name: str) -> Response:
    if name not in files:
        raise NotFound("There is no such contract; /docs names them.")
    kind = next(kind for ending, kind in _MEDIA_TYPES.items() if name.endswith(ending))
    return Response(files[name], mimetype=kind)


def _described() -> Iterator[Operation]:
    kinds: Described = {
        kind: {"schema": {"type": "object"} if kind.endswith("+json") else _TEXT}
        for kind in _MEDIA_TYPES.values()
    }
    file = {200: {"description": "The file, as it is generated.", "content": kinds}}
    name: Described = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
    describe = partial(Operation, "get", tag="Reference")
    yield describe(
        "/",
        "start",
        summary="Be led to this reference",
        answers={302: {"description": "It stands at /docs."}},
    )
    yield describe(
        "/docs",
        "reference",
        summary="Read this reference",
        answers={200: answer("A page that needs nothing else.", "text/html", _TEXT)},
    )
    for path, called, summary in (
        ("/docs/{name}", "contract", "Read a contract: openapi.yaml, asyncapi.yaml, case.schema.json, …"),
        ("/docs/messages/{name}", "message-schema", "Read the schema of a message, or of its data"),
    ):
        yield describe(path, called, summary=summary, answers=file, faults=(404,), parameters=(name,))
