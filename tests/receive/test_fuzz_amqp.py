"""Whatever comes off the queue of discharges is kept and answered, or put aside with a reason."""

import copy
import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.receive.amqp.deliveries import Delivery, Discharges
from service.settings import Settings
from service.store.store import SqlStore
from service.values.access.scope import Partner
from service.values.inbound.intake import IntakeSettings
from service.values.limits import InputLimits
from service.wiring import operator, rooms
from tests.web.sent import ER7, FHIR, a03, encounter, message, transaction

QUICK = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
SOAK = settings(QUICK, max_examples=20_000, derandomize=False, print_blob=True)
MERCY = Partner("mercy", "hospital", intake=IntakeSettings(amqp_users=("mercy",)))
WHOLE = (message(), transaction(), encounter(), transaction("batch"))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**40),
    st.sampled_from(
        ["", "x", "#p", "#", "urn:uuid:x", "Patient/a1", "2026", "2026-02-30", "Encounter", "Patient", "\x00"]
    ),
    st.text(max_size=8),
    st.sampled_from([[], {}, [[]], [None], [{}], {"reference": "#p"}, {"resourceType": "Bundle"}]),
)
EDITS = st.lists(st.tuples(st.integers(0, 10_000), LEAVES), min_size=1, max_size=5)


def places(node):
    """Every place in a document that something else could stand in: its parent and its key."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, below in pairs:
        yield node, key
        yield from places(below)


def edited(document, edits):
    """A document with other values in a few places."""
    made = copy.deepcopy(document)
    for number, leaf in edits:
        where = list(places(made))
        if where:
            parent, key = where[number % len(where)]
            parent[key] = copy.deepcopy(leaf)
    return json.dumps(made).encode()


DELIVERIES = st.builds(
    Delivery,
    st.one_of(
        st.tuples(st.sampled_from(WHOLE), EDITS).map(lambda drawn: edited(*drawn)),
        st.binary(max_size=80),
        st.just(a03()),
    ),
    st.sampled_from([FHIR] * 6 + [f"{FHIR};charset=utf-8", ER7, "application/xml", ""]),
    st.sampled_from(["mercy"] * 6 + ["", "nobody"]),
    st.sampled_from(["", "k-1", "\x00", "k" * 255]),
    st.sampled_from(["", "harbor", "amq.gen-1"]),
)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('fuzz')}/casebridge.db"


@pytest.fixture(scope="module")
def on_postgresql(postgres_server):
    name = f"casebridge_fuzz_{os.getpid()}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="module", params=["on_sqlite", "on_postgresql"])
def door(request, mappings):
    """The door, wired as it is served."""
    own_settings = Settings.from_env({"CASEBRIDGE_DATABASE_URL": request.getfixturevalue(request.param)})
    operator.upgrade(own_settings)
    engine = rooms.database(own_settings)
    store = SqlStore(engine)
    taken = rooms.receiving(own_settings, store, rooms.projecting(own_settings, mappings))
    discharges = Discharges(taken, [MERCY], rooms.now, "http://casebridge.test/fhir", InputLimits())
    # a name for the report of a failure: all the mappings hang on the other
    yield lambda delivery: discharges.take(delivery)  # noqa: PLW0108
    engine.dispose()


def check(door, delivery):
    taken = door(delivery)
    assert taken.answer is not None
    assert taken.answer.status < 500
    assert not any("An error of ours" in issue.what for issue in taken.why)
    assert (taken.answer.status >= 400) == bool(taken.why) or delivery.content_type == ER7
    assert taken.reply_to in {"", "amq.gen-1"}


@QUICK
@given(DELIVERIES)
def test_every_delivery_is_taken_or_put_aside(door, delivery):
    check(door, delivery)


@pytest.mark.soak
@SOAK
@given(DELIVERIES)
def test_every_delivery_of_very_many_is_taken_or_put_aside(door, delivery):
    check(door, delivery)
