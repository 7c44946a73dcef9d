"""The doors that hospitals push through, on the whole application."""

import json
from gzip import compress

import pytest

from service.values.ids import resource_id
from service.wire.fhir.check.validate import validate
from tests.web.sent import FHIR, PERSON, VISIT, a03, encounter, entry, message, outcomes, transaction


def one_case(mercy):
    (case,) = mercy.cases()
    return case


def test_a_message_and_the_a03_of_the_same_discharge_are_one_case(mercy):
    answer = mercy.message(message())
    assert answer.status_code == 200, answer.data
    assert answer.json["entry"][0]["resource"]["response"] == {
        "identifier": "m1",
        "code": "ok",
        "details": {"reference": answer.json["entry"][1]["fullUrl"]},
    }
    assert validate(answer.json) == []
    acknowledged = mercy.hl7v2(a03())
    assert acknowledged.status_code == 200
    assert b"MSA|AA|MSG-1" in acknowledged.data
    case = mercy.house.get(f"/api/cases/{one_case(mercy)['uuid']}", partner=None).json
    assert case["status"] == "planned"
    assert mercy.house.one("EpisodeOfCare", partner=None)["status"] == "planned"
    assert mercy.send("/fhir/Encounter", encounter()).status_code == 200


@pytest.mark.parametrize("way", ["message", "hl7v2"])
def test_the_same_message_again_gets_the_same_answer_byte_for_byte(mercy, way):
    send = {"message": lambda: mercy.message(message()), "hl7v2": lambda: mercy.hl7v2(a03())}[way]
    first = send()
    again = send()
    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert len(mercy.cases()) == 1


def test_a_new_bundle_id_does_not_make_a_new_message(mercy):
    first = mercy.message(message())
    again = mercy.message(message(id="other", timestamp="2026-02-27T16:00:00Z"))
    assert again.data == first.data


def test_a_message_within_parameters_is_the_message(mercy):
    answer = mercy.message(
        {"resourceType": "Parameters", "parameter": [{"name": "content", "resource": message()}]}
    )
    assert answer.status_code == 200, answer.data
    again = mercy.message(message(id="another"))
    assert (again.status_code, again.data) == (answer.status_code, answer.data)
    assert len(mercy.cases()) == 1


def test_parameters_are_kept_as_they_came_and_used_once_more(mercy):
    held = message()
    del held["entry"][2]["resource"]["identifier"]
    sent = {"resourceType": "Parameters", "parameter": [{"name": "content", "resource": held}]}
    assert mercy.message(sent).status_code == 202
    (waits,) = mercy.house.get("/api/quarantine", partner=None).json["items"]
    kept = mercy.house.get(f"/api/quarantine/{waits['id']}/body", partner=None).data
    assert json.loads(kept) == sent
    held["entry"][2]["resource"]["identifier"] = [PERSON]
    path = f"/api/quarantine/{waits['id']}"
    mercy.house.ask("PUT", f"{path}/body", partner=None, data=json.dumps(sent).encode())
    assert mercy.house.ask("POST", f"{path}/replay", partner=None).json["state"] == "accepted"
    assert len(mercy.cases()) == 1


def test_a_transaction_tells_of_each_entry(mercy):
    observed = {"resourceType": "Observation", "id": "b1", "status": "final", "code": {"text": "x"}}
    answer = mercy.send(
        "/fhir", transaction("transaction", entry(observed, method="POST", url="Observation"))
    )
    assert answer.status_code == 200, answer.data
    responses = [entry["response"] for entry in answer.json["entry"]]
    assert [response["status"] for response in responses] == ["201 Created", "200 OK", "200 OK", "200 OK"]
    assert "Not retained" in responses[3]["outcome"]["issue"][0]["details"]["text"]
    answer = mercy.house.get(f"/fhir/{responses[0]['location']}", partner=None)
    assert answer.json["identifier"][0]["value"] == VISIT["value"]
    assert validate(answer.json) == []


def test_a_conditional_reference_leads_to_who_was_sent_or_is_taken_at_its_word(mercy):
    asked = "Patient?identifier=urn:example:persons|R-1"
    sent = transaction()
    sent["entry"][0]["resource"]["subject"] = {"reference": asked}
    assert mercy.send("/fhir", sent).status_code == 200
    alone = encounter(subject={"reference": asked}, identifier=[{**VISIT, "value": "V-2"}])
    del alone["contained"]
    assert mercy.send("/fhir/Encounter", alone).status_code == 201
    (client,) = mercy.house.get("/api/clients", partner=None).json["items"]
    assert client["document"]["names"][0]["family"] == "Rider"


@pytest.mark.parametrize(
    ("change", "place", "code"),
    [
        (lambda sent: sent["entry"].append(sent["entry"][0]), "Bundle.entry[3]", "duplicate"),
        (
            lambda sent: sent["entry"].append(
                entry({**sent["entry"][1]["resource"], "id": "a2"}, method="PUT", url="Patient/a2")
            ),
            "Bundle.entry[3]",
            "duplicate",
        ),
        (
            lambda sent: sent["entry"][0]["resource"].update(subject={"reference": "urn:uuid:nobody"}),
            "Bundle.entry[0].resource.subject.reference",
            "not-found",
        ),
        (
            lambda sent: sent["entry"][0].update(request={"method": "DELETE", "url": "Encounter/1"}),
            "Bundle.entry[0].request.method",
            "not-supported",
        ),
        (lambda sent: sent["entry"][0].pop("request"), "Bundle.entry[0].request.method", "required"),
        (
            lambda sent: sent["entry"][0]["resource"].update(period="yesterday"),
            "Bundle.entry[0].resource.period",
            "value",
        ),
    ],
)
def test_a_transaction_that_cannot_be_taken_whole_does_nothing(mercy, change, place, code):
    sent = transaction()
    change(sent)
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 422, answer.data
    assert ("error", code, place) in [outcome[:3] for outcome in outcomes(answer)]
    assert mercy.cases() == []


def test_a_batch_answers_each_entry_for_itself(mercy):
    other = encounter(id="e2", identifier=[{**VISIT, "value": "V-2"}], period={"start": "soon"})
    sent = transaction(
        "batch",
        entry(other, method="POST", url="Encounter"),
        {"request": {"method": "GET", "url": "Patient/1"}},
    )
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 200, answer.data
    statuses = [entry["response"]["status"][:3] for entry in answer.json["entry"]]
    assert statuses == ["201", "200", "200", "422", "422"]
    assert len(mercy.cases()) == 1


def test_the_same_stay_again_is_200_and_not_201(mercy):
    first = mercy.send("/fhir/Encounter", encounter())
    assert first.status_code == 201, first.data
    again = mercy.send("/fhir/Encounter", encounter())
    newer = encounter(meta={"lastUpdated": "2026-02-28T15:00:00Z"})
    by_identifier = f"/fhir/Encounter?identifier={VISIT['system']}|{VISIT['value']}"
    updated = mercy.send(by_identifier, newer, method="PUT")
    assert (again.status_code, updated.status_code) == (200, 200)
    path = first.headers["Location"].partition("/fhir/")[2]
    assert mercy.house.get(f"/fhir/{path}", partner=None).json["identifier"][0]["value"] == VISIT["value"]


def test_criteria_that_are_not_those_of_the_stay_are_refused(mercy):
    answer = mercy.send("/fhir/Encounter?identifier=urn:example:visits|V-9", encounter(), method="PUT")
    assert answer.status_code == 422
    ((*_, place, text),) = outcomes(answer)
    assert place == "Encounter.identifier"
    assert "the address" in text
    assert mercy.send("/fhir/Encounter?status=finished", encounter(), method="PUT").status_code == 400


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.parametrize(
    ("index", "url", "place", "says"),
    [
        (0, "Encounter?identifier=urn:example:visits|V-9", "resource.identifier", "request.url"),
        (1, "Patient?identifier=urn:example:visits|R-1", "resource.identifier", "request.url"),
        (1, "Patient?name=River", "request.url", "system|value"),
    ],
)
def test_an_entry_that_does_not_match_its_own_criteria_is_refused(mercy, kind, index, url, place, says):
    sent = transaction(kind)
    sent["entry"][index]["request"] = {"method": "PUT", "url": url}
    answer = mercy.send("/fhir", sent)
    where = f"Bundle.entry[{index}].{place}"
    (text,) = [text for *about, text in outcomes(answer) if about == ["error", "value", where]]
    assert says in text
    assert answer.status_code == (422 if kind == "transaction" else 200)
    sent["entry"][index]["request"]["url"] = f"Encounter?identifier={VISIT['system']}|{VISIT['value']}"
    if index:
        sent["entry"][index]["request"]["url"] = f"Patient?identifier={PERSON['system']}|{PERSON['value']}"
    assert "error" not in [severity for severity, *_ in outcomes(mercy.send("/fhir", sent))]
    assert len(mercy.cases()) == 1


def test_who_cannot_be_told_waits_in_quarantine_and_the_sender_knows(mercy):
    nobody = encounter(subject={"reference": "Patient/unknown"})
    answer = mercy.send("/fhir/Encounter", nobody)
    assert answer.status_code == 202
    assert "Kept in quarantine as " in outcomes(answer)[0][3]
    assert {outcome[2] for outcome in outcomes(answer)} == {"Encounter.subject"}
    v2 = mercy.hl7v2(a03(person=""))
    assert v2.status_code == 200
    assert b"MSA|AA|MSG-1" in v2.data
    assert b"ERR||PID^1^3|0^Message accepted^HL70357|W||||Kept in quarantine as " in v2.data
    assert b"ERR||PID^1^3|101^Required field missing^HL70357|W|" in v2.data
    assert mercy.cases() == []


def test_a_stay_that_ended_in_the_far_future_waits_and_its_place_is_told(mercy):
    answer = mercy.send("/fhir/Encounter", encounter(period={"start": "2026-02-20", "end": "2099-02-27"}))
    assert answer.status_code == 202
    assert ("warning", "value", "Encounter.period.end") in [outcome[:3] for outcome in outcomes(answer)]
    assert mercy.cases() == []


def test_who_was_sent_without_an_identifier_is_told_there(mercy):
    sent = encounter()
    sent["contained"][0] = {"resourceType": "Patient", "id": "p", "gender": "other"}
    answer = mercy.send("/fhir/Encounter", sent)
    assert [outcome[1:3] for outcome in outcomes(answer)] == [
        ("incomplete", "Patient.identifier"),
        ("required", "Patient.identifier"),
    ]


@pytest.mark.parametrize(
    ("raw", "err"),
    [
        (a03(visit=""), b"ERR||PV1^1^19|101^Required field missing^HL70357|W|"),
        (a03(trigger="A40"), b"ERR||MRG^1^1|101^Required field missing^HL70357|W|"),
        (a03().replace(b"20260227150000", b"20990227150000"), b"ERR||EVN^1^2|102^Data type error^HL70357|W|"),
        (a03(msh11="T"), b"ERR||MSH^1^11|202^Unsupported processing id^HL70357|W|"),
    ],
)
def test_what_is_not_used_has_a_code_that_says_why(mercy, raw, err):
    answered = mercy.hl7v2(raw).data
    assert err in answered, answered
    assert b"|207^" not in answered


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


@pytest.mark.parametrize("path", ["/fhir/$process-message", "/fhir", "/fhir/Encounter", "/hl7v2"])
@pytest.mark.parametrize("kind", ["application/fhir+xml", "as its own"])
def test_xml_is_refused_with_the_reason(mercy, path, kind):
    own = FHIR if path.startswith("/fhir") else "x-application/hl7-v2+er7"
    raw = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>'
    answer = mercy.send(path, raw, kind=own if kind == "as its own" else kind)
    assert answer.status_code == 415
    assert b"XML" in answer.data


@pytest.mark.parametrize("path", ["/fhir/$process-message", "/fhir", "/fhir/Encounter", "/hl7v2"])
def test_what_is_compressed_is_refused_with_the_reason(mercy, path):
    own = FHIR if path.startswith("/fhir") else "x-application/hl7-v2+er7"
    answer = mercy.send(path, compress(b"{}"), kind=own, Content_Encoding="deflate")
    assert answer.status_code == 415
    assert b"Content-Encoding" in answer.data
    untold = mercy.send(path, compress(b"{}"), kind=own)
    assert untold.status_code == 415
    assert b"It is compressed (gzip): send it as it is" in untold.data


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-02-27T13:59:60+01:00", "2026-02-27T13:59:59+01:00"),
        ("2026-02-27T14:00:00.1234567890123+01:00", "2026-02-27T14:00:00.123456789+01:00"),
    ],
)
def test_an_instant_that_r4_has_and_few_others_is_used(mercy, sent, kept):
    stay = encounter(meta={"lastUpdated": sent}, period={"start": "2026-02-20T09:00:00+01:00", "end": sent})
    assert mercy.send("/fhir/Encounter", stay).status_code == 201
    assert one_case(mercy)["document"]["received"]["stays"][0]["period"]["end"] == kept


@pytest.mark.parametrize("kind", ["transaction", "document", None])
def test_a_bundle_that_is_no_message_is_told_so(mercy, kind):
    answer = mercy.message({**message(), "type": kind})
    assert answer.status_code == 422
    assert outcomes(answer)[0][2] == "Bundle.type"


@pytest.mark.parametrize(
    ("path", "raw", "status"),
    [
        ("/fhir", b"{", 400),
        ("/fhir", b"[]", 400),
        ("/fhir", b'{"resourceType":"Patient"}', 400),
        ("/fhir", b'{"resourceType":"Bundle","type":"document","entry":[]}', 422),
        ("/fhir", b'{"resourceType":"Bundle","type":"transaction","entry":[1]}', 400),
        ("/fhir", b'{"resourceType":"Bundle","type":"transaction","entry":[{"resource":[]}]}', 422),
        ("/fhir/$process-message", b'{"resourceType":"Bundle","type":"message"}', 422),
        ("/fhir/$process-message", b'{"resourceType":"Bundle","type":"message","entry":[{}]}', 422),
        ("/fhir/Encounter", b'{"resourceType":"Encounter"}', 422),
        ("/fhir/Encounter", b'{"resourceType":"Encounter","status":{}}', 422),
        ("/fhir/Encounter", b"\x00\x01\xff", 400),
    ],
)
def test_what_is_broken_is_answered_with_its_place(mercy, path, raw, status):
    answer = mercy.send(path, raw)
    assert answer.status_code == status, answer.data
    assert outcomes(answer)


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 400, b"MSA|AE"),
        (b"PID|1||4711", 400, b"MSA|AE"),
        (a03().replace(b"MSH|^~\\&", b"MSH|^^^^"), 400, b"MSA|AE"),
        (a03(trigger=""), 422, b"MSA|AE"),
        (a03().replace(b"ADT^A03", b"ORU^R01"), 422, b"MSA|AR"),
        (a03().replace(b"|P|2.5", b"|P|9.9"), 422, b"MSA|AR"),
        (a03().replace(b"|P|2.5", b"|P|2.5||||||BIG-5"), 422, b"MSA|AE"),
        (a03().decode().encode("utf-16"), 422, b"MSA|AE"),
        (a03(trigger="A60"), 200, b"MSA|AA"),
        (a03().replace(b"Rider", b"R\x00der"), 400, b"ERR||PID^1^5|"),
        (a03().replace(b"Rider", b"R\xffder"), 400, b"ERR||PID^1^5|"),
        (
            a03().replace(b"|P|2.5", b"|P|2.5||||||KLINGON").replace(b"Rider", b"R\xf8der"),
            422,
            b"ERR||MSH^1^18|",
        ),
        (bytes(range(256)) * 40, 400, b"MSA|AE"),
        (a03(more="OBX|1|ED|||" + "A" * 6_000_000), 413, b"ERR|||104^Value too long"),
        (a03(more="OBX|1|ED|||" + "A" * 11_000_000), 413, b"ERR|||104^Value too long"),
        (a03(more="OBX|1|ED|||" + "A" * 4_900_000), 200, b"MSA|AA|MSG-1"),
    ],
)
def test_what_is_broken_is_acknowledged_as_such(mercy, raw, status, code):
    answer = mercy.hl7v2(raw)
    assert (answer.status_code, code in answer.data) == (status, True), answer.data


def test_a_name_too_long_to_be_answered_by_is_refused_and_not_given_back_whole(mercy):
    longest = "M" * 250
    assert f"MSA|AA|{longest}\r" in mercy.hl7v2(a03(longest)).text
    answer = mercy.hl7v2(a03(longest + "N" * 5000, visit="V-2"))
    assert answer.status_code == 422
    assert f"MSA|AE|{longest}\r" in answer.text
    assert "ERR||MSH^1^10|104^Value too long^HL70357|E" in answer.text
    assert len(mercy.cases()) == 1


def test_a_byte_order_mark_before_json_is_ignored_and_kept(mercy):
    raw = b"\xef\xbb\xbf" + json.dumps(encounter()).encode()
    assert mercy.send("/fhir/Encounter", raw).status_code == 201
    nobody = b"\xef\xbb\xbf" + json.dumps(encounter(subject={"reference": "Patient/unknown"})).encode()
    assert mercy.send("/fhir/Encounter", nobody).status_code == 202
    (waiting,) = mercy.house.get("/api/quarantine", partner=None).json["items"]
    assert mercy.house.get(f"/api/quarantine/{waiting['id']}/body", partner=None).data == nobody
    assert len(mercy.cases()) == 1


@pytest.mark.parametrize("kind", [b"adt^a03", b"ADT^a03", b"Adt^A03"])
def test_a_type_in_lower_case_is_told_so(mercy, kind):
    answer = mercy.hl7v2(a03().replace(b"ADT^A03", kind))
    assert answer.status_code == 422
    assert b"ERR||MSH^1^9|200^Unsupported message type^HL70357|E||||Codes are upper case" in answer.data
    assert mercy.cases() == []


def test_a_message_of_another_processing_opens_no_case(mercy):
    answer = mercy.hl7v2(a03(msh11="T"))
    assert b"MSA|AA" in answer.data
    assert b"MSH^1^11" in answer.data
    assert mercy.cases() == []


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


def test_a_large_bundle_is_answered_and_a_larger_one_refused(mercy):
    many = [
        entry(
            {"resourceType": "Observation", "id": str(number), "status": "final", "code": {"text": "x"}},
            method="POST",
            url="Observation",
        )
        for number in range(9_000)
    ]
    answer = mercy.send("/fhir", transaction("transaction", *many))
    assert answer.status_code == 200, answer.data[:500]
    assert len(json.loads(answer.data)["entry"]) == 9_003
    over = transaction("transaction", *many, *many)
    assert mercy.send("/fhir", over).status_code == 413


def test_only_hospitals_and_the_operator_may_send(house):
    for partner in ("cms", "northern", "engineer"):
        answer = house.ask("POST", "/fhir/Encounter", partner=partner, json=encounter())
        assert answer.status_code == 403


def test_the_case_system_finds_what_was_opened(mercy):
    assert mercy.message(message()).status_code == 200
    assert PERSON["value"] in json.dumps(mercy.house.get("/api/clients", partner=None).json)


def test_a_wrong_merge_is_undone_by_the_case_system_and_told(mercy):
    house = mercy.house
    old = {**PERSON, "value": "R-old"}
    assert house.put("/api/clients/old", {"identifiers": [old], "names": []}).status_code == 201
    assert house.put("/api/cases/k", {"client": "old", "status": "active"}).status_code == 201
    assert mercy.hl7v2(a03()).status_code == 200
    merge = a03("MSG-2", "A40", more="MRG|R-old^^^&urn:example:persons&URI\r").replace(b"\rPV1", b"\rZV1")
    assert b"MSA|AA" in mercy.hl7v2(merge).data
    client = house.get("/api/clients/old").headers["Casebridge-Id"]
    patient = f"/fhir/Patient/{resource_id(client, 'Patient', '')}"
    assert house.get(patient, partner=None).json["active"] is False
    house.outbox.number()
    position = house.get("/events?count=1000", partner=None).headers["Casebridge-Position"]
    answer = house.ask("POST", "/api/clients/old/unmerge")
    assert (answer.status_code, answer.json["identifiers"]) == (200, [old])
    assert house.ask("POST", "/api/clients/old/unmerge").status_code == 409
    assert house.ask("POST", "/api/clients/nobody/unmerge").status_code == 404
    assert house.ask("POST", "/api/clients/old/unmerge", partner="mercy").status_code == 403
    body = house.get(patient, partner=None).json
    assert (body.get("active", True), body.get("link")) == (True, None)
    (episode,) = house.get("/fhir/EpisodeOfCare?status=active", partner=None).json["entry"]
    assert episode["resource"]["patient"]["reference"] == patient.removeprefix("/fhir/")
    house.outbox.number()
    body = house.get(f"/events?after={position}&count=1000", partner=None).json
    kinds = {event["type"] for event in body}
    assert {"org.casebridge.patient.updated.v1", "org.casebridge.episodeofcare.updated.v1"} <= kinds
    assert patient.removeprefix("/fhir/") in {event["subject"] for event in body}


def test_a_number_that_a_wrong_merge_gave_is_taken_off_by_the_case_system(mercy):
    house = mercy.house
    assert house.put("/api/clients/river", {"identifiers": [PERSON], "names": []}).status_code == 201
    merge = a03("MSG-2", "A40", more="MRG|R-old^^^&urn:example:persons&URI\r").replace(b"\rPV1", b"\rZV1")
    assert b"MSA|AA" in mercy.hl7v2(merge).data
    old = {**PERSON, "value": "R-old"}

    def ask(sent, partner="cms"):
        return house.ask("POST", "/api/clients/river/unmerge", partner=partner, json=sent)

    assert len(house.get("/api/clients?identifier=R-old").json["items"]) == 1
    assert [ask(body).status_code for body in ({}, {"identifier": "R-old"}, [])] == [400, 400, 400]
    assert ask({"identifier": PERSON}).status_code == 409
    assert ask({"identifier": old}, partner="mercy").status_code == 403
    assert ask({"identifier": old}).status_code == 200
    assert house.get("/api/clients?identifier=R-old").json["items"] == []
    assert ask({"identifier": old}).status_code == 409


def test_a_stay_tells_when_it_was_what(mercy):
    before = {"meta": {"lastUpdated": "2026-02-20T15:00:00Z"}, "period": {"start": "2026-02-20"}}
    admitted = mercy.send("/fhir/Encounter", encounter(status="in-progress", **before))
    path = f"/fhir/{admitted.headers['Location'].partition('/fhir/')[2]}"
    assert "statusHistory" not in mercy.house.get(path, partner=None).json
    for at, status in (("26T10:10", "onleave"), ("26T10:20", "onleave"), ("27T15:30", "finished")):
        more = {"meta": {"lastUpdated": f"2026-02-{at}:00Z"}, "status": status}
        assert mercy.send("/fhir/Encounter", encounter(**more)).status_code == 200
    body = mercy.house.get(path, partner=None).json
    assert [period["status"] for period in body["statusHistory"]] == ["in-progress", "onleave"]
    assert [period["period"] for period in body["statusHistory"]] == [
        {"start": "2026-02-20", "end": "2026-02-26T10:10:00Z"},
        {"start": "2026-02-26T10:10:00Z", "end": "2026-02-27T14:00:00+01:00"},
    ]
    assert validate(body) == []


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


OTHERS = {"resourceType": "Patient", "id": "a2", "identifier": [{**PERSON, "value": "R-2"}]}
SENT = {"reference": entry(OTHERS)["fullUrl"]}


@pytest.mark.parametrize("subject", [SENT, {"identifier": OTHERS["identifier"][0]}])
@pytest.mark.parametrize("way", ["diagnosis", "reasonReference", "encounter"])
def test_a_condition_of_somebody_else_is_not_the_patients_and_its_sender_is_told(mercy, subject, way):
    sent = transaction("transaction", entry(OTHERS, method="POST", url="Patient"))
    stay, _, condition = (entry["resource"] for entry in sent["entry"][:3])
    (named,) = stay.pop("diagnosis")
    if way == "encounter":
        condition["encounter"] = {"reference": sent["entry"][0]["fullUrl"]}
    else:
        stay[way] = [named if way == "diagnosis" else named["condition"]]
    condition["subject"] = subject
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 200, answer.data
    assert [
        outcome[3] for outcome in outcomes(answer) if outcome[2].endswith("entry[2].resource.subject")
    ] == ["Of another patient than the stay with which it is told; it was left out: correct either."]
    case = mercy.house.get(f"/api/cases/{one_case(mercy)['uuid']}", partner=None).json["received"]
    assert "conditions" not in case
    assert "reasons" not in case["stays"][0]
