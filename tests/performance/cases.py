"""The documents the benchmarks put in: one case whose plan and team have 112 leaves, made by number."""

from typing import Any

PAYER = {"system": "urn:example:payers", "value": "northern"}
DIRECTORY: dict[tuple[str, str], dict[str, Any]] = {
    ("organization", "northern"): {"name": "Northern Health", "kind": "insurer", "identifiers": [PAYER]},
    ("organization", "clinic"): {"name": "Rehabilitation Clinic", "kind": "care-provider"},
    ("practitioner", "nurse"): {
        "names": [{"family": "Example", "given": ["Nurse"]}],
        "qualifications": [{"code": "CCM", "name": "Certified Case Manager"}],
    },
}
_ROLES = ("registered-nurse", "physician", "social-worker")
_KINDS = (
    "physiotherapy", "neuropsychology", "occupational-therapy", "home-visit", "nursing", "transport",
    "medical", "follow-up",
)  # fmt: skip


def client(number: int) -> dict[str, Any]:
    """A client insured by the payer."""
    return {
        "identifiers": [{"system": "urn:example:clients", "value": f"R-{number}"}],
        "names": [{"use": "official", "family": "Example", "given": [f"River {number}"]}],
        "gender": "other",
        "birth_date": "1990-02",
        "related_persons": [{"id": "sibling", "relationship": "sibling", "names": [{"given": ["Brook"]}]}],
        "coverages": [{"id": "main", "status": "active", "payer": "northern"}],
    }


def case(number: int) -> dict[str, Any]:
    """A case of that client."""
    return {
        "client": f"client-{number}",
        "identifiers": [{"system": "urn:example:cases", "value": f"C-{number}"}],
        "status": "active",
        "care_model": "clinical",
        "period": {"start": "2026-03-01"},
        "care_manager": "nurse",
        "conditions": [
            {
                "id": f"condition-{n}",
                "code": {"system": "http://snomed.info/sct", "code": "127295002", "text": "Brain injury"},
                "clinical_status": "active",
            }
            for n in range(3)
        ],
        "team": [
            {"id": "manager", "role": "case-manager", "practitioner": "nurse"},
            *({"id": role, "role": role, "practitioner": "nurse"} for role in _ROLES),
            {"id": "sibling", "role": "family", "related_person": "sibling"},
            {"id": "friend", "role": "friend", "name": "A friend from the cycling club"},
        ],
        "plan": {
            "title": "Back on the bicycle",
            "status": "active",
            "author": "nurse",
            "goals": [goal(n) for n in range(6)],
            "services": [
                {
                    "id": f"service-{n}",
                    "kind": kind,
                    "status": "active",
                    "provider": "clinic",
                    "schedule": {"frequency": 2, "period": 1, "unit": "wk"},
                    "goals": [f"goal-{n % 6}"],
                }
                for n, kind in enumerate(_KINDS)
            ],
            "appointments": [
                {
                    "id": f"appointment-{n}",
                    "status": "booked",
                    "start": f"2026-03-{n + 10}T09:00:00+01:00",
                    "end": f"2026-03-{n + 10}T10:00:00+01:00",
                    "practitioner": "nurse",
                }
                for n in range(3)
            ],
            "check_ins": [
                {
                    "id": f"week-{n}",
                    "status": "completed" if n < 5 else "planned",
                    "medium": "phone",
                    "topic": "Pain and sleep",
                    "planned": f"2026-03-{n + 10}",
                    "by": "nurse",
                }
                for n in range(10)
            ],
        },
    }


def goal(number: int) -> dict[str, Any]:
    """A goal of the plan."""
    return {
        "id": f"goal-{number}",
        "status": "active",
        "description": f"Walk {number + 1}00 m without a stick",
        "category": "physical",
        "priority": "high",
        "target": {"text": "Distance walked", "due": "2026-06-30"},
    }
