"""What our mappings cannot use is told to its sender in the sender's places, and to the operator in ours."""

import json

from structlog.testing import capture_logs

from tests.web.sent import a03, encounter, message, outcomes


def odd(sent):
    """Let a stay be of a class that nobody has mapped."""
    sent["class"]["code"] = "ODD"
    return sent


def test_a_class_without_a_meaning_is_unknown_and_its_sender_is_told(mercy):
    sent = message()
    odd(sent["entry"][1]["resource"])
    answer = mercy.message(sent)
    assert answer.status_code == 200, answer.data
    place = ("information", "code-invalid", "Bundle.entry[1].resource.class.code")
    assert place in [outcome[:3] for outcome in outcomes(answer)]
    alone = mercy.send("/fhir/Encounter", odd(encounter()))
    assert ("code-invalid", "Encounter.class.code") in [outcome[1:3] for outcome in outcomes(alone)]


def test_the_sender_of_an_event_without_a_meaning_is_told_where_it_stands(mercy):
    system = "http://hl7.org/fhir/us/davinci-alerts/CodeSystem/notification-event"
    sent = message()
    sent["entry"][0]["resource"]["eventCoding"] = {"system": system, "code": "notification-odd"}
    with capture_logs() as logs:
        answer = mercy.message(sent)
    assert answer.status_code == 202
    assert {outcome[2] for outcome in outcomes(answer)} == {"Bundle.entry[0].resource.eventCoding.code"}
    assert "yaml" not in answer.text
    (logged,) = [log for log in logs if log["event"] == "not_understood"]
    assert "inbound/discharge-of-fhir.yaml:" in logged["where"]
    assert "target Discharge" in logged["where"]
    assert "notification-odd" not in json.dumps(logged)
    assert logged["entry"] in answer.text


def test_the_sender_of_hl7v2_is_told_the_field(mercy):
    answer = mercy.hl7v2(a03().replace(b"PV1|1|I|", b"PV1|1|%|"))
    assert b"ERR||PV1^1^2^1^1|103^Table value not found^HL70357|W|" in answer.data
    assert b"yaml" not in answer.data


def test_a_value_that_is_too_long_for_us_is_told_where_it_stands(mercy):
    sent = message()
    sent["entry"][2]["resource"]["name"] = [{"family": "Short"}, {"family": "x" * 2_000}]
    answer = mercy.message(sent)
    assert answer.status_code == 202
    assert {outcome[2] for outcome in outcomes(answer)} == {"Bundle.entry[2].resource.name[1].family"}
    diagnosed = message("m2")
    diagnosed["entry"][3]["resource"]["code"]["text"] = "x" * 20_000
    assert {outcome[2] for outcome in outcomes(mercy.message(diagnosed))} == {
        "Bundle.entry[3].resource.code.text"
    }
    named = a03().replace(b"Rider^River", b"Rider^" + b"x" * 2_000)
    assert b"ERR||PID^1^5^1^2|" in mercy.hl7v2(named).data
