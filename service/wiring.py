"""The composition root: the one module that knows every room."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from flask import Flask
from sqlalchemy import Engine

from service import __version__
from service.access import policy, registry
from service.disclose import terminology as codes
from service.disclose.capability import capability, terminology_capability
from service.disclose.reference import reference
from service.disclose.routes import feed, fhir, public
from service.errors import Malformed, Misconfigured, NotFound
from service.flows.disclose import Disclosure
from service.flows.documents import Documents
from service.flows.events import Envelope
from service.flows.explain import Explanation, Explanations
from service.flows.follow import Reprojection
from service.flows.intake import Intake
from service.flows.localise import Localisation
from service.flows.preview import Previewed, Previews, of_document, of_roots
from service.flows.project import Projection
from service.flows.quarantine import Quarantine
from service.flows.receive import Reception
from service.flows.remap import Remapping
from service.flows.terminology import Sought, vocabulary
from service.flows.understand import Understanding
from service.mapping import golden
from service.mapping.layers import overlays
from service.mapping.localise import interpreter
from service.mapping.translate import Catalogue, load
from service.publish import frames, rabbit, topology
from service.publish.relay import Relay, number_forever
from service.publish.watch import watch
from service.receive import fhir as sent
from service.receive import hl7v2
from service.receive.bundles import Bundles
from service.receive.cases import PATHS, blueprint
from service.receive.certificates import Tls
from service.receive.mllp import MllpServer
from service.receive.preview import preview
from service.receive.process import Processing
from service.receive.quarantine import quarantine
from service.receive.single import Encounters
from service.settings import Settings
from service.store import retention, schema
from service.store.engine import connect
from service.store.outbox import Outbox
from service.store.store import SqlStore
from service.telemetry import configure
from service.values.documents import Document, Revision
from service.values.scope import DEFAULT, Partner
from service.web import Access, Doors, create_app
from service.wire.contracts import pathways
from service.wire.contracts.asyncapi import asyncapi
from service.wire.contracts.generate import Contracts
from service.wire.contracts.messages import messages
from service.wire.contracts.openapi import Terminology, openapi
from service.wire.contracts.schemas import links, sources
from service.wire.contracts.schemas import schema as contract
from service.wire.fhir import profiles
from service.wire.fhir import schema as fhir_schema
from service.wire.fhir.check import check as check_r4
from service.wire.fhir.elements import is_required
from service.wire.fhir.search import rows
from service.wire.fhir.validate import validate
from service.wire.hl7v2 import incoming
from service.wire.json import canonical, dump, parse


def web() -> Flask:
    """Return the WSGI application of the settings in the environment.

    Raises:
        Misconfigured: a setting, the registry, a mapping or the database's schema is wrong.
    """
    settings = Settings.from_env()
    configure()
    _authenticates(settings)
    engine = connect(settings.database_url)
    schema.check(engine)
    return application(settings, engine, catalogues(settings))


def application(settings: Settings, engine: Engine, mappings: Mapping[str, Catalogue]) -> Flask:
    """Plug the rooms into each other."""
    store = SqlStore(engine, dump=dump, parse=parse)
    projection = projecting(settings, mappings)
    types = tuple(_owners(mappings))
    disclosure = Disclosure(store)
    base = f"{settings.base_url}/fhir"
    words = {view: each.terminology for view, each in mappings.items()}
    vocabularies = {view: vocabulary(each) for view, each in words.items()}
    kept = vocabularies[DEFAULT].search("CodeSystem", Sought())
    about = (base, __version__, datetime.now(UTC).isoformat(timespec="seconds"))
    taken = receiving(settings, store, projection)
    cipher = Fernet(store.secret("cursor", Fernet.generate_key()))
    doors = Doors(
        api=blueprint(Documents(store, projection, now)),
        preview=preview(Previews(store, mappings, check_r4)),
        quarantine=quarantine(Quarantine(store, taken, registry.load(settings.partners), now)),
        fhir=fhir(
            disclosure,
            Localisation({view: interpreter(each) for view, each in words.items()}, parse, dump),
            types,
            base,
            lambda text: cipher.encrypt(text.encode()).decode(),
            lambda text: _unsealed(cipher, text),
        ),
        terminology=codes.terminology(vocabularies, base, now),
        events=feed(disclosure),
        hospitals=(
            sent.blueprint(Processing(taken, now, base), Bundles(taken), Encounters(taken, base)),
            hl7v2.blueprint(hl7v2.Messages(taken, now)),
        ),
        metadata=public(capability(*about, types), terminology_capability(*about, kept)),
        reference=reference(lambda: contracts(mappings)),
        ready=lambda: schema.check(engine),
    )
    access = Access(registry.load(settings.partners), lambda p: policy.RIGHTS[p.kind], policy.scope)
    return create_app(doors, access)


def projecting(settings: Settings, mappings: Mapping[str, Catalogue]) -> Projection:
    """Plug the mappings and the formats into the projection."""
    return Projection(
        catalogues=mappings,
        check=check_r4,
        rows=rows,
        parse=parse,
        dump=dump,
        canonical=canonical,
        envelope=Envelope(
            f"{settings.base_url}/epoch/{settings.epoch}", f"{settings.base_url}/docs/messages", dump
        ),
    )


def receiving(settings: Settings, store: SqlStore, projection: Projection) -> Reception:
    """Plug the inbound mappings, the rules and the inbox into the story of what hospitals send."""
    understanding = Understanding(inbound(settings))
    return Reception(
        store,
        Intake(projection, pathways.load(settings.mappings / "pathways")),
        now,
        {"fhir": understanding.fhir, "hl7v2": understanding.hl7v2},
    )


def inbound(settings: Settings) -> Catalogue:
    """Return the inbound mappings, compiled; raises as `catalogue`."""
    return load(
        settings.mappings,
        sources={"fhir": fhir_schema.roots(), "hl7v2": incoming.roots()},
        links={},
        overlays=settings.overlays,
        told_by="CASEBRIDGE_OVERLAYS",
        makes={"Discharge": contract("discharge")},
    )


def mllp(settings: Settings, host: str, port: int, tls: Tls | None, stop: Event) -> None:
    """Take HL7 v2 in over MLLP until told to stop; raises as `web`, and when it cannot listen."""
    configure()
    engine = database(settings)
    schema.check(engine)
    store = SqlStore(engine, dump=dump, parse=parse)
    taken = receiving(settings, store, projecting(settings, catalogues(settings)))
    partners = tuple(registry.load(settings.partners).values())
    handler = hl7v2.over_mllp(hl7v2.Messages(taken, now), partners)
    MllpServer(host, port, handler, tls=tls).run(stop)
    engine.dispose()


def now() -> datetime:
    """Return the present instant, UTC."""
    return datetime.now(UTC)


def preflight(settings: Settings) -> None:
    """Raise what would keep `web` from starting: its server only says that a process of its own died."""
    _authenticates(settings)
    catalogues(settings)
    inbound(settings)
    check(settings)


def catalogue(settings: Settings) -> Catalogue:
    """Return the mappings, compiled; raises Misconfigured with every mistake's file, line and column."""
    return _compiled(settings, DEFAULT, settings.overlays, "CASEBRIDGE_OVERLAYS")


def catalogues(settings: Settings) -> dict[str, Catalogue]:
    """Return the mappings of each view that a partner has, compiled; raises as `catalogue`."""
    found = {DEFAULT: catalogue(settings)}
    for view, stack in registry.views(settings.partners).items():
        found[view] = _compiled(settings, view, stack, f"{settings.partners}: /views/{view}")
    return found


def each_overlay(settings: Settings) -> dict[str, Catalogue]:
    """Return the mappings with each overlay there is, alone; raises as `catalogue`."""
    return {name: _compiled(settings, name, (name,), "overlays") for name in overlays(settings.mappings)}


def contracts(mappings: Mapping[str, Catalogue]) -> Contracts:
    """Return what partners can rely on with these mappings."""
    owners = _owners(mappings)
    told = tuple(messages(owners))
    asked = {type_: {name: codes.TAKEN[name] for name in names} for type_, names in codes.OPERATIONS.items()}
    answered = Terminology(asked, codes.OF_TYPES_ALONE, codes.SEARCHED)
    return Contracts(
        openapi=openapi(PATHS, tuple(owners), answered, __version__),
        asyncapi=asyncapi(
            told, version=__version__, exchange=topology.EVENTS, content_type=frames.CONTENT_TYPE
        ),
        told=told,
    )


def golden_results(
    settings: Settings, names: Collection[str] = (), ignored: Collection[str] = ()
) -> Iterator[golden.Result]:
    """Run the golden pairs of these names, or all, each with its own overlays and the whole oracle."""
    pairs = golden.chosen(golden.pairs(settings.mappings), names)
    return golden.run(pairs, lambda stack: catalogue(replace(settings, overlays=stack)), validate, ignored)


def previewed(settings: Settings, kind: str, given: Any, client: Any) -> Previewed:
    """Preview a document, or a source as golden pairs have it, where nothing is stored."""
    found = catalogue(settings)
    if isinstance(given, dict) and isinstance(given.get("roots"), dict):
        return of_roots(found, validate, str(given.get("source")), given["roots"])
    return of_document(found, validate, kind, given, client)


def explained(settings: Settings, view: str, path: str, id_: str) -> Explanation:
    """Explain an element of a live resource in a view, to the operator of this machine."""
    engine = database(settings)
    store = SqlStore(engine, dump=dump, parse=parse)
    scope = replace(policy.scope(policy.LOCAL), view=view)
    found = Explanations(store, catalogues(settings)).explain(scope, path, id_)
    engine.dispose()
    return found


def database(settings: Settings) -> Engine:
    """Return the engine of the settings."""
    return connect(settings.database_url)


def upgrade(settings: Settings) -> None:
    """Bring the database to this release's schema."""
    engine = database(settings)
    schema.upgrade(engine)
    engine.dispose()


def check(settings: Settings) -> None:
    """Raise Misconfigured unless the database is at this release's schema."""
    engine = database(settings)
    schema.check(engine)
    engine.dispose()


def partners(settings: Settings) -> list[Partner]:
    """Return the registered partners; raises Misconfigured with the place of each mistake."""
    return list(registry.load(settings.partners).values())


def cases(settings: Settings, status: str | None) -> Iterator[Document]:
    """Give the cases that the operator of this machine may see, by id."""
    engine = database(settings)
    store, scope = SqlStore(engine, dump=dump, parse=parse), policy.scope(policy.LOCAL)
    after = None
    while page := store.documents(scope, "case", status=status, after=after):
        yield from page
        after = page[-1].uuid
    engine.dispose()


def case(settings: Settings, id_: str) -> tuple[Document, list[Revision]]:
    """Return a case and its revisions, newest first; raises NotFound."""
    engine = database(settings)
    store, scope = SqlStore(engine, dump=dump, parse=parse), policy.scope(policy.LOCAL)
    found = store.document(scope, "case", policy.LOCAL.name, id_)
    if found is None:
        raise NotFound("There is no such case; `casebridge cases list` prints their ids.", where="ID")
    revisions = store.revisions(scope, found.uuid)
    engine.dispose()
    return found, revisions


def worker(settings: Settings, stop: Event) -> None:
    """Relay the outbox to the broker and project what is queued, until told to stop.

    Without a broker the outbox is numbered for the feed.
    """
    configure()
    engine = database(settings)
    store = SqlStore(engine, dump=dump, parse=parse)
    projection = projecting(settings, catalogues(settings))
    queue = Reprojection(store, projection, now)
    taken = receiving(settings, store, projection)
    retries = Quarantine(store, taken, registry.load(settings.partners), now)
    beside = [Thread(target=each.run, args=(stop,), daemon=True) for each in (queue, retries)]
    for each in beside:
        each.start()
    messages = Outbox(engine)
    if settings.amqp_url is None:
        number_forever(messages, stop)
    else:
        url, partners = settings.amqp_url, tuple(registry.load(settings.partners).values())
        asks = (lambda names: topology.depths(url, names), lambda: topology.declare(url, partners))
        Thread(target=watch, args=(*asks, partners, stop), daemon=True).start()
        Relay(messages, lambda: rabbit.connect(url, partners), partners).run(stop)
    for each in beside:
        each.join()


@contextmanager
def quarantined(settings: Settings) -> Iterator[Quarantine]:
    """Give the quarantine as an operator handles it."""
    engine = database(settings)
    store = SqlStore(engine, dump=dump, parse=parse)
    taken = receiving(settings, store, projecting(settings, catalogues(settings)))
    try:
        yield Quarantine(store, taken, registry.load(settings.partners), now)
    finally:
        engine.dispose()


def outbox(settings: Settings) -> Outbox:
    """Return the outbox as an operator handles it: list what is parked, release it."""
    return Outbox(database(settings))


def pruning(settings: Settings, before: datetime) -> tuple[int, Iterator[int]]:
    """Return how many steps it takes to delete what was published before an instant, and the steps."""
    engine = database(settings)
    spans = retention.batches(engine, before)
    return len(spans), retention.prune(engine, spans)


def remapping(settings: Settings) -> Remapping:
    """Return the story of live changes of mappings, on the database and mappings of the settings."""
    store = SqlStore(database(settings), dump=dump, parse=parse)
    return Remapping(store, projecting(settings, catalogues(settings)), now)


def queued(url: str, queue: str, last: str) -> Iterator[bytes]:
    """Take the messages of a partner's queue off it; see `rabbit.queued`."""
    return rabbit.queued(url, queue, last)


def number(settings: Settings) -> int:
    """Give committed messages their positions in the feed; return how many."""
    engine = database(settings)
    messages, total = Outbox(engine), 0
    while taken := messages.number():
        total += taken
    engine.dispose()
    return total


def _compiled(settings: Settings, view: str, stack: Sequence[str], told_by: str) -> Catalogue:
    return load(
        settings.mappings,
        sources=sources(),
        links=links(),
        view=view,
        overlays=stack,
        told_by=told_by,
        profiles=profiles,
        required=is_required,
    )


def _owners(mappings: Mapping[str, Catalogue]) -> dict[str, tuple[str, ...]]:
    """Return the resource types that are made in some view, by name, each with the kinds of its owners."""
    made = sorted({(each.target, each.source) for view in mappings.values() for each in view.mappings})
    return {type_: tuple(kind for target, kind in made if target == type_) for type_, _ in made}


def _authenticates(settings: Settings) -> None:
    if settings.auth != "off":
        raise Misconfigured(
            "SMART is not built yet; set it to `off`, on a loopback address.", where="CASEBRIDGE_AUTH"
        )


def _unsealed(cipher: Fernet, text: str) -> str:
    try:
        return cipher.decrypt(text.encode()).decode()
    except InvalidToken as exc:
        raise Malformed("The link is not one of ours; search again.", where="_cursor") from exc
