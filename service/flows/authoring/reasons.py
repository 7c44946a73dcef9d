"""Why some of what hospitals send is not used, for the tables of `fields`; the rest has no place yet."""

from typing import Final

DEFAULT: Final = "no place in the case yet"
_BILLING: Final = "billing: no use in coordinating care"
_ANIMAL: Final = "about animals"
_BACKGROUND: Final = "more than coordinating care needs to know of a person"
_AUDIT: Final = "who wrote it is in the message that is kept"
_INSURED: Final = "about who pays, not about the patient"
_CLINICAL: Final = "clinical detail: read it in the record it is from"
_INSIDE: Final = "how the hospital works inside"

SEGMENTS: Final = {
    "ACC": "accidents: " + DEFAULT,
    "AL1": _CLINICAL,
    "ARV": DEFAULT,
    "CON": "consents are given in Casebridge itself",
    "DB1": DEFAULT,
    "DRG": _BILLING,
    "GT1": _BILLING,
    "IAM": _CLINICAL,
    "IN2": _INSURED,
    "IN3": "authorisations come of insurers, by their own door",
    "NTE": "notes of which nothing says what they are about",
    "OBX": _CLINICAL,
    "PDA": "about autopsies",
    "PR1": _CLINICAL,
    "UB1": _BILLING,
    "UB2": _BILLING,
}
"""Of segments of which nothing is read."""

FIELDS: Final = {
    "DG1": {
        **dict.fromkeys(range(7, 15), _BILLING),
        16: _AUDIT,
        19: _AUDIT,
        **dict.fromkeys(range(23, 26), _BILLING),
    },
    "EVN": {4: _INSIDE, 5: _AUDIT},
    "IN1": {
        **dict.fromkeys((5, 6, 7, 10, 11), _INSURED),
        **dict.fromkeys(range(14, 17), _BILLING),
        **dict.fromkeys((18, 19), _INSURED),
        **dict.fromkeys(range(20, 35), _BILLING),
        **dict.fromkeys(range(37, 49), _BILLING),
        **dict.fromkeys(range(50, 54), _INSURED),
    },
    "MRG": dict.fromkeys((3,), _BILLING),
    "NK1": {
        **dict.fromkeys(
            (10, 11, 12, 14, 17, 18, 19, 21, 24, 25, 26, 27, 28, 34, 35, 36, 37, 38, 39), _BACKGROUND
        )
    },
    "PD1": {1: _BACKGROUND, 5: _BACKGROUND, 6: _BACKGROUND, **dict.fromkeys(range(19, 23), _BACKGROUND)},
    "PID": {
        **dict.fromkeys((6, 10, 17, 20, 21, 22, 23, 24, 25, 26, 27, 28, 39), _BACKGROUND),
        12: "withdrawn: the county is in PID-11",
        33: _AUDIT,
        34: _AUDIT,
        **dict.fromkeys(range(35, 39), _ANIMAL),
    },
    "PV1": {
        **dict.fromkeys((12, 13, 15, 16, 18, 22, 38, 40, 51), _INSIDE),
        **dict.fromkeys((20, 21, *range(23, 36)), _BILLING),
        **dict.fromkeys((41, *range(46, 50)), _BILLING),
    },
    "PV2": {
        **dict.fromkeys(
            (1, 2, 4, 5, 6, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 27, 32, 34, 35, 36), _INSIDE
        ),
        **dict.fromkeys((28, 29, 30, 31), _BILLING),
    },
}
"""By segment of its fields, by number."""

USED_HERE: Final = {
    "EVN-2": "the order of events",
    "MSH-3": "who sends it",
    "MSH-4": "who sends it",
    "MSH-5": "the answer",
    "MSH-6": "the answer",
    "MSH-7": "the order of events",
    "MSH-10": "the answer; taken once",
    "MSH-12": "how it is read",
    "MSH-15": "the answer",
    "MSH-16": "the answer",
    "MSH-18": "how it is read",
    "MSH-19": "how it is read",
}
"""What fields are for that the service reads beside the mappings."""

ELEMENTS: Final = {
    "Condition": dict.fromkeys(("recorder", "asserter"), _AUDIT)
    | dict.fromkeys(("stage", "evidence", "severity", "bodySite"), _CLINICAL),
    "Coverage": dict.fromkeys(("costToBeneficiary", "subrogation", "order", "network", "contract"), _BILLING),
    "Encounter": dict.fromkeys(("classHistory", "appointment", "account", "serviceType", "priority"), _INSIDE)
    | {"account": _BILLING, "length": "told by the period"},
    "Location": dict.fromkeys(
        ("position", "physicalType", "hoursOfOperation", "availabilityExceptions"), _INSIDE
    ),
    "Organization": {"endpoint": _INSIDE},
    "Patient": dict.fromkeys(("maritalStatus", "multipleBirth[x]", "photo"), _BACKGROUND),
    "Practitioner": dict.fromkeys(("birthDate", "gender", "photo", "qualification"), _BACKGROUND),
    "PractitionerRole": dict.fromkeys(
        ("availableTime", "notAvailable", "availabilityExceptions", "endpoint"), _INSIDE
    ),
    "Provenance": dict.fromkeys(
        ("agent", "entity", "signature", "policy", "location", "reason", "occurred[x]"), _AUDIT
    ),
    "RelatedPerson": dict.fromkeys(("photo", "birthDate"), _BACKGROUND),
}
"""By resource type of its elements."""
