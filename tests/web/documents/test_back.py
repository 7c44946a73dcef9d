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
    assert {issue["severity"] for issue in answer.json["issue"]} == {"error"}
    return sorted(issue["expression"][0] for issue in answer.json["issue"])


def participant(role, **member):
    return {"role": [{"coding": [{"system": ROLE, "code": role}]}], "member": member}


def case(house):
    return house.get("/api/cases/c1")


def test_an_insurer_adds_a_participant_known_in_the_directory_and_the_case_has_it(rivers_house):
    nurse = river.NURSE | {"names": [{"family": "Other"}]}
    rivers_house.put("/api/directory/practitioner/other-nurse", nurse)
    services = [river.CASE["plan"]["services"][0] | {"practitioner": "other-nurse"}]
    document = river.CASE | {"plan": river.CASE["plan"] | {"services": services}}
    assert rivers_house.put("/api/cases/c1", document, headers={"If-Match": 'W/"1"'}).status_code == 200
    (activity,) = rivers_house.one("CarePlan", "northern")["activity"]
    service = rivers_house.get(f"/fhir/{activity['reference']['reference']}", partner="northern").json
    (known,) = service["performer"]
    rivers_house.outbox.number()
    before = len(rivers_house.get("/events?count=1000", partner="engineer").json)

    team = rivers_house.one("CareTeam", "northern")
    team["participant"].append(participant("registered-nurse", **known))
    answer = put(rivers_house, team)
    assert answer.status_code == 200, answer.json
    assert answer.headers["ETag"] == 'W/"2"'
    assert answer.json == rivers_house.one("CareTeam", "northern")

    added = case(rivers_house).json["team"][-1]
    assert {key: added[key] for key in added if key != "id"} == {
        "role": "registered-nurse",
        "practitioner": "other-nurse",
    }
    assert case(rivers_house).json["team"][:-1] == river.CASE["team"]
    assert case(rivers_house).headers["ETag"] == 'W/"3"'
    last = rivers_house.get("/api/cases/c1/revisions").json["items"][0]
    assert (last["partner"], last["cause"]) == ("northern", "update")
    rivers_house.outbox.number()
    events = rivers_house.get("/events?count=1000", partner="engineer").json[before:]
    assert [event["type"] for event in events] == [
        "org.casebridge.case.updated.v1",
        "org.casebridge.careteam.updated.v1",
    ]


def test_somebody_of_whom_only_the_name_is_known_is_added_changed_and_taken_away(rivers_house):
    team = rivers_house.one("CareTeam", "northern")
    added = participant("insurer-contact", display="The case desk") | {"id": "desk"}
    team["participant"].insert(0, added)
    team = put(rivers_house, team).json
    desk = {"id": "desk", "role": "insurer-contact", "name": "The case desk"}
    assert case(rivers_house).json["team"] == [desk, *river.CASE["team"]]

    team["participant"][0]["period"] = {"start": "2026-03"}
    team = put(rivers_house, team).json
    assert case(rivers_house).json["team"][0] == desk | {"period": {"start": "2026-03"}}

    del team["participant"][0]
    assert put(rivers_house, team).status_code == 200
    assert case(rivers_house).json["team"] == river.CASE["team"]


def test_a_public_code_says_the_role_where_it_says_it_for_sure(rivers_house):
    team = rivers_house.one("CareTeam", "northern")
    coding = {"system": "http://snomed.info/sct", "code": "36682004"}
    team["participant"].append({"role": [{"coding": [coding]}], "member": {"display": "A physiotherapist"}})
    answer = put(rivers_house, team)
    assert answer.status_code == 200, answer.json
    assert case(rivers_house).json["team"][-1]["role"] == "physiotherapist"


def test_progress_comes_to_the_service_whose_activity_it_is(rivers_house):
    plan = rivers_house.one("CarePlan", "northern")
    note = {
        "time": "2026-04-01T10:00:00+02:00",
        "text": "Walks <with> a stick",
        "authorString": "A therapist",
    }
    plan["activity"][0]["progress"] = [note]
    plan["activity"][2]["progress"] = [{"id": "n1", "text": "Called twice"}]
    answer = put(rivers_house, plan)
    assert answer.status_code == 200, answer.json
    physio, neuro, call = case(rivers_house).json["plan"]["services"]
    assert [{k: v for k, v in note.items() if k != "id"} for note in physio["progress"]] == [
        {"time": note["time"], "text": note["text"], "name": "A therapist"}
    ]
    assert call["progress"] == [{"id": "n1", "text": "Called twice"}]
    assert "progress" not in neuro

    plan = answer.json
    del plan["activity"][0]["progress"]
    assert put(rivers_house, plan).status_code == 200
    assert "progress" not in case(rivers_house).json["plan"]["services"][0]


def test_another_case_manager_is_appointed_by_who_may_put_the_episode(rivers_house):
    other = rivers_house.put("/api/directory/practitioner/other-nurse", river.NURSE)
    reference = f"Practitioner/{resource_id(other.headers['Casebridge-Id'], 'Practitioner', '')}"
    episode = rivers_house.one("EpisodeOfCare", "northern")
    before = case(rivers_house).json
    appointed = episode | {"careManager": {"reference": reference}}
    # northern may not read this one, so it knows nobody of the name
    assert refused(put(rivers_house, appointed)) == ["EpisodeOfCare.careManager.reference"]
    services = [
        before["plan"]["services"][0] | {"practitioner": "other-nurse"},
        *before["plan"]["services"][1:],
    ]
    document = before | {"plan": before["plan"] | {"services": services}}
    assert rivers_house.put("/api/cases/c1", document, headers={"If-Match": 'W/"1"'}).status_code == 200

    answer = put(rivers_house, appointed)
    assert answer.status_code == 200, answer.json
    assert answer.headers["ETag"] == 'W/"2"'
    assert answer.json == rivers_house.one("EpisodeOfCare", "northern")
    assert answer.json["careManager"] == {"reference": reference}
    assert case(rivers_house).json == document | {"care_manager": "other-nurse"}
    assert rivers_house.get("/api/cases/c1/revisions").json["items"][0]["partner"] == "northern"

    gone = {key: value for key, value in answer.json.items() if key != "careManager"}
    assert put(rivers_house, gone, version=2).status_code == 200
    assert "care_manager" not in case(rivers_house).json


def test_how_a_case_goes_its_case_system_says(rivers_house):
    episode = rivers_house.one("EpisodeOfCare", "northern")
    manager = episode["careManager"]["reference"]
    changed = copy.deepcopy(episode)
    changed |= {"status": "finished", "diagnosis": [{"condition": {"display": "A fracture"}}]}
    changed["period"]["end"] = "2026-06-01"
    changed["type"] = changed["type"][1:]
    changed["careManager"] = {"reference": "Practitioner/unknown", "display": "Somebody secret"}
    changed["team"].append({"reference": "CareTeam/another"})
    answer = put(rivers_house, changed)
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
        refusals = refused(put(rivers_house, episode | {"careManager": who}))
        assert refusals[0].startswith("EpisodeOfCare.careManager"), refusals
    assert case(rivers_house).headers["ETag"] == 'W/"1"'
    assert rivers_house.one("EpisodeOfCare", "northern")["careManager"]["reference"] == manager


def test_what_was_read_can_be_put_and_nothing_comes_of_it(rivers_house):
    for type_ in ("CareTeam", "CarePlan", "EpisodeOfCare"):
        resource = rivers_house.one(type_, "northern")
        bare = {key: value for key, value in resource.items() if key not in {"meta", "text"}}
        for sent in (resource, bare):
            answer = put(rivers_house, sent, version=1)
            assert answer.status_code == 200, answer.json
            assert answer.json == resource
            assert answer.headers["ETag"] == 'W/"1"'
            assert "Last-Modified" in answer.headers
    assert case(rivers_house).headers["ETag"] == 'W/"1"'


def test_a_client_that_loses_element_ids_adds_nobody_twice(rivers_house):
    team = rivers_house.one("CareTeam", "northern")
    for member in team["participant"]:
        del member["id"]
    team["participant"].append(participant("friend", display="Another friend"))
    assert put(rivers_house, team).status_code == 200
    assert case(rivers_house).json["team"][:-1] == river.CASE["team"]
    assert case(rivers_house).json["team"][-1]["name"] == "Another friend"


def test_each_element_that_cannot_be_represented_is_named_and_nothing_is_stored(rivers_house):
    team = rivers_house.one("CareTeam", "northern")
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
    assert refused(put(rivers_house, team)) == [
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
    assert case(rivers_house).headers["ETag"] == 'W/"1"'
    assert rivers_house.one("CareTeam", "northern")["meta"]["versionId"] == "1"

    plan = rivers_house.one("CarePlan", "northern")
    plan["title"] = "Mine"
    plan["activity"][0]["progress"] = [
        {"text": "Well"},
        {"text": "Badly", "extension": [{"url": "urn:example:x", "valueString": "x"}]},
        {"text": "By nobody", "authorReference": {"reference": "Practitioner/unknown"}},
    ]
    del plan["activity"][1]
    plan["activity"].append({"detail": {"status": "in-progress"}})
    assert refused(put(rivers_house, plan)) == [
        "CarePlan.activity[0].progress[1].extension",
        "CarePlan.activity[0].progress[2].authorReference.reference",
        "CarePlan.activity[1]",
        "CarePlan.activity[2]",
        "CarePlan.title",
    ]
    assert case(rivers_house).headers["ETag"] == 'W/"1"'


def test_nobody_is_named_or_shown_by_what_is_refused(rivers_house):
    team = rivers_house.one("CareTeam", "northern")
    team["participant"].append(participant("Secret", display="Somebody secret"))
    team["note"] = [{"text": "Secret"}]
    answer = put(rivers_house, team)
    assert "CareTeam.participant[2].role.coding.code" in refused(answer)
    assert b"ecret" not in answer.data


def test_a_directory_entry_that_the_partner_may_not_see_is_not_there_for_it(rivers_house):
    hidden = rivers_house.put("/api/directory/practitioner/hidden", river.NURSE).headers["Casebridge-Id"]
    reference = f"Practitioner/{resource_id(hidden, 'Practitioner', '')}"
    assert rivers_house.get(f"/fhir/{reference}", partner="northern").status_code == 404
    team = rivers_house.one("CareTeam", "northern")
    team["participant"].append(participant("physician", reference=reference))
    assert refused(put(rivers_house, team)) == ["CareTeam.participant[2].member.reference"]
    assert put(rivers_house, team, partner="cms").status_code == 200
    assert case(rivers_house).json["team"][-1]["practitioner"] == "hidden"


def test_a_partner_puts_what_its_view_shows_and_what_that_hides_stays(rivers_house):
    plan = rivers_house.one("CarePlan", "northern")
    plan["activity"][0]["progress"] = [{"id": "n1", "text": "Well"}]
    assert put(rivers_house, plan).status_code == 200

    lean = rivers_house.one("CarePlan", "lean")
    assert "progress" not in lean["activity"][0]
    assert put(rivers_house, lean, partner="lean").status_code == 200
    lean["activity"][0]["progress"] = [{"text": "Who reads this?"}]
    assert refused(put(rivers_house, lean, partner="lean")) == ["CarePlan.activity[0].progress"]

    team = rivers_house.one("CareTeam", "us")
    assert team["meta"]["profile"]
    team["participant"].append(participant("friend", display="Another friend"))
    answer = put(rivers_house, team, partner="us")
    assert answer.status_code == 200, answer.json
    assert answer.json == rivers_house.one("CareTeam", "us")
    assert len(rivers_house.one("CareTeam", "lean")["participant"]) == 3
    assert case(rivers_house).json["plan"]["services"][0]["progress"] == [{"id": "n1", "text": "Well"}]


def test_what_a_hospital_brought_stays_the_hospitals(rivers_house):
    """A partner puts it back as it read it, and can neither change it nor take it away."""
    river_there = {"resourceType": "Patient", "id": "p", "identifier": river.CLIENT["identifiers"]}
    doctor = {"individual": {"display": "The ward's doctor"}}
    sent = encounter(contained=[river_there], participant=[doctor])
    assert Mercy(rivers_house).send("/fhir/Encounter", sent).status_code == 201
    received = case(rivers_house).json["received"]
    (*_, contact), (proposed, *_) = received["team"], received["plan"]["services"]

    team = rivers_house.one("CareTeam", "northern")
    (place,) = [
        index for index, participant in enumerate(team["participant"]) if participant["id"] == contact["id"]
    ]
    team["participant"].append(participant("friend", display="Another friend"))
    changed = copy.deepcopy(team)
    changed["participant"][place]["period"] = {"start": "2026"}
    assert refused(put(rivers_house, changed)) == [f"CareTeam.participant[{place}].period"]
    del changed["participant"][place]
    assert refused(put(rivers_house, changed)) == [f"CareTeam.participant.where(id = '{contact['id']}')"]
    assert put(rivers_house, team).status_code == 200

    plan = rivers_house.one("CarePlan", "northern")
    ids = [service["id"] for service in [*case(rivers_house).json["plan"]["services"], proposed]]
    plan["activity"][len(ids) - 1]["progress"] = [{"text": "Nobody has accepted this yet"}]
    assert refused(put(rivers_house, plan)) == [f"CarePlan.activity[{len(ids) - 1}].progress"]
    assert case(rivers_house).json["received"] == received
    assert [member["name"] for member in case(rivers_house).json["team"][1:]] == [
        "A friend from the cycling club",
        "Another friend",
    ]


def test_of_two_who_put_at_once_one_is_told_that_it_read_an_older_version(rivers_house):
    team = rivers_house.one("CareTeam", "northern")
    both = Barrier(2)

    def add(name):
        mine = copy.deepcopy(team)
        mine["participant"].append(participant("friend", display=name))
        both.wait(30)
        return put(House(rivers_house.app, rivers_house.outbox._engine), mine).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, ("One friend", "Another friend"))) == [200, 412]
    assert len(case(rivers_house).json["team"]) == 3


def test_the_capability_statement_says_what_may_be_put(rivers_house):
    (rest,) = rivers_house.get("/fhir/metadata", partner=None).json["rest"]
    # hospitals put stays, and subscriptions are their partners' own
    others = {"Encounter", "Subscription"}
    puts = [
        resource
        for resource in rest["resource"]
        if {"code": "update"} in resource["interaction"] and resource["type"] not in others
    ]
    assert sorted(put["type"] for put in puts) == ["CarePlan", "CareTeam", "EpisodeOfCare"]
    assert {(put["versioning"], put["updateCreate"]) for put in puts} == {("versioned-update", False)}


def test_who_may_put_what(rivers_house):
    team, plan = (rivers_house.one(type_, "northern") for type_ in ("CareTeam", "CarePlan"))
    assert put(rivers_house, team, partner="reader").status_code == 403
    assert put(rivers_house, plan, partner="cms").status_code == 403
    assert put(rivers_house, rivers_house.one("EpisodeOfCare", "cms"), partner="cms").status_code == 403
    assert put(rivers_house, team, partner="engineer").status_code == 403
    assert put(rivers_house, team, partner=None).status_code == 403
    assert put(rivers_house, team, partner="southern").status_code == 404
    assert put(rivers_house, team, partner="other").status_code == 404
    assert put(rivers_house, team | {"id": "nowhere"}).status_code == 404
    assert put(rivers_house, team, partner="cms").status_code == 200
    assert house_of(rivers_house, "PUT", "/fhir/Goal/x").status_code == 405


def house_of(house, method, path, **options):
    return house.ask(method, path, partner="northern", **options)


def test_the_version_must_be_the_one_that_is_there(rivers_house):
    team = rivers_house.one("CareTeam", "northern")
    team["participant"].append(participant("friend", display="Another friend"))
    assert put(rivers_house, team, version="").status_code == 428
    assert put(rivers_house, team, version=2).status_code == 412
    danish = put(rivers_house, team, version="1-da")
    assert danish.status_code == 412
    assert "without Accept-Language" in danish.json["issue"][0]["details"]["text"]
    assert put(rivers_house, team, version="x").status_code == 400
    # what the resource says of its own version is not heeded (R4 http section 3.1.0.7)
    assert put(rivers_house, team | {"meta": {"versionId": "7"}}, version=1).status_code == 200
    assert put(rivers_house, team).status_code == 412


def test_what_is_no_such_resource_is_refused_by_what_it_is(rivers_house):
    team = rivers_house.one("CareTeam", "northern")
    path = f"/fhir/CareTeam/{team['id']}"

    def sent(data, kind=FHIR):
        headers = {"If-Match": 'W/"1"', "Content-Type": kind}
        return house_of(rivers_house, "PUT", path, data=data, headers=headers).status_code

    assert sent(b'<CareTeam xmlns="http://hl7.org/fhir"/>', "application/fhir+xml") == 415
    assert sent(b"<CareTeam/>") == 415
    assert sent(b"{}", "text/plain") == 415
    assert sent(b"{") == 400
    assert sent(b'{"resourceType": "CarePlan"}') == 400
    assert sent(b'{"resourceType": "CareTeam"}') == 400
    assert sent(b'{"resourceType": "CareTeam", "id": "another"}') == 400
    wrong = copy.deepcopy(team) | {"participants": [], "status": "busy"}
    assert refused(put(rivers_house, wrong)) == ["CareTeam.participants", "CareTeam.status"]


def test_the_case_system_must_have_seen_what_came_back_before_it_writes_over_it(rivers_house):
    team = rivers_house.one("CareTeam", "northern")
    team["participant"].append(participant("friend", display="Another friend"))
    assert put(rivers_house, team).status_code == 200
    assert rivers_house.put("/api/cases/c1", river.CASE, headers={"If-Match": 'W/"1"'}).status_code == 412
    assert (
        rivers_house.put("/api/cases/c1", case(rivers_house).json, headers={"If-Match": 'W/"2"'}).status_code
        == 200
    )
    assert len(rivers_house.one("CareTeam", "northern")["participant"]) == 3
    assert rivers_house.put("/api/cases/c1", river.CASE, headers={"If-Match": 'W/"2"'}).status_code == 200
    assert len(rivers_house.one("CareTeam", "northern")["participant"]) == 2
