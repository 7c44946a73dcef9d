"""An element is required as R4 says of the element at the end of its path."""

import pytest

from service.wire.fhir.elements import is_required


@pytest.mark.parametrize(
    ("path", "required"),
    [
        ("CarePlan.status", True),
        ("CarePlan.title", False),
        ("CarePlan", False),
        ("Appointment.participant.status", True),
        ("Appointment.participant.actor", False),
        ("MedicationStatement.medicationCodeableConcept", True),
        ("MedicationStatement.medicationDate", False),
        ("CarePlan.text.status", True),
        ("CarePlan.nothing", False),
        ("CarePlan.status.more", False),
        ("Nothing.status", False),
    ],
)
def test_a_path_is_required_or_not(path, required):
    assert is_required(path) is required
