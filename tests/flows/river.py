"""River's documents, as the case system of the story sends them."""

INSURER = {
    "name": "Northern Health",
    "kind": "insurer",
    "identifiers": [{"system": "urn:example:payers", "value": "northern"}],
}
NURSE = {
    "names": [{"family": "Example", "given": ["Nurse"]}],
    "qualifications": [{"code": "CCM", "name": "Certified Case Manager"}],
}
CLIENT = {
    "identifiers": [{"system": "urn:example:clients", "value": "R-1"}],
    "names": [{"use": "usual", "given": ["River"]}],
    "pronouns": "they",
    "gender": "other",
    "birth_date": "1990-02",
    "telecom": [{"system": "phone", "value": "555-0100"}],
    "language": "da",
    "coverages": [{"id": "main", "status": "active", "payer": "northern"}],
}
CASE = {
    "client": "river",
    "identifiers": [{"system": "urn:example:cases", "value": "C-1"}],
    "status": "active",
    "care_model": "clinical",
    "period": {"start": "2026-03-01"},
    "care_manager": "nurse",
    "team": [
        {"id": "manager", "role": "case-manager", "practitioner": "nurse"},
        {"id": "friend", "role": "friend", "name": "A friend from the cycling club"},
    ],
    "plan": {
        "title": "Back on the bicycle",
        "status": "active",
        "author": "nurse",
        "goals": [
            {
                "id": "walk",
                "status": "active",
                "description": "Walk 500 m without a stick",
                "category": "physical",
            },
            {
                "id": "read",
                "status": "active",
                "description": "Read for an hour <daily>",
                "category": "cognitive",
            },
        ],
        "services": [
            {"id": "physio", "kind": "physiotherapy", "status": "active"},
            {"id": "neuro", "kind": "neuropsychology", "status": "planned"},
            {
                "id": "call",
                "kind": "phone-check-in",
                "status": "active",
                "schedule": {"frequency": 1, "period": 1, "unit": "wk"},
            },
        ],
    },
}
STORY = (
    ("/api/directory/organization/northern", INSURER),
    ("/api/directory/practitioner/nurse", NURSE),
    ("/api/clients/river", CLIENT),
    ("/api/cases/c1", CASE),
)
