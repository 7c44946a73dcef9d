"""The partner registry, plugged together: the file of the settings, and the table."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import Engine, make_url

from service.access import registry
from service.flows.authorization.registered import Registered, entries_of
from service.settings import Settings
from service.store.migrations import schema
from service.store.partners.registered import SqlPartners
from service.values.access.credentials import StoredPartner
from service.wiring.rooms import open_database


def registered(settings: Settings, engine: Engine) -> Registered:
    """Return the partners by name; raises Misconfigured: the file is wrong, or they do not go together."""
    return Registered(registry.read(settings.partners), SqlPartners(engine))


def follow(partners: Registered, stop: Event) -> Thread:
    """Follow what changes in the registry, in a thread of its own, which is returned."""
    thread = Thread(target=partners.run, args=(stop,), daemon=True)
    thread.start()
    return thread


@contextmanager
def open_partners(settings: Settings) -> Iterator[SqlPartners]:
    """Give the table of partners; on SQLite the schema is upgraded first. Raises as `schema.check`."""
    with open_database(settings) as engine:
        if settings.embedded:
            schema.upgrade(engine)
        else:
            schema.check(engine)
        yield SqlPartners(engine)


def stored(settings: Settings) -> list[StoredPartner]:
    """Return the partners of the table, none where there is no database yet; raises as `schema.check`."""
    if not has_database(settings):
        return []
    with open_database(settings) as engine:
        schema.check(engine)
        return SqlPartners(engine).all()


def merged(settings: Settings) -> registry.Registry:
    """Return the partners of file and table; raises as `registered` and `schema.check`."""
    return registry.merge(registry.read(settings.partners), entries_of(stored(settings)))


def has_database(settings: Settings) -> bool:
    """Return whether there is a database: on SQLite, whether its file is there yet."""
    database = make_url(settings.database_url).database
    return not settings.embedded or (bool(database) and Path(str(database)).exists())
