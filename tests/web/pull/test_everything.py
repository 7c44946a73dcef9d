"""All that is of a patient, or of a case: once each, in pages, within scope and rights."""

import copy

import pytest

from service.wire.fhir.definitions.operations import EVERYTHING
from service.wire.fhir.definitions.r4 import definitions
from tests.flows import river
from tests.web import smart

BASE = "http://127.0.0.1:8080"
SHARED = {"Organization", "Practitioner", "PractitionerRole", "Location"}
FHIR = "application/fhir+json"


@pytest.fixture
def two_cases(rivers_house):
    """River has a second case, with a team of its own; somebody else has a case, too."""
    other_nurse = {**river.NURSE, "names": [{"family": "Other"}]}
    assert rivers_house.put("/api/directory/practitioner/other", other_nurse).status_code == 201
    second = copy.deepcopy(river.CASE)
    second["identifiers"] = [{"system": "urn:example:cases", "value": "C-2"}]
    second["care_manager"] = second["team"][0]["practitioner"] = second["plan"]["author"] = "other"
    assert rivers_house.put("/api/cases/c2", second).status_code == 201
    client = {**river.CLIENT, "identifiers": [{"system": "urn:example:clients", "value": "S-1"}]}
    assert rivers_house.put("/api/clients/somebody", client).status_code == 201
    third = {**copy.deepcopy(second), "client": "somebody"}
    third["identifiers"] = [{"system": "urn:example:cases", "value": "C-3"}]
    assert rivers_house.put("/api/cases/c3", third).status_code == 201
    return rivers_house


def pages(house, url, **asked):
    while url:
        answer = house.get(url, **asked)
        assert answer.status_code == 200, answer.json
        yield answer.json
        links = {link["relation"]: link["url"] for link in answer.json["link"]}
        url = links.get("next", "").removeprefix(BASE)


def resources_of(house, url, **asked):
    """The (type, id) of all entries of all pages, in their order."""
    entries = [entry for page in pages(house, url, **asked) for entry in page.get("entry", ())]
    for entry in entries:
        is_shared = entry["resource"]["resourceType"] in SHARED
        assert entry["search"]["mode"] == ("include" if is_shared else "match")
    return [(entry["resource"]["resourceType"], entry["resource"]["id"]) for entry in entries]


def patient_of(house, number="R-1"):
    (entry,) = house.get(f"/fhir/Patient?identifier=urn:example:clients|{number}").json["entry"]
    return entry["resource"]["id"]


def case_of(house, number):
    (entry,) = house.get(f"/fhir/EpisodeOfCare?identifier=urn:example:cases|{number}").json["entry"]
    return entry["resource"]["id"]


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield tuple(node["reference"].split("/")[:2])
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def everything_by_searches(house, patient, partner):
    """The oracle: what searches find whose Patient it is, and what that refers to."""
    resources, waiting = {}, set()
    for type_ in house.get("/fhir/metadata").json["rest"][0]["resource"]:
        name = type_["type"]
        if name not in definitions().resources or name in SHARED:
            continue
        answer = house.get(f"/fhir/{name}?_count=500", partner=partner)
        for entry in answer.json.get("entry", ()) if answer.status_code == 200 else ():
            resource = entry["resource"]
            if (name, resource.get("id")) == ("Patient", patient) or ("Patient", patient) in references(
                resource
            ):
                resources[name, resource["id"]] = resource
                waiting |= set(references(resource))
    while waiting:
        type_, id_ = waiting.pop()
        if type_ in SHARED and (type_, id_) not in resources:
            answer = house.get(f"/fhir/{type_}/{id_}", partner=partner)
            if answer.status_code == 200:
                resources[type_, id_] = answer.json
                waiting |= set(references(answer.json))
    return set(resources)


@pytest.mark.parametrize("partner", ["cms", "northern"])
def test_everything_of_a_patient_is_what_searches_find_of_them(two_cases, partner):
    patient = patient_of(two_cases)
    url = f"/fhir/Patient/{patient}/$everything"
    everything = resources_of(two_cases, url, partner=partner)
    assert everything[0] == ("Patient", patient)
    expected = everything_by_searches(two_cases, patient, partner)
    # a Provenance names what it is about, which is of the patient
    assert {key for key in everything if key[0] != "Provenance"} == {
        key for key in expected if key[0] != "Provenance"
    }
    assert {"Provenance", "CarePlan", "Practitioner", "Organization"} <= {type_ for type_, _ in everything}
    for count in (1, 7):
        assert resources_of(two_cases, f"{url}?_count={count}", partner=partner) == everything


def test_everything_of_a_case_is_its_own_and_its_patients(two_cases):
    whole = set(resources_of(two_cases, f"/fhir/Patient/{patient_of(two_cases)}/$everything"))
    cases = {
        n: resources_of(two_cases, f"/fhir/EpisodeOfCare/{case_of(two_cases, n)}/$everything")
        for n in ("C-1", "C-2")
    }
    for number, resources in cases.items():
        assert resources[0] == ("EpisodeOfCare", case_of(two_cases, number))
        assert len(resources) == len(set(resources))
        assert len([type_ for type_, _ in resources if type_ == "EpisodeOfCare"]) == 1
        assert {"Patient", "Coverage", "CareTeam", "CarePlan", "Goal", "Practitioner"} <= {
            t for t, _ in resources
        }
    first, second = (set(resources) for resources in cases.values())
    assert first | second == whole
    assert {type_ for type_, _ in first & second} == {"Patient", "Coverage", "Organization"}


def test_some_types_come_alone_and_what_they_are_referred_to_by_need_not(two_cases):
    url = f"/fhir/Patient/{patient_of(two_cases)}/$everything"
    everything = resources_of(two_cases, url)
    for types in ("CarePlan", "CarePlan,Goal", "Practitioner", "Practitioner,Patient"):
        wanted = [key for key in everything if key[0] in types.split(",")]
        assert resources_of(two_cases, f"{url}?_type={types}") == wanted
        assert resources_of(two_cases, f"{url}?_type={types}&_count=1") == wanted
    assert len([key for key in everything if key[0] == "Practitioner"]) == 2
    twice = resources_of(two_cases, f"{url}?_type=CarePlan&_type=Goal")
    assert {type_ for type_, _ in twice} == {"CarePlan", "Goal"}


def test_what_was_stored_since_comes_alone(two_cases):
    url = f"/fhir/Patient/{patient_of(two_cases)}/$everything"
    before = {**two_cases.get("/fhir/Practitioner").json}
    assert before
    changed = copy.deepcopy(river.CASE)
    changed["plan"]["title"] = "Another title"
    assert two_cases.put("/api/cases/c1", changed, headers={"If-Match": 'W/"1"'}).status_code == 200
    (plan,) = two_cases.get("/fhir/CarePlan?identifier=urn:example:cases|C-1").json["entry"]
    at = plan["resource"]["meta"]["lastUpdated"]
    since = resources_of(two_cases, f"{url}?_since={at}")
    assert ("CarePlan", plan["resource"]["id"]) in since
    assert {type_ for type_, _ in since} <= {"CarePlan", "Provenance"}
    assert resources_of(two_cases, f"{url}?_since=2999-01-01T00:00:00Z") == []


def test_everything_of_all_patients_is_that_of_each(two_cases):
    url = "/fhir/Patient/$everything"
    for partner in ("cms", "northern"):
        each_of = [
            set(
                resources_of(
                    two_cases, f"/fhir/Patient/{patient_of(two_cases, number)}/$everything", partner=partner
                )
            )
            for number in ("R-1", "S-1")
        ]
        for count in (3, 500):
            of_all = resources_of(two_cases, f"{url}?_count={count}", partner=partner)
            assert len(of_all) == len(set(of_all))
            assert set(of_all) == each_of[0] | each_of[1]
    goals = resources_of(two_cases, f"{url}?_type=Goal,Practitioner&_count=2")
    assert {type_ for type_, _ in goals} == {"Goal", "Practitioner"}
    assert resources_of(two_cases, url, partner="southern") == []


def test_of_all_patients_what_was_stored_since_comes_alone(two_cases):
    changed = copy.deepcopy(river.CASE)
    changed["plan"]["title"] = "Another title"
    assert two_cases.put("/api/cases/c1", changed, headers={"If-Match": 'W/"1"'}).status_code == 200
    (plan,) = two_cases.get("/fhir/CarePlan?identifier=urn:example:cases|C-1").json["entry"]
    at = plan["resource"]["meta"]["lastUpdated"]
    since = resources_of(two_cases, f"/fhir/Patient/$everything?_since={at}")
    assert ("CarePlan", plan["resource"]["id"]) in since
    assert {type_ for type_, _ in since} <= {"CarePlan", "Provenance"}
    answer = two_cases.get("/fhir/Patient/$everything?start=2026-01-01")
    assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["start"])


def test_it_is_asked_with_parameters_too(two_cases):
    path = f"/fhir/EpisodeOfCare/{case_of(two_cases, 'C-1')}/$everything"
    asked = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "_type", "valueCode": "CarePlan"},
            {"name": "_type", "valueCode": "CareTeam"},
            {"name": "_count", "valueInteger": 1},
            {"name": "_since", "valueInstant": "2020-01-01T00:00:00Z"},
        ],
    }
    answer = two_cases.ask("POST", path, json=asked, content_type=FHIR)
    assert [entry["resource"]["resourceType"] for entry in answer.json["entry"]] == ["CarePlan"]
    (link,) = [link["url"] for link in answer.json["link"] if link["relation"] == "next"]
    assert [type_ for type_, _ in resources_of(two_cases, link.removeprefix(BASE))] == ["CareTeam"]
    danish = two_cases.ask("POST", path, json=asked, content_type=FHIR, headers={"Accept-Language": "da"})
    assert danish.headers["Content-Language"] == "da"


@pytest.mark.parametrize(
    ("path", "status", "where"),
    [
        ("Patient/none/$everything", 404, None),
        ("EpisodeOfCare/none/$everything", 404, None),
        ("Patient/{patient}/$everything?start=2026-01-01", 400, "start"),
        ("Patient/{patient}/$everything?_count=0", 400, "_count"),
        ("Patient/{patient}/$everything?_count=-1", 400, "_count"),
        ("Patient/{patient}/$everything?_since=2026-01-01", 400, "_since"),
        ("Patient/{patient}/$everything?_type=Nonsense", 400, "_type"),
        ("Patient/{patient}/$everything?_cursor=made-up", 400, "_cursor"),
        ("CarePlan/{patient}/$everything", 404, None),
    ],
)
def test_what_cannot_be_answered_is_said_with_its_place(rivers_house, path, status, where):
    answer = rivers_house.get(f"/fhir/{path.format(patient=patient_of(rivers_house))}")
    assert answer.status_code == status
    if where:
        assert answer.json["issue"][0]["expression"] == [where]


def test_who_does_not_see_the_patient_is_told_of_nobody(two_cases):
    for partner in ("southern", "mercy", "other"):
        for path in (f"Patient/{patient_of(two_cases)}", f"EpisodeOfCare/{case_of(two_cases, 'C-1')}"):
            answer = two_cases.get(f"/fhir/{path}/$everything", partner=partner)
            missing = two_cases.get(f"/fhir/{path[:-4]}none/$everything", partner=partner)
            assert (answer.status_code, answer.json) == (404, missing.json)


def test_a_page_is_its_partners_and_of_its_patient_alone(two_cases):
    url = f"/fhir/Patient/{patient_of(two_cases)}/$everything"
    first = two_cases.get(f"{url}?_count=1").json
    (link,) = [link["url"] for link in first["link"] if link["relation"] == "next"]
    sealed = link.partition("?")[2]
    elsewhere = f"/fhir/Patient/{patient_of(two_cases, 'S-1')}/$everything?{sealed}"
    assert two_cases.get(elsewhere).status_code == 400
    assert two_cases.get(f"{url}?{sealed}", partner="northern").status_code == 400


def test_who_is_erased_is_gone(rivers_house):
    path = f"/fhir/EpisodeOfCare/{case_of(rivers_house, 'C-1')}/$everything"
    uuid = rivers_house.get("/api/cases/c1").headers["Casebridge-Id"]
    assert rivers_house.ask("DELETE", f"/api/cases/{uuid}", partner=None).status_code == 204
    assert rivers_house.get(path, partner=None).status_code == 410
    assert rivers_house.get(path).status_code == 404


def test_the_statement_names_the_operation_and_ours_is_defined(house):
    by_type = {
        resource["type"]: resource for resource in house.get("/fhir/metadata").json["rest"][0]["resource"]
    }
    named = {
        type_: {one["name"]: one["definition"] for one in by_type[type_]["operation"]} for type_ in EVERYTHING
    }
    assert named["Patient"]["everything"] == "http://hl7.org/fhir/OperationDefinition/Patient-everything"
    ours = named["EpisodeOfCare"]["everything"]
    (entry,) = house.get(f"/fhir/OperationDefinition?url={ours}").json["entry"]
    defined = entry["resource"]
    assert (defined["code"], defined["resource"], defined["instance"]) == (
        "everything",
        ["EpisodeOfCare"],
        True,
    )
    assert house.get(f"/fhir/OperationDefinition/{defined['id']}").json == defined


class TestWithTokens:
    """What a token was not granted does not come, and leads to nobody."""

    @pytest.fixture
    def database_url(self, sqlite_url):
        """Rights are the same on both."""
        return sqlite_url

    @pytest.fixture
    def settings(self, tmp_path, database_url):
        return smart.settings(database_url, smart.registry(tmp_path))

    @pytest.fixture
    def house(self, settings, engine, mappings):
        house = smart.House(settings, engine, mappings)
        for path, document in river.STORY:
            assert house.ask("PUT", path, partner="cms", json=document).status_code == 201
        return house

    def test_only_types_that_were_granted_come(self, house):
        patient = house.get("/fhir/Patient", partner="northern").json["entry"][0]["resource"]["id"]
        url = f"/fhir/Patient/{patient}/$everything"

        def types(scope, query=""):
            return {
                type_ for type_, _ in resources_of(house, url + query, token=house.token("northern", scope))
            }

        assert types("system/Patient.r system/Goal.r") == {"Patient", "Goal"}
        # the payer is known by the coverage alone, the nurse by plan and team
        people = "system/Patient.r system/Practitioner.r system/Organization.r"
        assert types(people) == {"Patient"}
        assert types(f"{people} system/CarePlan.r") == {"Patient", "CarePlan", "Practitioner"}
        assert types(f"{people} system/CarePlan.r?status=completed") == {"Patient"}
        assert types(f"{people} system/Coverage.r") == {"Patient", "Coverage", "Organization"}
        every = "/fhir/Patient/$everything"
        granted = house.token("northern", "system/Patient.rs system/Goal.rs system/CarePlan.r")
        assert {type_ for type_, _ in resources_of(house, every, token=granted)} == {"Patient", "Goal"}
        assert house.get(f"{every}?_type=CarePlan", token=granted).status_code == 403
        for scope in ("system/Patient.s system/Goal.rs", "system/Patient.r", "system/Goal.rs"):
            assert house.get(every, token=house.token("northern", scope)).status_code == 403
        for scope, query in (
            ("system/Goal.r", ""),
            ("system/Patient.s system/Goal.rs", ""),
            ("system/Patient.r system/Goal.s", "?_type=Goal"),
        ):
            token = house.token("northern", scope)
            assert house.get(url + query, token=token).status_code == 403
