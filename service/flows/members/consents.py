"""Whether a consent that was sent along lets us tell the asker of somebody, and whether we can keep to it.

HRex has a consent say who may disclose to whom, until when, and whether what is sensitive, too; anything
narrower is not for it. https://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from service.cases.identity.member_match import Payers
from service.errors import Issue
from service.flows.members.evidence import names_of
from service.values.dates import first_day, last_day

Json = dict[str, Any]
POLICIES: Final = "http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#"
REGULAR: Final = f"{POLICIES}regular"
SENSITIVE: Final = f"{POLICIES}sensitive"
DISCLOSER: Final = ("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "performer")
RECIPIENT: Final = ("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
_PRIVACY: Final = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
_DISCLOSURE: Final = ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IDSCL")
_DISCLOSE: Final = ("http://terminology.hl7.org/CodeSystem/consentaction", "disclose")
_NARROWER: Final = ("securityLabel", "purpose", "class", "code", "dataPeriod", "data", "provision")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: by which (system, value) it is known, and whether it may see what is sensitive.

    `keepers` are the names of those whose data is kept here: a consent may permit them to disclose it.
    """

    names: Payers
    sees_sensitive: bool
    keepers: Payers = frozenset()


def objections(consent: Json, asker: Asker, payers: Payers, today: str) -> list[Issue]:
    """Return why a consent by HRex does not permit to tell the asker, or cannot be kept to; or nothing.

    `payers` are the names of who pays by the coverage that is to be matched; `today` is an ISO date.
    """
    provision = consent.get("provision", {})
    return [
        *_of_status(consent),
        *_of_policy(consent, asker),
        *_of_period(provision, today, needs_end=True),
        *_of_actors(provision, asker, payers),
        *_of_narrower(provision),
    ]


def doubts(attestation: Json, asker: Asker, today: str) -> list[Issue]:
    """Return why a provider's attestation of treating somebody does not hold for the asker; or nothing.

    https://hl7.org/fhir/us/davinci-pdex/StructureDefinition-provider-treatment-relationship-consent.html
    """
    provision = attestation.get("provision", {})
    actors = [actor["reference"] for actor in provision.get("actor", ())]
    named = [*attestation.get("organization", ()), *attestation.get("performer", ()), *actors]
    issues = [*_of_status(attestation), *_of_period(provision, today, needs_end=False)]
    if "dateTime" not in attestation:
        issues.append(_issue("Say when it was attested.", "Consent.dateTime"))
    if not _names(named) & asker.names:
        what = "Name your organization by one of its identifiers: nobody attests for another."
        issues.append(_issue(what, "Consent.organization"))
    return issues


def _of_status(consent: Json) -> Iterator[Issue]:
    if consent["status"] != "active":
        yield _issue("Only an active consent permits something.", "Consent.status")
    if not _is(consent["scope"], _PRIVACY):
        yield _issue("Only consents to the use of data are heeded: patient-privacy.", "Consent.scope")
    if not any(_is(category, _DISCLOSURE) for category in consent["category"]):
        yield _issue("Only consents to disclosure are heeded: IDSCL.", "Consent.category")
    if consent.get("provision", {}).get("type") != "permit":
        yield _issue("The provision permits nothing.", "Consent.provision.type")


def _of_policy(consent: Json, asker: Asker) -> Iterator[Issue]:
    policies = {policy.get("uri") for policy in consent.get("policy", ())} & {REGULAR, SENSITIVE}
    if len(policies) != 1:
        yield _issue("One policy of HRex is wanted, regular or sensitive.", "Consent.policy")
    elif REGULAR in policies and asker.sees_sensitive:
        what = "You are shown what is sensitive, which this consent does not permit; it cannot be kept to."
        yield _issue(what, "Consent.policy")


def _of_period(provision: Json, today: str, *, needs_end: bool) -> Iterator[Issue]:
    start, end = (provision.get("period", {}).get(side) for side in ("start", "end"))
    if start is None or (needs_end and end is None):
        yield _issue("Say from when until when it permits.", "Consent.provision.period")
    elif not first_day(start) <= today <= last_day(end or today):
        yield _issue("It does not permit anything today.", "Consent.provision.period")


def _of_actors(provision: Json, asker: Asker, payers: Payers) -> Iterator[Issue]:
    where = "Consent.provision.actor"
    actors = provision.get("actor", ())
    recipients = _names(actor["reference"] for actor in actors if _is(actor["role"], RECIPIENT))
    disclosers = _names(actor["reference"] for actor in actors if _is(actor["role"], DISCLOSER))
    if not recipients & asker.names:
        yield _issue("You are not among the recipients (IRCP), by one of your identifiers.", where)
    if not disclosers & (payers | asker.keepers):
        what = "Name who may disclose (performer) by an identifier: the payer of the coverage, or who keeps"
        yield _issue(f"{what} the data here.", where)


def _of_narrower(provision: Json) -> Iterator[Issue]:
    for name in _NARROWER:
        if name in provision:
            what = "A consent that is narrower than its policy cannot be kept to."
            yield _issue(what, f"Consent.provision.{name}")
    if not any(_is(action, _DISCLOSE) for action in provision.get("action", ())):
        yield _issue("It permits no disclosure: disclose.", "Consent.provision.action")


def _names(references: Any) -> Payers:
    return names_of(reference["identifier"] for reference in references if "identifier" in reference)


def _is(concept: Json, code: tuple[str, str]) -> bool:
    return any((coding.get("system"), coding.get("code")) == code for coding in concept.get("coding", ()))


def _issue(what: str, where: str) -> Issue:
    return Issue(what, where, "business-rule")
