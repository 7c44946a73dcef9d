"""Who sends what nothing reads is told so with the answer, by field and never by what it says."""

import pytest

from service.flows.discharge.unused import NOT_USED
from tests.web.sent import a03, message, outcomes, parts, transaction


def errs(answer):
    """Where, severity and text of each ERR."""
    lines = [line.split("|") for line in answer.text.split("\r") if line.startswith("ERR")]
    return [(line[2], line[4], line[8]) for line in lines]


def test_an_acknowledgement_names_a_field_and_a_segment_as_information(mercy):
    answer = mercy.hl7v2(a03(more="AL1|1||Secret\rDG1|2||A^Secret^I10||||||Secret\r"))
    assert "MSA|AA|" in answer.text
    assert errs(answer) == [("AL1^1", "I", NOT_USED), ("DG1^2^9", "I", NOT_USED)]
    assert "Secret" not in answer.text


def test_warnings_come_first_and_what_has_no_room_is_named_together(mercy):
    many = "|".join(f"Secret{number}" for number in range(4, 41))
    raw = a03(more=f"NK1|1||FND|{many}\r").replace(b"|19900501|", b"|99|")
    noted = errs(mercy.hl7v2(raw))
    assert [err[1] for err in noted] == ["W"] * 5 + ["I"] * 16
    assert noted[-1][0] == ""
    assert " are not used here: NK1-" in noted[-1][2]


def test_a_message_is_answered_by_the_elements_that_nothing_reads(mercy):
    sent = message()
    sent["entry"][2]["resource"] |= {"maritalStatus": {"text": "Secret"}, "photo": [{"title": "Secret"}]}
    answer = mercy.message(sent)
    places = [f"Bundle.entry[2].resource.{name}" for name in ("maritalStatus", "photo")]
    assert [outcome for outcome in outcomes(answer) if outcome[3] == NOT_USED] == [
        ("information", "informational", place, NOT_USED) for place in places
    ]
    assert "Secret" not in answer.text


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_the_note_of_an_entry_is_told_by_its_place_in_the_whole(mercy, kind):
    sent = transaction(kind)
    sent["entry"][1]["resource"]["maritalStatus"] = {"text": "Secret"}
    answer = mercy.send("/fhir", sent)
    assert ("information", "informational", "Bundle.entry[1].resource.maritalStatus", NOT_USED) in outcomes(
        answer
    )
    if kind == "transaction":
        of_patient = answer.json["entry"][1]["response"]["outcome"]["issue"]
        assert [issue["details"]["text"] for issue in of_patient][1:] == [NOT_USED]


def test_an_encounter_alone_is_answered_so_too(mercy):
    stay, _, _ = parts()
    del stay["diagnosis"]
    stay |= {
        "subject": {"reference": "#p"},
        "length": {"value": 7},
        "contained": [
            {
                "resourceType": "Patient",
                "id": "p",
                "identifier": [{"system": "urn:example:persons", "value": "R-1"}],
                "maritalStatus": {"text": "Secret"},
            }
        ],
    }
    places = [
        outcome[2] for outcome in outcomes(mercy.send("/fhir/Encounter", stay)) if outcome[3] == NOT_USED
    ]
    assert places == ["Encounter.length", "Encounter.contained[0].maritalStatus"]


def test_what_a_reference_that_leads_to_nothing_sent_says_is_told_as_unused_only_where_it_is(mercy):
    stay, _, _ = parts()
    stay |= {
        "subject": {
            "reference": "http://10.0.0.7/r4/Patient/7",
            "identifier": {"system": "urn:example:persons", "value": "R-1"},
        },
        "diagnosis": [{"condition": {"display": "Broken arm"}, "rank": 1}],
    }
    answer = mercy.send("/fhir/Encounter", stay)
    assert [outcome for outcome in outcomes(answer) if outcome[3] == NOT_USED] == []


def test_nothing_is_told_of_what_was_not_used(mercy):
    ignored = mercy.hl7v2(a03(msh11="T", more="AL1|1||Secret\r"))
    waits = mercy.hl7v2(a03("MSG-2", person="", more="AL1|1||Secret\r"))
    assert NOT_USED not in ignored.text + waits.text
