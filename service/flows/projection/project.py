"""From a document to its resources: run the mappings, keep what changed, withdraw what is no longer so."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from service.cases.changes import changed_paths
from service.errors import Issue, Rejected
from service.flows.ports import Unit
from service.flows.projection import events
from service.flows.projection.basis import Basis
from service.flows.projection.events import Data, Envelope, Event, instant
from service.flows.projection.labelling import with_labels
from service.flows.projection.mentions import mentions
from service.flows.projection.stamps import (
    Key,
    digest_of,
    is_other,
    key_of,
    order,
    with_stamps,
    with_words,
    without_stamps,
)
from service.mapping.author.blame import issues_with_lines
from service.mapping.catalogue import Catalogue
from service.mapping.compiler.projector import Projector
from service.values.access.labels import UNLABELLED, Labels, bits_of
from service.values.kept.documents import Document
from service.values.kept.resources import CurrentVersion, ResourceVersion, SearchRows
from service.values.messages import UNTOLD, Happened, Written
from service.wire.fhir.addresses import without_whereabouts
from service.wire.json import dump, parse

EVERYTHING: Final = Basis("")


@dataclass(frozen=True, slots=True)
class Change:
    """Who changed what and when; goes into Provenance and on the history row."""

    partner: str
    cause: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """New versions of an owner's resources, their events, what these refer to or no longer, and when.

    `mentioned` has the labels of what is referred to.
    """

    versions: Sequence[ResourceVersion]
    events: Sequence[Event[Written]]
    mentioned: Mapping[Key, int]
    unmentioned: Collection[Key]
    at: datetime


@dataclass(frozen=True, slots=True)
class Projection:
    """The compiled mappings and the formats they are written in.

    `check` gives the R4 issues of a resource, `rows` its search rows, `references` the (type, id) of what it
    refers to; `catalogues` holds one compiled catalogue a view; `labels` says how sensitive resources are.
    """

    catalogues: Mapping[str, Catalogue]
    check: Callable[[dict[str, Any]], Sequence[Issue]]
    rows: Callable[[dict[str, Any]], SearchRows]
    references: Callable[[dict[str, Any]], Iterable[Key]]
    envelope: Envelope
    labels: Labels = UNLABELLED

    @property
    def version(self) -> str:
        """What names the mappings of all views and the labels together: another value means other ones."""
        named = [f"{view}={catalogue.version}" for view, catalogue in sorted(self.catalogues.items())]
        named += [f"labels={self.labels.version}"] if self.labels.version else []
        return hashlib.sha256(" ".join(named).encode()).hexdigest()

    def planned_events(
        self,
        unit: Unit,
        document: Document,
        roots: dict[str, Any],
        change: Change,
        gone: Collection[str] = (),
    ) -> list[tuple[str, Event[Written]]]:
        """Return the events that `project` would make, each with its view; nothing is written.

        Raises as `project`.
        """
        return [
            (view, event)
            for view, catalogue in self.catalogues.items()
            for event in self._changes(
                unit, document, roots, change, catalogue, view, EVERYTHING, gone
            ).events
        ]

    def project(
        self,
        unit: Unit,
        document: Document,
        roots: dict[str, Any],
        change: Change,
        happened: Sequence[Happened],
        basis: Basis,
        gone: Collection[str] = (),
    ) -> int:
        """Write the new versions of an owner's resources in every view, and a message for each.

        `happened` are the events of the document itself (`opened`, …); they come before its resources'. What
        depends on nothing that has changed, as `basis` tells, is not made again. References among `gone`, to
        what was erased, are told in words. Returns how many resources changed, Provenance not counted.

        Raises:
            Rejected: when the mapping makes something that is not valid R4, with its place in both.
        """
        changed = 0
        for view, catalogue in self.catalogues.items():
            made = self._changes(unit, document, roots, change, catalogue, view, basis, gone)
            unit.resources.write(made.versions)
            unit.resources.mention(document.uuid, view, _client(document), made.mentioned, made.unmentioned)
            first = [events.case_event(document, occurrence) for occurrence in happened]
            self._emit(unit, document, [*first, *made.events], view, made.at, basis.now)
            changed += len(made.events)
        return changed

    def tell_erased(
        self, unit: Unit, document: Document, erased: Sequence[tuple[str, str, str]], at: datetime
    ) -> None:
        """Write a `deleted` message for each erased resource; it names the reference alone."""
        for view in self.catalogues:
            deleted = [
                events.erased_event(type_, id_) for of, type_, id_ in erased if of == view and type_ != UNTOLD
            ]
            self._emit(unit, document, deleted, view, at, "")

    def _emit(
        self,
        unit: Unit,
        document: Document,
        emitted: Sequence[Event[Data]],
        view: str,
        at: datetime,
        basis: str,
    ) -> None:
        if not emitted:
            return
        owner = f"{document.kind}/{document.uuid}"
        first = unit.resources.sequence(document.uuid, view, len(emitted), basis)
        unit.resources.emit(
            [
                self.envelope.message(event, owner=owner, view=view, sequence=first + number, at=at)
                for number, event in enumerate(emitted)
            ]
        )

    def _changes(
        self,
        unit: Unit,
        document: Document,
        roots: dict[str, Any],
        change: Change,
        catalogue: Catalogue,
        view: str,
        basis: Basis,
        gone: Collection[str],
    ) -> Changes:
        """Compare what the mappings make now with what is stored."""
        current = unit.resources.current(document.uuid, view)
        change = _after(change, current)
        every, provenance = _split(catalogue.projector(document.kind))
        is_known = basis.before is not None and unit.resources.basis(document.uuid, view) == basis.before
        resources = every.touched(basis.changed) if is_known else every
        spared = every.targets - resources.targets
        revision = {
            "id": str(document.revision),
            "uuid": document.uuid,
            "number": document.revision,
            "recorded": instant(change.at),
            "partner": change.partner,
            "cause": change.cause,
        }
        inputs = {**roots, "revision": revision}
        made = with_words([result.resource for result in resources.run(inputs)], gone)
        made = [with_labels(resource, self.labels, roots) for resource in made]
        digests = {key_of(resource): digest_of(resource) for resource in made}
        # what is made no more, and what is made otherwise; of all else the digest is enough
        left = [key for key in current if key not in digests and key[0] != UNTOLD and key[0] not in spared]
        other = [key for key in digests if key in current and current[key].digest != digests[key]]
        bodies = unit.resources.bodies(document.uuid, view, [*left, *other])
        stored = {key: without_stamps(parse(body)) for key, body in bodies.items()}
        withdrawn = [catalogue.withdrawn_resource(stored[key]) for key in left]
        # no mapping leaves out of these what it told before the client's identity was protected
        protected = roots.get("client", {}).get("protected_identity")
        withdrawn = [without_whereabouts(resource) for resource in withdrawn] if protected else withdrawn
        withdrawn = with_words(withdrawn, gone)
        made += withdrawn
        digests |= {key_of(resource): digest_of(resource) for resource in withdrawn}
        versions: list[ResourceVersion] = []
        written: list[Event[Written]] = []
        for resource in sorted(
            (resource for resource in made if is_other(resource, digests, current)), key=order
        ):
            self._check(resource, document, catalogue, inputs)
            version, event = self._version(
                document, resource, digests, current, stored, change.at, catalogue, view
            )
            versions.append(version)
            written.append(event)
        if versions:
            targets = [f"{v.type}/{v.id}/_history/{v.version}" for v in versions]
            inputs = {**roots, "revision": {**revision, "targets": targets}}
            witness = [result.resource for result in provenance.run(inputs)]
            digests |= {key_of(resource): digest_of(resource) for resource in witness}
            for resource in (resource for resource in witness if is_other(resource, digests, current)):
                self._check(resource, document, catalogue, inputs)
                versions.append(
                    self._version(document, resource, digests, current, stored, change.at, catalogue, view)[0]
                )
            made += witness
        now = {(version.type, version.id) for version in versions}
        mentioned, unmentioned = mentions(
            self.references,
            made,
            [stored[key] for key in now if key in stored],
            now,
            [key for key in current if key[0] in spared],
            lambda keys: unit.resources.bodies(document.uuid, view, keys),
        )
        return Changes(versions, written, mentioned, unmentioned, change.at)

    def _check(
        self, resource: dict[str, Any], document: Document, catalogue: Catalogue, roots: dict[str, Any]
    ) -> None:
        """Refuse what is not valid R4; each issue tells the line of the mapping that makes it."""
        if issues := self.check(resource):
            traced = issues_with_lines(catalogue, document.kind, roots, resource, issues)
            type_ = resource["resourceType"]
            raise Rejected(f"The mapping of {type_} makes something that is not valid R4.", issues=traced)

    def _version(
        self,
        document: Document,
        resource: dict[str, Any],
        digests: dict[Key, str],
        current: Mapping[Key, CurrentVersion],
        stored: dict[Key, dict[str, Any]],
        at: datetime,
        catalogue: Catalogue,
        view: str,
    ) -> tuple[ResourceVersion, Event[Written]]:
        """Return the next version of a resource and its event."""
        type_, id_ = key = key_of(resource)
        before = current.get(key)
        number = before.version + 1 if before is not None else 1
        whole = with_stamps(resource, number, at)
        rows = self.rows(resource)
        changed = changed_paths(stored[key], resource) if key in stored else []
        is_searched = before is not None and before.searched and key in stored
        version = ResourceVersion(
            view=view,
            type=type_,
            id=id_,
            version=number,
            owner=document.uuid,
            client=_client(document),
            body=dump(whole),
            digest=digests[key],
            last_updated=at,
            mapping_version=catalogue.version,
            rows=rows,
            is_found_alike=is_searched and rows == self.rows(stored[key]),
            labels=bits_of(whole),
        )
        return version, events.written_event(whole, changed)


def _after(change: Change, current: Mapping[Key, CurrentVersion]) -> Change:
    """Return a change as one after all that the owner's resources have been through."""
    last = max((version.last_updated for version in current.values()), default=None)
    return change if last is None else replace(change, at=events.later(change.at, last))


def _client(document: Document) -> str | None:
    """Return whose data the resources of a document are; nobody's are those of a directory entry."""
    return document.uuid if document.kind == "client" else document.client


def _split(projector: Projector) -> tuple[Projector, Projector]:
    """Part the mappings of facts from those of Provenance, which tells of the facts' new versions."""
    facts = tuple(step for step in projector.steps if step[0].target != UNTOLD)
    witness = tuple(step for step in projector.steps if step[0].target == UNTOLD)
    return replace(projector, steps=facts), replace(projector, steps=witness)
