"""Directory entries for the organisations and people that hospitals name: found, or made as theirs."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from service.cases.discharge import digest
from service.cases.identifiers import public, systems
from service.cases.received import Link
from service.flows.follow import anew
from service.flows.ports import Unit
from service.flows.project import Change, Projection
from service.values.documents import Document
from service.values.scope import Partner


@dataclass(frozen=True, slots=True)
class Directory:
    """Finds or makes directory entries in one transaction, each once.

    Who is named by an identifier is whoever has it in the directory, first the entry of the partner that
    names them, whoever the transaction is for. An entry that was made says what was said first: from then on
    it is the directory's, and its owner's to change.
    """

    unit: Unit
    projection: Projection
    partner: Partner
    change: Change
    known: dict[tuple[str, str, str], Document] = field(default_factory=dict)

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

    def _partner(self, name: str) -> str | None:
        """Return the organisation that a partner itself is; made when it is the one that sends."""
        if name == self.partner.name:
            identifiers = [{"system": system, "value": value} for system, value in self.partner.identifiers]
            who = {"name": name, **({"identifiers": identifiers} if identifiers else {})}
            return self._entry("organization", who, _organization("hospital", who), name)
        found = self.unit.find("organization", name, _ref({"name": name}))
        return found.uuid if found is not None else None

    def _entry(self, kind: str, who: dict[str, Any], body: dict[str, Any], by: str) -> str:
        key = (kind, _ref(who), by)
        if key not in self.known:
            self.known[key] = self._found(*key, who) or self._made(*key, body)
        return self.known[key].uuid

    def _found(self, kind: str, ref: str, by: str, who: dict[str, Any]) -> Document | None:
        theirs = self.unit.find(kind, by, ref)
        sent = who.get("identifiers", [])
        pairs = [(system, each["value"]) for each in sent for system in systems(each)]
        if theirs is not None or not pairs:
            return theirs
        return min(self.unit.named(kind, pairs), key=lambda each: each.uuid, default=None)

    def _made(self, kind: str, ref: str, by: str, body: dict[str, Any]) -> Document:
        at = self.change.at
        document = Document(str(uuid4()), kind, by, ref, 1, body, None, at, at, self.projection.version)
        self.unit.add(document, cause=self.change.cause, partner=self.partner.name)
        anew(self.unit, self.projection, document, self.change)
        return document


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
    return {"identifiers": [public(each) for each in who["identifiers"]]} if "identifiers" in who else {}
