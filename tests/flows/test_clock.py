"""A clock that is set back, or is another machine's, makes nothing that is said run backwards."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text

from service.flows.case.documents import Documents
from service.wire.json import parse
from tests.flows import river
from tests.flows.conftest import ALL
from tests.flows.hospital import ADMITTED, DISCHARGED, PATHWAYS, Hospital, after

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATUSES = ("onhold", "active", "waitlist", "active")


class Clock:
    """Says an instant within two hours of noon, any."""

    def __init__(self, seed):
        self.luck = random.Random(seed)

    def __call__(self):
        return NOON + timedelta(seconds=self.luck.uniform(-7200, 7200))


@pytest.fixture(params=[1, 2, 3])
def story(house, projection, request):
    """A case that was changed by all who change one, by clocks that disagree."""
    clock = Clock(request.param)
    house.documents = Documents(house.store, projection, clock)
    hospital = Hospital(house, projection, PATHWAYS)
    hospital.reception = type(hospital.reception)(
        house.store, hospital.reception.intake, clock, hospital.reception.forms
    )
    house.put("organization", "northern", river.INSURER)
    house.put("practitioner", "nurse", river.NURSE)
    house.put("client", "river", river.CLIENT)
    revision = house.put("case", "c1", river.CASE).document.revision
    for minute, status in enumerate(STATUSES):
        saved = house.put("case", "c1", {**river.CASE, "status": status}, revision)
        said = after(ADMITTED, minute, event=["leave", "return"][minute % 2])
        assert hospital.send(said).state == "accepted"
        client = {**river.CLIENT, "telecom": [{"system": "phone", "value": f"555-010{minute}"}]}
        house.put("client", "river", client, house.documents.get(ALL, "cms", "client", "river").revision)
        revision = house.documents.get(ALL, "cms", "case", "c1").revision
        assert saved.changed
    assert hospital.send(DISCHARGED).state == "accepted"
    return house


def rows(house, query):
    with house.engine.connect() as connection:
        return connection.execute(text(query)).all()


def rises(instants):
    """Whether each of some instants is after the one before."""
    return all(one < other for one, other in pairwise(instants))


def by_name(recorded):
    times = {}
    for *name, at in recorded:
        times.setdefault(tuple(name), []).append(at)
    return times


def test_each_revision_and_version_is_later_than_the_one_before(story):
    revisions = by_name(rows(story, "SELECT document, recorded FROM revision ORDER BY document, revision"))
    assert max(map(len, revisions.values())) > len(STATUSES)
    assert all(map(rises, revisions.values()))
    versions = "SELECT view, type, id, last_updated FROM resource_history ORDER BY view, type, id, version"
    history = by_name(rows(story, versions))
    assert max(map(len, history.values())) > len(STATUSES)
    assert all(map(rises, history.values()))


def test_messages_of_an_owner_have_times_in_their_order(story):
    recorded_times = by_name(rows(story, "SELECT owner, recorded FROM outbox ORDER BY owner, sequence"))
    assert all(instants == sorted(instants) for instants in recorded_times.values())
    bodies = by_name(rows(story, "SELECT owner, body FROM outbox ORDER BY owner, sequence"))
    times = {owner: [parse(bytes(body))["time"] for body in entries] for owner, entries in bodies.items()}
    assert all(instants == sorted(instants) for instants in times.values())


def test_no_period_of_a_status_ends_before_it_starts(story):
    episode = story.one("EpisodeOfCare")
    assert len(episode["statusHistory"]) >= len(STATUSES)
    starts = [period["period"]["start"] for period in episode["statusHistory"]]
    assert starts == sorted(starts)
    for period in episode["statusHistory"]:
        assert period["period"]["start"] <= period["period"].get("end", "9999")
