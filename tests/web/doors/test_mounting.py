"""A door is mounted when each of its routes has a description and it names its right, and not else."""

import re
import time
from datetime import UTC, datetime

import pytest
from flask import Blueprint, g

from service.access.rates import Rate, Slots
from service.access.smart_scopes import Grant
from service.authorize.quotas import Quotas
from service.authorize.recording import Recording
from service.door import PUBLIC, Door
from service.errors import Denied
from service.flows.authorization.bearers import Bearer
from service.values.access.scope import Partner
from service.web import Access, create_app
from service.wire.contracts.published.openapi.operations import Operation

GRANTED = {"desk": Grant(), "owner": Grant(frozenset({"stays"}))}


def caller(request):
    """Who asks, by name; raises as callers do."""
    name = request.headers["Casebridge-Partner"]
    if name not in GRANTED:
        raise Denied("No such partner is registered.")
    return Bearer(Partner(name, "operator"), GRANTED[name], ())


UNLIMITED = Rate(Slots(), "anybody", 0)
RECORDED = []
ACCESS = Access(
    caller,
    Quotas(UNLIMITED, UNLIMITED, 0, (), time.monotonic),
    Recording(RECORDED.append, (), lambda: datetime.now(UTC)),
)


def operation(method="get", path="/stays/{id}", **more):
    fields = {"tag": "Stays", "summary": "A stay", "answers": {}, "silent": "It tells a name."} | more
    return Operation(method, path, f"{method}{path}", **fields)


def door(*operations, right="stays"):
    """A door with two routes, GET and PUT of /stays/{id}."""
    routes = Blueprint("stays", __name__, url_prefix="/stays")

    @routes.get("/<id_>")
    def read(id_):
        return g.get("partner", Partner("nobody", "operator")).name

    @routes.put("/<int:id_>")
    def put(id_):
        return ""

    return Door(routes, right, operations)


WHOLE = (operation(), operation("put"))


def ask(mounted, partner):
    """GET a stay as a partner."""
    client = create_app([mounted], ACCESS).test_client()
    return client.get("/stays/1", headers={"Casebridge-Partner": partner})


@pytest.mark.parametrize(("partner", "status"), [("owner", 200), ("desk", 403), ("stranger", 403)])
def test_a_door_is_mounted_behind_its_right(partner, status):
    answer = ask(door(*WHOLE), partner)
    assert answer.status_code == status
    assert (answer.text == "owner") == (status == 200)


def test_a_door_that_says_so_is_open_to_everybody():
    answer = ask(door(*WHOLE, right=PUBLIC), "stranger")
    assert (answer.status_code, answer.text) == (200, "nobody")


@pytest.mark.parametrize("right", ["", None])
def test_a_door_without_a_right_cannot_be_made(right):
    with pytest.raises(ValueError, match=r"'stays' names no right.*PUBLIC"):
        door(*WHOLE, right=right)


@pytest.mark.parametrize(("described", "route"), [(WHOLE[0], "PUT"), (WHOLE[1], "GET")])
def test_a_route_without_a_description_is_not_mounted(described, route):
    with pytest.raises(ValueError, match=rf"routes without an operation: {route} /stays/<[^,]*; describe"):
        create_app([door(described)], ACCESS)


@pytest.mark.parametrize(("method", "path"), [("delete", "/stays/{id}"), ("get", "/stays"), ("get", "/{id}")])
def test_a_description_without_a_route_is_not_mounted(method, path):
    what = re.escape(f"describes {method.upper()} {path}, and has no such route")
    with pytest.raises(ValueError, match=what):
        create_app([door(*WHOLE, operation(method, path))], ACCESS)


def test_the_route_of_another_door_is_no_route_of_this_one():
    routes = Blueprint("cases", __name__)
    routes.add_url_rule("/cases/<id_>", "read", lambda id_: "")
    cases = operation(path="/cases/{id}")
    with pytest.raises(ValueError, match=r"'stays' describes GET /cases/\{id\}"):
        create_app([Door(routes, "cases", (cases,)), door(*WHOLE, cases)], ACCESS)


def test_an_operation_needs_the_right_of_its_door_unless_it_names_its_own():
    operations = (operation(), operation("put", right="erase"))
    assert [operation.right for operation in door(*operations).described()] == ["stays", "erase"]
    assert [operation.right for operation in door(*WHOLE, right=PUBLIC).described()] == [None, None]
