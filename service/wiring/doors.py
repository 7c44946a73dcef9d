"""The doors over HTTP, plugged into the flows, and what partners can rely on at them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Engine

from service import __version__
from service.access import registry
from service.authorize.tokens import Tokens, security
from service.authorize.tokens import door as tokens_door
from service.disclose.about.capability import capability, published_capability, terminology_capability
from service.disclose.about.health import health, metrics
from service.disclose.about.reference import reference
from service.disclose.audit.routes import audit
from service.disclose.cursors import Cursors
from service.disclose.export import groups
from service.disclose.export import routes as exported
from service.disclose.feed import feed
from service.disclose.fhir.routes import fhir, public
from service.disclose.matched import MatchedGroups
from service.disclose.members import bulk as matched_many
from service.disclose.members import routes as matched
from service.disclose.subscriptions import routes as subscribed
from service.disclose.terminology.routes import terminology
from service.door import Door
from service.errors import Malformed
from service.flows.audit.events import Audit
from service.flows.authoring.preview import Previews
from service.flows.case.back import Back
from service.flows.case.documents import Documents
from service.flows.discharge.quarantine import Quarantine
from service.flows.discharge.receive import Reception
from service.flows.export.exports import ExportLimits, Exports
from service.flows.members.bulk import BulkMatching, MatchLimits
from service.flows.members.matching import Matching
from service.flows.pull.codes import codes_of
from service.flows.pull.disclose import Disclosure
from service.flows.pull.document import EpisodeDocuments
from service.flows.pull.everything import Everything
from service.flows.pull.localise import Localisation
from service.flows.pull.terminology import Sought, Vocabulary, vocabulary
from service.flows.subscriptions.recalling import Recalling
from service.mapping.catalogue import Catalogue
from service.mapping.language.localise import interpreter
from service.publish.amqp import frames, topology
from service.receive.discharge.bundles import Bundles
from service.receive.discharge.hl7v2 import Hl7v2Reception
from service.receive.discharge.process import Processing
from service.receive.discharge.single import Encounters
from service.receive.http import cases, hl7v2, notified, returned, validate
from service.receive.http import fhir as fhir_in
from service.receive.http.preview import preview
from service.receive.http.quarantine import quarantine
from service.settings import Settings
from service.store.audit.reading import SqlAuditReading
from service.store.export.exports import SqlExports
from service.store.matches import SqlMatches
from service.store.migrations import schema
from service.store.notifying import SqlNotifying
from service.store.sql import clock
from service.store.sql.engine import connect
from service.store.store import SqlStore
from service.values.access.scope import DEFAULT, Partner
from service.wire.contracts.published.asyncapi import asyncapi
from service.wire.contracts.published.generate import Contracts
from service.wire.contracts.published.messages import messages
from service.wire.contracts.published.openapi import openapi
from service.wire.fhir.audit_event import AuditEvents
from service.wire.fhir.check.check import check as check_r4
from service.wiring.compiled import compositions, inbounds, of_views, owners
from service.wiring.rooms import now, projecting, receiving, unmerging
from service.wiring.subscribing import subscriptions
from service.wiring.topics import topic_notices

Clock = Callable[[], datetime]


def doors(
    settings: Settings,
    engine: Engine,
    store: SqlStore,
    mappings: Mapping[str, Catalogue],
    cipher: Fernet,
    partners: Mapping[str, Partner],
    tokens: Tokens | None = None,
    now: Clock = now,
) -> list[Door]:
    """Return the doors in the order of the reference.

    `cipher` seals what the links of pages say; without `tokens` none are given.
    """
    projection = projecting(settings, mappings)
    base = f"{settings.base_url}/fhir"
    vocabularies = {view: vocabulary(catalogue.terminology) for view, catalogue in mappings.items()}
    incoming = inbounds(settings, partners.values())
    reception = receiving(settings, store, projection, now, incoming)
    documents = Documents(store, projection, now)
    audited = Audit(SqlAuditReading(engine), AuditEvents(settings.base_url), documents)
    mounted = [
        cases.door(documents, unmerging(settings, store, projection, now), audited),
        preview(Previews(store, mappings, check_r4)),
        quarantine(Quarantine(store, reception, partners, now)),
        *_pulling(settings, store, mappings, vocabularies, cipher, now),
        *_exporting(settings, engine, store, mappings, partial(_keepers, partners), now),
        returned.door(Back(store, projection, of_views(settings, incoming), base, now)),
        validate.door(Disclosure(store)),
        terminology(vocabularies, base, now),
        *_hospitals(reception, base, now),
        notified.door(topic_notices(engine, reception, partners)),
        subscribed.door(subscriptions(settings, engine, now), Recalling(SqlNotifying(engine)), base),
        audit(audited, base),
        feed(Disclosure(store)),
        tokens_door(tokens, settings.base_url),
        health(partial(schema.check, engine)),
        metrics(partial(clock.warnings, engine, now)),
    ]
    mounted.append(reference(lambda: _contracts(mappings, mounted)))
    return mounted


def contracts(settings: Settings, mappings: Mapping[str, Catalogue]) -> Contracts:
    """Return what partners can rely on with these mappings; no database is asked for it."""
    engine = connect("sqlite://")
    store = SqlStore(engine)
    cipher, partners = Fernet(Fernet.generate_key()), registry.load(settings.partners)
    return _contracts(mappings, doors(settings, engine, store, mappings, cipher, partners))


def _contracts(mappings: Mapping[str, Catalogue], mounted: Iterable[Door]) -> Contracts:
    described = tuple(messages(owners(mappings)))
    return Contracts(
        openapi=openapi((operation for door in mounted for operation in door.described()), __version__),
        asyncapi=asyncapi(
            described,
            version=__version__,
            exchange=topology.EVENTS,
            content_type=frames.CONTENT_TYPE,
            discharges=topology.DISCHARGES,
            cases=topology.CASES,
        ),
        message_types=described,
        capability=published_capability(__version__, tuple(owners(mappings))),
    )


def _pulling(
    settings: Settings,
    store: SqlStore,
    mappings: Mapping[str, Catalogue],
    vocabularies: Mapping[str, Vocabulary],
    cipher: Fernet,
    now: Clock,
) -> tuple[Door, Door]:
    """Return the doors for those who pull: what the server can do, and what it holds."""
    types = tuple(owners(mappings))
    composed = compositions(settings, mappings)
    words, composed_words = (
        {view: interpreter(made.terminology, made.words) for view, made in by_view.items()}
        for by_view in (mappings, composed)
    )
    systems = vocabularies[DEFAULT].search("CodeSystem", Sought())
    base = f"{settings.base_url}/fhir"
    secured = security(settings.base_url) if settings.auth == "smart" else {}
    about = (base, __version__, now().isoformat(timespec="seconds"))
    return (
        public(capability(*about, types, secured), terminology_capability(*about, systems)),
        fhir(
            Disclosure(store),
            EpisodeDocuments(Everything(store), Localisation(words), composed, composed_words, base),
            types,
            base,
            Cursors(lambda text: cipher.encrypt(text.encode()).decode(), partial(_unseal, cipher)),
            {view: codes_of(vocabulary) for view, vocabulary in vocabularies.items()},
        ),
    )


def _exporting(
    settings: Settings,
    engine: Engine,
    store: SqlStore,
    mappings: Mapping[str, Catalogue],
    keepers: Callable[[], frozenset[tuple[str, str]]],
    now: Clock,
) -> tuple[Door, ...]:
    """Return the doors to bulk exports, to matches of members, and to the Groups of both."""
    limits = ExportLimits(settings.exports, settings.export_hours)
    story = Exports(SqlExports(engine, reads=store.reads), now, limits)
    by_token = settings.auth == "smart"
    types = tuple(owners(mappings))
    matching = Matching(store)
    matches = MatchLimits(settings.exports, settings.export_hours)
    bulk = BulkMatching(SqlMatches(engine), matching, now, matches)
    groups_of_matches = MatchedGroups(bulk, keepers, f"{settings.base_url}/fhir")
    return (
        exported.door(story, groups_of_matches, types, settings.base_url, by_token=by_token),
        groups.door(story, groups_of_matches, settings.base_url),
        matched.door(matching, groups_of_matches, now),
        matched_many.door(bulk, groups_of_matches, settings.base_url, by_token=by_token),
    )


def _keepers(partners: Mapping[str, Partner]) -> frozenset[tuple[str, str]]:
    """Return the names of the case systems: a consent may permit them to disclose what they keep here."""
    keeping = (partner for partner in partners.values() if partner.kind == "case-system")
    return frozenset(name for partner in keeping for name in partner.identifiers)


def _hospitals(reception: Reception, base: str, now: Clock) -> tuple[Door, Door]:
    """Return the doors for what hospitals send: FHIR and HL7 v2."""
    return (
        fhir_in.door(Processing(reception, now, base), Bundles(reception), Encounters(reception, base)),
        hl7v2.door(Hl7v2Reception(reception, now)),
    )


def _unseal(cipher: Fernet, text: str) -> str:
    try:
        return cipher.decrypt(text.encode()).decode()
    except InvalidToken as exc:
        raise Malformed("The link is not one of ours; search again.", where="_cursor") from exc
