"""What a hospital sees: the clients that it treats, or has treated not long ago, and nothing of others."""

from datetime import UTC, datetime, timedelta

import pytest

from service.values.ids import resource_id
from tests.flows import river
from tests.web.sent import PERSON, VISIT, Mercy, a03, encounter

TODAY = datetime.now(UTC).date()
REGISTRY = """
partners:
  - {name: cms, kind: case-system}
  - {name: mercy, kind: hospital, identifiers: [{system: "urn:example:hospitals", value: mercy}]}
  - {name: lakeside, kind: hospital, run_out_days: 0}
  - {name: northern, kind: insurer, identifiers: [{system: "urn:example:payers", value: northern}]}
  - name: southern
    kind: insurer
    identifiers: [{system: "urn:example:payers", value: northern}]
    run_out_days: 30
"""
MERCY = [{"system": "urn:example:hospitals", "value": "mercy"}]
ORGANIZATIONS = {
    "mercy": {"name": "Mercy", "kind": "hospital", "identifiers": MERCY},
    "ward": {"name": "Ward 1", "kind": "hospital", "part_of": "mercy"},
    "northern": river.INSURER,
}


def day(ago):
    return (TODAY - timedelta(days=ago)).isoformat()


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


@pytest.fixture
def staffed(house):
    """A house with a directory."""
    for name, document in ORGANIZATIONS.items():
        assert house.put(f"/api/directory/organization/{name}", document).status_code == 201
    assert house.put("/api/directory/practitioner/nurse", river.NURSE).status_code == 201
    return house


def put(house, name, case=None, **client):
    """Put a client, with a case of its own."""
    number = {"identifiers": [{"system": "urn:example:persons", "value": name}]}
    document = {**river.CLIENT, **number, "coverages": [], **client}
    assert house.put(f"/api/clients/{name}", document).status_code == 201
    if case is not None:
        plan = {**river.CASE, "client": name, "identifiers": [], "period": {"start": day(200)}, **case}
        assert house.put(f"/api/cases/{name}", plan).status_code == 201


def stay(name, ago=None, **more):
    """Somebody's stay that ended so many days ago, or that goes on."""
    status, end = ("in-progress", {}) if ago is None else ("finished", {"end": f"{day(ago)}T09:00:00Z"})
    said = {"status": status, "period": {"start": f"{day(200)}T09:00:00Z", **end}, **more}
    person = {"resourceType": "Patient", "id": "p", "identifier": [{**PERSON, "value": name}]}
    return encounter(identifier=[{**VISIT, "value": f"V-{name}"}], **{"contained": [person], **said})


def seen(house, partner, type_="Patient"):
    """The persons whom a partner sees, by their numbers; the total says how many there are."""
    bundle = house.get(f"/fhir/{type_}", partner=partner).json
    names = [entry["resource"]["identifier"][0]["value"] for entry in bundle.get("entry", [])]
    assert len(names) == bundle["total"]
    return set(names)


def test_a_hospital_sees_whose_stay_it_sent_until_that_has_run_out(house):
    for partner in ("mercy", "lakeside"):
        for ago in (None, 0, 2, 89, 91):
            sent = stay(f"{partner}-{ago}", ago)
            assert Mercy(house, partner).send("/fhir/Encounter", sent).status_code == 201
    assert seen(house, "mercy") == {"mercy-None", "mercy-0", "mercy-2", "mercy-89"}
    assert seen(house, "lakeside") == {"lakeside-None", "lakeside-0"}
    for partner, total in (("mercy", 4), ("lakeside", 2), (None, 10)):
        assert house.get("/fhir/EpisodeOfCare", partner=partner).json["total"] == total


def test_a_stay_that_opens_no_case_shows_the_person_until_it_is_taken_back(house):
    sent = a03().replace(b"PV1|1|I|", b"PV1|1|O|").replace(b"20260227", f"{TODAY:%Y%m%d}".encode())
    assert Mercy(house).hl7v2(sent).status_code == 200
    assert (seen(house, "mercy"), seen(house, "lakeside")) == ({"R-1"}, set())
    assert Mercy(house).hl7v2(sent.replace(b"A03", b"A11").replace(b"MSG-1", b"MSG-2")).status_code == 200
    assert seen(house, "mercy") == set()


def test_a_hospital_sees_all_versions_and_what_they_refer_to_and_another_none(house):
    assert Mercy(house).send("/fhir/Encounter", stay("R-1")).status_code == 201
    assert Mercy(house).send("/fhir/Encounter", stay("R-1", 1)).status_code in {200, 201}
    (case,) = house.get("/api/cases", partner=None).json["items"]
    stay_id = house.get(f"/api/cases/{case['uuid']}", partner=None).json["received"]["stays"][0]["id"]
    path = f"/fhir/Encounter/{resource_id(case['uuid'], 'Encounter', stay_id)}"
    hospital = house.get(path, partner="mercy").json["serviceProvider"]["reference"]
    never = house.get(f"/fhir/Encounter/{case['uuid']}", partner="lakeside")
    for address in (path, f"{path}/_history", f"{path}/_history/1", f"/fhir/{hospital}"):
        assert house.get(address, partner="mercy").status_code == 200
        answer = house.get(address, partner="lakeside")
        assert (answer.status_code, answer.json) == (404, never.json)


TEAM = {"id": "hospital", "role": "hospital-contact", "organization": "mercy"}
OWN_STAY = {"id": "s", "status": "in-progress", "kind": "inpatient", "hospital": "mercy"}
TREATED = {
    "in the team": {"team": [TEAM]},
    "a department": {"team": [{**TEAM, "organization": "ward"}]},
    "89 days ago": {"team": [{**TEAM, "period": {"end": day(89)}}]},
    "closed 89 days ago": {
        "team": [TEAM],
        "status": "finished",
        "closure": {"reason": "goals-met", "date": day(89)},
    },
    "a stay": {"stays": [OWN_STAY]},
}
NOT_TREATED = {
    "tomorrow": {"team": [{**TEAM, "period": {"start": day(-1)}}]},
    "91 days ago": {"team": [{**TEAM, "period": {"end": day(91)}}]},
    "closed 91 days ago": {
        "team": [TEAM],
        "status": "finished",
        "closure": {"reason": "goals-met", "date": day(91)},
    },
    "manages": {"managing_organization": "mercy"},
    "no stay": {"stays": [{**OWN_STAY, "status": "cancelled"}]},
}


def test_a_hospital_sees_whom_the_case_system_lets_it_treat_and_no_longer(staffed):
    for name, case in (TREATED | NOT_TREATED).items():
        put(staffed, name.replace(" ", "-"), case)
    assert seen(staffed, "mercy") == {name.replace(" ", "-") for name in TREATED}
    assert seen(staffed, "lakeside") == set()
    for name in TREATED:
        path = f"/api/cases/{name.replace(' ', '-')}"
        case, match = staffed.get(path).json, {"If-Match": 'W/"1"'}
        kept = {key: case[key] for key in ("client", "status", "plan", "closure") if key in case}
        assert staffed.put(path, kept, headers=match).status_code == 200
    assert seen(staffed, "mercy") == set()


def test_what_one_hospital_says_of_another_shows_the_other_nothing(house):
    person = stay("R-1")["contained"]
    named = {"resourceType": "Organization", "id": "o", "name": "Mercy", "identifier": MERCY}
    sent = stay("R-1", serviceProvider={"reference": "#o"}, contained=[named, *person])
    assert Mercy(house, "lakeside").send("/fhir/Encounter", sent).status_code == 201
    assert (seen(house, "lakeside"), seen(house, "mercy")) == ({"R-1"}, set())


def test_who_treated_somebody_follows_a_merge_and_its_undoing(house):
    for partner, name in (("mercy", "R-1"), ("lakeside", "R-2")):
        assert Mercy(house, partner).send("/fhir/Encounter", stay(name)).status_code == 201
    merge = (
        b"MSH|^~\\&|ADT|MERCY|||20260301150000+0000||ADT^A40|M-9|P|2.5\r"
        b"EVN|A40|20260301150000+0000\r"
        b"PID|1||R-1^^^&urn:example:persons&URI||Rider^River\r"
        b"MRG|R-2^^^&urn:example:persons&URI\r"
    )
    assert Mercy(house).hl7v2(merge).status_code == 200
    assert house.get("/fhir/EpisodeOfCare", partner="lakeside").json["total"] > 0
    assert "R-1" in seen(house, "lakeside")


def test_an_insurer_sees_its_members_until_their_membership_has_run_out(staffed):
    periods = {
        "open": {},
        "today": {"end": day(0)},
        "lately": {"end": day(29)},
        "before": {"end": day(31)},
        "soon": {"start": day(-1)},
    }
    for name, period in periods.items():
        coverage = {"id": "main", "status": "active", "payer": "northern", "period": period}
        put(staffed, name, {}, coverages=[coverage])
    assert seen(staffed, "northern") == {"open", "today"}
    assert seen(staffed, "southern") == {"open", "today", "lately"}
    path = {}
    for entry in staffed.get("/fhir/Patient", partner=None).json["entry"]:
        path[entry["resource"]["identifier"][0]["value"]] = f"/fhir/Patient/{entry['resource']['id']}"
    for name, is_seen in (("today", True), ("lately", False)):
        for address in (path[name], f"{path[name]}/_history", f"{path[name]}/_history/1"):
            assert staffed.get(address, partner="northern").status_code == (200 if is_seen else 404)


def test_erasure_leaves_no_trace_of_who_treated_whom(house, engine):
    assert Mercy(house).send("/fhir/Encounter", stay("R-1")).status_code == 201
    for kind in ("cases", "clients"):
        (one,) = house.get(f"/api/{kind}", partner=None).json["items"]
        assert house.ask("DELETE", f"/api/{kind}/{one['uuid']}", partner=None).status_code == 204
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM treatment").scalar() == 0
