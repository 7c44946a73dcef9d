"""What could not be used is looked at, mended, used after all, or thrown away by somebody who says so.

What may come right by itself (somebody unknown yet, a conflict) is tried again, later each time; that can be
stopped, for one entry or by stopping the worker. A replay makes an entry of its own that names the first one.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from threading import Event
from typing import Final, Protocol
from uuid import uuid4

from service.cases.hospital.rules import Refusal
from service.errors import Conflict, Malformed, NotFound, Rejected, Stale
from service.flows.case.identity.people import Held
from service.flows.ports import Clock, Store, Unit
from service.supervision import supervise
from service.values.access.scope import Partner
from service.values.inbound.inbox import Entry, EntryState, InboundMessage, Outcome, UnderstoodMessage

REPLAYABLE: Final = frozenset({"quarantined", "ignored", "discarded"})
BATCH: Final = 500
# for how many days bytes and entries are kept unless somebody says otherwise
BODIES: Final = 90
ENTRIES: Final = 730
WAITING: Final = 365
IDLE_SECONDS: Final = 1.0


class Messages(Protocol):
    """As much of `Reception` as is needed to use an entry."""

    def understand(self, partner: Partner, inbound: InboundMessage) -> UnderstoodMessage:
        """As `Reception.understand`."""

    def use(
        self, unit: Unit, partner: Partner, entry: Entry, understood: UnderstoodMessage, at: datetime
    ) -> tuple[Outcome, Entry]:
        """As `Reception.use`."""

    def held_outcome(
        self, entry: Entry, why: Rejected, understood: UnderstoodMessage | None, at: datetime
    ) -> tuple[Outcome, Entry]:
        """As `Reception.held_outcome`."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The story of entries after they came in; `partners` are who sent them, by name."""

    store: Store
    reception: Messages
    partners: Mapping[str, Partner]
    clock: Clock

    def find(
        self,
        *,
        partner: str | None = None,
        state: EntryState | None = "quarantined",
        after: str | None = None,
        count: int = 50,
    ) -> list[Entry]:
        """List entries in the order they arrived, without their bytes; `after` is the id of one of them.

        Raises:
            Malformed: `after` is no entry of the partner's.
        """

        def story(unit: Unit) -> list[Entry]:
            entries = unit.inbox.entries(partner=partner, state=state, after=after, count=count)
            if not entries and after is not None:
                last = unit.inbox.entry(after)
                if last is None or partner not in {None, last.partner}:
                    raise Malformed("No entry of yours has this id; begin without it.", where="after")
            return entries

        return self.store.look(story)

    def show(self, id_: str, partner: str | None = None) -> Entry:
        """Return an entry with its bytes, of one partner only when that is given; raises NotFound."""
        entry = self.store.look(lambda unit: unit.inbox.entry(id_))
        if entry is None or (partner is not None and entry.partner != partner):
            raise NotFound("There is no such entry.")
        return entry

    def show_with_clients(self, id_: str, partner: str | None = None) -> tuple[Entry, list[str]]:
        """Return an entry as `show`, and the uuids of the clients that it is known to be about."""
        entry = self.show(id_, partner)
        return entry, self.store.look(lambda unit: unit.inbox.clients_of(entry.id))

    def edit(self, id_: str, raw: bytes) -> Entry:
        """Put other bytes in the place of an entry's when it is replayed; the first ones stay beside them."""
        return self._change(id_, lambda entry: replace(entry, edited=raw, due=None))

    def discard(self, id_: str) -> Entry:
        """Say that an entry will not be used; its bytes stay until their retention is over."""
        return self._change(id_, lambda entry: replace(entry, state="discarded", due=None))

    def stop(self, id_: str) -> Entry:
        """Try an entry no more by itself."""
        return self._change(id_, lambda entry: replace(entry, due=None))

    def replay(self, id_: str) -> Outcome:
        """Use an entry now, as it was edited or as it came.

        When that works, its error is cleared, and the entry made of it names it; else it stays, with the new
        reason.

        Raises:
            NotFound: there is no such entry.
            Conflict: it was used already, or its bytes are no longer kept.
            Rejected: its partner is not registered any more.
        """
        at = self.clock()
        entry = self.show(id_)
        raw = entry.edited or entry.inbound.raw
        if entry.state not in REPLAYABLE or not raw:
            raise Conflict(
                f"The entry is {entry.state}{'' if raw else ', its bytes are gone'}; not replayed."
            )
        partner = self._partner(entry)
        content = sha256(raw).hexdigest() if entry.edited else entry.inbound.content
        inbound = replace(entry.inbound, raw=raw, content=content, parsed=None)
        copy = Entry(str(uuid4()), entry.partner, inbound, at, "accepted", replay_of=entry.id)
        understood = None

        def story(unit: Unit) -> Outcome:
            first = self._lock_entry(unit, entry)
            assert understood is not None
            outcome, used = self.reception.use(unit, partner, copy, understood, at)
            unit.inbox.keep(replace(used, is_new=False))
            unit.inbox.settle(
                replace(first, state="replayed", reason="", issues=(), due=None, subjects=used.subjects)
            )
            return outcome

        try:
            understood = self.reception.understand(partner, inbound)
            return self.store.transact(story)
        except Stale as why:
            return self._hold(entry, _stale(why), understood)
        except Rejected as why:
            return self._hold(entry, why, understood)

    def retry(self) -> bool:
        """Try the entry that is longest due; false when none is."""
        at = self.clock()
        entry = self.store.look(lambda unit: unit.inbox.due(at))
        if entry is None:
            return False
        understood = None

        def story(unit: Unit) -> None:
            first = self._lock_entry(unit, entry)
            assert understood is not None
            _, used = self.reception.use(unit, partner, first, understood, at)
            unit.inbox.settle(used)

        try:
            partner = self._partner(entry)
            understood = self.reception.understand(partner, entry.inbound)
            self.store.transact(story)
        except Stale as why:
            self._hold(entry, _stale(why), understood)
        except (Rejected, Conflict) as why:
            rejected = why if isinstance(why, Rejected) else Rejected(str(why))
            self._hold(entry, rejected, understood)
        return True

    def run(self, stop: Event) -> None:
        """Try what is due until told to stop."""
        supervise("retries", lambda: 0 if self.retry() else IDLE_SECONDS, stop)

    def prunable(self, bodies: timedelta, metadata: timedelta, waiting: timedelta) -> int:
        """Return how many entries and bodies `prune` would delete."""
        at = self.clock()
        return self.store.look(lambda unit: unit.inbox.prunable(at - bodies, at - metadata, at - waiting))

    def prune(self, bodies: timedelta, metadata: timedelta, waiting: timedelta) -> Iterator[tuple[str, int]]:
        """Delete what is settled and older than `metadata`; take the bytes off what is older than `bodies`.

        What has been in quarantine for longer than `waiting` is discarded, its bytes are deleted. Gives
        (`quarantined`, `bodies` or `entries`, how many) after each batch.
        """
        before = self.clock() - waiting
        yield from self._batches("quarantined", lambda unit: unit.inbox.expire(before, BATCH))
        yield from self.drop(metadata)
        yield from self.strip(bodies)

    def drop(self, after: timedelta) -> Iterator[tuple[str, int]]:
        """Delete what is settled, and answered, and older than that; give how many after each batch."""
        before = self.clock() - after
        return self._batches("entries", lambda unit: unit.inbox.drop(before, BATCH))

    def strip(self, after: timedelta) -> Iterator[tuple[str, int]]:
        """Take the bytes off what is settled and older than that; give of how many after each batch."""
        before = self.clock() - after
        return self._batches("bodies", lambda unit: unit.inbox.strip(before, BATCH))

    def _batches(self, what: str, step: Callable[[Unit], int]) -> Iterator[tuple[str, int]]:
        while done := self.store.transact(step):
            yield what, done

    def _partner(self, entry: Entry) -> Partner:
        partner = self.partners.get(entry.partner)
        if partner is None:
            raise Rejected(f"{entry.partner} is no longer registered.")
        return partner

    def _lock_entry(self, unit: Unit, entry: Entry) -> Entry:
        stored = unit.inbox.entry(entry.id)
        if stored is None or (stored.state, stored.edited) != (entry.state, entry.edited):
            raise Conflict("Another process settled or edited the entry in the meantime.")
        return stored

    def _change(self, id_: str, how: Callable[[Entry], Entry]) -> Entry:
        def story(unit: Unit) -> Entry:
            entry = unit.inbox.entry(id_)
            if entry is None:
                raise NotFound("There is no such entry.")
            if entry.state != "quarantined":
                raise Conflict(f"The entry is {entry.state}, no longer in quarantine.")
            changed = how(entry)
            unit.inbox.settle(changed)
            return changed

        return self.store.transact(story)

    def _hold(self, entry: Entry, why: Rejected, understood: UnderstoodMessage | None) -> Outcome:
        outcome, settled = self.reception.held_outcome(entry, why, understood, self.clock())

        def story(unit: Unit) -> Outcome:
            self._lock_entry(unit, entry)
            unit.inbox.settle(settled)
            return replace(outcome, issues=settled.issues)

        return self.store.transact(story)


def _stale(why: Stale) -> Held:
    """Return what keeps an entry from being used whose sender makes it depend on what is no longer so."""
    issue = why.issues[0]
    return Held(Refusal("quarantine", "stale", issue.what, issue.where, issue.code))
