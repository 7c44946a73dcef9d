"""What of each form of message is particular: MedCom, batches of HL7 v2, its coding systems."""

import pytest

from service.wire.fhir.check.validate import validate
from tests.web.sent import a03, message, one_case, outcomes


def test_a_medcom_message_gets_an_acknowledgement(mercy):
    sent = message()
    profile = "http://medcomfhir.dk/ig/hospitalnotification/StructureDefinition/medcom-hospitalNotification"
    sent["entry"][0]["resource"]["meta"] = {"profile": [f"{profile}-messageHeader"]}
    answer = mercy.message(sent)
    header = answer.json["entry"][0]["resource"]
    assert header["eventCoding"]["code"] == "acknowledgement-message"
    assert header["response"] == {"identifier": "m1", "code": "ok"}
    done = answer.json["entry"][-1]["resource"]
    assert (done["resourceType"], done["activity"]["coding"][0]["code"]) == ("Provenance", "acknowledgement")
    assert validate(answer.json) == []


def medcom(activity, recorded, status, **more):
    """A message as MedCom has it: its Provenance tells what has happened, and when that was recorded."""
    system = "http://medcomfhir.dk/ig/terminology/CodeSystem/medcom-messaging-activityCodes"
    sent = message(f"m-{activity}", **more)
    header, stay = sent["entry"][0], sent["entry"][1]["resource"]
    stay.pop("meta", None)
    stay["status"] = status
    header["fullUrl"] = f"urn:uuid:00000000-0000-4000-8000-00000000{len(activity):04}"
    provenance = {
        "resourceType": "Provenance",
        "target": [{"reference": header["fullUrl"]}],
        "recorded": recorded,
        "activity": {"coding": [{"system": system, "code": activity}]},
        "agent": [{"who": {"display": "Mercy"}}],
    }
    return {**sent, "entry": [*sent["entry"], {"resource": provenance}]}


def test_a_medcom_message_that_was_made_anew_tells_of_no_later_event(mercy):
    left = medcom("discharge-inpatient-home", "2026-02-27T15:00:00Z", "finished")
    came = medcom("admit-inpatient", "2026-02-20T09:00:00Z", "in-progress", timestamp="2026-02-28T09:00:00Z")
    for sent in (left, came):
        assert mercy.message(sent).status_code == 200
    (case,) = mercy.cases()
    assert case["document"]["received"]["stays"][0]["status"] == "finished"


@pytest.mark.parametrize(("status", "stands"), [("in-progress", "in-progress"), ("finished", "finished")])
def test_a_transfer_ends_a_stay_that_has_ended_by_it(mercy, status, stands):
    system = "http://hl7.org/fhir/us/davinci-alerts/CodeSystem/notification-event"
    sent = message()
    sent["entry"][0]["resource"]["eventCoding"] = {"system": system, "code": "notification-transfer"}
    sent["entry"][1]["resource"]["status"] = status
    assert mercy.message(sent).status_code == 200
    assert one_case(mercy)["document"]["received"]["stays"][0]["status"] == stands


def test_a_message_that_cannot_be_used_is_answered_by_one_that_says_why(mercy):
    sent = message()
    sent["entry"][1]["resource"]["status"] = ["finished"]
    answer = mercy.message(sent)
    assert answer.status_code == 422
    assert answer.json["entry"][0]["resource"]["response"]["code"] == "fatal-error"
    assert outcomes(answer)[0][2] == "Bundle.entry[1].resource.status"
    assert mercy.message(message(), Idempotency_Key="k").status_code == 200


def test_a_batch_of_messages_is_answered_by_a_batch(mercy):
    sent = (
        b"FHS|^~\\&|ADT\rBHS|^~\\&|ADT\r" + a03("M1") + a03("M2", "A99") + b"MSH|^^^^\r" + b"BTS|3\rFTS|1\r"
    )
    answer = mercy.hl7v2(sent)
    assert answer.status_code == 200
    assert answer.data.startswith(b"BHS|")
    assert [line[:6] for line in answer.data.split(b"\r") if line.startswith(b"MSA")] == [
        b"MSA|AA",
        b"MSA|AA",
        b"MSA|AE",
    ]


@pytest.mark.parametrize(
    ("end", "envelope"),
    [
        (b"BTS|2\rFTS|1\r", b"BTS|2\r"),
        (b"BTS|3\rFTS|1\r", b"BTS|2|BTS-1 announces 3 messages, 2 came.\r"),
        (b"BTS|2\rFTS|2\r", b"BTS|2|FTS-1 announces 2 batches, 1 came.\r"),
        (b"", b"BTS|2|No BTS or FTS ends the batch; it may be cut off.\r"),
    ],
)
def test_a_batch_that_is_not_whole_is_used_as_far_as_it_came_and_its_sender_told(mercy, end, envelope):
    sent = b"FHS|^~\\&|ADT\rBHS|^~\\&|ADT\r" + a03("M1") + a03("M2", visit="V-2") + end
    answer = mercy.hl7v2(sent)
    assert answer.data.endswith(envelope)
    assert answer.data.count(b"MSA|AA|M") == 2


def test_messages_whose_trailer_stands_without_a_header_are_told_so_too(mercy):
    answer = mercy.hl7v2(a03("M1") + b"BTS|2\r")
    assert answer.data.startswith(b"BHS|^~\\&|")
    assert b"MSA|AA|M1" in answer.data
    assert answer.data.endswith(b"BTS|1|BTS-1 announces 2 messages, 1 came.\r")


def test_an_idempotency_key_names_an_hl7_message_too(mercy):
    unnamed = a03("").replace(b"20260227150000+0000||ADT", b"20260227150001+0000||ADT")
    first = mercy.hl7v2(unnamed, Idempotency_Key="k")
    assert mercy.hl7v2(a03(""), Idempotency_Key="k").data == first.data
    assert mercy.hl7v2(a03("M2"), Idempotency_Key="k").data == first.data


@pytest.mark.parametrize(
    ("dg1", "system"),
    [
        (b"|I9|1550^Check-up|", "http://hl7.org/fhir/sid/icd-9-cm"),
        (b"|I9|1550^Check-up^I10|", "http://hl7.org/fhir/sid/icd-10"),
        (b"||1550^Check-up|", "urn:casebridge:coding-system:mercy"),
    ],
)
def test_the_system_of_a_diagnosis_is_its_own_or_else_what_dg1_2_names(mercy, dg1, system):
    sent = a03().replace(b"||127295002^Traumatic brain injury^SCT", dg1)
    assert b"MSA|AA" in mercy.hl7v2(sent).data
    (diagnosis,) = one_case(mercy)["document"]["received"]["conditions"]
    assert (diagnosis["code"]["system"], diagnosis["code"]["code"]) == (system, "1550")
