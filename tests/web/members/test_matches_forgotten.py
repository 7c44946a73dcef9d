"""Who was sent to be matched is forgotten when the time of the match is over, whoever asks or does not."""

from datetime import timedelta
from threading import Event, Thread
from time import monotonic

import pytest
from sqlalchemy import select, update

from service.store.tables import matched_member, member_match
from service.wiring import processes
from tests.web.export.exporting import path_of
from tests.web.members import matching

SECONDS = 240
"""For a worker to begin on a machine that has other work."""


@pytest.fixture
def working(settings, mappings):
    """A worker beside the service."""
    stop = Event()
    worker = Thread(target=processes.worker, args=(settings, mappings, stop))
    worker.start()
    yield
    stop.set()
    worker.join()


@pytest.fixture
def begun(house, settings):
    """The ids of two matches: of one the time is over, of the other nearly."""
    matching.load(house)
    ids = [
        path_of(matching.begin(house, matching.many(matching.bundle())).headers["Content-Location"])
        .rpartition("/")[2]
        for _ in range(2)
    ]  # fmt: skip
    c = member_match.c
    for id_, minutes in zip(ids, (1, -30), strict=True):
        earlier = timedelta(hours=settings.export_hours, minutes=minutes)
        with house.engine.begin() as connection:
            at = connection.execute(select(c.at).where(c.id == id_)).scalar_one()
            connection.execute(update(member_match).where(c.id == id_).values(at=at - earlier))
    return ids


def kept(engine):
    with engine.connect() as connection:
        return [
            set(connection.execute(select(column)).scalars())
            for column in (member_match.c.id, matched_member.c.match)
        ]


def test_the_worker_forgets_what_is_past_and_nothing_else(begun, house, request):
    past, fresh = begun
    assert kept(house.engine) == [{past, fresh}] * 2
    request.getfixturevalue("working")
    until = monotonic() + SECONDS
    while past in kept(house.engine)[1] and monotonic() < until:
        Event().wait(0.05)
    assert kept(house.engine) == [{fresh}] * 2
