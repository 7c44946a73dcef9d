"""A partner asks who of those that it may see somebody is, by what a card and a form say.

Who is not in its scope is not looked at: that somebody is known here is told of nobody else's members.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from service.cases.identity.member_match import MemberEvidence, Payers, is_member, own_numbers
from service.errors import Issue, Refused
from service.flows.members.consents import Asker, objections
from service.flows.members.evidence import evidence, names_of, payers_sent
from service.flows.ports import Store
from service.values.access.scope import Scope
from service.values.criteria import HasTerm, Plain
from service.values.kept.resources import Query, StoredResource
from service.wire.fhir.exchange.member_match import SubmittedMember
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.criteria import criterion
from service.wire.fhir.search.forms import terms
from service.wire.json import parse

Json = dict[str, Any]
PAGE: Final = 200
PAGES: Final = 5
"""So many pages of those who might be it are looked at; of more nobody can be told apart."""
_WORDS: Final = 20
_LONGEST: Final = 100
_PAYER: Final = "Organization/"
# a card may be of an insurance that has ended
_IN_FORCE: Final = frozenset({"active", "cancelled", "draft"})
_OURS: Final = Ours("", ())
_WHOLE_DATE: Final = len("2026-11-30")


@dataclass(frozen=True, slots=True)
class Matching:
    """The story of one member match."""

    store: Store

    def match(self, scope: Scope, sent: SubmittedMember) -> StoredResource:
        """Return the Patient that the member is; raises Refused where it is nobody, or may be several."""
        found = self.members(scope, sent)
        if not found:
            what = "Nobody that you may see is this member. A number in common, name, birth date and gender"
            what += " have to agree."
            raise Refused(what, issues=[Issue(what, "Parameters", "not-found"), *_missing_elements(sent)])
        if len(found) > 1:
            what = "Several may be this member; say more of them."
            raise Refused(what, issues=[Issue(what, "Parameters", "multiple-matches")])
        return found[0]

    def members(self, scope: Scope, sent: SubmittedMember) -> list[StoredResource]:
        """Return the Patients in the scope who are taken for a member."""
        described = evidence(sent.patient, [(sent.coverage, payers_sent(sent.coverage))])
        patients = {each.id: each for each in self._candidates(scope, described)}
        bodies = {id_: parse(each.body) for id_, each in patients.items()}
        insured = self._insured(scope, patients)
        return [
            patients[id_]
            for id_, body in bodies.items()
            if not _is_replaced(body) and is_member(described, evidence(body, insured.get(id_, [])))
        ]

    def visible_patients(self, scope: Scope, patients: Collection[str]) -> dict[str, StoredResource]:
        """Return those of some Patients, by their ids, that are in the scope now."""
        return {each.id: each for each in self._beside(scope, "Patient", frozenset(patients))}

    def _candidates(self, scope: Scope, described: MemberEvidence) -> Iterator[StoredResource]:
        """Give the Patients that may be somebody: by a number, or by birth date and a word of the name."""
        for conditions in _questions(described):
            yield from self._search(scope, "Patient", conditions)
        if values := _escaped(number.value for number in described.insured):
            by_card = criterion("Coverage", "identifier", ",".join(values), _OURS)
            coverages = self._search(scope, "Coverage", [by_card])
            yield from self._beside(scope, "Patient", {_beneficiary(parse(each.body)) for each in coverages})

    def _search(self, scope: Scope, type_: str, conditions: Sequence[Plain]) -> Iterator[StoredResource]:
        query = Query(type_, tuple(conditions), count=PAGE, with_total=False)
        for _ in range(PAGES):
            page = self.store.search(scope, query)
            yield from page.entries
            if page.next is None:
                return
            query = replace(query, after=page.next)
        what = "Too many may be this member; say the whole birth date, and numbers of their own."
        raise Refused(what, issues=[Issue(what, "MemberPatient", "multiple-matches")])

    def _insured(self, scope: Scope, ids: Iterable[str]) -> dict[str, list[tuple[Json, Payers]]]:
        """Return the Coverages of patients by their ids, each with the names of its payers."""
        of_them = [terms.to("Coverage.beneficiary", f"Patient/{id_}") for id_ in ids]
        if not of_them:
            return {}
        found = self._search(scope, "Coverage", [HasTerm(tuple(of_them), is_narrow=True)])
        coverages = [coverage for each in found if (coverage := parse(each.body))["status"] in _IN_FORCE]
        payers = self._payers(scope, coverages)
        insured: dict[str, list[tuple[Json, Payers]]] = {}
        for coverage in coverages:
            names = [payers.get(each.get("reference", ""), frozenset()) for each in coverage["payor"]]
            known = payers_sent(coverage).union(*names)
            insured.setdefault(_beneficiary(coverage), []).append((coverage, known))
        return insured

    def _payers(self, scope: Scope, coverages: Iterable[Json]) -> dict[str, Payers]:
        """Return the names of the payers of coverages, by the reference to each."""
        referred = {payer.get("reference", "") for coverage in coverages for payer in coverage["payor"]}
        ids = {each.removeprefix(_PAYER) for each in referred if each.startswith(_PAYER)}
        return {
            f"{_PAYER}{each.id}": names_of(parse(each.body).get("identifier", ()))
            for each in self._beside(scope, "Organization", ids)
        }

    def _beside(self, scope: Scope, type_: str, ids: Collection[str]) -> list[StoredResource]:
        named = [(type_, id_) for id_ in sorted(ids)]
        return self.store.beside(scope, named, {}, len(named)) if named else []


def check_consent(sent: SubmittedMember, asker: Asker, today: str) -> None:
    """Refuse where the consent that was sent does not permit to tell the asker, or cannot be kept to."""
    if sent.consent is None:
        return
    if issues := objections(sent.consent, asker, payers_sent(sent.coverage), today):
        raise Refused("The consent does not permit it.", issues=issues)


def _questions(described: MemberEvidence) -> Iterator[list[Plain]]:
    """Give the conditions that a Patient who is the member meets, some or others."""
    person = described.person
    if numbers := own_numbers(person.identifiers):
        pairs = ("|".join(_escaped((each["system"], each["value"]))) for each in numbers)
        yield [criterion("Patient", "identifier", ",".join(pairs), _OURS)]
    words = [word for name in person.names for word in _words(name)][:_WORDS]
    for date in person.birth_dates:
        if words and len(date) == _WHOLE_DATE:
            # a date of which the day is not known reaches from before it to behind it
            born = [criterion("Patient", "birthdate", f"{side}{date}", _OURS) for side in ("le", "ge")]
            yield [*born, criterion("Patient", "name", ",".join(_escaped(words)), _OURS)]


def _words(name: Json) -> Iterator[str]:
    for text in (name.get("family", ""), *name.get("given", ()), name.get("text", "")):
        yield from (word for word in text.split() if 1 < len(word) <= _LONGEST)


def _escaped(values: Iterable[str]) -> list[str]:
    marks = str.maketrans({mark: f"\\{mark}" for mark in "\\,|$"})
    return [value.translate(marks) for value in values if value.strip()]


def _missing_elements(sent: SubmittedMember) -> Iterator[Issue]:
    """Give what has to be sent of a member and was not."""
    for element in ("name", "birthDate", "gender"):
        if element not in sent.patient:
            yield Issue("Has to be sent of a member.", f"MemberPatient.{element}", "required")


def _is_replaced(patient: Json) -> bool:
    return any(link.get("type") == "replaced-by" for link in patient.get("link", ()))


def _beneficiary(coverage: Json) -> str:
    reference: str = coverage["beneficiary"]["reference"]
    return reference.partition("/")[2]
