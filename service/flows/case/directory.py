"""Directory entries for the organisations and people that hospitals name: found, or made as theirs."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import uuid4

from service.cases.hospital.discharge import digest
from service.cases.hospital.received import Link
from service.cases.identity.identifiers import public, systems
from service.flows.ports import Unit
from service.flows.projection.events import later
from service.flows.projection.follow import anew, follow, lock_by_client
from service.flows.projection.project import Change, Projection
from service.values.access.scope import Partner
from service.values.kept.documents import Document
from service.values.kept.facts import Moment
from service.values.kept.service_part import ServicePart

DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Directory:
    """Finds or makes directory entries in one transaction, each once.

    Who is named by an identifier is whoever has it in the directory, first the entry of the partner that
    names them, whoever the transaction is for. An entry that was made for a partner says what that partner
    said last of its name and how it is reached, by the moments of events; one of another owner is its owner's
    to change. One that was erased stays so, until somebody puts one of this identifier.
    """

    unit: Unit
    projection: Projection
    partner: Partner
    change: Change
    known: dict[tuple[str, str, str], Document] = field(default_factory=dict)
    heard: dict[tuple[str, str, str], Moment] = field(default_factory=dict)
    lookups: dict[tuple[str, str, str], Document | None] = field(default_factory=dict)

    def links(self, by: str) -> Link:
        """Return what finds the uuid of a `hospital`, `insurer` or `practitioner` that a partner names."""

        def link(kind: str, who: dict[str, Any]) -> str | None:
            if kind == "practitioner":
                named = bool(who.get("identifiers"))
                return self._entry("practitioner", who, _practitioner(who), by) if named else None
            if "partner" in who:
                return self._partner(who["partner"])
            return self._entry("organization", who, _organization(kind, who), by)

        return link

    def hear(self, said: dict[str, Any], when: Moment) -> None:
        """Take in what an event calls those who have an entry of the partner's, unless later ones did."""
        # in one order, so that messages which name the same do not wait for each other in a circle
        for kind, who, body in sorted(_named_entries(said), key=lambda entry: (entry[0], _ref(entry[1]))):
            key = (kind, _ref(who), self.partner.name)
            if key not in self.heard or self.heard[key] < when:
                self.heard[key] = when
                holder = self.known.get(key) or self._holder(key, who)
                if holder is not None and holder.source == self.partner.name:
                    self.known[key] = self._rename_entry(holder, body, when)

    def _rename_entry(self, entry: Document, body: dict[str, Any], when: Moment) -> Document:
        """Return an entry as it is called from now on, which those who read it follow.

        Only what an event says can be later than another: what it leaves out stays. That the same was said
        once more is kept once a day: a row that every message of a hospital wrote would make them wait.
        """
        if not _is_news(entry, body, when):
            return entry
        document = lock_by_client(self.unit, entry)
        if document is None or not _is_news(document, body, when):
            return document or entry
        own = {**document.own, **body}
        service = replace(document.service, heard=when)
        if own == document.own:
            same = replace(document, service=service)
            self.unit.documents.amend(same)
            return same
        at = later(self.change.at, document.updated)
        after = replace(document, own=own, service=service, revision=document.revision + 1, updated=at)
        self.unit.documents.update(after, cause=self.change.cause, partner=self.partner.name)
        follow(self.unit, self.projection, after, document, self.change, ())
        return after

    def _partner(self, name: str) -> str | None:
        """Return the organisation that a partner itself is; made when it is the one that sends."""
        if name == self.partner.name:
            identifiers = [{"system": system, "value": value} for system, value in self.partner.identifiers]
            who = {"name": name, **({"identifiers": identifiers} if identifiers else {})}
            return self._entry("organization", who, _organization("hospital", who), name)
        organization = self.unit.documents.find("organization", name, _ref({"name": name}))
        return organization.uuid if organization is not None else None

    def _entry(self, kind: str, who: dict[str, Any], body: dict[str, Any], by: str) -> str:
        key = (kind, _ref(who), by)
        if key not in self.known:
            holder = self._holder(key, who)
            if holder is None and (erased := self.unit.documents.erased_entries([(kind, by, key[1])])):
                return next(iter(erased.values()))
            self.known[key] = holder or self._make_entry(*key, body)
        return self.known[key].uuid

    def _holder(self, key: tuple[str, str, str], who: dict[str, Any]) -> Document | None:
        if key not in self.lookups:
            self.lookups[key] = self._find_entry(*key, who)
        return self.lookups[key]

    def _find_entry(self, kind: str, ref: str, by: str, who: dict[str, Any]) -> Document | None:
        theirs = self.unit.documents.find(kind, by, ref)
        sent = who.get("identifiers", [])
        pairs = [(system, identifier["value"]) for identifier in sent for system in systems(identifier)]
        if theirs is not None or not pairs:
            return theirs
        return min(
            self.unit.documents.find_by_identifiers(kind, pairs),
            key=lambda document: document.uuid,
            default=None,
        )

    def _make_entry(self, kind: str, ref: str, by: str, body: dict[str, Any]) -> Document:
        at, service = self.change.at, ServicePart(heard=self.heard.get((kind, ref, by)))
        version = self.projection.version
        document = Document(str(uuid4()), kind, by, ref, 1, body, None, at, at, version, service)
        self.unit.documents.add(document, cause=self.change.cause, partner=self.partner.name)
        anew(self.unit, self.projection, document, self.change)
        return document


def _is_news(entry: Document, body: dict[str, Any], when: Moment) -> bool:
    """Whether what an event says of an entry is later than what stands there, and to be kept."""
    heard = entry.service.heard
    if heard is None:
        return True
    if heard >= when:
        return False
    return {**entry.own, **body} != entry.own or when[0] // DAY > heard[0] // DAY


def _named_entries(said: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Give whom an event names by an identifier: the kind of entry, how it names them, what it says."""
    for who in said.get("contacts", []):
        if "identifiers" in who:
            yield "practitioner", who, {name: who[name] for name in ("names", "telecom") if name in who}
    stays = [said.get("stay", {}).get("hospital")]
    payers = [coverage["payer"] for coverage in said.get("coverages", [])]
    for who in (*stays, *payers):
        if who and "identifiers" in who and "name" in who:
            yield "organization", who, {"name": who["name"]}


def _ref(who: dict[str, Any]) -> str:
    """Return the id by which a partner's own entry is found again."""
    known = who.get("identifiers")
    return digest(known[0]["system"], known[0]["value"]) if known else digest("", who.get("name", ""))


def _organization(kind: str, who: dict[str, Any]) -> dict[str, Any]:
    named = who.get("name") or who["identifiers"][0]["value"]
    return {"name": named, "kind": kind, **_identifiers(who)}


def _practitioner(who: dict[str, Any]) -> dict[str, Any]:
    more = {"telecom": who["telecom"]} if "telecom" in who else {}
    return {**_identifiers(who), "names": who.get("names", []), **more}


def _identifiers(who: dict[str, Any]) -> dict[str, Any]:
    return (
        {"identifiers": [public(identifier) for identifier in who["identifiers"]]}
        if "identifiers" in who
        else {}
    )
