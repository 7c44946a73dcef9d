"""What the head of a request has to be."""

import pytest
import requests

from tests.front.conftest import SECONDS, answer

GET = "GET /fhir/metadata HTTP/1.1"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([GET, "Host: casebridge"], 200),
        ([GET, "Host: casebridge.example:8080"], 200),
        ([GET, "Host: [2001:db8::1]:8080"], 200),
        ([GET], 400),
        ([GET, "Host:"], 400),
        ([GET, "Host: a", "Host: a"], 400),
        ([GET, "Host: a", "Host: b"], 400),
        ([GET, "Host: a, b"], 400),
        ([GET, "Host: a b"], 400),
        ([GET, "Host: a/fhir"], 400),
        ([GET, "Host: someone@a"], 400),
        (["GET /fhir/metadata HTTP/1.0"], 200),
    ],
)
def test_a_request_names_its_host_once(served, lines, status):
    sender = served.connect()
    sender.sendall("\r\n".join([*lines, "", ""]).encode())
    assert answer(sender)[0] == status
    sender.close()


@pytest.mark.parametrize(("name", "status"), [("Casebridge-Partner", 403), ("Casebridge_Partner", 200)])
def test_a_field_with_an_underscore_is_not_taken_for_another(served, name, status):
    sender = served.connect()
    sender.sendall(f"GET /events HTTP/1.1\r\nHost: a\r\n{name}: stranger\r\n\r\n".encode())
    assert answer(sender)[0] == status
    sender.close()


@pytest.mark.parametrize("path", ["//fhir//metadata", "/fhir//CarePlan/x"])
def test_a_redirect_says_where_to_and_nothing_else(served, path):
    answered = served.get(path)
    (first,) = answered.history
    assert (first.status_code, first.content) == (308, b"")
    assert "Content-Type" not in first.headers
    assert first.headers["Location"]


def test_a_head_is_answered_without_a_body_and_the_next_request_by_its_own_answer(served):
    for accepted in ("identity", "gzip"):
        full = served.get("/fhir/metadata", **{"Accept-Encoding": accepted})
        with requests.Session() as session:
            url, headers = f"{served.url}/fhir/metadata", {"Accept-Encoding": accepted}
            answer = session.head(url, headers=headers, timeout=SECONDS)
            again = session.get(url, headers=headers, timeout=SECONDS)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Length"] == full.headers["Content-Length"]
        assert again.content == full.content
