"""Writers of all kinds at the same time end as if one had come after the other, in some order."""

import json
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import combinations_with_replacement, count, permutations
from threading import Barrier

import pytest
from sqlalchemy import event, text

from service.errors import CasebridgeError, NotFound, Stale
from service.flows.case.back import Back
from service.flows.case.documents import Documents
from service.flows.case.identity.merging import Unmerging
from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.store.sql.stream import Stream
from service.store.store import SqlStore
from service.values.access.scope import Partner
from service.values.kept.resources import Query
from service.wire.json import parse
from service.wiring import compiled
from tests.flows import river
from tests.flows.conftest import ALL
from tests.flows.hospital import ADMITTED, DISCHARGED, PATHWAYS, Hospital, after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CMS = Partner("cms", "case-system")
OTHER = {"system": "urn:example:clients", "value": "R-2"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)")


class Anything:
    """`If-Match: *`: every revision may be replaced."""

    def __contains__(self, revision):
        return revision != 0


class Desk:
    """All who write, on one database, at one instant."""

    def __init__(self, url, projection, inbound):
        self.engine = connect(url)
        self.store = SqlStore(self.engine, identifying=frozenset({OTHER["system"]}))
        self.documents = Documents(self.store, projection, lambda: NOW)
        self.hospital = Hospital(self, projection, PATHWAYS)
        self.back = Back(self.store, projection, inbound, "http://localhost/fhir", lambda: NOW)
        self.unmerging = Unmerging(self.store, projection, PATHWAYS, lambda: NOW)

    def put(self, kind, ref, document):
        return self.documents.put(ALL, "cms", kind, ref, document, Anything())

    def create(self, kind, ref, document):
        return self.documents.put(ALL, "cms", kind, ref, document, None)

    def patch(self, patch):
        return self.documents.patch(ALL, "cms", "case", "c1", patch, Anything())

    def put_back(self, type_, change):
        """Put a resource as a partner read it, with a change; again where it is another version by then."""
        while True:
            entries = self.store.search(ALL, Query(type_)).entries
            if not entries:
                raise NotFound("It was erased.")
            resource = parse(entries[0].body)
            change(resource)
            with suppress(Stale):
                return self.back.put(ALL, "northern", resource, {entries[0].version})

    def hear(self, said):
        outcome = self.hospital.send(said, key=json.dumps(said))
        if outcome.state not in {"accepted", "ignored", "duplicate"}:
            raise CasebridgeError(outcome.reason)

    def state(self):
        """Return all that anybody can see, without ids and instants."""
        lines = []
        with self.engine.connect() as connection:
            for query in (
                "SELECT kind, source, revision, body FROM document",
                "SELECT type, version, body FROM resource WHERE type <> 'Provenance'",
                "SELECT type, version FROM resource_history WHERE type <> 'Provenance'",
                "SELECT routing_key FROM outbox",
                "SELECT state, reason FROM inbox",
            ):
                for row in connection.execute(text(query)):
                    cells = [bytes(cell).decode() if isinstance(cell, bytes) else str(cell) for cell in row]
                    lines.append(
                        "|".join([query, *(INSTANT.sub("*", UUID.sub("*", cell)) for cell in cells)])
                    )
        return sorted(lines)

    def close(self):
        self.engine.dispose()


def first(desk):
    """Let River, a case of theirs and another client be there, and a stay that the hospital told of."""
    desk.create("organization", "northern", river.INSURER)
    desk.create("practitioner", "nurse", river.NURSE)
    desk.create("client", "river", river.CLIENT)
    desk.create("case", "c1", river.CASE)
    desk.create("client", "other", {"names": [{"given": ["Rio"]}], "identifiers": [OTHER]})
    desk.hear(ADMITTED)


MERGE = {
    "event": "merge",
    "recorded": "2026-02-28T10:00:00Z",
    "patient": {"identifiers": ADMITTED["patient"]["identifiers"], "merged_from": [OTHER]},
}
UNKNOWN = {"system": OTHER["system"], "value": "R-3"}
STRANGER = {
    **DISCHARGED,
    "patient": {"identifiers": [UNKNOWN], "names": [{"family": "Rider"}]},
    "stay": {**DISCHARGED["stay"], "identifiers": [{"system": "urn:example:visits", "value": "V-9"}]},
}
MOVED = {**river.CLIENT, "telecom": [{"system": "phone", "value": "555-0199"}]}
ROLE = "https://casebridge.org/fhir/CodeSystem/case-role"
NEIGHBOUR = {
    "id": "next-door",
    "role": [{"coding": [{"system": ROLE, "code": "friend"}]}],
    "member": {"display": "A neighbour"},
}
WRITERS = {
    "patch title": lambda desk: desk.patch({"plan": {"title": "Another title"}}),
    "patch status": lambda desk: desk.patch({"status": "onhold"}),
    "patch team": lambda desk: desk.patch({"team": river.CASE["team"][:1]}),
    "put case": lambda desk: desk.put("case", "c1", {**river.CASE, "care_model": "brokerage"}),
    "put client": lambda desk: desk.put("client", "river", MOVED),
    "put directory": lambda desk: desk.put("practitioner", "nurse", {"names": [{"family": "Nurse"}]}),
    "partner": lambda desk: desk.put_back("CareTeam", lambda team: team["participant"].append(NEIGHBOUR)),
    "discharge": lambda desk: desk.hear(DISCHARGED),
    "update": lambda desk: desk.hear(after(ADMITTED, 5, event="update", contacts=[])),
    "stranger": lambda desk: desk.hear(STRANGER),
    "take over": lambda desk: desk.create("client", "new", {"names": [], "identifiers": [UNKNOWN]}),
    "merge": lambda desk: desk.hear(MERGE),
    "unmerge": lambda desk: desk.unmerging.undo(ALL, CMS, "other"),
    "erase case": lambda desk: desk.documents.erase(ALL, "cms", "case", "c1"),
    "erase other": lambda desk: desk.documents.erase(ALL, "cms", "client", "other"),
}


def written(writer, desk):
    """Let one write; return what it came to."""
    try:
        WRITERS[writer](desk)
    except CasebridgeError as refused:
        return type(refused).__name__
    return "done"


def together(changes):
    """Make changes from as many threads, begun at once; return what each came to."""
    barrier = Barrier(len(changes))

    def make(change):
        barrier.wait()
        return change()

    with ThreadPoolExecutor(len(changes)) as pool:
        return list(pool.map(make, changes))


@contextmanager
def held_up(engine, hold):
    """Let each statement wait, be it of a transaction on PostgreSQL or another."""
    execute = Stream.execute

    def held(*arguments):
        hold()
        return execute(*arguments)

    event.listen(engine, "before_cursor_execute", hold)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stream, "execute", held)
        yield
    event.remove(engine, "before_cursor_execute", hold)


class Worlds:
    """Copies of one database, each with what is there first; `copy` makes one while it is used."""

    def __init__(self, copy, projection, inbound):
        self._copy, self._projection, self._inbound = copy, projection, inbound
        self._serial = {}

    @contextmanager
    def desk(self):
        with self._copy() as url:
            desk = Desk(url, self._projection, self._inbound)
            yield desk
            desk.close()

    def serial(self, order):
        """Return what writers come to, and all that there is then, when one comes after the other."""
        if order not in self._serial:
            with self.desk() as desk:
                outcomes = [written(writer, desk) for writer in order]
                self._serial[order] = sorted(zip(order, outcomes, strict=True)), desk.state()
        return self._serial[order]

    def at_once(self, writers, seed):
        """Return the same when they write at once, each statement held up for a moment of its own."""
        luck = random.Random(seed)

        def hold(*_):
            time.sleep(luck.random() * 0.008)

        with self.desk() as desk:
            with held_up(desk.engine, hold):
                outcomes = together([partial(written, writer, desk) for writer in writers])
            return sorted(zip(writers, outcomes, strict=True)), desk.state()

    def check(self, writers, seed):
        """Fail unless writers at once come to what they come to in some order."""
        ended = self.at_once(writers, seed)
        orders = list(dict.fromkeys(permutations(writers)))
        if all(ended != self.serial(order) for order in orders):
            near = min((self.serial(order) for order in orders), key=lambda one: _far(one, ended))
            odd = set(ended[1]) ^ set(near[1])
            pytest.fail(f"{writers} at once, seed {seed}: {ended[0]}, in order {near[0]}\n" + "\n".join(odd))


def _far(one, other):
    return len(set(one[1]) ^ set(other[1])) + 1000 * (one[0] != other[0])


@pytest.fixture(scope="module")
def inbound():
    return {"default": compiled.inbound(Settings.from_env({}))}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def worlds(request, tmp_path_factory, projection, inbound):
    numbers = count()
    folder = tmp_path_factory.mktemp("worlds")
    name = f"casebridge_worlds_{random.getrandbits(32)}"

    @contextmanager
    def file():
        path = folder / f"{next(numbers)}.db"
        with connect(model).connect() as connection:
            connection.execute(text(f"VACUUM INTO '{path}'"))
        yield f"sqlite:///{path}"
        path.unlink()

    @contextmanager
    def database():
        named = f"{name}_{next(numbers)}"
        yield server.create_database(named, template=name)
        server.drop_database(named)

    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")
        copy, model = database, server.create_database(name)
    else:
        copy, model = file, f"sqlite:///{folder}/model.db"
    engine = connect(model)
    upgrade(engine)
    engine.dispose()
    desk = Desk(model, projection, inbound)
    first(desk)
    desk.close()
    yield Worlds(copy, projection, inbound)
    if request.param == "postgresql":
        server.drop_database(name)


PAIRS = list(combinations_with_replacement(WRITERS, 2))


def test_every_writer_writes_when_it_is_alone(worlds):
    outcomes = {writer: worlds.serial((writer,))[0][0][1] for writer in WRITERS}
    refused = {writer for writer, became in outcomes.items() if became != "done"}
    assert refused == {"unmerge"}


@pytest.mark.parametrize("writers", random.Random(7).sample(PAIRS, 8), ids=" + ".join)
def test_two_writers_at_once_end_as_in_some_order(worlds, writers):
    worlds.check(writers, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("writers", PAIRS, ids=" + ".join)
def test_any_two_writers_at_once_end_as_in_some_order(worlds, writers):
    for seed in range(5):
        worlds.check(writers, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(60))
def test_any_three_writers_at_once_end_as_in_some_order(worlds, seed):
    worlds.check(tuple(random.Random(seed).sample(list(WRITERS), 3)), seed)


def test_patches_of_other_members_at_once_are_all_kept(worlds):
    patches = [
        {"plan": {"title": "Another title"}},
        {"care_model": "brokerage"},
        {"period": {"start": "2026-03-02"}},
        {"identifiers": [{"system": "urn:example:cases", "value": "C-9"}]},
        {"status": "onhold"},
        {"targeted_group": "homelessness"},
    ]
    with worlds.desk() as desk:
        saved = together([partial(desk.patch, patch) for patch in patches])
        body = desk.documents.get(ALL, "cms", "case", "c1").body
    assert len({saved_case.document.revision for saved_case in saved}) == len(patches)
    title, *others = patches
    assert {name: body[name] for patch in others for name in patch} == {
        name: value for patch in others for name, value in patch.items()
    }
    assert body["plan"] == {**river.CASE["plan"], **body["plan"], **title["plan"]}
