"""Messages about the same person and the same stay that come in at once, to several processes."""

import threading
from dataclasses import replace

import pytest

from tests.flows.conftest import House
from tests.flows.hospital import ADMITTED, DISCHARGED, GENERAL, Hospital, after, message, render

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Between:
    """A store in whose first transaction something else happens before cases are looked for by a name."""

    def __init__(self, store, happens):
        self._store, self._happens = store, [happens]
        self.look = store.look

    def transact(self, work):
        return self._store.transact(lambda unit: work(BetweenUnit(unit, self._happens)))


class BetweenUnit:
    def __init__(self, unit, happens):
        self.documents = BetweenDocuments(unit.documents, happens)
        self.resources, self.inbox, self.deliveries = unit.resources, unit.inbox, unit.deliveries


class BetweenDocuments:
    def __init__(self, documents, happens):
        self._documents, self._happens = documents, happens

    def __getattr__(self, name):
        return getattr(self._documents, name)

    def find_by_identifiers(self, kind, identifiers):
        if kind == "case" and self._happens:
            self._happens.pop()()
        return self._documents.find_by_identifiers(kind, identifiers)


def test_the_same_from_many_processes_at_once_is_one(engine, projection):
    house = House(engine, projection)
    senders = [Hospital(house, projection, ()) for _ in range(6)]
    answers, barrier = [], threading.Barrier(len(senders))

    def send(sender):
        barrier.wait()
        answers.append(sender.send(DISCHARGED, "M-1"))

    threads = [threading.Thread(target=send, args=(sender,)) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.state for answer in answers) == ["accepted"] + ["duplicate"] * 5
    assert len({answer.answer for answer in answers}) == 1
    assert len(house.of("Patient")) == len(house.of("Encounter")) == 1


def test_what_is_said_again_after_something_else_is_used_once_of_many_at_once(engine, projection):
    house = House(engine, projection)
    hospital = Hospital(house, projection, ())
    undated = [{**said_, "recorded": None} for said_ in (ADMITTED, DISCHARGED)]
    staying, gone = ({name: value for name, value in said.items() if value is not None} for said in undated)

    def send(said):
        nameless = replace(message(said, ""), keys=(), is_state=True)
        return hospital.reception.receive(GENERAL, nameless, render)

    first, other = send(staying), send(gone)
    assert send(gone).entry == other.entry
    answers, barrier = [], threading.Barrier(6)

    def again():
        barrier.wait()
        answers.append(send(staying))

    threads = [threading.Thread(target=again) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.state for answer in answers) == ["accepted"] + ["duplicate"] * 5
    (entry,) = {answer.entry for answer in answers}
    assert entry not in {first.entry, other.entry}
    assert house.one("Encounter")["status"] == "in-progress"


def test_events_of_one_new_person_from_many_processes_make_one_case(engine, projection):
    house = House(engine, projection)
    said = [ADMITTED, after(ADMITTED, 1, event="leave"), after(ADMITTED, 2, event="return"), DISCHARGED]
    senders = [(Hospital(house, projection, ()), discharge, f"K-{n}") for n, discharge in enumerate(said)]
    barrier = threading.Barrier(len(senders))
    failed = []

    def send(sender, discharge, key):
        barrier.wait()
        outcome = sender.send(discharge, key)
        if outcome.state != "accepted":
            failed.append(outcome)

    threads = [threading.Thread(target=send, args=sender) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert house.one("Encounter")["status"] == "finished"
    assert len(house.of("EpisodeOfCare")) == len(house.of("Organization")) == 1


def test_a_stay_that_another_process_has_told_of_meanwhile_is_no_other_clients(engine, projection):
    house = House(engine, projection)
    first, second = (Hospital(house, projection, ()) for _ in range(2))
    between = Between(house.store, lambda: first.send(DISCHARGED, "by another way"))
    second.reception = replace(second.reception, store=between)
    outcome = second.send(ADMITTED, "M-1")
    assert (outcome.state, outcome.reason) == ("accepted", "")
    assert len(house.of("Patient")) == len(house.of("Encounter")) == 1
