"""What every answer says of itself to browsers and caches, whatever route, error or busy server made it."""

import re
import socket

import pytest

from service.front.headers import AnswerHeaders
from tests.contracts.answered import described
from tests.front.conftest import answer, head

PATHS = [
    re.sub(r"\{\w+\}", "x", path) for path, operations in described()["paths"].items() if "get" in operations
]
ORIGIN = {"Origin": "https://elsewhere.example"}


@pytest.mark.parametrize("path", [*PATHS, "/nowhere", "/fhir/CarePlan?no=parameter", "/fhir//CarePlan"])
def test_an_answer_is_kept_by_no_cache_and_taken_for_nothing_else(served, path):
    answered = served.get(path, **ORIGIN)
    said = answered.headers
    assert (said["Cache-Control"], said["X-Content-Type-Options"]) == ("no-store", "nosniff")
    policy = said["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not [name for name in said if name.lower().startswith("access-control-")]
    assert not re.search(r"\d", said.get("Server", ""))


def test_no_origin_may_ask_from_elsewhere(served):
    with served.connect() as sender:
        fields = ("Origin: https://elsewhere.example", "Access-Control-Request-Method: PUT")
        sender.sendall(head("OPTIONS", "/api/clients/x", *fields))
        came = sender.recv(65_536)
    assert b"access-control-" not in came.lower()


def test_what_is_refused_before_any_route_says_the_same(served):
    with served.connect() as sender:
        sender.sendall(head("POST", "/fhir", "Content-Length: 20000000"))
        came = sender.recv(65_536, socket.MSG_PEEK)
        assert answer(sender)[0] == 413
    assert b"cache-control: no-store" in came.lower()


def test_https_alone_is_asked_for_where_it_is_set():
    name = b"strict-transport-security"
    assert name not in dict(AnswerHeaders().whole([]))
    assert dict(AnswerHeaders(3600).whole([]))[name] == b"max-age=3600"


def test_what_a_route_says_itself_is_said_once():
    own = [(b"content-type", b"text/html"), (b"cache-control", b"no-cache")]
    headers = AnswerHeaders().whole(own)
    assert headers[:2] == own
    assert [value for name, value in headers if name == b"cache-control"] == [b"no-cache"]
