"""Who was refused a token, or showed one that is not taken, is on record: who, why, from where; no secret."""

import pytest
from joserfc.jwk import ECKey

from tests.access.made import signed
from tests.web import smart
from tests.web.access.test_tokens import OWN, claims
from tests.web.seen.test_audit import records

STRANGER = ECKey.generate_key("P-384", {"kid": OWN.kid})


@pytest.fixture
def settings(tmp_path, database_url):
    return smart.settings(database_url, smart.registry(tmp_path))


@pytest.fixture
def house(settings, engine, mappings):
    return smart.House(settings, engine, mappings)


def of_northern(key=OWN, **changed):
    """What the insurer asks with, signed by a key."""
    return {"client_assertion": signed(claims(**changed), key)}


UNPROVEN = "invalid_client: client_assertion: it is not signed"
# made when they are sent, for they are past soon
REFUSED = {
    "another's key": (lambda: of_northern(STRANGER), "northern", UNPROVEN),
    "past": (
        lambda: of_northern(exp=1),
        "northern",
        "invalid_client: client_assertion: claim exp: it is past",
    ),
    "a stranger's": (lambda: of_northern(iss="x", sub="x"), "", UNPROVEN),
    "no assertion": (lambda: {"client_assertion": "a.b.c"}, "", "invalid_client: client_assertion: "),
    "no grant type": (lambda: {"grant_type": None}, "", "invalid_request: grant_type: expected"),
    "another's scope": (
        lambda: {"scope": "casebridge/erase"},
        "northern",
        "invalid_scope: scope: none of it may be",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_token_that_is_refused_is_on_record_with_the_reason(house, engine, why):
    asked, partner, reason = REFUSED[why]
    changed = asked()
    assert house.grant("northern", **changed).status_code == 400
    (row,) = records(engine)
    recorded = (row.partner, row.interaction, row.status, row.address, row.things)
    assert recorded == (partner, "login", 400, "127.0.0.1", "{}")
    assert row.text.startswith(reason)
    assert "southern" not in row.text
    assert changed.get("client_assertion", "?")[:20] not in row.text


def test_an_assertion_that_is_used_again_is_on_record(house, engine):
    form = house.form("northern")
    for status in (200, 400):
        assert house.client.post("/oauth2/token", data=form).status_code == status
    (row,) = records(engine)
    assert (row.partner, "claim jti: it was used before" in row.text) == ("northern", True)


def test_what_is_refused_is_an_event_of_who_was_not_let_in(house, engine):
    house.grant("northern", **of_northern(exp=1))
    house.grant("northern", client_assertion="a.b.c")
    stranger, northern = [
        entry["resource"]
        for entry in house.get("/fhir/AuditEvent", partner="desk").json["entry"]
        if entry["resource"]["subtype"][0]["code"] == "110122"
    ]
    assert (northern["type"]["code"], northern["outcome"]) == ("110114", "8")
    assert northern["outcomeDesc"].startswith("invalid_client: client_assertion: claim exp")
    assert [event["agent"][0]["who"]["display"] for event in (northern, stranger)] == ["northern", "unknown"]
    entries = house.get("/fhir/AuditEvent?agent=northern", partner="desk").json["entry"]
    assert [entry["resource"]["id"] for entry in entries] == [northern["id"]]


def test_a_token_that_is_not_taken_is_on_record_and_a_request_without_one_is_not(house, engine):
    path = "/fhir/Patient?family=nobody"
    assert house.get(path).status_code == 401
    assert records(engine) == []
    assert house.get(path, token="a.b.c").status_code == 401
    (row,) = records(engine)
    assert (row.partner, row.status, row.text, "a.b.c" in str(row)) == ("", 401, path, False)
    (event,) = house.get("/fhir/AuditEvent", partner="desk").json["entry"]
    assert event["resource"]["outcomeDesc"] == "not authenticated"


def test_who_asks_too_often_leaves_no_row_for_each_time(tmp_path, database_url, engine, mappings):
    limited = smart.settings(database_url, smart.registry(tmp_path))
    object.__setattr__(limited, "address_rate", 2)
    house = smart.House(limited, engine, mappings)
    answers = [house.get("/fhir/Patient", token="a.b.c").status_code for _ in range(30)]
    assert answers.count(429) > 0
    assert len(records(engine)) == answers.count(401)


def test_a_refusal_that_cannot_be_recorded_is_not_told(house, engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO gone")
    answer = house.grant("northern", client_assertion="a.b.c")
    assert (answer.status_code, b"recorded" in answer.data) == (503, True)
