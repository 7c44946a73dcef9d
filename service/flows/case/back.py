"""A partner puts a CareTeam, CarePlan or EpisodeOfCare: what it changed comes into the case or is refused.

What is put is compared with what the changed case then makes, in the partner's own view and before the
commit: an element that differs is named, and nothing is stored. So nothing is dropped in silence, and what a
view hides is neither seen nor touched. What came back is the case system's as if it had written it: its next
PUT needs the new revision in If-Match, so that it has seen it.
"""

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any, Final

from service.cases.changes import events
from service.cases.hospital.received import whole
from service.cases.returned import Path, item_of, merged_part, part_without_change, path_of
from service.errors import Issue, NotFound, Refused, Rejected
from service.flows.case.places import places
from service.flows.ports import Clock, Store, Unit
from service.flows.projection.events import later
from service.flows.projection.follow import follow, lock_by_client
from service.flows.projection.project import Change, Projection
from service.mapping.catalogue import Catalogue
from service.values.access.scope import Scope
from service.values.ids import resource_id
from service.values.kept.documents import Document
from service.values.kept.resources import StoredResource
from service.values.messages import Happened
from service.wire.contracts.links import links
from service.wire.contracts.load import check_links, parts
from service.wire.etags import check_if_match
from service.wire.fhir.differences import differences, no_place
from service.wire.fhir.returned import as_written_here, items, references, strangers, with_targets
from service.wire.json import canonical, parse

Json = dict[str, Any]
Key = tuple[str, str]
# the directory entries that may be in a team or tell of progress, and what they are made into
ENTRIES: Final = {"practitioner": "Practitioner", "organization": "Organization"}


@dataclass(frozen=True, slots=True)
class Back:
    """The story of what comes back.

    `inbound` has the inbound mappings of each view: what a view says in its own words it reads in them too.
    `base` is our FHIR address.
    """

    store: Store
    projection: Projection
    inbound: Mapping[str, Catalogue]
    base: str
    clock: Clock

    def put(self, scope: Scope, partner: str, sent: Json, if_match: Container[int] | None) -> StoredResource:
        """Update a resource of a case as a partner of this scope sent it; return it as it is now.

        Raises:
            NotFound: there is no such resource in the scope.
            Precondition, Stale: If-Match is missing, or names no current version.
            Refused: it is not valid R4, or the case cannot hold what it says; with each element's FHIRPath.
        """
        owner = self.store.owner(scope, sent["resourceType"], sent["id"])
        if owner is None:
            raise NotFound("There is no such resource; only what is there can be put, ids are given here.")
        if issues := self.projection.check(sent):
            raise Refused("It is not valid FHIR R4.", issues=issues)
        named = {_key(reference) for reference in references(as_written_here(sent, {}, self.base))}
        seen = self.store.owners(scope, [key for key in named if key[0] in ENTRIES.values()])

        def story(unit: Unit) -> StoredResource:
            case = lock_by_client(unit, owner[0])
            if case is None:
                raise NotFound("There is no such resource.")
            return self._update_case(unit, scope.view, partner, case, sent, seen, if_match)

        return self.store.transact(story)

    def _update_case(
        self,
        unit: Unit,
        view: str,
        partner: str,
        case: Document,
        resource: Json,
        seen: Mapping[Key, Document],
        if_match: Container[int] | None,
    ) -> StoredResource:
        stored = self._current(unit, case, view, resource)
        check_if_match(if_match, stored.version, "resource")
        before = parse(stored.body)
        sent = as_written_here(resource, before, self.base)
        if not any(differences(sent, before, before)):
            return stored
        known = _ids_by_reference(unit, case, seen)
        unknown = {place: [issue] for place, issue in strangers(sent, known)}
        body, refused = _changed_case(
            self.inbound[view], case, with_targets(before, known), with_targets(sent, known), unknown
        )
        if canonical(body) == canonical(case.own):
            raise _refusal(refused, differences(sent, before, before, set(refused)))
        try:
            self._save(unit, case, body, partner)
        except Rejected as wrong:
            raise _refusal(refused, wrong.issues) from wrong
        now = self._current(unit, case, view, resource)
        issues = list(differences(sent, parse(now.body), before, set(refused)))
        if issues or refused:
            raise _refusal(refused, issues)
        return now

    def _current(self, unit: Unit, case: Document, view: str, resource: Json) -> StoredResource:
        key = (resource["resourceType"], resource["id"])
        current = unit.resources.current(case.uuid, view).get(key)
        if current is None:
            raise NotFound("There is no such resource.")
        body = unit.resources.bodies(case.uuid, view, [key])[key]
        at = datetime.fromisoformat(parse(body)["meta"]["lastUpdated"])
        return StoredResource(*key, current.version, at, body, case.client)

    def _save(self, unit: Unit, case: Document, body: Json, partner: str) -> None:
        at, version = later(self.clock(), case.updated), self.projection.version
        document = replace(case, revision=case.revision + 1, own=body, updated=at, projected=version)
        unit.documents.update(document, cause="update", partner=partner)
        happened = [Happened(event) for event in events(case.own, document.own)]
        follow(unit, self.projection, document, case, Change(partner, "update", at), happened)


def _changed_case(
    inbound: Catalogue, case: Document, before: Json, sent: Json, unknown: dict[str, list[Issue]]
) -> tuple[Json, dict[str, list[Issue]]]:
    """Return the case with what was changed, and by the FHIRPaths of items why it cannot hold them."""
    was, _ = _part_and_paths(inbound, before)
    now, at = _part_and_paths(inbound, sent)
    type_: str = sent["resourceType"]
    refused = dict(unknown)
    while True:
        body = merged_part(case.own, was, now)
        try:
            body = parts("case", body)
            check_links("case", body, case.received)
        except Rejected as wrong:
            if now == was:
                raise
            left = now
            for issue in wrong.issues:
                path = path_of(issue.where, body)
                item = at.get(item_of(path), type_)
                # who is not known is nobody to the case, which says no more
                if item not in unknown or path != item_of(path):
                    refused.setdefault(item, []).append(_issue_at_element(issue, path, at.get(path, item)))
                left = part_without_change(left, was, item_of(path))
            now = left if left != now else was
        else:
            for item, element in items(sent):
                if item in refused:
                    refused[item] += _unread_issues(item, element, at, refused[item])
            return body, refused


def _part_and_paths(inbound: Catalogue, resource: Json) -> tuple[Json, dict[Path, str]]:
    """Return the part of a case that a resource is, and where in it each element of the part stands."""
    name = resource["resourceType"].lower()
    for _, made, origins in inbound.explain(name, {name: resource}):
        return made.resource, places(resource["resourceType"], made.resource, origins)
    return {}, {}


def _key(reference: str) -> Key:
    type_, _, id_ = reference.partition("/")
    return type_, id_


def _ids_by_reference(unit: Unit, case: Document, seen: Mapping[Key, Document]) -> dict[str, str]:
    """Return the ids in the case's own terms of what references may lead to."""
    body = whole("case", case.own, case.received)
    ids = {
        f"{ENTRIES[entry.kind]}/{id_}": entry.source_id if entry.source == case.source else entry.uuid
        for (_, id_), entry in seen.items()
        if entry.kind in ENTRIES
    }
    named = {("client", case.source, str(case.client))}
    named |= {(link.to, case.source, link.id) for link in links("case", body) if link.to in ENTRIES}
    documents = unit.documents.find_many(sorted(named))
    for (kind, _, ref), document in documents.items():
        if kind == "client":
            people = whole("client", document.own, document.received).get("related_persons", [])
            ids |= _ids(document.uuid, "RelatedPerson", [one["id"] for one in people])
        else:
            ids[f"{ENTRIES[kind]}/{resource_id(document.uuid, ENTRIES[kind], '')}"] = ref
    services = body.get("plan", {}).get("services", [])
    return ids | _ids(case.uuid, "ServiceRequest", [one["id"] for one in services])


def _ids(owner: str, type_: str, keys: Iterable[str]) -> dict[str, str]:
    return {f"{type_}/{resource_id(owner, type_, key)}": key for key in keys}


def _issue_at_element(issue: Issue, path: Path, place: str) -> Issue:
    """Return what a contract says of an element of the case, said of the element that was put."""
    field = path[-1][0] if path and path[-1][1] is None else ""
    return Issue(f"The case cannot hold it{field and f' ({field})'}: {issue.what}", place, "business-rule")


def _unread_issues(item: str, element: Json, at: Mapping[Path, str], issues: Iterable[Issue]) -> list[Issue]:
    """Return what to say of the elements of a refused item that nothing was read of."""
    known = [*at.values(), *(issue.where for issue in issues)]
    places = [f"{item}.{key}" for key in element if key != "id"]
    return [no_place(place) for place in places if not any(path.startswith(place) for path in known)]


def _refusal(refused: Mapping[str, Collection[Issue]], more: Iterable[Issue]) -> Refused:
    issues = [*chain.from_iterable(refused.values()), *more]
    return Refused("The case cannot hold what was put; nothing was changed.", issues=issues)
