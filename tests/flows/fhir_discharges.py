"""Bundles of hospitals in the shapes that R4 lets them use, and what is to be made of each."""

import copy
import re
from functools import cache

from service.settings import Settings
from service.wire.contracts.load import load
from service.wire.fhir.sent.incoming import stays
from service.wiring import compiled
from tests.web.sent import PERSON, SNOMED, entry, message

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
USE = "http://terminology.hl7.org/CodeSystem/diagnosis-role"
CLASS = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
KIN = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
CONTACT = "http://terminology.hl7.org/CodeSystem/v2-0131"
PART = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
LOCAL = "urn:example:mercy"
PAYER = {"resourceType": "Organization", "id": "d2", "name": "Northern Health"}


@cache
def catalogue():
    return compiled.inbound(Settings.from_env({}))


def name_of(id_):
    return f"urn:uuid:00000000-0000-4000-8000-{id_:>012}"


def concept(*codings, **more):
    return {"coding": [{"system": system, "code": code} for system, code in codings], **more}


def discharge(bundle):
    (root,) = stays(copy.deepcopy(bundle))
    (made,) = catalogue().projector("fhir").run(root)
    return load("discharge", made.resource)


def made(change, *more):
    """What is made of a message whose resources were changed, by their types, with more resources beside."""
    sent = message()
    for entry_ in sent["entry"]:
        resource = entry_["resource"]
        resource |= change.get(resource["resourceType"], {})
    sent["entry"] += [entry(resource) for resource in more]
    return discharge(sent)


def at(node, path):
    for name, number in re.findall(r"(\w+)|\[(\d+)\]", path):
        node = node.get(name) if name else node[int(number)]
        if node is None:
            return None
    return node


def coverage(status="active", **more):
    return {
        "resourceType": "Coverage",
        "id": "f1",
        "status": status,
        "beneficiary": {"reference": name_of("a1")},
        "payor": [{"reference": name_of("d2")}],
        **more,
    }


def kin(**more):
    return {
        "resourceType": "RelatedPerson",
        "id": "b7",
        "patient": {"reference": name_of("a1")},
        "name": [{"family": "Rider"}],
        **more,
    }


def place(name, **more):
    return {"location": {"display": name}, **more}


DIAGNOSED = {"condition": {"reference": name_of("c1")}}
ENDED, OPEN = {"start": "2026-02-20", "end": "2026-02-21"}, {"start": "2026-02-21"}
TABLE = [
    # concepts whole, whatever the place of the coding that is known
    ({"Encounter": {"class": {"system": CLASS, "code": "ACUTE"}}}, "stay.kind", "inpatient"),
    *(
        ({"Encounter": {"class": sent}}, "stay.class_as_sent", as_sent)
        for sent, as_sent in (
            ({"system": CLASS, "code": "ACUTE"}, {"system": CLASS, "code": "ACUTE"}),
            (
                {"system": LOCAL, "version": "1", "code": "17", "display": "Night"},
                {"system": LOCAL, "code": "17", "display": "Night"},
            ),
            ({"display": "?"}, None),
        )
    ),
    ({"Encounter": {"class": {"system": LOCAL, "code": "17"}}}, "stay.kind", "unknown"),
    ({"Encounter": {"class": {"display": "?"}}}, "stay.kind", "unknown"),
    (
        {"Encounter": {"type": [concept((LOCAL, "T"), (SNOMED, "11429006"), text="Consultation")]}},
        "stay.types",
        [
            {
                "system": SNOMED,
                "code": "11429006",
                "text": "Consultation",
                "alternates": [{"system": LOCAL, "code": "T"}],
            }
        ],
    ),
    ({"Encounter": {"reasonCode": [{"coding": [{"display": "Fell"}]}]}}, "stay.reasons", [{"text": "Fell"}]),
    (
        {
            "Encounter": {
                "participant": [
                    {
                        "type": [concept((LOCAL, "Z")), concept((LOCAL, "Y"), (PART, "ATND"))],
                        "individual": {"display": "Dr. Elm"},
                    }
                ]
            }
        },
        "contacts",
        [
            {
                "role": "attending",
                "role_as_sent": {
                    "system": PART,
                    "code": "ATND",
                    "alternates": [{"system": LOCAL, "code": "Y"}],
                },
                "names": [{"text": "Dr. Elm"}],
            }
        ],
    ),
    (
        {
            "Encounter": {
                "participant": [
                    {
                        "type": [concept((PART, "ADM")), concept((PART, "DIS"))],
                        "individual": {"display": "Dr. Elm"},
                    }
                ]
            }
        },
        "contacts",
        [
            {
                "role": role,
                "role_as_sent": {"system": PART, "code": code},
                "names": [{"text": "Dr. Elm"}],
            }
            for role, code in (("admitting", "ADM"), ("discharging", "DIS"))
        ],
    ),
    # what a diagnosis is to the stay, and how it stands
    (
        {"Encounter": {"diagnosis": [{**DIAGNOSED, "use": concept((LOCAL, "1"), (USE, "DD")), "rank": 1}]}},
        "stay.conditions[0].kind",
        "discharge",
    ),
    ({"Encounter": {"diagnosis": [{**DIAGNOSED, "rank": 2}]}}, "stay.conditions[0].rank", 2),
    (
        {"Encounter": {"diagnosis": [{"condition": {"display": "Hip fracture"}}]}},
        "stay.conditions[0].code",
        {"text": "Hip fracture"},
    ),
    (
        {"Condition": {"clinicalStatus": concept((LOCAL, "x"), (CLINICAL, "resolved"))}},
        "stay.conditions[0].clinical_status",
        "resolved",
    ),
    (
        {"Condition": {"verificationStatus": concept((VERIFICATION, "refuted"))}},
        "stay.conditions[0].verification_status",
        "refuted",
    ),
    ({"Condition": {"onsetPeriod": {"start": "2026-01"}}}, "stay.conditions[0].onset", "2026-01"),
    ({"Condition": {"abatementDateTime": "2026-02-01"}}, "stay.conditions[0].abatement", "2026-02-01"),
    ({"Condition": {"abatementPeriod": {"end": "2026-02"}}}, "stay.conditions[0].abatement", "2026-02"),
    (
        {"Condition": {"verificationStatus": concept((VERIFICATION, "entered-in-error"))}},
        "stay.conditions[0].action",
        "delete",
    ),
    # where somebody is now
    ({"Encounter": {"location": [place("A"), place("B")]}}, "stay.location", "B"),
    (
        {"Encounter": {"location": [place("A", status="active"), place("B", status="completed")]}},
        "stay.location",
        "A",
    ),
    ({"Encounter": {"location": [place("A", period=OPEN), place("B", period=ENDED)]}}, "stay.location", "A"),
    (
        {"Encounter": {"location": [place("A", period=ENDED), place("B", status="planned")]}},
        "stay.location",
        "A",
    ),
    ({"Encounter": {"location": [place("A", status="planned")]}}, "stay.location", "A"),
    (
        {
            "Encounter": {
                "location": [
                    place("A", period=ENDED),
                    {"location": {"reference": "Location/9"}, "status": "active"},
                ]
            }
        },
        "stay.location",
        None,
    ),
    # names, numbers and ways to reach somebody with all that is said of them
    (
        {
            "Patient": {
                "name": [
                    {"use": "old", "family": "Rider", "prefix": ["Dr"], "suffix": ["Jr"], "period": ENDED}
                ]
            }
        },
        "patient.names",
        [{"use": "old", "family": "Rider", "prefix": ["Dr"], "suffix": ["Jr"], "period": ENDED}],
    ),
    (
        {
            "Patient": {
                "identifier": [
                    {
                        **PERSON,
                        "use": "old",
                        "period": ENDED,
                        "type": concept((LOCAL, "PI"), ("http://hl7.org/fhir/v2/0203", "MR")),
                    }
                ]
            }
        },
        "patient.identifiers",
        [{**PERSON, "use": "old", "type": "MR", "period": ENDED}],
    ),
    (
        {"Patient": {"identifier": [{**PERSON, "type": concept((LOCAL, "AN"))}]}},
        "patient.identifiers[0].type",
        None,
    ),
    (
        {"Patient": {"address": [{"use": "old", "text": "1 Lane", "period": ENDED}]}},
        "patient.addresses",
        [{"use": "old", "text": "1 Lane", "period": ENDED}],
    ),
    (
        {"Patient": {"address": [{"city": "X", "period": {"start": "2026-02", "end": "2026-01"}}]}},
        "patient.addresses",
        [{"city": "X", "period": {"start": "2026-02"}}],
    ),
    # the patient's own doctor and contacts
    (
        {"Patient": {"generalPractitioner": [{"display": "Dr. Ash"}]}},
        "contacts",
        [{"role": "primary-care", "names": [{"text": "Dr. Ash"}]}],
    ),
    (
        {
            "Patient": {
                "contact": [
                    {
                        "relationship": [concept((CONTACT, "C")), concept((KIN, "MTH"))],
                        "name": {"family": "Rider"},
                        "period": ENDED,
                        "telecom": [
                            {"system": "phone", "value": "2", "rank": 2},
                            {"system": "phone", "value": "1", "rank": 1},
                        ],
                    }
                ]
            }
        },
        "related_persons",
        [
            {
                "relationship": "parent",
                "relationships_as_sent": [
                    {"system": CONTACT, "code": "C"},
                    {"system": KIN, "code": "MTH"},
                ],
                "names": [{"family": "Rider"}],
                "telecom": [{"system": "phone", "value": "1"}, {"system": "phone", "value": "2"}],
                "period": ENDED,
            }
        ],
    ),
    (
        {"Patient": {"contact": [{"telecom": [{"system": "phone", "value": "1"}]}]}},
        "related_persons",
        [{"relationship": "other", "telecom": [{"system": "phone", "value": "1"}]}],
    ),
]
