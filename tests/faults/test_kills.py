"""Kill -9 of the relay, the server, the broker and the database in the middle of 2,000 changes of cases."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults import checks
from tests.faults.callers import CaseSystem, Engineer
from tests.faults.house import until

CALLERS = 4
CASES = 40
KILLS = {"relay": 3, "server": 2, "broker": 2, "database": 1}


def again(server):
    """Kill a server and start it again."""
    server.kill9()
    server.start()


def killing(action, moments, done):
    """Do it at each of the moments, told by how many changes are done; tell how many were done then."""
    killed = []
    for moment in moments:
        until(lambda moment=moment: done() >= moment, f"change {moment} was not reached", 300)
        killed.append(done())
        action()
    return killed


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        pytest.param(50, 1, id="2000 changes"),
        pytest.param(500, 8, id="20000 changes", marks=pytest.mark.soak),
    ],
)
def test_kills_in_the_middle_of_changes_lose_no_message_and_invent_none(
    house, killable_postgres, killable_rabbitmq, changes, times
):
    seed = int(os.environ.get("CASEBRIDGE_FAULTS_SEED", time.time_ns() % 1_000_000))
    print(f"CASEBRIDGE_FAULTS_SEED={seed}")
    chance = random.Random(seed)
    middle = range(100, CASES * changes - 100)
    moments = {name: sorted(chance.sample(middle, times * count)) for name, count in KILLS.items()}
    actions = {
        "relay": house.kill_relay,
        "server": house.kill_server,
        "broker": lambda: again(killable_rabbitmq),
        "database": lambda: again(killable_postgres),
    }
    cases = [f"case-{number}" for number in range(CASES)]
    systems = [CaseSystem(house.url, cases[n::CALLERS], changes) for n in range(CALLERS)]
    engineer = Engineer(house.amqp_url, "harbor")

    def done():
        return sum(system.done for system in systems)

    engineer.start()
    try:
        house.prepare()
        assert engineer.connected.wait(60), "the engineer's queue was not declared"
        time.sleep(1.5)  # a quorum queue is on disk only then
        for system in systems:
            system.start()
        with ThreadPoolExecutor() as pool:
            futures = {name: pool.submit(killing, actions[name], moments[name], done) for name in KILLS}
            for system in systems:
                system.join()
            killed = {name: future.result() for name, future in futures.items()}
        print(f"killed after changes {killed}; answers {[system.statuses for system in systems]}")
        until(lambda: not house.rows(checks.PENDING), "messages were not published", 90)
        sent = {message for (message,) in house.rows("SELECT message FROM outbox")}
        until(lambda: engineer.seen >= sent, "messages were lost", 30)
    finally:
        engineer.stop()

    checks.each_answered_change_is_stored_once(house, systems, changes)
    checks.failures_were_told_as_such(systems)
    checks.messages_are_the_outbox(house, engineer)
    checks.versions_have_one_message_each(house)
