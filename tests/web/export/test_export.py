"""Bulk export: begun, planned, fetched part by part, and cancelled, inside the scope of who asks."""

import copy
import json

import pytest

from service.flows.export import exports
from service.store.export import exports as kept
from tests.flows import river
from tests.web.export.exporting import ASYNC, Exporter

SEEN = {
    "CarePlan": 1,
    "CareTeam": 1,
    "EpisodeOfCare": 1,
    "Goal": 2,
    "Organization": 1,
    "Patient": 1,
    "Practitioner": 1,
}


@pytest.fixture
def northern(rivers_house):
    return Exporter(rivers_house, partner="northern")


@pytest.fixture
def group(northern):
    (entry,) = northern.ask("GET", "/fhir/Group").json["entry"]
    return f"/fhir/Group/{entry['resource']['id']}"


def counts(resources):
    numbers = {}
    for reference in resources:
        type_ = reference.partition("/")[0]
        numbers[type_] = numbers.get(type_, 0) + 1
    return numbers


def test_an_insurer_exports_its_group_all_patients_and_all_there_is_for_it(northern, group):
    everything = northern.resources(northern.manifest())
    numbers = counts(everything)
    assert {type_: numbers.get(type_) for type_ in SEEN} == SEEN
    for path in ("/fhir/Patient/$export", f"{group}/$export"):
        assert northern.resources(northern.manifest(path)) == everything
    read = northern.ask("GET", f"/fhir/{next(iter(everything))}").json
    assert everything[f"{read['resourceType']}/{read['id']}"] == read


def test_of_the_types_that_are_named_alone_and_of_elements_the_named_and_the_required(northern):
    for path in (
        "/fhir/$export?_type=CarePlan,Goal&_elements=title",
        "/fhir/$export?_type=CarePlan&_type=Goal&_elements=CarePlan.title&_elements=Goal.id",
    ):
        resources = northern.resources(northern.manifest(path))
        assert counts(resources) == {"CarePlan": 1, "Goal": 2}
        plan = next(resource for resource in resources.values() if resource["resourceType"] == "CarePlan")
        assert set(plan) == {"resourceType", "id", "meta", "title", "status", "intent", "subject"}
        assert plan["meta"]["tag"][-1]["code"] == "SUBSETTED"
        assert plan["meta"]["versionId"] == "1"
        goal = next(resource for resource in resources.values() if resource["resourceType"] == "Goal")
        assert set(goal) == {"resourceType", "id", "meta", "lifecycleStatus", "description", "subject"}


def test_parameters_may_be_posted(northern):
    said = [
        {"name": "_type", "valueString": "CarePlan"},
        {"name": "_outputFormat", "valueString": "application/ndjson"},
        {"name": "_since", "valueInstant": "2020-01-01T00:00:00Z"},
        # it may answer with a part of the manifest, and does so with the whole
        {"name": "allowPartialManifests", "valueBoolean": True},
    ]
    body = {"resourceType": "Parameters", "parameter": said}
    manifest = northern.manifest(method="POST", json=body)
    assert counts(northern.resources(manifest)) == {"CarePlan": 1}
    assert manifest["request"] == "http://127.0.0.1:8080/fhir/$export"
    empty = northern.manifest(method="POST")
    assert counts(northern.resources(empty)).items() >= SEEN.items()


def test_the_manifest_says_when_what_and_how(northern):
    manifest = northern.manifest("/fhir/$export?_type=CarePlan&_outputFormat=ndjson")
    assert manifest["transactionTime"].endswith("Z")
    assert manifest["request"] == "http://127.0.0.1:8080/fhir/$export?_type=CarePlan&_outputFormat=ndjson"
    assert manifest["requiresAccessToken"] is False
    (file,) = manifest["output"]
    assert (file["type"], file["count"]) == ("CarePlan", 1)
    assert manifest["deleted"] == manifest["error"] == []


WRONG = (
    ("_typo=1", "_typo", "known are _type"),
    ("_typeFilter=CarePlan", "_typeFilter", "CarePlan?status=active"),
    ("_typeFilter=CarePlan%3F", "_typeFilter", "has a parameter"),
    ("_typeFilter=Nonsense%3Fstatus%3Dactive", "_typeFilter", "CarePlan?status=active"),
    ("_typeFilter=CarePlan%3Fstatus%3Dactive%26_sort%3Ddate", "_typeFilter", "_sort"),
    ("_typeFilter=CarePlan%3Fnonsense%3D1", "_typeFilter", "nonsense"),
    ("_type=Goal&_typeFilter=CarePlan%3Fstatus%3Dactive", "_typeFilter", "not exported"),
    ("patient=Patient/x", "patient", "Post it"),
    ("exportType=hl7.fhir.us.davinci-pdex%23payertopayer", "exportType", "known are _type"),
    ("includeAssociatedData=LatestProvenanceResources", "includeAssociatedData", "Provenance"),
    ("organizeOutputBy=Group", "organizeOutputBy", "by Patient"),
    ("allowPartialManifests=maybe", "allowPartialManifests", "true or false"),
    ("_type=Nonsense", "_type", "CarePlan"),
    ("_since=yesterday", "_since", "2026-03-02T08:00:00Z"),
    ("_since=2026-03-02", "_since", "2026-03-02T08:00:00Z"),
    ("_since=2026-03-02T08:00:00", "_since", "2026-03-02T08:00:00Z"),
    ("_since=2026-03-02T08:00:00Z&_since=2026-03-02T08:00:00Z", "_since", "once"),
    ("_until=2026-13-02T08:00:00Z", "_until", "2026-03-02T08:00:00Z"),
    ("_elements=nonsense", "_elements", "root element"),
    ("_elements=name.family", "_elements", "root element"),
    ("_elements=Patient.nonsense", "_elements", "root element"),
    ("_outputFormat=text/csv", "_outputFormat", "NDJSON"),
)


@pytest.mark.parametrize(("query", "where", "said"), WRONG)
def test_what_is_wrong_is_refused_by_its_name(northern, query, where, said):
    answer = northern.begin(f"/fhir/$export?{query}")
    assert answer.status_code == 400
    (issue,) = answer.json["issue"]
    assert issue["expression"] == [where]
    assert said in json.dumps(issue)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_capability_statement_tells_of_it(house):
    statement = house.get("/fhir/metadata").json
    assert "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data" in statement["instantiates"]
    (rest,) = statement["rest"]
    of_types = {resource["type"]: resource.get("operation", []) for resource in rest["resource"]}
    operations = [*rest["operation"], *of_types["Patient"], *of_types["Group"]]
    assert [
        operation["definition"].rpartition("/")[2]
        for operation in operations
        if operation["name"] == "export"
    ] == [
        "export",
        "patient-export",
        "group-export",
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "body",
    [
        [],
        {"resourceType": "Patient"},
        {"resourceType": "Parameters", "parameter": {}},
        {"resourceType": "Parameters", "parameter": [1]},
        {"resourceType": "Parameters", "parameter": [{"name": "_type"}]},
        {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueInteger": 7}]},
        {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCoding": {}}]},
        {"resourceType": "Parameters", "parameter": [{"name": "River", "valueString": "x"}]},
    ],
)
def test_wrong_parameters_are_refused(northern, body):
    assert northern.begin(method="POST", json=body).status_code == 400


def test_who_does_not_wait_or_speaks_no_json_is_refused(northern):
    for prefer in ({}, {"Prefer": "return=minimal"}):
        answer = northern.begin(prefer=prefer)
        assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["Prefer"])
    assert northern.begin(prefer={**ASYNC, "Accept": "text/html"}).status_code == 406
    assert northern.begin(prefer={"Prefer": "Respond-Async; wait=5"}).status_code == 202
    assert northern.begin(method="POST", data="_type=CarePlan", content_type="text/plain").status_code == 415


def test_who_is_lenient_is_told_what_was_passed_over(northern):
    lenient = {"Prefer": "respond-async, handling=lenient"}
    path = "/fhir/$export?_type=CarePlan&includeAssociatedData=x&_nonsense=1"
    manifest = northern.manifest(path, prefer=lenient)
    assert counts(northern.resources(manifest)) == {"CarePlan": 1}
    (file,) = manifest["error"]
    (outcome,) = northern.lines(file)
    assert [issue["severity"] for issue in outcome["issue"]] == ["warning", "warning"]
    assert [issue["diagnostics"].partition(":")[0] for issue in outcome["issue"]] == [
        "includeAssociatedData",
        "_nonsense",
    ]
    assert northern.begin("/fhir/$export?_type=Nonsense", prefer=lenient).status_code == 400


def test_how_far_it_is_is_told_until_it_is_planned(northern, monkeypatch):
    monkeypatch.setattr(exports, "PLANNING", -1)
    monkeypatch.setattr(kept, "SECONDS", -1)
    status = northern.begun()
    progress = []
    while (answer := northern.ask("GET", status)).status_code == 202:
        progress.append(answer.headers["X-Progress"])
        assert (answer.data, answer.headers["Retry-After"]) == (b"", "1")
        assert "Expires" in answer.headers
        assert northern.ask("GET", f"{status}/999").status_code == 404
    assert progress[0].startswith("1 of ")
    assert len(set(progress)) == len(progress) > 10
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("partner", "path"), [(None, "/fhir/$export"), ("northern", "/fhir/Patient/$export")]
)
def test_provenance_is_there_unless_other_types_are_named(rivers_house, partner, path):
    exporter = Exporter(rivers_house, partner=partner)
    assert counts(exporter.resources(exporter.manifest(path)))["Provenance"] >= 1
    assert "Provenance" not in counts(exporter.resources(exporter.manifest(f"{path}?_type=CarePlan")))


def test_what_is_cancelled_or_anothers_is_not_there(rivers_house, northern):
    status = northern.begun()
    part = northern.wait(status)["output"][0]["url"].removeprefix("http://127.0.0.1:8080")
    for other in ("southern", "cms", None):
        stranger = Exporter(rivers_house, partner=other)
        for method, path in (("GET", status), ("GET", part), ("DELETE", status)):
            assert stranger.ask(method, path).status_code == 404
    assert northern.ask("GET", f"{status}/999").status_code == 404
    assert northern.ask("GET", f"{status}/0").status_code == 404
    assert northern.ask("DELETE", status).status_code == 202
    for method, path in (("GET", status), ("GET", part), ("DELETE", status)):
        answer = northern.ask(method, path)
        assert (answer.status_code, answer.json["resourceType"]) == (404, "OperationOutcome")


def test_so_many_may_be_under_way(northern):
    begun = [northern.begun() for _ in range(5)]
    answer = northern.begin()
    assert (answer.status_code, int(answer.headers["Retry-After"]) > 80_000) == (429, True)
    northern.wait(begun[0])
    assert northern.begin().status_code == 202
    assert northern.begin().status_code == 429
    assert northern.ask("DELETE", begun[1]).status_code == 202
    assert northern.begin().status_code == 202


def test_a_group_lists_its_members_and_is_its_insurers_alone(rivers_house, northern, group):
    body = northern.ask("GET", group).json
    patient = rivers_house.one("Patient", "northern")["id"]
    assert body["member"] == [{"entity": {"reference": f"Patient/{patient}"}}]
    assert (body["quantity"], body["type"], body["actual"]) == (1, "person", True)
    (listed,) = northern.ask("GET", "/fhir/Group").json["entry"]
    assert (listed["resource"]["quantity"], "member" in listed["resource"]) == (1, False)
    for other in ("southern", "cms", None, "mercy"):
        stranger = Exporter(rivers_house, partner=other)
        assert stranger.ask("GET", group).status_code == 404
        assert stranger.begin(f"{group}/$export").status_code == 404
    assert rivers_house.get("/fhir/Group", partner="mercy").json["total"] == 0
    southern = rivers_house.get("/fhir/Group", partner="southern").json["entry"][0]["resource"]
    assert southern["quantity"] == 0
    assert "member" not in rivers_house.get(f"/fhir/Group/{southern['id']}", partner="southern").json
    assert northern.ask("GET", "/fhir/Group?name=x").status_code == 400


def test_each_partner_exports_what_it_may_see(rivers_house, northern):
    mine = northern.resources(northern.manifest())
    assert Exporter(rivers_house, partner="southern").manifest()["output"] == []
    assert Exporter(rivers_house, partner="mercy").manifest()["output"] == []
    own = Exporter(rivers_house, partner="cms").resources(Exporter(rivers_house, partner="cms").manifest())
    everything = Exporter(rivers_house, partner=None).resources(
        Exporter(rivers_house, partner=None).manifest()
    )
    assert own == everything
    assert everything.items() >= mine.items()


def changed(house, path, document, **more):
    document = {**copy.deepcopy(document), **more}
    assert house.put(path, document, headers={"If-Match": "*"}).status_code == 200


def test_a_second_export_has_what_changed_since_the_first(rivers_house, northern):
    first = northern.manifest()
    assert counts(northern.resources(first)).items() >= SEEN.items()
    since = f"_since={first['transactionTime']}"
    nothing = northern.manifest(f"/fhir/$export?{since}")
    left = counts(northern.resources(nothing))
    assert left.keys() <= {"Organization", "Practitioner"}
    assert nothing["deleted"] == []
    changed(rivers_house, "/api/cases/c1", river.CASE, plan={**river.CASE["plan"], "title": "Another"})
    second = northern.manifest(f"/fhir/$export?{since}&_type=CarePlan,Goal,Patient")
    (plan,) = northern.resources(second).values()
    assert (plan["title"], plan["meta"]["versionId"]) == ("Another", "2")
    # the first one's parts are as they were
    before = northern.resources(first)
    assert before[f"CarePlan/{plan['id']}"]["title"] == "Back on the bicycle"
    early = f"/fhir/$export?_type=CarePlan&_until={first['transactionTime']}"
    assert northern.resources(northern.manifest(early)) == {}


def test_a_leaver_is_deleted_and_who_comes_back_is_there_whole(rivers_house, northern, group):
    first = northern.manifest(f"{group}/$export")
    mine = northern.resources(first)
    own = {
        reference for reference in mine if reference.partition("/")[0] not in {"Organization", "Practitioner"}
    }
    changed(rivers_house, "/api/clients/river", river.CLIENT, coverages=[])
    second = northern.manifest(f"{group}/$export?_since={first['transactionTime']}")
    assert second["output"] == []
    gone = northern.deleted(second)
    assert gone == own
    assert northern.ask("GET", first["output"][0]["url"].removeprefix("http://127.0.0.1:8080")).data == b""
    third = northern.manifest(f"{group}/$export?_since={second['transactionTime']}")
    assert (third["output"], third["deleted"]) == ([], [])
    changed(rivers_house, "/api/clients/river", river.CLIENT)
    fourth = northern.manifest(f"{group}/$export?_since={third['transactionTime']}")
    assert northern.resources(fourth).keys() >= mine.keys()
    assert northern.deleted(fourth) == set()


def test_a_new_members_older_resources_are_there(rivers_house):
    southern = Exporter(rivers_house, partner="southern")
    first = southern.manifest()
    assert first["output"] == []
    payer = {"id": "more", "status": "active", "payer": "southern"}
    insurer = {**river.INSURER, "identifiers": [{"system": "urn:example:payers", "value": "southern"}]}
    assert rivers_house.put("/api/directory/organization/southern", insurer).status_code == 201
    changed(rivers_house, "/api/clients/river", river.CLIENT, coverages=[*river.CLIENT["coverages"], payer])
    second = southern.manifest(f"/fhir/$export?_since={first['transactionTime']}")
    resources = southern.resources(second)
    assert counts(resources)["Goal"] == 2
    assert resources.keys() == southern.resources(southern.manifest()).keys()


def test_what_is_erased_is_deleted_for_who_had_it_alone(rivers_house, northern):
    first, other = northern.manifest(), Exporter(rivers_house, partner="southern")
    theirs = other.manifest()
    mine = northern.resources(first)
    case = rivers_house.get("/api/cases/c1").headers["Casebridge-Id"]
    client = rivers_house.get("/api/clients/river").headers["Casebridge-Id"]
    for path in (f"/api/cases/{case}", f"/api/clients/{client}"):
        assert rivers_house.ask("DELETE", path, partner=None).status_code == 204
    second = northern.manifest(f"/fhir/$export?_since={first['transactionTime']}")
    own = {
        reference for reference in mine if reference.partition("/")[0] not in {"Organization", "Practitioner"}
    }
    assert northern.deleted(second) == own
    assert other.manifest(f"/fhir/$export?_since={theirs['transactionTime']}")["deleted"] == []
    all_ = Exporter(rivers_house, partner=None)
    assert all_.deleted(all_.manifest(f"/fhir/$export?_since={first['transactionTime']}")) >= own
    cms = Exporter(rivers_house, partner="cms")
    assert cms.deleted(cms.manifest(f"/fhir/$export?_since={first['transactionTime']}")) >= own
