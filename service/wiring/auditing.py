"""The audit: what the worker does with it, and what the operator of this machine does."""

import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Engine

from service.errors import Misconfigured, Unavailable
from service.flows.audit.feeding import Feeding
from service.flows.audit.retaining import Retaining
from service.flows.audit.sealing import Sealing
from service.publish.ports import Record
from service.settings import Settings
from service.store.audit import privileges
from service.store.audit.progress import FEED, SqlProgress
from service.store.audit.recording import SqlRecording
from service.store.audit.retention import SqlRetention
from service.store.audit.sealing import SqlSealing
from service.store.relay.leadership import lead
from service.values.audit import AuditEntry, Disclosed, Disclosure
from service.wire.fhir.audit_event import AuditEvents
from service.wire.http import Shown, post
from service.wiring.operator import check
from service.wiring.rooms import now, open_database

LONGEST: Final = 64
"""How much of a queue's name stands on record."""
FHIR: Final = "application/fhir+json"
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""https://www.rfc-editor.org/rfc/rfc6750#section-2.1"""
FEED_SECONDS: Final = 10.0
"""How long the repository may take to answer; it stops at the end of a worker for no longer."""


def loops(settings: Settings, engine: Engine) -> Iterator[Callable[[Event], None]]:
    """Give what the worker does with the audit until it is told to stop."""
    seals = SqlSealing(engine, now)
    yield Sealing(seals).run
    yield Retaining(SqlRetention(engine, now, settings.audit_days)).run
    if settings.audit_feed is not None:
        yield feeding(settings, engine, settings.audit_feed).run


def of_queues(engine: Engine) -> Record:
    """Return what records what goes out to queues."""
    recording = SqlRecording(engine)

    def record(partner: str, queue: str, purposes: tuple[str, ...], things: tuple[Disclosed, ...]) -> None:
        told = Disclosure("disclose", things)
        recording.record(AuditEntry(now(), partner, None, purposes, 200, queue[:LONGEST], told))

    return record


def feeding(settings: Settings, engine: Engine, base: str) -> Feeding:
    """Plug the audit into the FHIR server that has its base there; that one may be in our own network."""
    url, host = f"{base}/AuditEvent", urlsplit(base).hostname or ""
    _check_certificate(settings)
    _token(settings)

    def send(event: bytes) -> int:
        # the files may be renewed while we run
        try:
            shown = Shown(_token(settings), settings.audit_feed_certificate, settings.audit_feed_key)
        except Misconfigured as exc:
            raise Unavailable(str(exc)) from exc
        return post(url, event, FHIR, (host,), FEED_SECONDS, shown)

    return Feeding(
        SqlSealing(engine, now),
        SqlProgress(engine),
        partial(lead, engine, FEED),
        AuditEvents(settings.base_url),
        send,
    )


def _check_certificate(settings: Settings) -> None:
    """Raise Misconfigured unless the files that are named hold a certificate and its key."""
    certificate, key = settings.audit_feed_certificate, settings.audit_feed_key
    try:
        if certificate is not None:
            ssl.create_default_context().load_cert_chain(certificate, key, password=b"")
        elif key is not None:
            raise ValueError("no certificate")
    except (OSError, ValueError) as exc:
        what = (
            "Name files of a certificate and, in CASEBRIDGE_AUDIT_FEED_KEY, of its key: PEM, not encrypted."
        )
        raise Misconfigured(what, where="CASEBRIDGE_AUDIT_FEED_CERTIFICATE") from exc


def _token(settings: Settings) -> str:
    """Return what the file of the token holds, nothing where none is named; raises Misconfigured."""
    if settings.audit_feed_token_file is None:
        return ""
    try:
        token = settings.audit_feed_token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not _TOKEN.fullmatch(token):
        what = "The file cannot be read, or holds more than a token."
        raise Misconfigured(what, where="CASEBRIDGE_AUDIT_FEED_TOKEN_FILE")
    return token


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
