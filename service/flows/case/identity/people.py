"""Finds the clients that a hospital's identifiers are about, and who is none of them after all."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from service.cases.hospital.received import whole
from service.cases.hospital.rules import Refusal, differing_person, whose_refusal
from service.cases.identity.agreement import PersonEvidence, disagreement
from service.cases.identity.identifiers import (
    identifying,
    pairs,
    same_number,
    share_a_number,
    systems,
    with_authority,
)
from service.errors import Issue, Rejected
from service.flows.ports import Unit
from service.values.access.scope import Partner
from service.values.kept.documents import Document

Json = dict[str, Any]


class Held(Rejected):
    """An event that is not used now; `refusal` says what becomes of it."""

    code = "business-rule"

    def __init__(self, refusal: Refusal) -> None:
        """Take the rule's word."""
        super().__init__(refusal.what, issues=[Issue(refusal.what, refusal.where, refusal.code)])
        self.refusal = refusal


def check(refusal: Refusal | None) -> None:
    """Raise Held when a rule refuses."""
    if refusal is not None:
        raise Held(refusal)


class People:
    """The clients that a partner's identifiers are about, in one transaction."""

    def __init__(self, unit: Unit, partner: Partner) -> None:
        """Take the transaction, and whose identifiers they are."""
        self._unit = unit
        self._settings = partner.intake
        self._near = partner.near
        self._assertions = partner.assertions
        self._seen: dict[str, int] = {}

    def is_another_by_now(self, locked: Document) -> bool:
        """Return whether a client was changed after it was found here and before it was locked."""
        return self._seen.get(locked.uuid, locked.revision) != locked.revision

    def pairs(self, identifiers: Sequence[Json]) -> list[tuple[str, str]]:
        """Return those of the identifiers that find somebody, as (system, value)."""
        return pairs(identifying(identifiers, self._settings))

    def find(self, identifiers: Sequence[Json]) -> set[str]:
        """Return the uuids of the clients that identifiers find; of a merged one, who they have become."""
        return self.become(self.holders(identifiers))

    def become(self, clients: Sequence[Document]) -> set[str]:
        """Return the uuids of clients; of a merged one, who they have become."""
        return {self._become(client).uuid for client in clients}

    def client_of(self, patient: Json) -> str | None:
        """Return the uuid of the client whom an event is about, or None for somebody to be made.

        Raises:
            Held: the identifiers are those of several, or of somebody else, or of nobody where that may not
                be.
        """
        holders = self.holders(patient["identifiers"])
        clients = self.become(holders)
        self.check(clients, is_told=not patient.get("must_be_known"))
        self.check_agreement(patient, holders)
        return min(clients) if clients else None

    def check(self, clients: set[str], *, is_told: bool = True) -> None:
        """Raise Held unless these are one client, or nobody where that may be."""
        check(whose_refusal(clients, self._settings, is_told=is_told))

    def check_agreement(self, patient: Json, holders: Sequence[Document]) -> None:
        """Raise Held when who is found is somebody else by all else that is known of the two.

        A merged client and who they have become are one person, of whom either may be told; numbers that a
        merge says are no longer used are no evidence.
        """
        for holder in holders:
            one = [holder, self._become(holder)] if holder.service.merged_into is not None else [holder]
            difference = disagreement(
                self._known_of_patient(patient), self._known_of_clients(one, patient.get("merged_from", ()))
            )
            if difference is not None:
                raise Held(differing_person(difference, [holder.uuid]))

    def left_to(self, client: str, identifiers: Sequence[Json]) -> list[Json]:
        """Return the identifiers without those that another client keeps.

        That is a merged one who has become this one, or somebody farther off whom they found before.
        """
        others = [other for other in self._all(identifiers) if other.uuid != client]
        held = [identifier for other in others for identifier in _reserved_identifiers(other)]
        return [identifier for identifier in identifiers if not share_a_number([identifier], held)]

    def holders(self, identifiers: Sequence[Json]) -> list[Document]:
        """Return the clients whom identifiers find, merged ones as they are.

        Others than those of `Partner.near` are found only where these have none.
        """
        return self._nearest(self._all(identifiers))

    def _nearest(self, clients: list[Document]) -> list[Document]:
        return [client for client in clients if client.source in self._near] or clients

    def _all(self, identifiers: Sequence[Json]) -> list[Document]:
        sent = identifying(identifiers, self._settings)
        if not sent:
            return []
        clients = self._unit.documents.find_by_values("client", [identifier["value"] for identifier in sent])
        return [self._remember(client) for client in clients if self._has(client, sent)]

    def _has(self, client: Document, sent: Sequence[Json]) -> bool:
        """Return whether one of some numbers is a client's, by the word of somebody who may say so.

        What a hospital may not say was left out when it came.
        """
        may_be = [
            identifier for identifier in sent if self._assertions.allow(client.source, *systems(identifier))
        ]
        if share_a_number(may_be, _of_persons(numbers(client))):
            return True
        return len(may_be) < len(sent) and share_a_number(
            sent, _of_persons(numbers(_without_own_part(client)))
        )

    def _known_of_patient(self, patient: Json) -> PersonEvidence:
        """Return what is sent of somebody; their name on the partner's own server is no evidence."""
        sent = identifying(patient["identifiers"], self._settings)
        evidence = [identifier for identifier in sent if not self._settings.is_own(identifier["system"])]
        return PersonEvidence(evidence, patient.get("names", ()), _dates(patient))

    def _known_of_clients(self, clients: Sequence[Document], former: Sequence[Json]) -> PersonEvidence:
        """Return what is known of a person from any side, without numbers that are no longer used."""
        held = identifying([number for client in clients for number in numbers(client)], self._settings)
        sides = [
            side
            for client in clients
            for side in (client.own, client.received, whole("client", client.own, client.received))
        ]
        names = [name for side in sides for name in side.get("names", ())]
        dates = [date for side in sides for date in _dates(side)]
        return PersonEvidence(
            [number for number in held if not share_a_number([number], former)], names, dates
        )

    def _become(self, client: Document) -> Document:
        while (uuid := client.service.merged_into) is not None:
            successor = self._unit.documents.find("client", "", uuid)
            assert successor is not None, (
                "who a merged client has become is there as long as the merged one is"
            )
            client = self._remember(successor)
        return client

    def _remember(self, client: Document) -> Document:
        self._seen[client.uuid] = client.revision
        return client


def numbers(client: Document) -> list[Json]:
    """Return the identifiers of a client, what hospitals sent with the other names of their systems.

    A number that was sent without its authority, too, is that authority's, and no other's.
    """
    facts = client.service.facts
    sent = [fact.value for path, fact in facts.items() if path.startswith("identifiers.") and fact.value]
    known = [*client.own.get("identifiers", ()), *client.received.get("identifiers", ())]
    return with_authority([*sent, *(identifier for identifier in known if not _is_among(identifier, sent))])


def _without_own_part(client: Document) -> Document:
    """Return a client without what its owner says."""
    return replace(client, own={})


def _reserved_identifiers(client: Document) -> list[Json]:
    """Return the identifiers that are not given to anybody else while this client has them."""
    if client.service.merged_into is not None:
        return numbers(client)
    return [{"system": system, "value": value} for system, value in client.service.identifying]


def _of_persons(identifiers: Sequence[Json]) -> list[Json]:
    """Return the identifiers without numbers of visits, which only a stay has without their type."""
    return [identifier for identifier in identifiers if identifier.get("type") != "VN"]


def _is_among(identifier: Json, others: Sequence[Json]) -> bool:
    return any(identifier["system"] == other["system"] and same_number(identifier, other) for other in others)


def _dates(patient: Json) -> list[str]:
    return [patient["birth_date"]] if patient.get("birth_date") else []
