"""The rooms, plugged into each other: what every process is made of."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine

from service.flows.case.identity.merging import Unmerging
from service.flows.case.identity.parting import Parting
from service.flows.case.identity.renaming import Renaming
from service.flows.discharge.intake import Intake
from service.flows.discharge.receive import Reception, Understand
from service.flows.discharge.understand import Understanding
from service.flows.projection.events import Envelope
from service.flows.projection.project import Projection
from service.mapping.catalogue import Catalogue
from service.settings import Settings
from service.store.migrations import schema
from service.store.relay.notices import Notices
from service.store.search import indexing
from service.store.sql.engine import connect
from service.store.store import SqlStore
from service.values.limits import InputLimits
from service.wire.contracts import labels, pathways
from service.wire.fhir.check.check import check as check_r4
from service.wire.fhir.search.rows import references_in, rows
from service.wiring.compiled import Inbounds, inbounds


def now() -> datetime:
    """Return the present instant, UTC."""
    return datetime.now(UTC)


def input_limits(settings: Settings) -> InputLimits:
    """Return what is taken in at most."""
    return InputLimits(
        body_bytes=settings.max_body_bytes,
        inflated_bytes=settings.max_inflated_bytes,
        depth=settings.max_depth,
        entries=settings.max_entries,
        query_bytes=settings.max_query_bytes,
        count=settings.max_count,
        included=settings.max_included,
    )


def database(settings: Settings) -> Engine:
    """Return the engine of the settings."""
    return connect(settings.database_url)


def upgrade_database(engine: Engine) -> int:
    """Bring a database to this release's schema; return how many resources were made searchable anew."""
    schema.upgrade(engine)
    return 0 if indexing.is_done(engine) else search_index(engine)


def search_index(engine: Engine) -> int:
    """Make all resources searchable by the parameters of today; return how many were not."""
    return sum(indexing.index(engine, rows))


@contextmanager
def open_database(settings: Settings) -> Iterator[Engine]:
    """Give the engine of the settings; its connections are closed when it has been used."""
    engine = database(settings)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def open_store(settings: Settings) -> Iterator[SqlStore]:
    """Give the store of the settings; its connections are closed when it has been used."""
    with open_database(settings) as engine:
        yield SqlStore(engine)


def replica_of(settings: Settings) -> Engine | None:
    """Return the engine of the replica that resources are read of, where there is one."""
    url = settings.read_database_url
    return connect(url, settings.query_seconds, "CASEBRIDGE_READ_DATABASE_URL") if url else None


def noticed_store(settings: Settings, engine: Engine, replica: Engine | None = None) -> SqlStore:
    """Return the store of a process that stays: who leads hears of its messages, if anybody listens."""
    if settings.listen_url:
        return SqlStore(engine, notify=Notices(engine).give, replica_engine=replica)
    return SqlStore(engine, replica_engine=replica)


def projecting(settings: Settings, mappings: Mapping[str, Catalogue]) -> Projection:
    """Plug the mappings and the formats into the projection."""
    return Projection(
        catalogues=mappings,
        check=check_r4,
        rows=rows,
        references=references_in,
        labels=labels.load(settings.mappings / "labels"),
        envelope=Envelope(
            f"{settings.base_url}/epoch/{settings.epoch}", f"{settings.base_url}/docs/messages"
        ),
    )


def receiving(
    settings: Settings,
    store: SqlStore,
    projection: Projection,
    now: Callable[[], datetime] = now,
    mappings: Inbounds | None = None,
) -> Reception:
    """Plug the inbound mappings, the rules and the inbox into the story of what hospitals send.

    The mappings are compiled unless somebody has them already.
    """
    return Reception(
        store,
        Intake(projection, pathways.load(settings.mappings / "pathways")),
        now,
        understanding(mappings or inbounds(settings)),
    )


def parting(settings: Settings, store: SqlStore, projection: Projection) -> Parting:
    """Plug the rules into the story of a client who is two."""
    return Parting(store, projection, pathways.load(settings.mappings / "pathways"), now)


def renaming(settings: Settings, store: SqlStore, projection: Projection) -> Renaming:
    """Plug the rules into the story of systems that have other names."""
    return Renaming(store, projection, pathways.load(settings.mappings / "pathways"), now)


def understanding(mappings: Inbounds) -> dict[str, Understand]:
    """Return what understands messages with the inbound mappings, by their form."""
    readers = Understanding(mappings)
    return {"fhir": readers.fhir, "hl7v2": readers.hl7v2}


def unmerging(
    settings: Settings, store: SqlStore, projection: Projection, now: Callable[[], datetime] = now
) -> Unmerging:
    """Plug the rules into the story of a merge that is undone."""
    return Unmerging(store, projection, pathways.load(settings.mappings / "pathways"), now)
