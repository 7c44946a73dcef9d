"""A partner pulls: search inside its scope, stored bytes as they are."""

from dataclasses import dataclass, replace
from time import monotonic, sleep
from typing import Final

from service.errors import NotFound
from service.flows.ports import Store
from service.flows.pull.beside import keys_of, terms_of
from service.values.access.scope import Scope
from service.values.criteria import Along
from service.values.kept.resources import HistoryQuery, NumberedMessage, Page, Query, StoredResource

LOOK_SECONDS: Final = 0.25
"""How often who waits for a message has it looked for."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """The story of reads; what is out of scope does not exist."""

    store: Store

    def read(self, scope: Scope, type_: str, id_: str) -> StoredResource:
        """Return a resource's current bytes; raises NotFound, or Gone after erasure."""
        return _existing_resource(self.store.resource(scope, type_, id_))

    def vread(self, scope: Scope, type_: str, id_: str, version: int) -> StoredResource:
        """Return the bytes of one version; raises NotFound, or Gone after erasure."""
        return _existing_resource(self.store.version(scope, type_, id_, version))

    def history(self, scope: Scope, past: HistoryQuery) -> Page:
        """Return a page of versions, newest first, and of one resource their total.

        That it was erased is an entry, too. Raises NotFound where there is no such resource.
        """
        page = self.store.history(scope, past)
        if past.id is not None and not page.total:
            _existing_resource(self.store.resource(scope, past.types[0], past.id))
        return page

    def search(self, scope: Scope, query: Query) -> Page:
        """Return one page of what matches inside the scope."""
        return self.store.search(scope, query)

    def beside(self, scope: Scope, page: Page, along: Along) -> Page:
        """Return a page with what comes with it inside the scope: one question for all of it.

        First what results refer to, then what refers to them, each by type and id, until it is full.
        """
        shown = {(entry.type, entry.id) for entry in page.entries}
        named = sorted(keys_of(along.includes, page.entries) - shown)
        terms = terms_of(along.revincludes, page.entries)
        if not named and not terms:
            return page
        looked_for = named[: along.most]
        # one more tells that some are left; what is shown or named already may be found again
        rows = along.most + 1 + len(looked_for) + len(shown)
        beside = self.store.beside(scope, looked_for, terms, rows)
        included: dict[tuple[str, str], StoredResource] = {}
        for entry in beside:
            if (entry.type, entry.id) not in shown:
                included.setdefault((entry.type, entry.id), entry)
        is_full = len(included) > along.most or len(looked_for) < len(named)
        return replace(page, included=tuple(included.values())[: along.most], is_full=is_full)

    def events(self, scope: Scope, after: int, count: int, seconds: float = 0) -> list[NumberedMessage]:
        """Return the messages after a position of the feed; where there is none yet, wait for it so long.

        Raises Unkept where some after it were deleted as old.
        """
        until = monotonic() + seconds
        while not (page := self.store.events(scope, after, count)) and (left := until - monotonic()) > 0:
            # no connection to the database is held meanwhile
            sleep(min(LOOK_SECONDS, left))
        return page

    def feed_begins(self) -> int:
        """Return the position after which the feed has all messages."""
        return self.store.feed_begins()


def _existing_resource(stored: StoredResource | None) -> StoredResource:
    if stored is None:
        raise NotFound("There is no such resource.")
    return stored
