"""What a Patient and Coverages say of a member, as the matcher reads it."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from service.cases.identity.agreement import PersonEvidence
from service.cases.identity.member_match import InsuranceNumber, MemberEvidence, Payers
from service.values.identifiers.numbers import OF_SYSTEMS, SYSTEM

Json = dict[str, Any]
MEMBER: Final = "MB"
SUBSCRIBER: Final = "SN"
_OF_INSURANCES: Final = frozenset({MEMBER, SUBSCRIBER})


def evidence(patient: Json, coverages: Iterable[tuple[Json, Payers]]) -> MemberEvidence:
    """Return what is known of a member: a Patient, and Coverages each with the names of its payers."""
    identifiers, insured = [], []
    for identifier in patient.get("identifier", ()):
        kind, value, system = _kind(identifier), identifier.get("value"), identifier.get("system", "")
        if value and kind in _OF_INSURANCES:
            insured.append(InsuranceNumber(value, kind or "", system))
        elif value and system:
            said = {name: identifier[name] for name in ("use",) if name in identifier}
            identifiers.append({"system": system, "value": value, "type": kind, **said})
    for coverage, payers in coverages:
        insured += _numbers(coverage, payers)
    dates = [patient["birthDate"]] if patient.get("birthDate") else []
    person = PersonEvidence(identifiers, patient.get("name", ()), dates)
    return MemberEvidence(person, patient.get("gender", ""), insured)


def payers_sent(coverage: Json) -> Payers:
    """Return the names of a coverage's payers as the coverage itself has them."""
    contained = {f"#{each.get('id')}": each for each in coverage.get("contained", ())}
    identifiers: list[Json] = []
    for payer in coverage.get("payor", ()):
        identifiers += [payer["identifier"]] if "identifier" in payer else []
        identifiers += contained.get(payer.get("reference"), {}).get("identifier", ())
    return names_of(identifiers)


def names_of(identifiers: Iterable[Json]) -> Payers:
    """Return (system, value) of the identifiers of an organization."""
    return frozenset(
        (each["system"], each["value"]) for each in identifiers if each.get("system") and each.get("value")
    )


def _numbers(coverage: Json, payers: Payers) -> Iterator[InsuranceNumber]:
    for identifier in coverage.get("identifier", ()):
        if identifier.get("value"):
            kind, system = _kind(identifier), identifier.get("system", "")
            yield InsuranceNumber(identifier["value"], kind or "", system, payers)
    if coverage.get("subscriberId"):
        yield InsuranceNumber(coverage["subscriberId"], SUBSCRIBER, "", payers)


def _kind(identifier: Json) -> str | None:
    """Return the code of HL7 table 0203 that an identifier has."""
    codings = identifier.get("type", {}).get("coding", ())
    said = next((each.get("code") for each in codings if each.get("system") in {SYSTEM, None}), None)
    return said or OF_SYSTEMS.get(identifier.get("system", ""))
