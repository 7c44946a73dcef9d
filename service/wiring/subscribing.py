"""Subscriptions, plugged together: the partners' story of theirs, and that of who tells them."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from cryptography.fernet import InvalidToken, MultiFernet
from sqlalchemy import Engine

from service.deliver.hook import Hook
from service.errors import Misconfigured, Unavailable
from service.flows.subscriptions.managing import Subscriptions
from service.flows.subscriptions.matching import Matching
from service.flows.subscriptions.sending import Notifications, Notifying
from service.settings import Settings
from service.store.notifying import SqlNotifying
from service.store.subscriptions import SqlSubscriptions
from service.values.access.scope import Partner
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.parameters import searched_types
from service.wire.http import post
from service.wiring import auditing
from service.wiring.access import secret


class Seal:
    """Keeps the headers of subscriptions, with the secret that our signing keys are encrypted with."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; the secret is read when it is needed."""
        self._settings = settings
        self._cipher: MultiFernet | None = None

    def encrypt(self, data: bytes) -> bytes:
        """Return it sealed; raises Unavailable."""
        return self._opened().encrypt(data)

    def decrypt(self, token: bytes) -> bytes:
        """Return what was sealed; raises Unavailable."""
        try:
            return self._opened().decrypt(token)
        except InvalidToken as exc:
            raise Unavailable("The headers were sealed with another secret; send them again.") from exc

    def _opened(self) -> MultiFernet:
        try:
            self._cipher = self._cipher or secret.cipher(self._settings)
        except Misconfigured as exc:
            what = (
                f"Headers need a secret to be sealed with, and the operator has set none: {secret.SETTING}."
            )
            raise Unavailable(what) from exc
        return self._cipher


def subscriptions(settings: Settings, engine: Engine, now: Callable[[], datetime]) -> Subscriptions:
    """Plug the table of subscriptions into the story of who manages them."""
    base = f"{settings.base_url}/fhir"
    return Subscriptions(SqlSubscriptions(engine), Seal(settings), ours(base), now)


def notifications(
    settings: Settings, engine: Engine, partners: Mapping[str, Partner], now: Callable[[], datetime]
) -> Notifications:
    """Plug what tells subscriptions of their events."""
    kept, base = SqlNotifying(engine), f"{settings.base_url}/fhir"
    return Notifications(
        Notifying(
            kept,
            Matching(kept, partners, ours(base)),
            Hook(post),
            Seal(settings),
            auditing.of_queues(engine),
            now,
            base,
            timedelta(days=settings.subscription_days),
        ),
        timedelta(days=settings.subscription_event_days),
    )


def ours(base: str) -> Ours:
    """Return what is known where filters are read: FHIR stands below the address `base`."""
    return Ours(base, searched_types())
