"""`EpisodeOfCare/{id}/$document`: a case that somebody can read and file, within scope and rights."""

import copy
import json

import pytest

from service.wire.fhir.check.validate import validate
from tests.flows import river
from tests.golden.document import page
from tests.web.seen.test_audit import records

BASE = "http://127.0.0.1:8080/fhir"
FHIR = "application/fhir+json"
CLINIC = {
    "name": "Clinic by the river",
    "kind": "care-provider",
    "telecom": [{"system": "phone", "value": "555-0112"}],
}
THERAPIST = {
    "names": [{"use": "official", "family": "Example", "given": ["Therapist"], "prefix": ["Dr"]}],
    "telecom": [
        {"system": "phone", "value": "555-0115"},
        {"system": "phone", "value": "555-0199", "use": "old"},
    ],
    "roles": [{"id": "r", "profession": "physiotherapist", "organization": "clinic"}],
}
PLAN = {
    "goals": [
        {
            "id": "walk",
            "status": "active",
            "description": "Walk 500 m without a stick",
            "target": {
                "measure": {"text": "Distance walked"},
                "quantity": 0.5,
                "unit": "km",
                "due": "2026-06-30",
            },
            "progress": [{"date": "2026-04-20", "achievement": "improving", "note": "100 m with a stick"}],
        }
    ],
    "services": [
        {
            "id": "physio",
            "kind": "physiotherapy",
            "status": "active",
            "practitioner": "therapist",
            "provider": "clinic",
            "schedule": {"frequency": 2, "period": 1, "unit": "wk"},
            "period": {"start": "2026-03-05", "end": "2026-06-05"},
        }
    ],
    "appointments": [
        {
            "id": "two",
            "status": "booked",
            "description": "Second training",
            "start": "2026-03-13T09:00:00+01:00",
            "end": "2026-03-13T10:00:00+01:00",
        },
        {
            "id": "one",
            "status": "fulfilled",
            "description": "First training",
            "start": "2026-03-06T09:00:00+01:00",
            "end": "2026-03-06T10:00:00+01:00",
            "practitioner": "therapist",
        },
    ],
    "check_ins": [
        {
            "id": "first",
            "status": "completed",
            "medium": "phone",
            "planned": "2026-03-08",
            "done": "2026-03-08T11:00:00+01:00",
            "by": "nurse",
            "topic": "Pain and sleep",
            "note": "Sleeps better.",
        }
    ],
}
CASE = {
    **river.CASE,
    "managing_organization": "clinic",
    "conditions": [{"id": "femur", "code": {"text": "Fracture of the femur"}, "onset": "2026-02-10"}],
    "team": [
        *river.CASE["team"],
        {"id": "therapist", "role": "physiotherapist", "practitioner": "therapist"},
        {"id": "clinic", "role": "hospital-contact", "organization": "clinic"},
    ],
    "plan": {**river.CASE["plan"], **PLAN},
}


@pytest.fixture
def filed(house):
    """River's case with all that a document tells of."""
    for path, document in (
        ("/api/directory/organization/clinic", CLINIC),
        ("/api/directory/practitioner/therapist", THERAPIST),
        *river.STORY[:3],
        ("/api/cases/c1", CASE),
    ):
        answer = house.put(path, document)
        assert answer.status_code == 201, answer.data
    return house


def address_of(house, partner="cms"):
    return f"/fhir/EpisodeOfCare/{house.one('EpisodeOfCare', partner)['id']}/$document"


# what the case system sent, as a person is to find it: on the first page, then in the section of a title
COVER = ("River", "1990-02", "R-1", "C-1", "active", "2026-03-01", "Nurse Example", "Clinic by the river")
FOUND = {
    "Care team": (
        "Nurse Example | case manager",
        "A friend from the cycling club | friend",
        "Dr Therapist Example | physiotherapist;  | Clinic by the river;  | 555-0115;",
        "Clinic by the river | hospital contact;  |  | 555-0112",
    ),
    "Diagnoses and problems": ("Fracture of the femur; 2026-02-10",),
    "Care plan": ("Back on the bicycle; active", "Author: Nurse Example"),
    "Goals": (
        "Walk 500 m without a stick | Distance walked 0.5 km;  | 2026-06-30;  | improving (2026-04-20)",
        "100 m with a stick | active",
    ),
    "Services": (
        "physiotherapy | Dr Therapist Example; 555-0115; Clinic by the river; 555-0112",
        "2026-03-05 - 2026-06-05 | 2 x / 1 week(s) |  | active",
    ),
    "Appointments": (
        "2026-03-06 09:00 - 10:00 | First training | Dr Therapist Example;  | fulfilled",
        "2026-03-13 09:00 - 10:00 | Second training |  | booked",
    ),
    "Check-ins": (
        "2026-03-08  | phone check-in; Pain and sleep;  | Nurse Example | completed",
        "2026-03-08 11:00; Sleeps better.",
    ),
}


def test_a_person_finds_in_it_what_they_need(filed):
    composition = filed.get(address_of(filed)).json["entry"][0]["resource"]
    whole = page(composition).replace("\N{EN DASH}", "-").replace("\N{MULTIPLICATION SIGN}", "x")
    cover, *sections = whole.split("# ")[1:]
    assert [text for text in COVER if text not in cover] == []
    read = {section.partition("\n")[0]: section for section in sections}
    assert [text for title, texts in FOUND.items() for text in texts if text not in read[title]] == []
    # a number that is no longer theirs is not told
    assert "555-0199" not in whole
    assert read["Appointments"].index("First training") < read["Appointments"].index("Second training")


def test_it_is_a_document_of_what_reads_give(filed):
    for partner in ("cms", "northern"):
        answer = filed.get(address_of(filed, partner), partner=partner)
        bundle = answer.json
        assert (answer.status_code, answer.mimetype, bundle["type"]) == (200, FHIR, "document")
        assert bundle["identifier"]["value"].startswith("urn:uuid:")
        first, *others = bundle["entry"]
        assert first["resource"]["resourceType"] == "Composition"
        for entry in others:
            path = entry["fullUrl"].removeprefix(BASE)
            assert entry["resource"] == filed.get(f"/fhir{path}", partner=partner).json
        assert bundle["timestamp"] == max(
            filed.get(f"/fhir/{type_}?_sort=-_lastUpdated&_count=1", partner=partner)
            .json["entry"][0]["resource"]["meta"]["lastUpdated"]
            .replace("Z", "+00:00")
            for type_ in {entry["resource"]["resourceType"] for entry in others}
        )
        assert validate(json.loads(answer.data)) == []


def test_what_does_not_stand_in_it_is_not_there_for_who_asks(filed):
    for partner in ("cms", "northern"):
        bundle = filed.get(address_of(filed, partner), partner=partner).json
        urls = {entry["fullUrl"] for entry in bundle["entry"]}
        text = json.dumps(bundle)
        named = {part.split('"')[0] for part in text.split('"reference": "')[1:]}
        for reference in named:
            path = "/".join(reference.removeprefix(f"{BASE}/").split("/")[:2])
            if f"{BASE}/{path}" not in urls:
                assert filed.get(f"/fhir/{path}", partner=partner).status_code == 404, path


def test_where_somebody_works_by_a_role_alone_stands_in_it_too_and_on_record(filed):
    hill = {"name": "House on the hill", "kind": "care-provider"}
    assert filed.put("/api/directory/organization/hill", hill).status_code == 201
    role = {"id": "s", "profession": "physiotherapist", "organization": "hill"}
    therapist = {**THERAPIST, "roles": [role, *THERAPIST["roles"]]}
    path = "/api/directory/practitioner/therapist"
    assert filed.put(path, therapist, headers={"If-Match": "*"}).status_code == 200
    first, *others = filed.get(address_of(filed)).json["entry"]
    assert "House on the hill" in page(first["resource"])
    (there,) = (entry["fullUrl"] for entry in others if entry["resource"].get("name") == "House on the hill")
    things = records(filed.engine)[-1].things
    for url in [there, *(entry["fullUrl"] for entry in others if "/PractitionerRole/" in entry["fullUrl"])]:
        assert url.removeprefix(f"{BASE}/") in things


def test_the_same_state_gives_the_same_bytes_and_entity_tag(filed):
    url = address_of(filed)
    first, second = filed.get(url), filed.get(url)
    assert (first.data, first.headers["ETag"]) == (second.data, second.headers["ETag"])
    tag = {"If-None-Match": first.headers["ETag"]}
    same = filed.get(url, headers=tag)
    assert (same.status_code, same.data) == (304, b"")
    danish = filed.get(url, headers={**tag, "Accept-Language": "da"})
    assert (danish.status_code, danish.headers["Content-Language"]) == (200, "da")
    changed = copy.deepcopy(CASE)
    changed["plan"]["goals"][0]["progress"].append({"date": "2026-05-20", "achievement": "achieved"})
    assert filed.put("/api/cases/c1", changed, headers={"If-Match": 'W/"1"'}).status_code == 200
    after = filed.get(url, headers=tag)
    assert after.status_code == 200
    assert "achieved (2026-05-20)" in page(after.json["entry"][0]["resource"])
    before, now = first.json, after.json
    assert before["identifier"] != now["identifier"]
    assert before["entry"][0]["resource"]["identifier"] == now["entry"][0]["resource"]["identifier"]


def test_a_reference_to_a_version_leads_to_that_version(filed):
    changed = copy.deepcopy(CASE)
    changed["plan"]["title"] = "Another title"
    assert filed.put("/api/cases/c1", changed, headers={"If-Match": 'W/"1"'}).status_code == 200
    entries = filed.get(address_of(filed)).json["entry"][1:]
    versions = {f"{e['fullUrl']}/_history/{e['resource']['meta']['versionId']}" for e in entries}
    urls = {version.rpartition("/_history/")[0] for version in versions}
    provenances = [
        entry["resource"] for entry in entries if entry["resource"]["resourceType"] == "Provenance"
    ]
    targets = [f"{BASE}/{target['reference']}" for one in provenances for target in one["target"]]
    assert targets
    assert {target for target in targets if target.rpartition("/_history/")[0] in urls} <= versions


def test_it_is_asked_by_head_and_post_and_told_pretty_and_compressed(filed):
    url = address_of(filed)
    whole = filed.get(url)
    head = filed.ask("HEAD", url)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", whole.headers["ETag"])
    assert filed.ask("POST", url).data == whole.data
    posted = filed.ask("POST", url, json={"resourceType": "Parameters"}, content_type=FHIR)
    assert posted.data == whole.data
    assert filed.get(f"{url}?_format=json&_pretty=true").json == whole.json
    small = filed.get(url, headers={"Accept-Encoding": "gzip"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert len(small.data) < len(whole.data)
    assert filed.get(f"{url}?_format=xml").status_code == 406


@pytest.mark.parametrize(
    ("query", "status", "where"), [("?persist=true", 400, "persist"), ("?_count=1", 400, "_count")]
)
def test_what_is_not_taken_is_named(filed, query, status, where):
    answer = filed.get(address_of(filed) + query)
    assert (answer.status_code, answer.json["issue"][0]["expression"]) == (status, [where])
    asked = {"resourceType": "Parameters", "parameter": [{"name": "persist", "valueBoolean": True}]}
    assert filed.ask("POST", address_of(filed), json=asked, content_type=FHIR).status_code == 400


def test_a_role_that_somebody_has_no_more_is_not_told(filed):
    other = {**THERAPIST, "roles": []}
    address = "/api/directory/practitioner/therapist"
    assert filed.put(address, other, headers={"If-Match": 'W/"1"'}).status_code == 200
    composition = filed.get(address_of(filed)).json["entry"][0]["resource"]
    assert "Dr Therapist Example | physiotherapist;  |  | 555-0115" in page(composition)


def test_who_does_not_see_the_case_is_told_of_nobody(filed):
    url = address_of(filed)
    never = f"/fhir/EpisodeOfCare/{'0' * 36}/$document"
    for partner in ("southern", "mercy", "other"):
        answer = filed.get(url, partner=partner)
        assert (answer.status_code, answer.json) == (404, filed.get(never, partner=partner).json)
    assert filed.get(url.replace("EpisodeOfCare", "CarePlan")).status_code == 404


def test_who_is_erased_is_gone(filed):
    url = address_of(filed)
    uuid = filed.get("/api/cases/c1").headers["Casebridge-Id"]
    assert filed.ask("DELETE", f"/api/cases/{uuid}", partner=None).status_code == 204
    assert (filed.get(url, partner=None).status_code, filed.get(url).status_code) == (410, 404)


def test_nobody_who_was_erased_from_the_directory_is_named(filed):
    """Names are put in when it is asked for, so an erasure reaches every document that is asked for later."""
    case = copy.deepcopy(CASE)
    case["team"] = [one for one in case["team"] if one["id"] != "therapist"]
    case["plan"]["services"][0].pop("practitioner")
    case["plan"]["appointments"][1].pop("practitioner")
    assert "Therapist" in filed.get(address_of(filed)).get_data(as_text=True)
    assert filed.put("/api/cases/c1", case, headers={"If-Match": 'W/"1"'}).status_code == 200
    uuid = filed.get("/api/directory/practitioner/therapist").headers["Casebridge-Id"]
    assert filed.ask("DELETE", f"/api/directory/practitioner/{uuid}", partner=None).status_code == 204
    text = filed.get(address_of(filed)).get_data(as_text=True)
    assert "Therapist" not in text
    assert "555-0115" not in text


def test_the_statement_names_it_and_it_is_defined(house):
    by_type = {
        resource["type"]: resource for resource in house.get("/fhir/metadata").json["rest"][0]["resource"]
    }
    named = {one["name"]: one["definition"] for one in by_type["EpisodeOfCare"]["operation"]}
    (entry,) = house.get(f"/fhir/OperationDefinition?url={named['document']}").json["entry"]
    assert (entry["resource"]["code"], entry["resource"]["affectsState"]) == ("document", False)
    assert validate(entry["resource"]) == []
