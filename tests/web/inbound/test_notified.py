"""A hospital's server offers a topic: we subscribe, are told by a webhook, and ask for what did not come."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from service.access import registry
from service.flows.topics.following import LASTS, LOOK, Topics
from service.store.followed import SqlFollowed
from service.wiring import rooms, serving, topics
from tests.web.conftest import House
from tests.web.inbound.partner_server import TOPIC, PartnerServer
from tests.web.sent import PERSON, a03, encounter

FHIR = "application/fhir+json"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def server():
    server = PartnerServer()
    yield server
    server.close()


def entry_of(server, **more):
    """A hospital's entry in the registry, with one topic."""
    topic = {"name": "ends", "server": server.url, "topic": TOPIC, **more}
    intake = {"topics": [{"filters": ["Encounter?status=finished"], **topic}]}
    return {"name": "mercy", "kind": "hospital", "private_hosts": ["127.0.0.1"], "intake": intake}


class Followed:
    """Our side: the application that takes notices, and the worker's story at a clock of the test's."""

    def __init__(self, settings, engine, mappings, server):
        self.server, self.now, self.mappings = server, START, mappings
        partners = registry.load(settings.partners)
        self.house = House(serving.application(settings, engine, mappings), engine)
        store = rooms.noticed_store(settings, engine)
        reception = rooms.receiving(settings, store, rooms.projecting(settings, mappings))
        told = topics.topics(settings, engine, reception, partners)
        self.story = Topics(
            told.followed, told.ask, told.notices, partners, told.address, told.token, lambda: self.now
        )
        self.kept = SqlFollowed(engine)

    def work(self, after=timedelta(0)):
        self.now += after
        while self.story.next():
            pass
        return self.state

    @property
    def state(self):
        return self.kept.of("mercy", "ends")

    def notify(self, bundle, authorization=None):
        path = f"/notifications/{self.state.id}"
        headers = {"Authorization": authorization or self.server.authorization, "Content-Type": FHIR}
        return self.house.client.post(path, data=json.dumps(bundle), headers=headers).status_code

    def entries(self):
        store = self.story.notices.reception.store
        return store.look(lambda unit: unit.inbox.entries(partner=None, state=None, after=None, count=100))

    def stays(self):
        found = self.house.get("/fhir/Encounter?_count=50", partner=None).json.get("entry", [])
        return sorted(each["resource"]["identifier"][0]["value"] for each in found)


@pytest.fixture
def followed(settings, engine, mappings, server):
    settings.partners.write_text(json.dumps({"partners": [entry_of(server)]}))
    followed = Followed(settings, engine, mappings, server)
    followed.work()
    return followed


def stay(number):
    """A stay that has ended, of River, by its number."""
    visit = {"system": "urn:example:visits", "value": f"V-{number}"}
    return encounter(id=f"e{number}", identifier=[visit])


def test_a_topic_of_the_registry_is_subscribed_to_with_whole_resources_and_a_secret(followed, server):
    sent = server.subscription
    assert (sent["criteria"], sent["status"], sent["channel"]["type"]) == (TOPIC, "requested", "rest-hook")
    assert sent["_criteria"]["extension"][0]["valueString"] == "Encounter?status=finished"
    assert sent["channel"]["_payload"]["extension"][0]["valueCode"] == "full-resource"
    assert sent["channel"]["endpoint"].endswith(f"/notifications/{followed.state.id}")
    secret = server.authorization.partition(" ")[2]
    assert len(secret) > 40
    assert secret not in str(followed.state)
    assert [method for method, _, _ in server.asked] == ["POST"]
    assert followed.work().remote == "s1"


def test_handshake_and_heartbeat_are_understood_and_leave_nothing_in_the_inbox(followed, server):
    for kind in ("handshake", "heartbeat"):
        assert followed.notify(server.notification(kind)) == 200
    assert followed.entries() == []
    assert (followed.state.heard, followed.state.taken) == (0, 0)


def test_a_stay_that_is_told_goes_the_road_of_discharges_word_for_word(followed, server):
    bundle = server.notification("event-notification", server.happen(stay(1)))
    assert followed.notify(bundle) == 200
    (summary,) = followed.entries()
    assert summary.state == "accepted"
    store = followed.story.notices.reception.store
    kept = store.look(lambda unit: unit.inbox.entry(summary.id))
    assert (kept.partner, kept.inbound.raw) == ("mercy", json.dumps(bundle).encode())
    assert followed.stays() == ["V-1"]
    assert (followed.state.heard, followed.state.taken) == (1, 1)
    assert followed.house.one("Patient", partner=None)["identifier"][0]["value"] == PERSON["value"]


def test_the_same_events_again_change_nothing(followed, server):
    number = server.happen(stay(1))
    for _ in range(2):
        assert followed.notify(server.notification("event-notification", number)) == 200
    assert len(followed.entries()) == 1
    assert (followed.state.heard, followed.state.taken) == (1, 1)


def test_what_a_hospital_also_sends_itself_is_the_same_stay(followed, server):
    sent = {"Content-Type": "x-application/hl7-v2+er7"}
    assert followed.house.ask("POST", "/hl7v2", partner="mercy", data=a03(), headers=sent).status_code == 200
    assert followed.notify(server.notification("event-notification", server.happen(stay(1)))) == 200
    assert followed.stays() == ["V-1"]


@pytest.mark.parametrize("lost", [(1,), (2,), (3,), (1, 2), (1, 2, 3)])
def test_events_that_did_not_come_are_asked_for(followed, server, lost):
    """A gap shows by the numbers, or when nothing comes behind it by `$status`."""
    for number in range(1, 4):
        server.happen(stay(number))
        if number not in lost:
            assert followed.notify(server.notification("event-notification", number)) == 200
    followed.work(after=LOOK)
    assert followed.stays() == ["V-1", "V-2", "V-3"]
    assert (followed.state.heard, followed.state.taken) == (3, 3)
    asked = [path for _, path, _ in server.asked]
    assert asked.count("Subscription/s1/$events") == 1


def test_a_heartbeat_shows_what_was_lost_too_and_resources_that_are_left_out_are_asked_for(followed, server):
    server.happen(stay(1))
    assert followed.notify(server.notification("heartbeat")) == 200
    server.happen(stay(2))
    assert followed.notify(server.notification("event-notification", 2, full=False)) == 200
    assert followed.stays() == []
    followed.work()
    assert followed.stays() == ["V-1", "V-2"]


def test_an_event_that_comes_with_something_else_alone_is_asked_for(followed, server):
    bundle = server.notification("event-notification", server.happen(stay(1)))
    patient = {"resourceType": "Patient", "id": "p1", "identifier": [PERSON]}
    bundle["entry"][1] = {"fullUrl": f"{server.url}/Patient/p1", "resource": patient}
    assert followed.notify(bundle) == 200
    assert (followed.state.heard, followed.state.taken) == (1, 0)
    followed.work()
    assert followed.stays() == ["V-1"]


def test_it_is_renewed_in_time_and_the_secret_from_before_does_until_the_next(followed, server):
    first = server.authorization
    followed.work(after=LASTS / 2)
    second = server.authorization
    assert [method for method, _, _ in server.asked if method != "GET"] == ["POST", "PUT"]
    assert first != second
    for shown in (first, second):
        assert followed.notify(server.notification("heartbeat"), shown) == 200
    followed.work(after=LASTS / 2)
    assert followed.notify(server.notification("heartbeat"), first) == 401


@pytest.mark.parametrize("status", [405, 428])
def test_a_server_that_lets_nobody_replace_one_gets_another_in_its_place(followed, server, status):
    """What the first had to tell is asked for before it is deleted."""
    server.unrenewed = status
    server.happen(stay(1))
    followed.work(after=LASTS / 2)
    assert followed.stays() == ["V-1"]
    assert list(server.subscriptions) == ["s2"]
    assert followed.state.remote == "s2"
    assert followed.notify(server.notification("heartbeat")) == 200


def test_a_renewal_that_is_refused_again_and_again_leaves_the_secret_as_it_was(followed, server):
    first, server.refuses = server.authorization, 503
    for _ in range(4):
        followed.work(after=LASTS)
    assert followed.state.tries == 4
    assert followed.notify(server.notification("heartbeat"), first) == 200


def test_what_the_registry_asks_for_otherwise_is_asked_for_at_another_address(followed, server, settings):
    before, first = followed.state.id, server.authorization
    entry = entry_of(server, topic="urn:example:other")
    settings.partners.write_text(json.dumps({"partners": [entry]}))
    after = Followed(settings, followed.house.engine, followed.mappings, server)
    after.work()
    assert server.subscriptions["s2"]["criteria"] == "urn:example:other"
    assert server.subscriptions["s2"]["channel"]["endpoint"].endswith(after.state.id) != before
    assert after.notify(server.notification("heartbeat"), first) == 401


def test_a_server_that_counts_from_one_again_is_believed(followed, server):
    for number in (1, 2):
        assert followed.notify(server.notification("event-notification", server.happen(stay(number)))) == 200
    server.events = [stay(3)]
    followed.work(after=LOOK)
    assert followed.stays() == ["V-1", "V-2", "V-3"]
    assert (followed.state.heard, followed.state.taken) == (1, 1)


def test_a_server_that_tells_of_one_event_at_once_is_asked_until_all_came(followed, server):
    server.most = 1
    for number in (1, 2, 3):
        server.happen(stay(number))
    followed.work(after=LOOK)
    assert followed.stays() == ["V-1", "V-2", "V-3"]


def test_an_event_that_cannot_be_read_holds_up_no_other(followed, server):
    server.happen(stay(1))
    server.happen({**stay(2), "status": 7})
    server.happen(stay(3))
    followed.work(after=LOOK)
    assert followed.stays() == ["V-1", "V-3"]
    assert (followed.state.heard, followed.state.taken) == (3, 3)


@pytest.mark.parametrize("nonsense", [lambda _: {"resourceType": "Bundle", "type": "history"}, lambda it: it])
def test_a_server_that_answers_something_else_is_asked_again(followed, server, nonsense):
    """No status, or events that were not asked for."""
    first = server.notification("query-event", server.happen(stay(1)))
    server.answers = nonsense({**first, "entry": first["entry"][:1]})
    parameters = first["entry"][0]["resource"]["parameter"]
    parameters[-1]["part"][0]["valueString"] = "9"
    followed.work(after=LOOK)
    assert (followed.state.taken, followed.state.tries) == (0, 1)
    server.answers = None
    followed.work(after=timedelta(hours=1))
    assert followed.stays() == ["V-1"]


def test_one_that_is_gone_there_is_made_again_and_its_events_are_counted_anew(followed, server):
    assert followed.notify(server.notification("event-notification", server.happen(stay(1)))) == 200
    del server.subscriptions["s1"]
    server.events = []
    followed.work(after=LOOK)
    assert (followed.state.remote, followed.state.taken) == ("s2", 0)
    assert followed.notify(server.notification("event-notification", server.happen(stay(2)))) == 200
    assert followed.stays() == ["V-1", "V-2"]


def test_one_that_the_server_turned_off_is_asked_for_again(followed, server):
    server.status = "off"
    followed.work(after=LOOK)
    assert server.asked[-1][0] == "PUT"


def test_a_server_that_refuses_is_asked_again_later_and_later_and_the_reason_is_kept(followed, server):
    server.refuses = 503
    state = followed.work(after=LOOK)
    assert (state.tries, state.reason) == (1, "Temporarily unavailable: The server answered 503.")
    asked = len(server.asked)
    followed.work()
    assert len(server.asked) == asked
    server.refuses = None
    assert followed.work(after=timedelta(hours=1)).reason is None


@pytest.mark.parametrize("shown", ["Bearer wrong", "Bearer ", "Basic eDp5", "x"])
def test_who_does_not_show_the_secret_is_told_nothing(followed, server, shown):
    bundle = server.notification("event-notification", server.happen(stay(1)))
    assert followed.notify(bundle, shown) == 401
    assert followed.entries() == []
    answer = followed.house.client.post(
        "/notifications/nobody", json=bundle, headers={"Authorization": shown}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "sent",
    [
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Encounter"}}]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Parameters", "parameter": 7}}]},
        {"resourceType": "Patient"},
    ],
)
def test_what_is_no_notification_is_refused(followed, sent):
    assert followed.notify(sent) == 400


def test_a_partner_whose_topic_left_the_registry_is_told_so(settings, engine, mappings, server):
    settings.partners.write_text(json.dumps({"partners": [entry_of(server)]}))
    before = Followed(settings, engine, mappings, server)
    before.work()
    settings.partners.write_text(json.dumps({"partners": [{"name": "mercy", "kind": "hospital"}]}))
    after = Followed(settings, engine, mappings, server)
    assert after.notify(server.notification("heartbeat")) == 404


def test_the_server_is_shown_the_token_of_a_file(settings, engine, mappings, server, tmp_path):
    (tmp_path / "token").write_text("t-1\n")
    settings.partners.write_text(
        json.dumps({"partners": [entry_of(server, token_file=str(tmp_path / "token"))]})
    )
    Followed(settings, engine, mappings, server).work()
    assert server.asked[0][2] == "Bearer t-1"
