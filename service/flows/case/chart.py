"""A client with its cases, locked: facts of hospitals go in, documents and their projections come out."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from service.cases.changes import CLOSED, status_history
from service.cases.facts import join
from service.cases.hospital.discharge import PERSONAL
from service.cases.hospital.received import (
    of_case,
    of_client,
    unfounded_proposals,
    whole,
    with_referenced_parts,
)
from service.cases.hospital.rules import Seen, case_status, choose, opens, stay_events
from service.cases.hospital.stays import died_in
from service.errors import Conflict
from service.flows.case.directory import Directory
from service.flows.ports import Unit
from service.flows.projection.events import instant, later
from service.flows.projection.follow import anew, is_protected
from service.flows.projection.project import Change, Projection
from service.values.inbound.intake import IntakeSettings
from service.values.inbound.pathways import Pathway
from service.values.kept.documents import Document
from service.values.kept.facts import Facts
from service.values.kept.service_part import ServicePart
from service.values.messages import Happened
from service.wire.contracts.links import links

OURS: Final = "urn:ietf:rfc:3986"
DEMOGRAPHICS: Final = ("identifiers", *PERSONAL)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the charts of one event share: the transaction, who sent it, and what is made of it."""

    unit: Unit
    projection: Projection
    pathways: Sequence[Pathway]
    directory: Directory
    change: Change

    def chart(self, uuid: str) -> "Chart":
        """Lock a client with its cases; raises Conflict when it was erased in the meantime."""
        client, cases = self.unit.documents.lock_with_cases(uuid)
        if client is None:
            raise Conflict("The client was erased in the meantime.")
        return Chart(self, client, cases, {document.uuid: document for document in [client, *cases]})

    def new_chart(self) -> "Chart":
        """Return the chart of a client who was not known."""
        return Chart(self, self.document("client", {}, None), [], {})

    def document(self, kind: str, body: dict[str, Any], client: str | None) -> Document:
        """Return a document that belongs to the hospital until a case system takes it over."""
        uuid, at = str(uuid4()), self.change.at
        version, part = self.projection.version, ServicePart(untaken=True)
        return Document(uuid, kind, self.change.partner, uuid, 1, body, client, at, at, version, part)


@dataclass(slots=True)
class Chart:
    """What is known of one client in one transaction.

    `before` are the documents as they were locked, by uuid: those that are new are not in it.
    """

    desk: Desk
    client: Document
    cases: list[Document]
    before: dict[str, Document]

    def say(self, facts: Facts, identifying: Iterable[tuple[str, str]]) -> None:
        """Take in what a hospital says of the person, and by which identifiers it knows them."""
        part = self.client.service
        known = tuple(sorted({*part.identifying, *identifying}))
        part = replace(part, facts=join(part.facts, facts), identifying=known)
        self.client = replace(self.client, service=part)

    def forget_identifying(self, identifiers: Collection[tuple[str, str]]) -> None:
        """Take identifiers, (system, value), off those by which hospitals know the person."""
        part = self.client.service
        left = tuple(pair for pair in part.identifying if pair not in identifiers)
        self.client = replace(self.client, service=replace(part, identifying=left))

    def has(self, key: str) -> bool:
        """Return whether the stay of a key is known."""
        return key in self.client.service.stays or self.home(key) is not None

    def stays(self) -> dict[str, Facts]:
        """Return the facts of all stays of the client by their keys, those that wait too."""
        return {
            key: facts
            for document in (self.client, *self.cases)
            for key, facts in document.service.stays.items()
        }

    def unite(self, keys: Sequence[str]) -> str:
        """Make one stay of those that turn out to be one; return its key.

        It is in the case that a case system has taken over, else in the one of the first of them.
        """
        first, *others = sorted(keys, key=self._hold)
        for key in others:
            self._put_facts(first, join(self.stays()[first], self.take(key)))
        return first

    def _hold(self, key: str) -> tuple[bool, bool, str]:
        home = self.home(key)
        return home is None, home is not None and home.service.untaken, key

    def take(self, key: str) -> Facts:
        """Take a stay off the client, and return its facts.

        A case that nobody has taken over and that loses its only stay by that is cancelled for good.
        """
        home = self.home(key)
        stays = dict((self.client if home is None else home).service.stays)
        facts = stays.pop(key)
        if home is None:
            self.client = with_stays(self.client, stays)
        elif not stays and home.service.untaken:
            self.put(without_stays(home))
        else:
            self.put(with_stays(home, stays))
        return facts

    def _put_facts(self, key: str, facts: Facts) -> None:
        home = self.home(key)
        if home is None:
            self.client = with_stays(self.client, {**self.client.service.stays, key: facts})
        else:
            self.put(with_stays(home, {**home.service.stays, key: facts}))

    def stay(self, key: str, facts: Facts, settings: IntakeSettings) -> Document | None:
        """Take in what a hospital says of a stay; return its case, or None while it opens none."""
        case = self.home(key)
        waiting = self.client.service.stays
        if case is None:
            facts = join(waiting.get(key, {}), facts)
            if not opens(facts, settings, self.desk.change.at.date()):
                self.client = with_stays(self.client, {**waiting, key: facts})
                return None
            if key in waiting:
                self.client = with_stays(self.client, _without(waiting, key))
            case = case_for_stay(self.cases) or self._new_case()
        stays = case.service.stays
        case = with_stays(case, {**stays, key: join(stays.get(key, {}), facts)})
        self.put(case)
        return case

    def save(self) -> None:
        """Store what has changed, and project it."""
        named = {link.id for case in self.cases for link in links("case", case.own)}
        self.client = self._of_client(named)
        full = whole("client", self.client.own, self.client.received)
        stays = (facts for case in self.cases for facts in case.service.stays.values())
        died = full.get("deceased") or full.get("has_died") or died_in(stays)
        self.cases = [self._of_case(case, died, named) for case in self.cases]
        self.client, client_changed = self._store(self.client)
        stored = [self._store(case) for case in self.cases]
        self.cases = [case for case, _ in stored]
        near = [self.client, *self.desk.directory.known.values()]
        if client_changed:
            before = self.before.get(self.client.uuid)
            anew(self.desk.unit, self.desk.projection, self.client, self.desk.change, (), near, before)
        for case, changed in stored:
            if changed or client_changed:
                happened = self._case_events(case) if changed else []
                before = self.before.get(case.uuid)
                anew(self.desk.unit, self.desk.projection, case, self.desk.change, happened, near, before)
        before = self.before.get(self.client.uuid)
        if before is not None and is_protected(self.client) and not is_protected(before):
            self.desk.unit.resources.withhold(self.client.uuid, self.desk.change.at)

    def home(self, key: str) -> Document | None:
        """Return the case that has the stay of a key."""
        return next((case for case in self.cases if key in case.service.stays), None)

    def _new_case(self) -> Document:
        case = self.desk.document("case", {"status": "planned"}, self.client.uuid)
        self.cases.append(case)
        return case

    def put(self, case: Document) -> None:
        """Keep a case as it has become."""
        self.cases = [other for other in self.cases if other.uuid != case.uuid] + [case]

    def _of_client(self, named: set[str]) -> Document:
        """Return the client with what hospitals said derived from its facts."""
        client = self.client
        received = of_client(client.service.facts, self.desk.directory.links)
        client = with_received(client, with_referenced_parts(received, client.received, named))
        if not client.service.untaken:
            return client
        own: dict[str, Any] = {name: received[name] for name in DEMOGRAPHICS if name in received}
        own.setdefault("names", [])
        return replace(client, own=own)

    def _of_case(self, case: Document, died: str | bool | None, named: set[str]) -> Document:
        """Return a case with what hospitals brought derived from the facts of its stays."""
        part = case.service
        if not (part.stays or part.emptied or part.received):
            return case
        received = of_case(
            part.stays,
            died=died is not None,
            group=case.own.get("targeted_group"),
            pathways=self.desk.pathways,
            links=self.desk.directory.links,
        )
        received |= unfounded_proposals(case.own, received)
        case = with_received(case, with_referenced_parts(received, case.received, named))
        if part.emptied:
            return self._case_with_status(case, {"status": "cancelled"})
        if part.untaken:
            return self._case_with_status(
                case, case_status(received.get("stays", []), died, self.desk.change.at.date())
            )
        return case

    def _case_with_status(self, case: Document, how: dict[str, Any]) -> Document:
        # a case that ends with its client ended when they died
        at = how.get("closure", {}).get("date") or instant(self.desk.change.at)
        history = status_history(case.service.status_history, how["status"], at)
        own = {
            "client": self.client.uuid,
            "identifiers": [{"system": OURS, "value": f"urn:uuid:{case.uuid}"}],
            **how,
        }
        return replace(case, own=own, service=replace(case.service, status_history=history))

    def _store(self, document: Document) -> tuple[Document, bool]:
        """Store a document; return it, and whether anybody can see a difference."""
        before = self.before.get(document.uuid)
        partner, cause = self.desk.change.partner, self.desk.change.cause
        if before is None:
            self.desk.unit.documents.add(document, cause=cause, partner=partner)
            return document, True
        if _visible(document) == _visible(before):
            if document.service != before.service:
                self.desk.unit.documents.amend(document)
            return document, False
        document = replace(
            document,
            revision=before.revision + 1,
            updated=later(self.desk.change.at, before.updated),
            projected=self.desk.projection.version,
        )
        self.desk.unit.documents.update(document, cause=cause, partner=partner)
        return document, True

    def _case_events(self, case: Document) -> list[Happened]:
        """Return what happened to a case, by its stays."""
        before = self.before.get(case.uuid)
        past = {stay["id"]: stay for stay in before.received.get("stays", [])} if before else {}
        happened = [Happened("opened")] if before is None else []
        for stay in case.received.get("stays", []):
            happened += [Happened(what, stay["id"]) for what in stay_events(past.get(stay["id"]), stay)]
        is_closed = case.own["status"] in CLOSED
        if is_closed and (before is None or before.own["status"] not in CLOSED):
            happened.append(Happened("closed"))
        return happened or [Happened("updated")]


def case_for_stay(cases: Sequence[Document]) -> Document | None:
    """Return the case that a new stay belongs to."""
    seen = [Seen(case.uuid, case.own["status"], case.service.untaken, case.created) for case in cases]
    uuid = choose(seen)
    return next((case for case in cases if case.uuid == uuid), None)


def _without(stays: Mapping[str, Facts], key: str) -> dict[str, Facts]:
    return {other: facts for other, facts in stays.items() if other != key}


def with_stays(document: Document, stays: Mapping[str, Facts]) -> Document:
    """Return a client or a case with other stays."""
    return replace(document, service=replace(document.service, stays=stays))


def with_received(document: Document, received: dict[str, Any]) -> Document:
    """Return a client or a case with what hospitals brought into it."""
    return replace(document, service=replace(document.service, received=received))


def without_stays(case: Document) -> Document:
    """Return a case that nobody has taken over, without its stays, which another case has from now on."""
    return replace(case, service=replace(case.service, stays={}, untaken=False, emptied=True))


def _visible(document: Document) -> Any:
    part = document.service
    seen = (part.status_history, part.merged_into, part.untaken, document.client)
    return document.own, document.received, seen
