"""What reads nothing that has changed is not made again; all the same, all is as if it were."""

import itertools
import re
import shutil
from collections import Counter
from contextlib import contextmanager
from decimal import Decimal

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from service.errors import CasebridgeError
from service.flows.projection.follow import Reprojection
from service.flows.projection.project import EVERYTHING, Projection
from service.mapping.catalogue import load
from service.settings import Settings
from service.store import tables as t
from service.wire.contracts.published.json_schemas import links, sources
from service.wire.fhir.definitions import profiles
from service.wiring import compiled
from tests.conftest import database_on
from tests.flows import river
from tests.flows.conftest import MAPPINGS
from tests.flows.hospital import ADMITTED, DISCHARGED, after
from tests.flows.test_at_once import INSTANT, NOW, UUID, WRITERS, Desk, first

BRAIN = {"id": "brain", "code": {"system": "http://snomed.info/sct", "code": "127295002"}}
WALK, READ = river.CASE["plan"]["goals"]
PHYSIO, NEURO, CALL = river.CASE["plan"]["services"]
FRIEND = river.CASE["team"][1]
CHANGES = {
    "goals": [
        [WALK, READ],
        [{**WALK, "status": "completed"}, READ],
        [{**WALK, "target": {"text": "Distance", "quantity": Decimal("1.50"), "unit": "km"}}, READ],
        [{**WALK, "target": {"text": "Distance", "quantity": Decimal("1.5"), "unit": "km"}}, READ],
        [{**WALK, "conditions": ["brain"]}, READ],
        [READ],
    ],
    "services": [
        [PHYSIO, NEURO, CALL],
        [{**PHYSIO, "goals": ["walk"]}, CALL],
        [{**PHYSIO, "provider": "northern"}, NEURO],
        [{**NEURO, "necessity": {"condition": "brain", "indication": "Memory", "decision": "approved"}}],
        None,
    ],
    "title": ["Back on the bicycle", "Onto the boat"],
    "author": ["nurse", None],
    "period": [{"start": "2026-03-01", "end": "2026-09"}, None],
}
MEMBERS = {
    "conditions": [[BRAIN], [{**BRAIN, "clinical_status": "active"}], None],
    "team": [
        river.CASE["team"],
        [FRIEND],
        [{**FRIEND, "deputy_for": "manager"}, river.CASE["team"][0]],
        [{**FRIEND, "name": "A friend from the choir", "deputy_for": "manager"}, river.CASE["team"][0]],
    ],
    "status": ["active", "onhold", "finished"],
    "care_manager": ["nurse", None],
    "managing_organization": ["northern", None],
    "period": [{"start": "2026-03-01"}, {"start": "2026-03-02"}],
}
HEARD = [
    after(ADMITTED, 3, contacts=[]),
    DISCHARGED,
    after(DISCHARGED, 9, event="update", stay={**DISCHARGED["stay"], "kind": "emergency"}),
    after(DISCHARGED, 7, event="cancel-discharge"),
]
EXAMPLES = 12
# ids of parts that are made of a random one, and numbers of messages, which are told in the order of ids
MADE = re.compile(r"hospital-[0-9a-f]{8}|\d{20}")
patches = st.one_of(
    st.one_of(*(st.fixed_dictionaries({name: st.sampled_from(CHANGES[name])}) for name in CHANGES)).map(
        lambda plan: {"plan": plan}
    ),
    *(st.fixed_dictionaries({name: st.sampled_from(MEMBERS[name])}) for name in MEMBERS),
)
steps = st.one_of(
    patches,
    st.tuples(patches, patches).map(lambda both: {**both[0], **both[1]}),
    st.sampled_from([*WRITERS, "reproject", "other mappings"]),
    st.sampled_from(range(len(HEARD))),
)


def without_ids(said):
    """Return a text without what tells one world from another."""
    return MADE.sub("*", INSTANT.sub("*", UUID.sub("*", said)))


class Full(Projection):
    """The oracle: makes everything again, whatever has changed."""

    def project(self, unit, document, roots, change, happened, basis, gone=()):
        return super().project(unit, document, roots, change, happened, EVERYTHING, gone)


@pytest.fixture(scope="module")
def catalogues():
    """Two sets of mappings, of two views each: the second has others for one of them."""
    made = {
        name: load(
            MAPPINGS, sources=sources(), links=links(), view=view, overlays=overlays, profiles=profiles
        )
        for name, view, overlays in (
            ("plain", "default", ()),
            ("us", "other", ("us-core",)),
            ("least", "other", ("minimum-necessary",)),
        )
    }
    return [{"default": made["plain"], "other": made[other]} for other in ("us", "least")]


@pytest.fixture(scope="module")
def inbound():
    return {"default": compiled.inbound(Settings.from_env({}))}


class History:
    """Writers that come one after the other, on a database of their own, by a projection of some class."""

    def __init__(self, url, made, projection, catalogues, inbound):
        fields = {name: getattr(projection, name) for name in ("check", "rows", "references", "envelope")}
        self.projections = [made(catalogue, **fields) for catalogue in catalogues]
        self.desks = [Desk(url, projection, inbound) for projection in self.projections]
        first(self.desks[0])
        self.now = 0

    def write(self, step):
        """Let something be written; return what it came to."""
        desk = self.desks[self.now]
        try:
            if step == "other mappings":
                self.now = 1 - self.now
            elif step == "reproject":
                Reprojection(desk.store, self.projections[self.now], lambda: NOW).next()
            elif isinstance(step, int):
                desk.hear(HEARD[step])
            elif isinstance(step, dict):
                desk.patch(step)
            else:
                WRITERS[step](desk)
        except CasebridgeError as refused:
            return f"{type(refused).__name__}: {refused}"
        return "done"

    def state(self):
        """Return all that is made of documents, and all that is told of it, without ids and instants."""
        lines = []
        with self.desks[0].engine.connect() as connection:
            for query in (
                "SELECT view, type, version, mapping_version, body FROM resource",
                "SELECT view, type, version, body FROM resource_history",
                "SELECT view, routing_key, body FROM outbox",
                "SELECT view, target_type, target_id FROM mention",
                "SELECT view, type, present, searched FROM resource",
                "SELECT key, low, high FROM search_range",
                "SELECT key, value FROM search_text",
            ):
                for row in connection.execute(text(query)):
                    said = [bytes(part).decode() if isinstance(part, bytes) else str(part) for part in row]
                    lines.append("|".join([query, *(without_ids(part) for part in said)]))
        return Counter(lines)

    def close(self):
        for desk in self.desks:
            desk.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request, tmp_path):
    """Give empty databases with today's schema, one after the other."""
    numbers = itertools.count()

    @contextmanager
    def file():
        path = tmp_path / f"{next(numbers)}.db"
        shutil.copyfile(request.getfixturevalue("sqlite_model"), path)
        yield f"sqlite:///{path}"
        path.unlink()

    if request.param == "sqlite":
        return file
    server, model = (request.getfixturevalue(name) for name in ("postgres_server", "postgres_model"))
    return lambda: database_on(server, model)


def test_a_history_of_any_writers_ends_as_if_everything_were_made_each_time(
    fresh, projection, catalogues, inbound
):
    @settings(max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate])
    @given(st.lists(steps, min_size=3, max_size=9))
    def check(history):
        with fresh() as one, fresh() as other:
            ours = History(one, Projection, projection, catalogues, inbound)
            oracle = History(other, Full, projection, catalogues, inbound)
            for step in history:
                assert ours.write(step) == oracle.write(step)
                assert ours.state() == oracle.state(), step
            ours.close()
            oracle.close()

    check()


def test_what_reads_nothing_that_has_changed_is_not_made_again(rivers_house):
    goals, services = rivers_house.of("Goal"), rivers_house.of("ServiceRequest")
    with rivers_house.engine.begin() as connection:
        # any that is made again is another one than this
        connection.execute(update(t.resource).values(digest="old"))
    changed = {**river.CASE["plan"], "goals": [{**WALK, "status": "completed"}, READ]}
    rivers_house.put("case", "c1", {**river.CASE, "plan": changed}, if_match=1)
    assert [goal["meta"]["versionId"] for goal in rivers_house.of("Goal")] == ["2"] * len(goals)
    assert [
        service_request["meta"]["versionId"] for service_request in rivers_house.of("ServiceRequest")
    ] == ["1"] * len(services)
    assert rivers_house.one("CarePlan")["meta"]["versionId"] == "2"
    assert rivers_house.one("CareTeam")["meta"]["versionId"] == "1"


def test_everything_is_made_again_of_what_reads_a_document_that_has_changed(rivers_house):
    rivers_house.put("practitioner", "nurse", {**river.NURSE, "gender": "female"}, if_match=1)
    with rivers_house.engine.begin() as connection:
        connection.execute(update(t.resource).values(digest="old"))
    rivers_house.put("case", "c1", {**river.CASE, "care_model": "brokerage"}, if_match=1)
    assert {
        service_request["meta"]["versionId"] for service_request in rivers_house.of("ServiceRequest")
    } == {"2"}
