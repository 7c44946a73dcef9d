"""Who follows the feed may wait for the next message instead of asking again and again."""

import threading

import pytest

from service.disclose import feed
from tests.flows import river


def follow(house, after, wait):
    return house.get(f"/events?after={after}&wait={wait}", partner="engineer")


def last(house):
    house.outbox.number()
    return int(house.get("/events?_count=1000", partner="engineer").headers["Casebridge-Position"])


def test_a_message_that_comes_meanwhile_is_the_answer(rivers_house):
    after = last(rivers_house)

    def change():
        assert rivers_house.put("/api/clients/late", {**river.CLIENT, "identifiers": []}).status_code == 201
        rivers_house.outbox.number()

    coming = threading.Timer(0.5, change)
    coming.start()
    answer = follow(rivers_house, after, 30)
    coming.join()
    assert "org.casebridge.patient.created.v1" in {message["type"] for message in answer.json}
    assert int(answer.headers["Casebridge-Position"]) > after


def test_what_is_there_is_answered_and_where_nothing_comes_an_empty_page(rivers_house):
    after = last(rivers_house)
    assert len(follow(rivers_house, 0, 30).json) > 3
    answer = follow(rivers_house, after, 1)
    assert (answer.status_code, answer.json) == (200, [])
    assert answer.headers["Casebridge-Position"] == str(after)


def test_a_place_to_wait_is_free_again(rivers_house, monkeypatch):
    """As often as there are places, and once more: who had none would be answered at once, with nothing."""
    after = last(rivers_house)
    for _ in range(feed.WAITERS):
        assert follow(rivers_house, after, 1).json == []
    test_a_message_that_comes_meanwhile_is_the_answer(rivers_house)


@pytest.mark.parametrize("wait", ["-1", "long", "1.5", ""])
def test_what_is_no_number_of_seconds_is_refused(rivers_house, wait):
    assert follow(rivers_house, 0, wait).status_code == 400
