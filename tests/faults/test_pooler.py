"""All doors, the relay and the feed through a pooler of transactions, which restarts, while leaders sleep."""

import time

import pytest
import requests

from service.store.relay.leadership import SECONDS
from tests.faults import checks
from tests.faults.callers import CaseSystem, Engineer
from tests.faults.house import HOSPITAL, REGISTRY, House, until
from tests.faults.senders import OverFhir, OverMllp
from tests.server_process import free_port
from tests.store.made import NUMBERED

CHANGES = 60
PARTNERS = (
    REGISTRY
    + HOSPITAL.removeprefix("partners:\n")
    + """  - {name: northern, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
"""
)


class Pooled(House):
    """A house whose processes reach the database through the pooler alone; an MLLP process beside them."""

    def __init__(self, folder, database_url, amqp_url, pooled_url):
        super().__init__(folder, database_url, amqp_url, PARTNERS, CASEBRIDGE_DATABASE_URL=pooled_url)
        self.mllp_port = free_port()
        self._keep(["mllp", "--port", str(self.mllp_port)])

    def fed(self):
        """Return all that the feed gives, page by page."""
        feed, after = [], 0
        while True:
            answer = requests.get(f"{self.url}/events?after={after}", headers=AS["harbor"], timeout=30)
            answer.raise_for_status()
            page = answer.json()
            if not page:
                return feed
            feed += page
            after = answer.headers["Casebridge-Position"]


AS = {name: {"Casebridge-Partner": name} for name in ("harbor", "northern")}


@pytest.fixture
def house(tmp_path, killable_postgres, killable_rabbitmq, pooler):
    name = f"casebridge_pooled_{time.time_ns()}"
    url = killable_postgres.create_database(name)
    pooled = Pooled(tmp_path, url, killable_rabbitmq.create_vhost(), pooler.url_of(url))
    yield pooled
    pooled.close()
    killable_postgres.drop_database(name)


def sleeps(house, worker):
    """Stop a worker until its lease is over and another leads."""
    with house.asleep(worker):
        time.sleep(SECONDS + 1)
        return house.leader(besides=worker)


def test_all_doors_the_relay_and_the_feed_go_on(house, pooler):
    system = CaseSystem(house.url, [f"case-{number}" for number in range(4)], CHANGES)
    senders = [OverFhir(1, house.url), OverMllp(2, house.mllp_port)]
    engineer = Engineer(house.amqp_url, "harbor")
    engineer.start()
    try:
        house.prepare()
        assert engineer.connected.wait(60), "the engineer's queue was not declared"
        for caller in (system, *senders):
            caller.start()
        until(lambda: system.done >= 40, "the changes do not go on")
        first = house.leader()
        second = sleeps(house, first)
        pooler.restart()
        answered = [len(sender.answered) for sender in senders]
        until(
            lambda: all(len(s.answered) > n for s, n in zip(senders, answered, strict=True)),
            "the discharges do not go on",
        )
        assert sleeps(house, house.leader()) in {first, second}
        for sender in senders:
            sender.stop()
        for caller in (system, *senders):
            caller.join()
        until(lambda: not house.rows(checks.PENDING), "messages were not published")
        sent = {message for (message,) in house.rows("SELECT message FROM outbox")}
        until(lambda: engineer.seen >= sent, "messages were lost", 30)
        plans = requests.get(f"{house.url}/fhir/CarePlan?_summary=count", headers=AS["northern"], timeout=30)
        fed = house.fed()
    finally:
        engineer.stop()
        for sender in senders:
            sender.close()

    checks.each_answered_change_is_stored_once(house, [system], CHANGES)
    checks.failures_were_told_as_such([system])
    checks.messages_are_the_outbox(house, engineer)
    checks.versions_have_one_message_each(house)
    assert plans.status_code == 200, plans.text
    assert plans.json()["total"] == len(system.cases)
    assert [event["id"] for event in fed] == [
        id_ for (id_,) in house.rows(f"SELECT message FROM ({NUMBERED}) AS numbered ORDER BY place")
    ]
    assert len(senders[0].answered) > 3
    assert len(senders[1].answered) > 3
