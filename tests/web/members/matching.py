"""What insurers and hospitals send to have somebody matched, as HRex and PDex have it."""

import copy
from datetime import UTC, datetime, timedelta

from tests.flows import river as story

FHIR = "application/fhir+json"
PAYERS, TODAY = "urn:example:payers", datetime.now(UTC).date()
HREX = "http://hl7.org/fhir/us/davinci-hrex/StructureDefinition-hrex-consent.html#"
MATCH = "/fhir/Patient/$member-match"
ALMA = {
    "identifiers": [{"system": "urn:example:people", "value": "A-1"}],
    "names": [{"use": "official", "family": "Åström", "given": ["Alma", "Maria"]}],
    "gender": "female",
    "birth_date": "1974-12-25",
    "coverages": [{
        "id": "main", "status": "active", "payer": "northern", "member_id": "M-100", "subscriber_id": "F-7",
    }],
}  # fmt: skip
TWIN = {
    **copy.deepcopy(ALMA),
    "identifiers": [{"system": "urn:example:people", "value": "A-2"}],
    "names": [{"use": "official", "family": "Åström", "given": ["Bea", "Maria"]}],
    "coverages": [{**ALMA["coverages"][0], "member_id": "M-101"}],
}
SOUTHERN = {
    "name": "Southern Health",
    "kind": "insurer",
    "identifiers": [{"system": PAYERS, "value": "southern"}],
}


def load(house):
    """Two insurers; Alma and her twin are northern's, and somebody is southern's alone."""
    theirs = {**ALMA, "coverages": [{**ALMA["coverages"][0], "payer": "southern", "member_id": "M-900"}]}
    theirs["identifiers"] = [{"system": "urn:example:people", "value": "A-9"}]
    for path, document in (
        ("/api/directory/organization/northern", story.INSURER),
        ("/api/directory/organization/southern", SOUTHERN),
        ("/api/clients/alma", ALMA),
        ("/api/clients/twin", TWIN),
        ("/api/clients/theirs", theirs),
    ):
        assert house.put(path, document).status_code == 201


def patient(**more):
    said = {
        "resourceType": "Patient",
        "id": "1",
        "name": [{"family": "Astrom", "given": ["Alma"]}],
        "gender": "female",
        "birthDate": "1974-12-25",
    }
    return {**said, **more}


def coverage(member="M-100", payer="northern", **more):
    numbered = {"identifier": [{"type": coded("http://terminology.hl7.org/CodeSystem/v2-0203", "MB")}]}
    numbered["identifier"][0]["value"] = member
    return {
        "resourceType": "Coverage",
        "id": "9",
        "status": "active",
        "beneficiary": {"reference": "Patient/1"},
        "payor": [named(payer)],
        **(numbered if member else {}),
        **more,
    }


def consent(**more):
    """A consent by HRex: northern tells northern, what is not sensitive, for the month around today."""
    said = {
        "resourceType": "Consent",
        "status": "active",
        "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [coded("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IDSCL")],
        "patient": {"reference": "Patient/1"},
        "performer": [{"reference": "Patient/1"}],
        "sourceReference": {"reference": "http://example.org/DocumentReference/consent"},
        "policy": [{"uri": f"{HREX}regular"}],
        "provision": provision(),
    }
    return {**said, **more}


def provision(discloser="northern", recipient="northern", start=-15, end=15, **more):
    roles = "http://terminology.hl7.org/CodeSystem/"
    actors = [
        {"role": coded(f"{roles}provenance-participant-type", "performer"), "reference": named(discloser)},
        {"role": coded(f"{roles}v3-ParticipationType", "IRCP"), "reference": named(recipient)},
    ]
    said = {
        "type": "permit",
        "period": {"start": day(start), "end": day(end)},
        "actor": actors,
        "action": [coded("http://terminology.hl7.org/CodeSystem/consentaction", "disclose")],
    }
    return {**said, **more}


def day(after):
    return (TODAY + timedelta(days=after)).isoformat()


def coded(system, code):
    return {"coding": [{"system": system, "code": code}]}


def named(payer):
    return {"identifier": {"system": PAYERS, "value": payer}, "display": payer}


def asked(*members, **more):
    """The parameters of `$member-match`."""
    sent = {"MemberPatient": patient(), "CoverageToMatch": coverage()} | more
    listed = [{"name": name, "resource": body} for name, body in sent.items() if body]
    return {"resourceType": "Parameters", "parameter": [*listed, *members]}


def river():
    """The parameters by which River is matched, who has one name and no member number."""
    number = {"system": "urn:example:clients", "value": "R-1"}
    said = patient(identifier=[number], name=[{"given": ["River"]}], birthDate="1990-02-14", gender="other")
    return asked(MemberPatient=said, CoverageToMatch=coverage(None))


def bundle(consent_=None, **more):
    """A member of many, with a consent; references are to the patient."""
    said = {
        "MemberPatient": patient(),
        "CoverageToMatch": coverage(),
        "Consent": consent_ or consent(),
        **more,
    }
    own = {"reference": f"Patient/{said['MemberPatient'].get('id')}"}
    said["CoverageToMatch"] = {**said["CoverageToMatch"], "beneficiary": own}
    said["Consent"] = {**said["Consent"], "patient": own}
    return {"name": "MemberBundle", "part": [{"name": name, "resource": body} for name, body in said.items()]}


def many(*bundles):
    return {"resourceType": "Parameters", "parameter": list(bundles)}


def attestation(provider, **more):
    """A provider's word that it treats somebody."""
    said = {
        "resourceType": "Consent",
        "status": "active",
        "scope": coded("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [coded("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IDSCL")],
        "dateTime": day(0),
        "organization": [provider],
        "policy": [{"uri": "http://example.org/attestation"}],
        "provision": {"type": "permit", "period": {"start": day(-1)}},
    }
    return {**said, **more}


def begin(
    house, body, partner="northern", operation="bulk-member-match", headers=(("Prefer", "respond-async"),)
):
    path = f"/fhir/Group/${operation}"
    return house.ask("POST", path, partner=partner, json=body, content_type=FHIR, headers=headers)


def match(house, partner="northern", **more):
    return house.ask("POST", MATCH, partner=partner, json=asked(**more), content_type=FHIR)
