"""What hospitals make their writes depend on is heeded, in headers and in entries."""

import json

import pytest

from tests.web.sent import PERSON, VISIT, encounter, entry, outcomes, parts, transaction

NEW = f"identifier={VISIT['system']}|{VISIT['value']}"
BY_IDENTIFIER = f"/fhir/Encounter?{NEW}"


def later(minute, **more):
    return encounter(meta={"lastUpdated": f"2026-02-27T15:{minute:02}:00Z"}, **more)


def undated(**more):
    return {key: value for key, value in encounter(**more).items() if key != "meta"}


def kept(mercy, answer):
    path = answer.headers["Location"].partition("/fhir/")[2]
    return mercy.house.get(f"/fhir/{path}", partner=None)


def test_what_is_only_to_be_created_is_not_changed(mercy):
    first = mercy.send("/fhir/Encounter", encounter(), If_None_Exist=NEW)
    assert first.status_code == 201, first.data
    leaves = later(30, status="onleave")
    again = mercy.send("/fhir/Encounter", leaves, If_None_Exist=NEW)
    assert again.status_code == 200
    assert [again.headers[name] == first.headers[name] for name in ("Location", "ETag")] == [True, True]
    assert kept(mercy, first).json["status"] == "finished"
    assert mercy.send("/fhir/Encounter", leaves).status_code == 200
    assert kept(mercy, first).json["status"] == "onleave"


def test_a_condition_governs_what_is_used_later_too(mercy):
    nobody = later(30, status="onleave", subject={"reference": "Patient/unknown"})
    assert mercy.send("/fhir/Encounter", nobody, If_None_Exist=NEW).status_code == 202
    first = mercy.send("/fhir/Encounter", encounter())
    (waits,) = mercy.house.get("/api/quarantine", partner=None).json["items"]
    path = f"/api/quarantine/{waits['id']}"
    edited = json.dumps(later(30, status="onleave")).encode()
    mercy.house.ask("PUT", f"{path}/body", partner=None, data=edited)
    assert mercy.house.ask("POST", f"{path}/replay", partner=None).json["state"] == "ignored"
    assert kept(mercy, first).json["status"] == "finished"


def test_several_that_have_it_are_told(mercy):
    shared = {"system": "urn:example:episodes", "value": "E-1"}
    for number in ("V-1", "V-2"):
        stay = encounter(identifier=[{**VISIT, "value": number}, shared])
        assert mercy.send("/fhir/Encounter", stay).status_code == 201
    new = encounter(identifier=[{**VISIT, "value": "V-3"}])
    answer = mercy.send("/fhir/Encounter", new, If_None_Exist="identifier=urn:example:episodes|E-1")
    assert answer.status_code == 412
    assert outcomes(answer)[0][:3] == ("error", "multiple-matches", "If-None-Exist")


def test_an_update_of_what_has_changed_meanwhile_is_not_done(mercy):
    first = mercy.send("/fhir/Encounter", encounter())
    seen = first.headers["ETag"]
    assert kept(mercy, first).headers["ETag"].startswith(seen[:-1])
    changed = mercy.send(BY_IDENTIFIER, later(10, status="onleave"), method="PUT", If_Match=seen)
    assert changed.status_code == 200, changed.data
    assert changed.headers["ETag"] != seen
    stale = mercy.send(BY_IDENTIFIER, later(20), method="PUT", If_Match=seen)
    assert stale.status_code == 412
    assert outcomes(stale)[0][2] == "If-Match"
    assert kept(mercy, first).json["status"] == "onleave"
    last = mercy.send(BY_IDENTIFIER, later(20), method="PUT", If_Match=changed.headers["ETag"])
    assert last.status_code == 200
    assert kept(mercy, first).json["status"] == "finished"


def test_an_update_brings_back_what_was_before_another(mercy):
    staying, gone = undated(status="in-progress", period={"start": "2026-02-20"}), undated()
    assert mercy.send(BY_IDENTIFIER, staying, method="PUT").status_code == 201
    assert mercy.send(BY_IDENTIFIER, gone, method="PUT").status_code == 200
    first = mercy.send(BY_IDENTIFIER, staying, method="PUT")
    assert first.status_code == 200
    assert kept(mercy, first).json["status"] == "in-progress"
    again = mercy.send(BY_IDENTIFIER, gone, method="PUT")
    assert kept(mercy, again).json["status"] == "finished"


def test_a_stay_said_again_after_something_else_is_news_and_a_repetition_before_it_is_not(mercy):
    staying, gone = undated(status="in-progress", period={"start": "2026-02-20"}), undated()
    assert mercy.send("/fhir/Encounter", staying).status_code == 201
    first = mercy.send("/fhir/Encounter", gone)
    seen = kept(mercy, first).headers["ETag"]
    assert mercy.send("/fhir/Encounter", gone).status_code == 200
    assert kept(mercy, first).headers["ETag"] == seen
    assert mercy.send("/fhir/Encounter", staying).status_code == 200
    assert kept(mercy, first).json["status"] == "in-progress"


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.parametrize(
    "request_", [{"method": "PUT", "url": f"Encounter?{NEW}"}, {"method": "POST", "url": "Encounter"}]
)
def test_an_entry_brings_back_what_was_before_another(mercy, kind, request_):
    def put(**more):
        put = entry(undated(**more), **request_)
        answer = mercy.send("/fhir", {"resourceType": "Bundle", "type": kind, "entry": [put]})
        assert answer.status_code == 200
        path = answer.json["entry"][0]["response"]["location"]
        return mercy.house.get(f"/fhir/{path}", partner=None).json["status"]

    assert put(status="in-progress") == "in-progress"
    assert put() == "finished"
    assert put(status="in-progress") == "in-progress"


def test_an_update_with_a_name_of_its_own_is_used_once(mercy):
    staying, gone = undated(status="in-progress", period={"start": "2026-02-20"}), undated()
    first = mercy.send(BY_IDENTIFIER, staying, method="PUT", Idempotency_Key="u-1")
    mercy.send(BY_IDENTIFIER, gone, method="PUT", Idempotency_Key="u-2")
    late = mercy.send(BY_IDENTIFIER, staying, method="PUT", Idempotency_Key="u-1")
    assert (late.status_code, late.data) == (first.status_code, first.data)
    assert kept(mercy, first).json["status"] == "finished"


@pytest.mark.parametrize("tag", ['W/"1"', "*"])
def test_an_update_of_what_is_not_there_is_not_a_creation(mercy, tag):
    answer = mercy.send(BY_IDENTIFIER, encounter(), method="PUT", If_Match=tag)
    assert answer.status_code == 412
    assert mercy.cases() == []


@pytest.mark.parametrize(
    ("method", "header", "value"),
    [("POST", "If_None_Exist", "status=finished"), ("PUT", "If_Match", "yesterday")],
)
def test_a_condition_that_is_not_understood_is_refused(mercy, method, header, value):
    path = "/fhir/Encounter" if method == "POST" else BY_IDENTIFIER
    answer = mercy.send(path, encounter(), method=method, **{header: value})
    assert answer.status_code == 400
    assert outcomes(answer)[0][2] == header.replace("_", "-")


def test_an_entry_that_is_only_to_be_created_is_not_changed(mercy):
    assert mercy.send("/fhir", transaction()).status_code == 200
    sent = transaction()
    sent["entry"][0]["resource"] |= {"status": "onleave", "meta": {"lastUpdated": "2026-02-28T15:00:00Z"}}
    sent["entry"][0]["request"]["ifNoneExist"] = NEW
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 200, answer.data
    response = answer.json["entry"][0]["response"]
    assert response["status"] == "200 OK"
    assert mercy.house.get(f"/fhir/{response['location']}", partner=None).json["status"] == "finished"


def test_a_patient_who_is_only_to_be_created_is_not_renamed(mercy):
    assert mercy.send("/fhir", transaction()).status_code == 200
    stay, patient, brain = parts()
    stay["identifier"] = [{**VISIT, "value": "V-2"}]
    patient |= {"name": [{"family": "Renamed"}], "identifier": [PERSON, {**PERSON, "value": "R-2"}]}
    only_new = {"ifNoneExist": f"Patient?identifier={PERSON['system']}|{PERSON['value']}"}
    sent = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            entry(stay, method="POST", url="Encounter"),
            entry(patient, method="POST", url="Patient", **only_new),
            entry(brain, method="POST", url="Condition"),
        ],
    }
    answer = mercy.send("/fhir", sent)
    assert answer.json["entry"][0]["response"]["status"] == "201 Created", answer.data
    (client,) = mercy.house.get("/api/clients", partner=None).json["items"]
    assert client["document"]["names"][0]["family"] == "Rider"
    assert [identifier["value"] for identifier in client["document"]["identifiers"]] == ["R-1"]


def test_a_stale_entry_lets_nothing_of_a_transaction_be_done(mercy):
    first = mercy.send("/fhir", transaction()).json["entry"][0]["response"]
    sent = transaction()
    sent["entry"][0]["resource"] |= {"status": "onleave", "meta": {"lastUpdated": "2026-02-28T15:00:00Z"}}
    sent["entry"][0]["request"] = {"method": "PUT", "url": f"Encounter?{NEW}", "ifMatch": 'W/"7"'}
    other = encounter(id="e2", identifier=[{**VISIT, "value": "V-2"}])
    sent["entry"].append(entry(other, method="POST", url="Encounter"))
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 412
    assert outcomes(answer)[0][2] == "Bundle.entry[0].request.ifMatch"
    sent["type"] = "batch"
    statuses = [one["response"]["status"][:3] for one in mercy.send("/fhir", sent).json["entry"]]
    assert statuses == ["412", "200", "200", "201"]
    sent["type"] = "transaction"
    sent["entry"][0]["request"]["ifMatch"] = first["etag"]
    answer = mercy.send("/fhir", sent)
    assert answer.status_code == 200, answer.data
    response = answer.json["entry"][0]["response"]
    assert mercy.house.get(f"/fhir/{response['location']}", partner=None).json["status"] == "onleave"


@pytest.mark.parametrize(
    ("index", "request_", "name", "code"),
    [
        (
            0,
            {"method": "POST", "url": "Encounter", "ifNoneExist": "status=finished"},
            "ifNoneExist",
            "structure",
        ),
        (0, {"method": "POST", "url": "Encounter", "ifMatch": 'W/"1"'}, "ifMatch", "not-supported"),
        (0, {"method": "PUT", "url": f"Encounter?{NEW}", "ifMatch": "x"}, "ifMatch", "structure"),
        (0, {"method": "PUT", "url": f"Encounter?{NEW}", "ifNoneExist": NEW}, "ifNoneExist", "not-supported"),
        (1, {"method": "PUT", "url": "Patient/a1", "ifMatch": 'W/"1"'}, "ifMatch", "not-supported"),
        (1, {"method": "POST", "url": "Patient", "ifNoneMatch": "*"}, "ifNoneMatch", "not-supported"),
    ],
)
@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_a_condition_of_an_entry_that_is_not_heeded_is_refused(mercy, kind, index, request_, name, code):
    sent = transaction(kind)
    sent["entry"][index]["request"] = request_
    answer = mercy.send("/fhir", sent)
    assert ("error", code, f"Bundle.entry[{index}].request.{name}") in [
        outcome[:3] for outcome in outcomes(answer)
    ]
    assert answer.status_code == (422 if kind == "transaction" else 200)
