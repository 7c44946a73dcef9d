"""The partners as this process knows them: those of the file, and those that were registered by command."""

from collections.abc import Iterator, Mapping, ValuesView
from threading import Event
from typing import Any, Final

import structlog

from service.access import registry
from service.access.registry import RegistryFile
from service.errors import Misconfigured
from service.flows.ports.credentials import PartnersPort
from service.supervision import supervise
from service.values.access.credentials import StoredPartner
from service.values.access.scope import Partner
from service.wire.json import parse

SECONDS: Final = 1.0
"""How often it is asked whether something has changed."""

log = structlog.get_logger()


class Registered(Mapping[str, Partner]):
    """The partners by name; `refresh` follows what is registered, rotated and revoked in any process.

    Who does not change stays the same object. What is read from it once is of one moment.
    """

    def __init__(self, file: RegistryFile, store: PartnersPort) -> None:
        """Take what the file says, and where partners are stored.

        Raises:
            Misconfigured: the partners do not go together.
        """
        self._file = file
        self._store = store
        self._partners: dict[str, Partner] = {}
        self._number = 0
        self._stacks: frozenset[tuple[str, ...] | None] | None = None
        self._take(store.all())
        self._stacks = frozenset(partner.intake.overlays for partner in self._partners.values()) | {None}

    def __getitem__(self, name: str) -> Partner:
        """Return a partner."""
        return self._partners[name]

    def __iter__(self) -> Iterator[str]:
        """Give the names."""
        return iter(self._partners)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._partners)

    def values(self) -> ValuesView[Partner]:
        """Return a view of the partners; each time it is gone through it gives those of that moment."""
        return _Partners(self)

    def now(self) -> Mapping[str, Partner]:
        """Return the partners of this moment, which change no more."""
        return self._partners

    def refresh(self) -> float:
        """Look whether something has changed, and take it; return for how many seconds that is enough."""
        if self._store.newest() != self._number:
            self._take(self._store.all())
        return SECONDS

    def run(self, stop: Event) -> None:
        """Follow what changes until told to stop."""
        supervise("registry", self.refresh, stop)

    def _take(self, stored: list[StoredPartner]) -> None:
        entries = entries_of(stored)
        try:
            merged = registry.merge(self._file, entries)
        except Misconfigured as exc:
            if self._stacks is None:
                raise
            # the file that was checked with them is another than ours: who is revoked is so all the same
            log.error("registry_not_followed", why=str(exc))  # noqa: TRY400 - it is no failure of ours
            self._partners = _without_revoked(self._partners, entries, self._file.names())
        else:
            for name, why in merged.unusable.items():
                log.error("partner_unusable", partner=name, why=str(why))
            self._partners = self._compiled_only(merged.partners)
        self._number = max((partner.number for partner in stored), default=0)

    def _compiled_only(self, partners: dict[str, Partner]) -> dict[str, Partner]:
        """Return those whose overlays were compiled at start; the same objects where nothing changed."""
        known = {}
        for name, partner in partners.items():
            if self._stacks is not None and partner.intake.overlays not in self._stacks:
                log.error("partner_after_restart", partner=name, where="intake/overlays")
                continue
            before = self._partners.get(name)
            known[name] = before if before == partner and before is not None else partner
        return known


class _Partners(ValuesView[Partner]):
    _mapping: Registered

    def __iter__(self) -> Iterator[Partner]:
        return iter(self._mapping.now().values())


def entries_of(stored: list[StoredPartner]) -> dict[str, Any]:
    """Return the entries of partners by name."""
    return {partner.name: parse(partner.entry) for partner in stored}


def _without_revoked(
    partners: Mapping[str, Partner], entries: Mapping[str, Any], of_file: frozenset[str]
) -> dict[str, Partner]:
    revoked = {name for name, entry in entries.items() if entry.get("revoked") is True} - of_file
    return {name: partner for name, partner in partners.items() if name not in revoked}
