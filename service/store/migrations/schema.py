"""Bring a database to the schema of this release, and refuse one that is not."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine, text

from service.errors import Misconfigured
from service.store.sql import replica
from service.store.sql.failures import translate_failures

MIGRATING = 0x0CA5EB20


def upgrade(engine: Engine) -> None:
    """Run the migrations that are missing, in one transaction; who comes second waits and finds none.

    Raises:
        Misconfigured: it is at a schema that this release does not know.
        Unavailable: it is away.
    """
    config = _config()
    with translate_failures(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as exc:
            # that it is asked for the newest leaves one reason: the database has a revision it does not know
            raise Misconfigured(f"The database is of a later release, run that: {exc}.") from exc
        # what is read is of another form
        replica.count(connection)
        connection.commit()


def check(engine: Engine) -> None:
    """Raise Misconfigured unless the database is at this release's revision, Unavailable if it is away."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with translate_failures(), engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current != head:
        what = f"The database is at schema {current or 'none'}, this release needs {head}"
        raise Misconfigured(f"{what}: run `casebridge db upgrade` of this release.")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config
