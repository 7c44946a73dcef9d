"""The stories on a real store, with the real mappings, on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from service.flows.case.documents import Documents
from service.flows.discharge.understand import Understanding
from service.flows.projection.events import Envelope
from service.flows.projection.project import Projection
from service.flows.pull.disclose import Disclosure
from service.mapping.catalogue import load
from service.publish.copies.coverage import Coverage
from service.publish.copies.resources import with_resources
from service.settings import Settings
from service.store.relay.outbox import Outbox
from service.store.sql.engine import connect
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.values.inbound.inbox import InboundMessage
from service.wire.contracts import labels
from service.wire.contracts.published.json_schemas import links, sources
from service.wire.fhir.check.check import check as check_r4
from service.wire.fhir.search.rows import references_in, rows
from service.wire.json import parse
from service.wiring import compiled
from tests.contracts.published import check
from tests.flows import river
from tests.flows.segments import MERCY
from tests.publish.made import partner

MAPPINGS = Path(__file__).parents[2] / "mappings"
ALL = Scope(everything=True)
EVERYTHING = Coverage([partner(full=("#",))])


@pytest.fixture(scope="session")
def projection():
    catalogue = load(MAPPINGS, sources=sources(), links=links())
    return Projection(
        catalogues={"default": catalogue},
        check=check_r4,
        rows=rows,
        references=references_in,
        envelope=Envelope("urn:casebridge:test", "urn:casebridge:test"),
        labels=labels.load(MAPPINGS / "labels"),
    )


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    yield engine
    engine.dispose()


class House:
    """The flows, wired; `cms` is the case system."""

    def __init__(self, engine, projection):
        ticks = count()
        start = datetime(2026, 3, 1, 8, tzinfo=UTC)
        self.engine = engine
        self.store = SqlStore(engine)
        self.documents = Documents(self.store, projection, lambda: start + timedelta(minutes=next(ticks)))
        self.disclosure = Disclosure(self.store)
        self.outbox = Outbox(engine)
        self.seen = 0

    def put(self, kind, ref, document, if_match=None):
        return self.documents.put(ALL, "cms", kind, ref, document, if_match and {if_match})

    def new_messages(self):
        """Return what was told since the last time, (routing key, message), all as published."""
        self.outbox.number()
        messages = with_resources(self.store.events(ALL, self.seen, 1000), EVERYTHING, self.outbox)
        self.seen += len(messages)
        for message in messages:
            if message.full is not None:
                check(message.routing_key, parse(message.full))
        return [
            (message.routing_key, check(message.routing_key, parse(message.body))) for message in messages
        ]

    def one(self, type_):
        from service.values.kept.resources import Query

        page = self.store.search(ALL, Query(type_))
        assert page.total == 1
        return parse(page.entries[0].body)

    def of(self, type_, **conditions):
        from service.values.kept.resources import Query

        return [parse(entry.body) for entry in self.store.search(ALL, Query(type_, **conditions)).entries]


@pytest.fixture
def house(engine, projection):
    return House(engine, projection)


@pytest.fixture
def rivers_house(house):
    """River's story up to the running case."""
    house.put("organization", "northern", river.INSURER)
    house.put("practitioner", "nurse", river.NURSE)
    house.put("client", "river", river.CLIENT)
    house.put("case", "c1", river.CASE)
    return house


@pytest.fixture(scope="session")
def understanding():
    return Understanding(compiled.inbounds(Settings.from_env({})))


@pytest.fixture
def understood(understanding):
    """What some segments come to, after MSH and EVN."""

    def understood(*segments, trigger="A03"):
        at = "20260301151500+0100"
        head = f"MSH|^~\\&|ADT|MERCY|||{at}||ADT^{trigger}|1|P|2.8", f"EVN|{trigger}|{at}"
        raw = "\r".join((*head, *segments)).encode()
        return understanding.hl7v2(MERCY, InboundMessage(raw, "", "hl7v2", "http", (), ""))

    return understood


@pytest.fixture
def made(understood):
    """The one discharge that some segments come to."""

    def made(*segments, **more):
        (discharge,) = understood(*segments, **more).discharges
        return discharge

    return made
