"""A partner pulls all that is of a patient, or of an episode: what is theirs, then what that refers to.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from service.errors import NotFound
from service.flows.ports import Store
from service.values.access.scope import SHARED, Scope
from service.values.kept.resources import EverythingQuery, Page, Query, StoredResource
from service.wire.fhir.search.forms.terms import to

Key = tuple[str | float, ...]
# as it stands in stored bytes, which are compact; within a text the quotes would be escaped
_REFERENCE: Final = re.compile(rb'"reference":"(\w+)/([A-Za-z0-9.-]{1,64})[/"]')
_CHUNK: Final = 500
_LAST: Final = 2
_ROLES: Final = 1_000
"""So many roles of practitioners come with all of something at most."""


@dataclass(frozen=True, slots=True)
class Everything:
    """The story of `$everything`."""

    store: Store

    def page(self, scope: Scope, asked: EverythingQuery) -> Page:
        """Return one page: what is theirs, then the practitioners, organizations and locations of that.

        These are `included`. Raises NotFound where there is no such patient or episode, Gone after erasure.
        """
        if self.store.resource(scope, asked.type, asked.id) is None:
            raise NotFound("There is no such resource.")
        is_last = asked.after is not None and asked.after[0] == _LAST
        theirs = [] if is_last else self.store.everything(scope, asked)
        if len(theirs) > asked.count:
            shown = theirs[: asked.count]
            return Page(tuple(shown), None, _place(asked, shown[-1]))
        seen = asked.after[1:] if is_last and asked.after is not None else ("", "")
        shared = [each for each in self._shared(scope, asked) if (each.type, each.id) > seen]
        room = asked.count - len(theirs)
        following: Key | None = None
        if len(shared) > room:
            following = (_LAST, shared[room - 1].type, shared[room - 1].id) if room else (_LAST, "", "")
        return Page(tuple(theirs), None, following, tuple(shared[:room]))

    def page_of_all(self, scope: Scope, asked: EverythingQuery) -> Page:
        """Return one page of what is of all patients in the scope, newest first.

        What belongs to no client is `included`.
        """
        since = asked.since.isoformat() if asked.since else ""
        updated = (("ge", since, since),) if since else ()
        query = Query("", updated=updated, count=asked.count, after=asked.after, with_total=False)
        found = self.store.search(scope, replace(query, types=asked.types))
        theirs, shared = (
            tuple(each for each in found.entries if (each.type in SHARED) == is_shared)
            for is_shared in (False, True)
        )
        return Page(theirs, None, found.next, shared)

    def whole(self, scope: Scope, asked: EverythingQuery) -> list[StoredResource]:
        """Return all of it at once, and the roles of the practitioners with what these refer to.

        Raises as `page`.
        """
        self.store.resource(scope, asked.type, asked.id)
        shared = self._shared(scope, asked)
        people = [f"Practitioner/{each.id}" for each in shared if each.type == "Practitioner"]
        if people and "PractitionerRole" in asked.types:
            by_role = {"PractitionerRole": [to("PractitionerRole.practitioner", each) for each in people]}
            roles = self.store.beside(scope, [], by_role, _ROLES)
            named = sorted(_references(roles))
            shared += [*roles, *(self.store.beside(scope, named, {}, len(named)) if named else ())]
        every = {(each.type, each.id): each for each in (*self._theirs(scope, asked), *shared)}
        if (asked.type, asked.id) not in every:
            raise NotFound("There is no such resource.")
        return [each for each in every.values() if each.type in asked.types]

    def _shared(self, scope: Scope, asked: EverythingQuery) -> list[StoredResource]:
        """Return what is no client's and theirs refers to, by type and id.

        What they refer to is known only of what the partner may see of them: all of that is looked through,
        whatever types are asked for.
        """
        if SHARED.isdisjoint(asked.types):
            return []
        found: dict[tuple[str, str], StoredResource] = {}
        named = _references(self._theirs(scope, asked))
        while named := named - found.keys():
            beside = self.store.beside(scope, sorted(named), {}, len(named))
            found |= {(each.type, each.id): each for each in beside}
            # a role refers to who has it
            named = _references(beside) - named
        return [
            each
            for key, each in sorted(found.items())
            if each.type in asked.types and (asked.since is None or each.last_updated >= asked.since)
        ]

    def _theirs(self, scope: Scope, asked: EverythingQuery) -> Iterator[StoredResource]:
        """Give all that is theirs and may be read."""
        whole = replace(asked, types=asked.readable, since=None, after=None, count=_CHUNK)
        while True:
            theirs = self.store.everything(scope, whole)
            yield from theirs
            if len(theirs) <= _CHUNK:
                return
            whole = replace(whole, after=_place(asked, theirs[-1]))


def _references(resources: Iterable[StoredResource]) -> set[tuple[str, str]]:
    """Return the (type, id) of what resources refer to that is no client's."""
    found = (match for each in resources for match in _REFERENCE.findall(each.body))
    named = {(type_.decode(), id_.decode()) for type_, id_ in found}
    return {(type_, id_) for type_, id_ in named if type_ in SHARED}


def _place(asked: EverythingQuery, last: StoredResource) -> Key:
    is_first = (last.type, last.id) == (asked.type, asked.id)
    return (0 if is_first else 1, last.type, last.id)
