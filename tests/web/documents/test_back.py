"""What partners put back: one participant more, progress, another case manager; and what is refused."""

import copy
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from service.settings import Settings
from service.values.ids import resource_id
from service.wiring import compiled
from tests.flows import river
from tests.web.conftest import House
from tests.web.sent import Mercy, encounter

REGISTRY = """
views: {lean: [minimum-necessary], american: [us-core]}
partners:
  - {name: cms, kind: case-system, writes: [CareTeam]}
  - {name: other, kind: case-system, writes: [CareTeam, CarePlan, EpisodeOfCare]}
  - name: northern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: northern}]
    writes: [CareTeam, CarePlan, EpisodeOfCare]
  - name: lean
    kind: insurer
    view: lean
    identifiers: [{system: "urn:example:payers", value: northern}]
    writes: [CareTeam, CarePlan, EpisodeOfCare]
  - name: us
    kind: insurer
    view: american
    identifiers: [{system: "urn:example:payers", value: northern}]
    writes: [CareTeam, CarePlan, EpisodeOfCare]
  - {name: reader, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
  - name: southern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: southern}]
    writes: [CareTeam, CarePlan, EpisodeOfCare]
  - {name: mercy, kind: hospital}
  - {name: engineer, kind: engineer}
"""
ROLE = "https://casebridge.org/fhir/CodeSystem/case-role"
FHIR = "application/fhir+json"


@pytest.fixture(scope="module")
def mappings(tmp_path_factory):
    registry = tmp_path_factory.mktemp("back") / "partners.yaml"
    registry.write_text(REGISTRY, encoding="utf-8")
    return compiled.catalogues(Settings.from_env({"CASEBRIDGE_PARTNERS": str(registry)}))


@pytest.fixture
def settings(tmp_path, database_url):
    registry = tmp_path / "partners.yaml"
    registry.write_text(REGISTRY, encoding="utf-8")
    return Settings.from_env(
        {
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": database_url,
            "CASEBRIDGE_PARTNERS": str(registry),
        }
    )


def put(house, resource, *, partner="northern", version=None, **headers):
    """Put a resource as it was read, with what was changed in it."""
    tag = {"If-Match": f'W/"{version or resource["meta"]["versionId"]}"'} if version != "" else {}
    path = f"/fhir/{resource['resourceType']}/{resource['id']}"
    return house.put(path, resource, partner=partner, headers={"Content-Type": FHIR, **tag, **headers})


def refused(answer):
    """Which elements an answer refuses."""
    assert answer.status_code == 422, answer.json
    assert {each["severity"] for each in answer.json["issue"]} == {"error"}
    return sorted(each["expression"][0] for each in answer.json["issue"])


def participant(role, **member):
    return {"role": [{"coding": [{"system": ROLE, "code": role}]}], "member": member}


def case(house):
    return house.get("/api/cases/c1")


def test_an_insurer_adds_a_participant_known_in_the_directory_and_the_case_has_it(told):
    nurse = river.NURSE | {"names": [{"family": "Other"}]}
    told.put("/api/directory/practitioner/other-nurse", nurse)
    services = [river.CASE["plan"]["services"][0] | {"practitioner": "other-nurse"}]
    document = river.CASE | {"plan": river.CASE["plan"] | {"services": services}}
    assert told.put("/api/cases/c1", document, headers={"If-Match": 'W/"1"'}).status_code == 200
    (activity,) = told.one("CarePlan", "northern")["activity"]
    service = told.get(f"/fhir/{activity['reference']['reference']}", partner="northern").json
    (known,) = service["performer"]
    told.outbox.number()
    before = len(told.get("/events?count=1000", partner="engineer").json)

    team = told.one("CareTeam", "northern")
    team["participant"].append(participant("registered-nurse", **known))
    answer = put(told, team)
    assert answer.status_code == 200, answer.json
    assert answer.headers["ETag"] == 'W/"2"'
    assert answer.json == told.one("CareTeam", "northern")

    added = case(told).json["team"][-1]
    assert {key: added[key] for key in added if key != "id"} == {
        "role": "registered-nurse",
        "practitioner": "other-nurse",
    }
    assert case(told).json["team"][:-1] == river.CASE["team"]
    assert case(told).headers["ETag"] == 'W/"3"'
    last = told.get("/api/cases/c1/revisions").json["items"][0]
    assert (last["partner"], last["cause"]) == ("northern", "update")
    told.outbox.number()
    events = told.get("/events?count=1000", partner="engineer").json[before:]
    assert [each["type"] for each in events] == [
        "org.casebridge.case.updated.v1",
        "org.casebridge.careteam.updated.v1",
    ]


def test_somebody_of_whom_only_the_name_is_known_is_added_changed_and_taken_away(told):
    team = told.one("CareTeam", "northern")
    added = participant("insurer-contact", display="The case desk") | {"id": "desk"}
    team["participant"].insert(0, added)
    team = put(told, team).json
    desk = {"id": "desk", "role": "insurer-contact", "name": "The case desk"}
    assert case(told).json["team"] == [desk, *river.CASE["team"]]

    team["participant"][0]["period"] = {"start": "2026-03"}
    team = put(told, team).json
    assert case(told).json["team"][0] == desk | {"period": {"start": "2026-03"}}

    del team["participant"][0]
    assert put(told, team).status_code == 200
    assert case(told).json["team"] == river.CASE["team"]


def test_a_public_code_says_the_role_where_it_says_it_for_sure(told):
    team = told.one("CareTeam", "northern")
    coding = {"system": "http://snomed.info/sct", "code": "36682004"}
    team["participant"].append({"role": [{"coding": [coding]}], "member": {"display": "A physiotherapist"}})
    answer = put(told, team)
    assert answer.status_code == 200, answer.json
    assert case(told).json["team"][-1]["role"] == "physiotherapist"


def test_progress_comes_to_the_service_whose_activity_it_is(told):
    plan = told.one("CarePlan", "northern")
    note = {
        "time": "2026-04-01T10:00:00+02:00",
        "text": "Walks <with> a stick",
        "authorString": "A therapist",
    }
    plan["activity"][0]["progress"] = [note]
    plan["activity"][2]["progress"] = [{"id": "n1", "text": "Called twice"}]
    answer = put(told, plan)
    assert answer.status_code == 200, answer.json
    physio, neuro, call = case(told).json["plan"]["services"]
    assert [{k: v for k, v in each.items() if k != "id"} for each in physio["progress"]] == [
        {"time": note["time"], "text": note["text"], "name": "A therapist"}
    ]
    assert call["progress"] == [{"id": "n1", "text": "Called twice"}]
    assert "progress" not in neuro

    plan = answer.json
    del plan["activity"][0]["progress"]
    assert put(told, plan).status_code == 200
    assert "progress" not in case(told).json["plan"]["services"][0]


def test_another_case_manager_is_appointed_by_who_may_put_the_episode(told):
    other = told.put("/api/directory/practitioner/other-nurse", river.NURSE)
    reference = f"Practitioner/{resource_id(other.headers['Casebridge-Id'], 'Practitioner', '')}"
    episode = told.one("EpisodeOfCare", "northern")
    before = case(told).json
    appointed = episode | {"careManager": {"reference": reference}}
    # northern may not read this one, so it knows nobody of the name
    assert refused(put(told, appointed)) == ["EpisodeOfCare.careManager.reference"]
    services = [
        before["plan"]["services"][0] | {"practitioner": "other-nurse"},
        *before["plan"]["services"][1:],
    ]
    document = before | {"plan": before["plan"] | {"services": services}}
    assert told.put("/api/cases/c1", document, headers={"If-Match": 'W/"1"'}).status_code == 200

    answer = put(told, appointed)
    assert answer.status_code == 200, answer.json
    assert answer.headers["ETag"] == 'W/"2"'
    assert answer.json == told.one("EpisodeOfCare", "northern")
    assert answer.json["careManager"] == {"reference": reference}
    assert case(told).json == document | {"care_manager": "other-nurse"}
    assert told.get("/api/cases/c1/revisions").json["items"][0]["partner"] == "northern"

    gone = {key: each for key, each in answer.json.items() if key != "careManager"}
    assert put(told, gone, version=2).status_code == 200
    assert "care_manager" not in case(told).json


def test_how_a_case_goes_its_case_system_says(told):
    episode = told.one("EpisodeOfCare", "northern")
    manager = episode["careManager"]["reference"]
    changed = copy.deepcopy(episode)
    changed |= {"status": "finished", "diagnosis": [{"condition": {"display": "A fracture"}}]}
    changed["period"]["end"] = "2026-06-01"
    changed["type"] = changed["type"][1:]
    changed["careManager"] = {"reference": "Practitioner/unknown", "display": "Somebody secret"}
    changed["team"].append({"reference": "CareTeam/another"})
    answer = put(told, changed)
    assert refused(answer) == [
        "EpisodeOfCare.careManager.display",
        "EpisodeOfCare.careManager.reference",
        "EpisodeOfCare.diagnosis",
        "EpisodeOfCare.period.end",
        "EpisodeOfCare.status",
        "EpisodeOfCare.team[1]",
        "EpisodeOfCare.type[0].coding[0]",
        "EpisodeOfCare.type[1]",
    ]
    assert b"ecret" not in answer.data
    for who in ({"reference": "Organization/x"}, {"display": "By name"}, {"identifier": {"value": "x"}}):
        found = refused(put(told, episode | {"careManager": who}))
        assert found[0].startswith("EpisodeOfCare.careManager"), found
    assert case(told).headers["ETag"] == 'W/"1"'
    assert told.one("EpisodeOfCare", "northern")["careManager"]["reference"] == manager


def test_what_was_read_can_be_put_and_nothing_comes_of_it(told):
    for type_ in ("CareTeam", "CarePlan", "EpisodeOfCare"):
        resource = told.one(type_, "northern")
        bare = {key: value for key, value in resource.items() if key not in {"meta", "text"}}
        for each in (resource, bare):
            answer = put(told, each, version=1)
            assert answer.status_code == 200, answer.json
            assert answer.json == resource
            assert answer.headers["ETag"] == 'W/"1"'
            assert "Last-Modified" in answer.headers
    assert case(told).headers["ETag"] == 'W/"1"'


def test_a_client_that_loses_element_ids_adds_nobody_twice(told):
    team = told.one("CareTeam", "northern")
    for each in team["participant"]:
        del each["id"]
    team["participant"].append(participant("friend", display="Another friend"))
    assert put(told, team).status_code == 200
    assert case(told).json["team"][:-1] == river.CASE["team"]
    assert case(told).json["team"][-1]["name"] == "Another friend"


def test_each_element_that_cannot_be_represented_is_named_and_nothing_is_stored(told):
    team = told.one("CareTeam", "northern")
    team["name"] = "The team"
    team["status"] = "inactive"
    del team["identifier"]
    team["text"] = {"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml">Mine</div>'}
    team["meta"]["tag"] = [{"code": "x"}]
    team["participant"][0]["onBehalfOf"] = {"reference": "Organization/unknown"}
    team["participant"] += [
        participant("nobody", display="Of no role"),
        participant("friend", reference="Practitioner/unknown"),
        {"member": {"display": "Without a role"}, "onBehalfOf": {"reference": "Organization/unknown"}},
        participant("friend", display="A good friend"),
    ]
    assert refused(put(told, team)) == [
        "CareTeam.identifier",
        "CareTeam.meta.tag",
        "CareTeam.name",
        "CareTeam.participant[0].onBehalfOf",
        "CareTeam.participant[2].role.coding.code",
        "CareTeam.participant[3].member.reference",
        "CareTeam.participant[4]",
        "CareTeam.participant[4].onBehalfOf",
        "CareTeam.status",
        "CareTeam.text",
    ]
    assert case(told).headers["ETag"] == 'W/"1"'
    assert told.one("CareTeam", "northern")["meta"]["versionId"] == "1"

    plan = told.one("CarePlan", "northern")
    plan["title"] = "Mine"
    plan["activity"][0]["progress"] = [
        {"text": "Well"},
        {"text": "Badly", "extension": [{"url": "urn:example:x", "valueString": "x"}]},
        {"text": "By nobody", "authorReference": {"reference": "Practitioner/unknown"}},
    ]
    del plan["activity"][1]
    plan["activity"].append({"detail": {"status": "in-progress"}})
    assert refused(put(told, plan)) == [
        "CarePlan.activity[0].progress[1].extension",
        "CarePlan.activity[0].progress[2].authorReference.reference",
        "CarePlan.activity[1]",
        "CarePlan.activity[2]",
        "CarePlan.title",
    ]
    assert case(told).headers["ETag"] == 'W/"1"'


def test_nobody_is_named_or_shown_by_what_is_refused(told):
    team = told.one("CareTeam", "northern")
    team["participant"].append(participant("Secret", display="Somebody secret"))
    team["note"] = [{"text": "Secret"}]
    answer = put(told, team)
    assert "CareTeam.participant[2].role.coding.code" in refused(answer)
    assert b"ecret" not in answer.data


def test_a_directory_entry_that_the_partner_may_not_see_is_not_there_for_it(told):
    hidden = told.put("/api/directory/practitioner/hidden", river.NURSE).headers["Casebridge-Id"]
    reference = f"Practitioner/{resource_id(hidden, 'Practitioner', '')}"
    assert told.get(f"/fhir/{reference}", partner="northern").status_code == 404
    team = told.one("CareTeam", "northern")
    team["participant"].append(participant("physician", reference=reference))
    assert refused(put(told, team)) == ["CareTeam.participant[2].member.reference"]
    assert put(told, team, partner="cms").status_code == 200
    assert case(told).json["team"][-1]["practitioner"] == "hidden"


def test_a_partner_puts_what_its_view_shows_and_what_that_hides_stays(told):
    plan = told.one("CarePlan", "northern")
    plan["activity"][0]["progress"] = [{"id": "n1", "text": "Well"}]
    assert put(told, plan).status_code == 200

    lean = told.one("CarePlan", "lean")
    assert "progress" not in lean["activity"][0]
    assert put(told, lean, partner="lean").status_code == 200
    lean["activity"][0]["progress"] = [{"text": "Who reads this?"}]
    assert refused(put(told, lean, partner="lean")) == ["CarePlan.activity[0].progress"]

    team = told.one("CareTeam", "us")
    assert team["meta"]["profile"]
    team["participant"].append(participant("friend", display="Another friend"))
    answer = put(told, team, partner="us")
    assert answer.status_code == 200, answer.json
    assert answer.json == told.one("CareTeam", "us")
    assert len(told.one("CareTeam", "lean")["participant"]) == 3
    assert case(told).json["plan"]["services"][0]["progress"] == [{"id": "n1", "text": "Well"}]


def test_what_a_hospital_brought_stays_the_hospitals(told):
    """A partner puts it back as it read it, and can neither change it nor take it away."""
    river_there = {"resourceType": "Patient", "id": "p", "identifier": river.CLIENT["identifiers"]}
    doctor = {"individual": {"display": "The ward's doctor"}}
    sent = encounter(contained=[river_there], participant=[doctor])
    assert Mercy(told).send("/fhir/Encounter", sent).status_code == 201
    received = case(told).json["received"]
    (*_, contact), (proposed, *_) = received["team"], received["plan"]["services"]

    team = told.one("CareTeam", "northern")
    (place,) = [index for index, each in enumerate(team["participant"]) if each["id"] == contact["id"]]
    team["participant"].append(participant("friend", display="Another friend"))
    changed = copy.deepcopy(team)
    changed["participant"][place]["period"] = {"start": "2026"}
    assert refused(put(told, changed)) == [f"CareTeam.participant[{place}].period"]
    del changed["participant"][place]
    assert refused(put(told, changed)) == [f"CareTeam.participant.where(id = '{contact['id']}')"]
    assert put(told, team).status_code == 200

    plan = told.one("CarePlan", "northern")
    ids = [each["id"] for each in [*case(told).json["plan"]["services"], proposed]]
    plan["activity"][len(ids) - 1]["progress"] = [{"text": "Nobody has accepted this yet"}]
    assert refused(put(told, plan)) == [f"CarePlan.activity[{len(ids) - 1}].progress"]
    assert case(told).json["received"] == received
    assert [each["name"] for each in case(told).json["team"][1:]] == [
        "A friend from the cycling club",
        "Another friend",
    ]


def test_of_two_who_put_at_once_one_is_told_that_it_read_an_older_version(told):
    team = told.one("CareTeam", "northern")
    both = Barrier(2)

    def add(name):
        mine = copy.deepcopy(team)
        mine["participant"].append(participant("friend", display=name))
        both.wait(30)
        return put(House(told.app, told.outbox._engine), mine).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, ("One friend", "Another friend"))) == [200, 412]
    assert len(case(told).json["team"]) == 3


def test_the_capability_statement_says_what_may_be_put(told):
    (rest,) = told.get("/fhir/metadata", partner=None).json["rest"]
    puts = [
        each
        for each in rest["resource"]
        if {"code": "update"} in each["interaction"] and each["type"] != "Encounter"
    ]
    assert sorted(each["type"] for each in puts) == ["CarePlan", "CareTeam", "EpisodeOfCare"]
    assert {(each["versioning"], each["updateCreate"]) for each in puts} == {("versioned-update", False)}


def test_who_may_put_what(told):
    team, plan = (told.one(each, "northern") for each in ("CareTeam", "CarePlan"))
    assert put(told, team, partner="reader").status_code == 403
    assert put(told, plan, partner="cms").status_code == 403
    assert put(told, told.one("EpisodeOfCare", "cms"), partner="cms").status_code == 403
    assert put(told, team, partner="engineer").status_code == 403
    assert put(told, team, partner=None).status_code == 403
    assert put(told, team, partner="southern").status_code == 404
    assert put(told, team, partner="other").status_code == 404
    assert put(told, team | {"id": "nowhere"}).status_code == 404
    assert put(told, team, partner="cms").status_code == 200
    assert house_of(told, "PUT", "/fhir/Goal/x").status_code == 405


def house_of(house, method, path, **given):
    return house.ask(method, path, partner="northern", **given)


def test_the_version_must_be_the_one_that_is_there(told):
    team = told.one("CareTeam", "northern")
    team["participant"].append(participant("friend", display="Another friend"))
    assert put(told, team, version="").status_code == 428
    assert put(told, team, version=2).status_code == 412
    danish = put(told, team, version="1-da")
    assert danish.status_code == 412
    assert "without Accept-Language" in danish.json["issue"][0]["details"]["text"]
    assert put(told, team, version="x").status_code == 400
    # what the resource says of its own version is not heeded (R4 http section 3.1.0.7)
    assert put(told, team | {"meta": {"versionId": "7"}}, version=1).status_code == 200
    assert put(told, team).status_code == 412


def test_what_is_no_such_resource_is_refused_by_what_it_is(told):
    team = told.one("CareTeam", "northern")
    path = f"/fhir/CareTeam/{team['id']}"

    def sent(data, kind=FHIR):
        headers = {"If-Match": 'W/"1"', "Content-Type": kind}
        return house_of(told, "PUT", path, data=data, headers=headers).status_code

    assert sent(b'<CareTeam xmlns="http://hl7.org/fhir"/>', "application/fhir+xml") == 415
    assert sent(b"<CareTeam/>") == 415
    assert sent(b"{}", "text/plain") == 415
    assert sent(b"{") == 400
    assert sent(b'{"resourceType": "CarePlan"}') == 400
    assert sent(b'{"resourceType": "CareTeam"}') == 400
    assert sent(b'{"resourceType": "CareTeam", "id": "another"}') == 400
    wrong = copy.deepcopy(team) | {"participants": [], "status": "busy"}
    assert refused(put(told, wrong)) == ["CareTeam.participants", "CareTeam.status"]


def test_the_case_system_must_have_seen_what_came_back_before_it_writes_over_it(told):
    team = told.one("CareTeam", "northern")
    team["participant"].append(participant("friend", display="Another friend"))
    assert put(told, team).status_code == 200
    assert told.put("/api/cases/c1", river.CASE, headers={"If-Match": 'W/"1"'}).status_code == 412
    assert told.put("/api/cases/c1", case(told).json, headers={"If-Match": 'W/"2"'}).status_code == 200
    assert len(told.one("CareTeam", "northern")["participant"]) == 3
    assert told.put("/api/cases/c1", river.CASE, headers={"If-Match": 'W/"2"'}).status_code == 200
    assert len(told.one("CareTeam", "northern")["participant"]) == 2
