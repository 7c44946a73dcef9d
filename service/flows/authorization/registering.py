"""A partner is registered, gets another key, or is revoked; all processes know within seconds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

from service.access import registry
from service.access.entries import partner_of
from service.access.registry import Registry, RegistryFile
from service.errors import Conflict, Misconfigured, NotFound, Rejected
from service.flows.authorization.registered import entries_of
from service.flows.ports import Clock
from service.flows.ports.credentials import PartnersPort
from service.values.access.credentials import StoredPartner
from service.values.access.scope import Partner
from service.wire.json import dump

Json = dict[str, Any]
T = TypeVar("T")
TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class Registering:
    """The story of partners that are not in the file, which is checked with them."""

    file: RegistryFile
    store: PartnersPort
    clock: Clock

    def partner_of(self, entry: Json) -> Partner:
        """Return the partner that an entry would be; raises Rejected when it is wrong."""
        return partner_of(self._checked(entry))

    def register(self, entry: Json) -> None:
        """Register a partner by its entry, which has the form of the file's.

        Raises:
            Conflict: the name is another's; one that was revoked may come back, as the same kind.
            Rejected: the entry is wrong, or does not go together with the others.
        """
        partner = self.partner_of(entry)
        name, kind = partner.name, partner.kind

        def story(entries: dict[str, Json]) -> Json:
            before = entries.get(name)
            if name in self.file.names() or (before is not None and before.get("revoked") is not True):
                raise Conflict("There is a partner of this name.", where="name")
            if before is not None and before["kind"] != kind:
                raise Conflict(f"It was a {before['kind']}, which what it sent is kept as.", where="kind")
            return entry

        self._change(name, story)

    def rotate(self, name: str, keys: list[Json], overlap: timedelta) -> None:
        """Let a partner sign with other keys from now on; those that it has are taken for `overlap` longer.

        Raises:
            NotFound, Conflict: as `revoke`.
            Rejected: its keys are not in its entry, or one has a `kid` that is there already.
        """
        now = int(self.clock().timestamp())
        end = now + int(overlap.total_seconds())

        def story(entries: dict[str, Json]) -> Json:
            entry = self._entry(entries, name)
            if "jwks_url" in entry:
                raise Rejected("Its keys are at its jwks_url; they are rotated there.", where="NAME")
            before = [key for key in entry.get("keys", {}).get("keys", ()) if key.get("exp", end) > now]
            ending = [{**key, "exp": min(key.get("exp", end), end)} for key in before] if end > now else []
            return {**entry, "keys": {"keys": [*keys, *ending]}}

        self._change(name, story)

    def revoke(self, name: str) -> None:
        """Let a partner in nowhere any more, and tell it nothing; what it sent stays.

        Raises:
            NotFound: there is no such partner.
            Conflict: it stands in the file, or is revoked already.
        """
        self._change(name, lambda entries: {**self._entry(entries, name), "revoked": True})

    def _entry(self, entries: dict[str, Json], name: str) -> Json:
        if name in self.file.names():
            what = "It stands in the registry file; change it there, and start the service again"
            raise Conflict(f"{what}. `revoked: true` in its entry revokes it.", where="NAME")
        if name not in entries:
            raise NotFound("There is no such partner; `casebridge partners list` names them.", where="NAME")
        if entries[name].get("revoked") is True:
            raise Conflict("It is revoked.", where="NAME")
        return entries[name]

    def _change(self, name: str, story: Callable[[dict[str, Json]], Json]) -> None:
        """Store what a story makes of the entries; again where another change came first."""
        for left in reversed(range(TRIES)):
            stored = self.store.all()
            entries = entries_of(stored)
            entry = story(entries)
            self._checked(entry)
            self._together({**entries, name: entry})
            number = max((partner.number for partner in stored), default=0) + 1
            try:
                self.store.put(StoredPartner(name, number, dump(entry), self.clock()))
            except Conflict:
                if not left:
                    raise
            else:
                return

    def _checked(self, entry: Any) -> Json:
        return _rejecting(lambda: registry.load_entry(self.file, entry))

    def _together(self, entries: dict[str, Json]) -> Registry:
        return _rejecting(lambda: registry.merge(self.file, entries))


def _rejecting(check: Callable[[], T]) -> T:
    """Return what a check returns; what is wrong is of an entry that somebody gives, and of no setting."""
    try:
        return check()
    except Misconfigured as exc:
        raise Rejected(str(exc.args[0]), issues=list(exc.issues)) from exc
