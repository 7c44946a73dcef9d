"""What is broken, in another form or of another processing is answered by what says why."""

import json
from gzip import compress

import pytest

from tests.web.sent import (
    FHIR,
    a03,
    encounter,
    message,
    one_case,
    outcomes,
)


@pytest.fixture
def database_url(sqlite_url):
    """What is broken is answered the same on both."""
    return sqlite_url


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
