"""A broker takes nothing for a while, for any reason: intake goes on, then the backlog goes out in order.

What was committed is what is delivered, each owner's messages come in order, and at no time is one marked as
published that did not come to the queue. `make soak` does the same for longer than connections and confirms
are waited for.
"""

import contextlib
import time

import pytest

from tests.faults import checks
from tests.faults.callers import CaseSystem, Engineer
from tests.faults.house import House, until
from tests.faults.partition import Network
from tests.store.made import NUMBERED

CHANGES = 6
MARKED = f"""
SELECT message FROM ({NUMBERED}) AS numbered WHERE place <= (SELECT last FROM counter WHERE name = 'listed')
AND place NOT IN (SELECT position FROM unpublished)
"""


@pytest.fixture
def network(killable_rabbitmq):
    network = Network(killable_rabbitmq.create_vhost())
    yield network
    network.close()


@pytest.fixture
def house(tmp_path, killable_postgres, killable_rabbitmq, network):
    """A house that reaches its broker over the network."""
    name = f"casebridge_away_{time.time_ns()}"
    house = House(tmp_path, killable_postgres.create_database(name), network.url)
    yield house
    house.close()
    killable_postgres.drop_database(name)


@contextlib.contextmanager
def set_meanwhile(server, setting, tight, usual):
    server.control(setting, *tight)
    try:
        yield
    finally:
        server.control(setting, usual)


def reasons(server, network):
    """Why a broker takes nothing."""
    return {
        "memory": set_meanwhile(server, "set_vm_memory_high_watermark", ("absolute", "1"), "0.6"),
        "disk": set_meanwhile(server, "set_disk_free_limit", ("1000000GB",), "50MB"),
        "parted": network.losing("in", "out"),
        "frozen": server.frozen(),
    }


@pytest.mark.parametrize(
    "seconds",
    [pytest.param(0, id="for a moment"), pytest.param(90, id="for minutes", marks=pytest.mark.soak)],
)
def test_intake_goes_on_and_the_backlog_goes_out_in_order(house, network, killable_rabbitmq, seconds):
    systems = []

    def change(name):
        systems.append(CaseSystem(house.url, [f"{name}-{number}" for number in range(3)], CHANGES))
        systems[-1].start()
        return systems[-1]

    engineer = Engineer(network.straight, "harbor")
    engineer.start()
    try:
        house.prepare()
        assert engineer.connected.wait(60), "the engineer's queue was not declared"
        for reason, away in reasons(killable_rabbitmq, network).items():
            before = change(f"before-{reason}")
            until(lambda system=before: system.done, "the changes do not go on")
            with away:
                meanwhile = change(f"while-{reason}")
                meanwhile.join()
                before.join()
                time.sleep(seconds)
                marked = {message for (message,) in house.rows(MARKED)}
                assert house.rows(checks.PENDING), f"{reason}: it took all the same"
                if reason != "frozen":
                    until(lambda ids=marked: engineer.seen >= ids, f"{reason}: marked, but not there")
            until(lambda: not house.rows(checks.PENDING), f"{reason}: messages were not published", 120)
            sent = {message for (message,) in house.rows("SELECT message FROM outbox")}
            until(lambda ids=sent: engineer.seen >= ids, f"{reason}: messages were lost", 60)
    finally:
        engineer.stop()

    checks.each_answered_change_is_stored_once(house, systems, CHANGES)
    checks.messages_are_the_outbox(house, engineer)
    checks.versions_have_one_message_each(house)
