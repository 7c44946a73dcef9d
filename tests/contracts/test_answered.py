"""The tests' own check of answers finds what is not as published."""

import pytest
from flask import Response

from service.disclosing import disclose
from tests.contracts.answered import CheckedClient


@pytest.fixture
def client(app):
    app.test_client_class = CheckedClient
    return app.test_client()


@pytest.mark.parametrize(
    "answer",
    [
        Response(b'{"status":"live"}', 201, mimetype="application/json"),
        Response(b'{"status":"live"}', mimetype="text/plain"),
        Response(b'{"status":"dead"}', mimetype="application/json"),
        Response(b'{"title":"Gone"}', 400, mimetype="application/problem+json"),
    ],
)
def test_an_answer_that_is_not_as_described_is_found(app, client, answer):
    client.get("/health/live")
    app.view_functions["health.live"] = lambda: answer
    with pytest.raises(AssertionError):
        client.get("/health/live")


def test_a_missing_header_and_a_message_that_is_not_published_are_found(app, client):
    def events():
        disclose("search-type")
        return answer

    app.view_functions["events.events"] = events
    for headers, body in (({}, b"[]"), ({"Casebridge-Position": "1"}, b'[{"type":"org.casebridge.x.y.v1"}]')):
        answer = Response(body, headers=headers, mimetype="application/cloudevents-batch+json")
        with pytest.raises(AssertionError):
            client.get("/events")
