"""What could not be used is mended, tried again, or discarded; and retention deletes what is settled."""

from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

import pytest

from service.errors import Conflict, NotFound
from service.flows.discharge.quarantine import Quarantine
from service.values.inbound.intake import IntakeSettings
from service.wire.json import dump
from tests.flows import river
from tests.flows.conftest import ALL
from tests.flows.hospital import ADMITTED, DISCHARGED, GENERAL, VISIT, Hospital

NOBODY = {**DISCHARGED, "patient": {"names": [{"family": "Nobody"}]}}
CAREFUL = replace(GENERAL, name="careful", intake=IntakeSettings(unknown_person="quarantine"))
MINUTE = timedelta(minutes=1)


@pytest.fixture
def hospital(house, projection):
    return Hospital(house, projection, ())


@pytest.fixture
def quarantine(house, hospital):
    partners = {partner.name: partner for partner in (GENERAL, CAREFUL)}
    return Quarantine(house.store, hospital.reception, partners, hospital.reception.clock)


def later(quarantine, by):
    """The quarantine some time later, where it stays that late."""
    at = hospital_now(quarantine) + by
    return replace(quarantine, clock=lambda: at)


def hospital_now(quarantine):
    return quarantine.reception.clock()


def retries(quarantine):
    """How many entries are due, each tried once."""
    return next(n for n in range(100) if not quarantine.retry())


def test_an_entry_that_was_edited_is_replayed_as_one_of_its_own_and_its_error_is_cleared(
    quarantine, hospital, house
):
    sent = hospital.send(NOBODY)
    quarantine.edit(sent.entry, dump(DISCHARGED))
    outcome = quarantine.replay(sent.entry)
    assert outcome.state == "accepted"
    first, second = quarantine.show(sent.entry), quarantine.show(outcome.entry)
    assert (first.state, first.reason, first.issues) == ("replayed", "", ())
    assert first.inbound.raw == dump(NOBODY)
    assert (second.replay_of, second.inbound.raw) == (first.id, dump(DISCHARGED))
    assert house.one("Encounter")["status"] == "finished"
    assert hospital.send(NOBODY, "M-1").state == "duplicate"


def test_a_replay_that_fails_leaves_the_entry_with_the_new_reason(quarantine, hospital):
    sent = hospital.send(NOBODY)
    quarantine.edit(sent.entry, dump({**DISCHARGED, "stay": {}}))
    outcome = quarantine.replay(sent.entry)
    assert (outcome.state, outcome.entry, outcome.reason) == ("quarantined", sent.entry, "no-stay")
    entry = quarantine.show(sent.entry)
    assert (entry.reason, entry.tries) == ("no-stay", 2)
    assert [entry.id for entry in quarantine.find(state=None)] == [sent.entry]
    quarantine.edit(sent.entry, b"not JSON")
    assert quarantine.replay(sent.entry).reason == "not-understood"


def test_what_was_used_is_not_replayed(quarantine, hospital):
    sent = hospital.send(DISCHARGED)
    for change in (quarantine.replay, quarantine.discard, quarantine.stop):
        with pytest.raises(Conflict):
            change(sent.entry)
    with pytest.raises(NotFound):
        quarantine.replay("no such entry")


def test_what_was_discarded_stays_and_can_be_taken_up_again(quarantine, hospital):
    sent = hospital.send(NOBODY)
    assert quarantine.discard(sent.entry).state == "discarded"
    assert quarantine.find() == []
    with pytest.raises(Conflict):
        quarantine.edit(sent.entry, b"")
    assert quarantine.replay(sent.entry).state == "quarantined"


def test_somebody_unknown_is_tried_again_later_each_time_until_they_are_known(quarantine, hospital, house):
    sent = hospital.send(DISCHARGED, partner=CAREFUL)
    assert retries(quarantine) == 0
    waits = []
    for days in (1, 2, 3):
        now = later(quarantine, timedelta(days=days))
        assert retries(now) == 1
        waits.append(quarantine.show(sent.entry).due - now.clock())
    assert MINUTE < waits[0] < 3 * MINUTE
    assert 4 * MINUTE < waits[2] < 12 * MINUTE
    house.put("client", "river", {**river.CLIENT, "coverages": []})
    assert retries(quarantine) == 1
    entry = quarantine.show(sent.entry)
    assert (entry.state, entry.reason, entry.due) == ("accepted", "", None)
    assert house.one("Encounter")["status"] == "finished"
    assert retries(later(quarantine, timedelta(days=30))) == 0


def test_what_is_to_change_another_version_than_is_there_by_now_waits_for_somebody(
    quarantine, hospital, house
):
    sent = hospital.send(DISCHARGED, partner=CAREFUL, if_match='W/"7"')
    house.put("client", "river", {**river.CLIENT, "coverages": []})
    hospital.send(ADMITTED, partner=CAREFUL)
    assert retries(later(quarantine, 60 * MINUTE)) == 1
    entry = quarantine.show(sent.entry)
    assert (entry.state, entry.reason, entry.due) == ("quarantined", "stale", None)
    assert entry.issues[0].where == "If-Match"
    assert quarantine.replay(sent.entry).reason == "stale"
    assert house.one("Encounter")["status"] == "in-progress"


def test_what_is_only_to_be_created_is_not_changed_when_it_is_tried_again(quarantine, hospital, house):
    new = f"identifier={VISIT['system']}|{VISIT['value']}"
    sent = hospital.send(DISCHARGED, partner=CAREFUL, if_none_exist=new)
    house.put("client", "river", {**river.CLIENT, "coverages": []})
    hospital.send(ADMITTED, partner=CAREFUL)
    assert retries(later(quarantine, 60 * MINUTE)) == 1
    assert quarantine.show(sent.entry).state == "ignored"
    assert house.one("Encounter")["status"] == "in-progress"


def test_a_retry_ends_after_some_tries_and_can_be_stopped_before(quarantine, hospital):
    stopped = hospital.send(ADMITTED, partner=CAREFUL)
    quarantine.stop(stopped.entry)
    sent = hospital.send(DISCHARGED, partner=CAREFUL)
    for months in range(1, 20):
        if retries(later(quarantine, timedelta(days=30 * months))) == 0:
            break
    assert quarantine.show(sent.entry).due is None
    assert 10 < quarantine.show(sent.entry).tries < 20
    assert quarantine.show(stopped.entry).tries == 1


def test_what_cannot_come_right_by_itself_is_not_tried_again(quarantine, hospital):
    hospital.send(NOBODY)
    assert retries(later(quarantine, timedelta(days=30))) == 0


def test_a_partner_who_left_the_registry_holds_up_no_other(quarantine, hospital, house):
    gone = replace(CAREFUL, name="gone")
    hospital.send(ADMITTED, partner=gone)
    hospital.send(DISCHARGED, partner=CAREFUL)
    assert retries(later(quarantine, timedelta(days=1))) == 2


def test_the_worker_tries_what_is_due_until_it_is_told_to_stop(quarantine, hospital, house):
    hospital.send(DISCHARGED, partner=CAREFUL)
    house.put("client", "river", {**river.CLIENT, "coverages": []})
    stop, tried = Event(), Event()

    class Watched(Quarantine):
        def retry(self):
            inbound = super().retry()
            if not inbound:
                tried.set()
            return inbound

    watched = Watched(quarantine.store, quarantine.reception, quarantine.partners, quarantine.clock)
    worker = Thread(target=watched.run, args=(stop,))
    worker.start()
    assert tried.wait(60)
    stop.set()
    worker.join(60)
    assert not worker.is_alive()
    assert house.one("Encounter")["status"] == "finished"


def test_entries_are_listed_as_they_arrived_page_by_page(quarantine, hospital):
    sent = [hospital.send({**NOBODY, "recorded": f"2026-02-27T15:00:0{n}Z"}).entry for n in range(5)]
    assert [entry.id for entry in quarantine.find(count=3)] == sent[:3]
    assert [entry.id for entry in quarantine.find(after=sent[2])] == sent[3:]
    assert quarantine.find(partner="careful") == []
    with pytest.raises(NotFound):
        quarantine.show(sent[0], "careful")


def test_what_waits_or_owes_an_answer_is_not_deleted_for_its_age_alone(quarantine, hospital, house):
    used, waiting = hospital.send(DISCHARGED, "M-1"), hospital.send(NOBODY)
    now = hospital_now(quarantine)
    house.store.transact(lambda unit: unit.deliveries.owe(used.entry, "general", "https://h.example", now))
    day = timedelta(days=1)
    much_later = later(quarantine, timedelta(days=1000))
    assert list(much_later.drop(day)) == []
    assert list(much_later.strip(day)) == [("bodies", 1)]
    assert quarantine.show(waiting.entry).inbound.raw == dump(NOBODY)
    assert hospital.send(DISCHARGED, "M-1").answer == used.answer


def test_bytes_entries_and_quarantine_have_each_their_retention(quarantine, hospital, house):
    used, waiting = hospital.send(DISCHARGED, "M-1"), hospital.send(NOBODY)
    month, year = timedelta(days=30), timedelta(days=365)
    now = later(quarantine, timedelta(days=31))
    assert now.prunable(month, year, 2 * year) == 1
    assert list(now.prune(month, year, 2 * year)) == [("bodies", 1)]
    entry = quarantine.show(used.entry)
    assert (entry.inbound.raw, entry.state) == (b"", "accepted")
    assert quarantine.show(waiting.entry).inbound.raw == dump(NOBODY)
    assert hospital.send(DISCHARGED, "M-1").answer == used.answer
    now = later(quarantine, timedelta(days=366))
    assert list(now.prune(month, year, 2 * year)) == [("entries", 1)]
    with pytest.raises(NotFound):
        quarantine.show(used.entry)
    assert hospital.send(DISCHARGED, "M-1").state == "accepted"
    assert len(house.documents.find(ALL, "case", partner="x")) == 1
    now = later(quarantine, timedelta(days=731))
    assert ("quarantined", 1) in list(now.prune(month, year, 2 * year))
    with pytest.raises(NotFound):
        quarantine.show(waiting.entry)
