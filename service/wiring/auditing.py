"""What the operator of this machine does with the audit."""

from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Misconfigured
from service.settings import Settings
from service.store.audit import privileges
from service.store.audit.retention import SqlRetention
from service.store.audit.sealing import SqlSealing
from service.wiring.operator import check
from service.wiring.rooms import now, open_database


def warnings(settings: Settings) -> list[str]:
    """Return what to warn an operator of: what the service's own role may do to the audit, or may not."""
    with open_database(settings) as engine:
        return privileges.warnings(engine)


@contextmanager
def sealing(settings: Settings) -> Iterator[SqlSealing]:
    """Give the seals of the audit; raises as `check`."""
    check(settings)
    with open_database(settings) as engine:
        yield SqlSealing(engine, now)


@contextmanager
def retaining(settings: Settings) -> Iterator[SqlRetention]:
    """Give the retention of the audit.

    Raises:
        Misconfigured: as `check`, or the role may not make or drop what the audit is kept in.
    """
    check(settings)
    with open_database(settings) as engine:
        retention = SqlRetention(engine, now, settings.audit_days)
        if not retention.may_keep():
            what = "This role does not own the audit; name one that does in the address."
            raise Misconfigured(what, where="CASEBRIDGE_DATABASE_URL")
        yield retention
