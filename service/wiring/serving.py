"""The process that answers HTTP: the WSGI application."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from threading import Event

from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import Engine

from service.access.rates import Slots
from service.authorize.recording import Recording
from service.flows.authorization.emergencies import Emergencies
from service.mapping.catalogue import Catalogue
from service.settings import Settings
from service.store.audit.recording import SqlRecording
from service.store.migrations import schema
from service.store.sql.engine import connect
from service.telemetry import configure
from service.values.access.scope import Partner
from service.web import Access, create_app
from service.wiring.access.authorization import authorization, check_address, quotas
from service.wiring.access.registered import follow, registered
from service.wiring.compiled import catalogues
from service.wiring.doors import doors
from service.wiring.rooms import (
    input_limits,
    noticed_store,
    now,
    projecting,
    replica_of,
    upgrade_database,
)


def web(settings: Settings, counts: Path | None = None) -> Flask:
    """Return the WSGI application; on SQLite the schema is upgraded first.

    Processes that answer together count what is asked in the file `counts`.

    Raises:
        Misconfigured: a setting, the registry, a mapping or the database's schema is wrong.
        Unavailable: the database does not answer.
    """
    configure()
    check_address(settings)
    engine = connect(settings.database_url, settings.query_seconds)
    # before all mappings are compiled, which takes longer
    if settings.embedded:
        upgrade_database(engine)
    else:
        schema.check(engine)
    partners = registered(settings, engine)
    follow(partners, Event())
    replica = replica_of(settings)
    return application(
        settings, engine, catalogues(settings), partners=partners, counts=counts, replica=replica
    )


def application(
    settings: Settings,
    engine: Engine,
    mappings: Mapping[str, Catalogue],
    now: Callable[[], datetime] = now,
    counts: Path | None = None,
    partners: Mapping[str, Partner] | None = None,
    replica: Engine | None = None,
) -> Flask:
    """Plug the doors over HTTP into the application that serves them.

    The registry is read unless somebody has it already, and follows it.
    """
    store = noticed_store(settings, engine, replica)
    partners = registered(settings, engine) if partners is None else partners
    cipher = Fernet(store.secret("cursor", Fernet.generate_key()))
    glass = Emergencies(store, projecting(settings, mappings), now)
    who = authorization(settings, engine, partners, now, glass)
    mounted = doors(settings, engine, store, mappings, cipher, partners, who.tokens, now)
    recording = Recording(SqlRecording(engine).record, settings.tls_proxies, now)
    access = Access(who.caller, quotas(settings, Slots(counts)), recording)
    return create_app(mounted, access, input_limits(settings))
