"""Which stays of a client an event is about, by any of their numbers."""

import pytest

from service.cases.hospital.discharge import moment, stay_facts
from service.cases.hospital.stays import Ambiguous, matching_keys


def visit(value, authority="hospital"):
    return {"system": f"urn:{authority}", "known_as": ["urn:theirs"], "value": value, "type": "VN"}


def account(value):
    return {"system": "urn:hospital#AN", "value": value, "type": "AN"}


BARE = {"system": "urn:theirs", "value": "1", "type": "VN"}
EPISODE = {"system": "urn:episodes", "value": "E", "use": "secondary"}


def facts(*identifiers, event="admit", **period):
    said = {"event": event, "stay": {"identifiers": list(identifiers), "period": period}}
    return stay_facts(said, moment(event, "2026-03-01T10:00:00Z"), "general")


ONE = facts(visit("1"))


@pytest.mark.parametrize(
    ("sent", "stays", "keys"),
    [
        ([visit("1")], {}, []),
        ([visit("1")], {"a": ONE}, ["a"]),
        ([visit("2")], {"a": ONE}, []),
        # with its authority, or without
        ([BARE], {"a": ONE}, ["a"]),
        ([visit("1")], {"a": facts(BARE)}, ["a"]),
        ([visit("1", "clinic")], {"a": ONE}, []),
        # an account first, the visit later, and the other way round
        ([account("A"), visit("1")], {"a": facts(account("A"))}, ["a"]),
        ([account("A")], {"a": facts(account("A"), visit("1"))}, ["a"]),
        # another visit on the same account
        ([account("A"), visit("2")], {"a": facts(account("A"), visit("1"))}, []),
        # an alternate number of the visit
        ([visit("V"), visit("ALT")], {"a": facts(visit("ALT"))}, ["a"]),
        # a name on the server that was used again for another visit
        ([visit("2"), visit("e1", "server")], {"a": facts(visit("1"), visit("e1", "server"))}, []),
        # what was taken for two stays is one
        ([account("A"), visit("1")], {"a": ONE, "b": facts(account("A"))}, ["a", "b"]),
        ([account("A"), visit("1")], {"a": ONE, "b": facts(account("A"), visit("2"))}, ["a"]),
        # of an account's stays the one that goes on
        ([account("A")], {"a": facts(account("A"), visit("1"), event="discharge"),
                          "b": facts(account("A"), visit("2"))}, ["b"]),
        # an episode of care is no stay
        ([EPISODE, visit("2")], {"a": facts(EPISODE, visit("1"))}, []),
        ([EPISODE], {"a": facts(EPISODE)}, ["a"]),
        # what was an alternate number is the visit's own
        ([visit("1")], {"a": facts(account("A"), {**visit("1"), "use": "secondary"})}, ["a"]),
        ([visit("1")], {"a": facts(visit("2"), {**visit("1"), "use": "secondary"})}, []),
        ([visit("1")], {"a": facts(account("A"), visit("1"), {**visit("1"), "use": "secondary"})}, ["a"]),
    ],
)  # fmt: skip
def test_an_event_is_about_the_stays_that_one_of_its_numbers_names(sent, stays, keys):
    assert matching_keys(sent, stays) == keys


def test_a_number_that_was_used_again_is_not_guessed_about():
    both = {visit_number: facts(visit(visit_number), visit("e1", "server")) for visit_number in ("1", "2")}
    with pytest.raises(Ambiguous):
        matching_keys([visit("e1", "server")], both)
    assert matching_keys([visit("2"), visit("e1", "server")], both) == ["2"]
    # who sends both says that they are one
    assert matching_keys([visit("1"), visit("2")], both) == ["1", "2"]


def test_an_account_of_several_stays_is_not_guessed_about():
    both = {"a": facts(account("A"), visit("1")), "b": facts(account("A"), visit("2"))}
    with pytest.raises(Ambiguous):
        matching_keys([account("A")], both)


def test_an_account_that_is_used_again_is_that_of_the_stay_that_began_when_the_event_says():
    first = facts(account("A"), event="discharge", start="2026-01-01T08:00:00Z", end="2026-01-05")
    second = facts(account("A"), event="discharge", start="2026-02-01", end="2026-02-03")
    assert matching_keys([account("A")], {"a": first}, "2026-02-01T09:00:00Z") == []
    assert matching_keys([account("A")], {"a": first}, "2026-01-01T09:00:00Z") == ["a"]
    assert matching_keys([account("A")], {"a": first}, "2026-01-02") == ["a"]
    assert matching_keys([account("A")], {"a": first, "b": second}, "2026-01-01") == ["a"]
    assert matching_keys([account("A")], {"a": first, "b": second}, "2026-02-01T23:00:00Z") == ["b"]
    assert matching_keys([account("A")], {"a": first, "b": second}, "2026-03-01") == []
