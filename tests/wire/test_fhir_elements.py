"""An element is required as R4 says of the element at the end of its path."""

import pytest

from service.wire.fhir.definitions.elements import required_names


@pytest.mark.parametrize(
    ("path", "is_required"),
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
def test_a_path_is_required_or_not(path, is_required):
    assert bool(required_names(path)) is is_required


def test_a_choice_goes_by_the_name_of_each_of_its_types():
    assert required_names("MedicationStatement.medicationReference") == (
        "medicationCodeableConcept",
        "medicationReference",
    )
    assert required_names("Goal.description") == ("description",)
