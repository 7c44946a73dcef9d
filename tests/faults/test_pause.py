"""A leader that was paused until another led does no harm when it goes on; nor do clocks set anew."""

import time

import pytest

from tests.faults import checks
from tests.faults.callers import CaseSystem, Engineer
from tests.faults.house import REGISTRY, STEPPING, House, until

CHANGES = 40


@pytest.fixture
def house(tmp_path, killable_postgres, killable_rabbitmq):
    """A house whose processes' clocks are set to other times every few seconds, up to an hour off."""
    name = f"casebridge_paused_{time.time_ns()}"
    database, broker = killable_postgres.create_database(name), killable_rabbitmq.create_vhost()
    house = House(tmp_path, database, broker, REGISTRY, **STEPPING, STEPPING_SECONDS="3600")
    yield house
    house.close()
    killable_postgres.drop_database(name)


def test_a_leader_that_slept_while_another_led_disturbs_no_order(house):
    system = CaseSystem(house.url, [f"case-{number}" for number in range(5)], CHANGES)
    engineer = Engineer(house.amqp_url, "harbor")
    engineer.start()
    try:
        house.prepare()
        assert engineer.connected.wait(60), "the engineer's queue was not declared"
        system.start()
        until(lambda: system.done >= 50, "the changes do not go on")
        first = house.leader()
        with house.paused(first):
            second = house.leader(besides=first)
            read = len(engineer.messages)
            until(lambda: len(engineer.messages) > read + 50, "the second does not relay")
        system.join()
        until(lambda: not house.rows(checks.PENDING), "messages were not published")
        sent = {message for (message,) in house.rows("SELECT message FROM outbox")}
        until(lambda: engineer.seen >= sent, "messages were lost", 30)
        assert house.leader() == second
    finally:
        engineer.stop()

    checks.each_answered_change_is_stored_once(house, [system], CHANGES)
    checks.failures_were_told_as_such([system])
    checks.messages_are_the_outbox(house, engineer)
    checks.versions_have_one_message_each(house)
    checks.what_is_later_says_so(house)
