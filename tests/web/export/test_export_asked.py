"""What a bulk export can be asked for beside types: by searches, for some patients, as Da Vinci has it."""

import copy
import json
from urllib.parse import quote

import pytest

from service.store.export import exports as kept
from tests.flows import river
from tests.web.export.exporting import Exporter, path_of
from tests.web.export.test_export import counts
from tests.web.seen.test_audit import records


@pytest.fixture
def two(rivers_house):
    """Somebody else has a finished case beside River's running one, and is northern's, too."""
    other = {**river.CLIENT, "identifiers": [{"system": "urn:example:clients", "value": "S-1"}]}
    other["names"] = [{"family": "Stone", "given": ["Sam"]}]
    assert rivers_house.put("/api/clients/sam", other).status_code == 201
    case = {**copy.deepcopy(river.CASE), "client": "sam", "identifiers": []}
    case["plan"] = {**case["plan"], "status": "completed"}
    assert rivers_house.put("/api/cases/c2", case).status_code == 201
    return rivers_house


@pytest.fixture
def northern(two):
    return Exporter(two, partner="northern")


@pytest.fixture
def group(northern):
    (entry,) = northern.ask("GET", "/fhir/Group").json["entry"]
    return f"/fhir/Group/{entry['resource']['id']}"


def patient(house, number, partner="cms"):
    answer = house.get(f"/fhir/Patient?identifier=urn:example:clients|{number}", partner=partner)
    (entry,) = answer.json["entry"]
    return f"Patient/{entry['resource']['id']}"


def of_patients(northern, path, *references, query="", also=()):
    named = [{"name": "patient", "valueReference": {"reference": reference}} for reference in references]
    body = {"resourceType": "Parameters", "parameter": [*named, *also]}
    return northern.begin(f"{path}{query}", method="POST", json=body)


def whole(northern, answer):
    assert answer.status_code == 202, answer.data
    return northern.resources(northern.wait(path_of(answer.headers["Content-Location"])))


def filtered(northern, *filters, types="CarePlan,Goal,Patient"):
    query = "".join(f"&_typeFilter={quote(filter_)}" for filter_ in filters)
    return northern.resources(northern.manifest(f"/fhir/$export?_type={types}{query}"))


def test_of_a_type_that_is_filtered_there_is_what_a_search_would_find_and_all_of_others(northern):
    everything = counts(filtered(northern))
    assert everything == {"CarePlan": 2, "Goal": 4, "Patient": 2}
    for search in ("CarePlan?status=active", "CarePlan?status=active&subject:missing=false"):
        resources = filtered(northern, search)
        assert counts(resources) == {**everything, "CarePlan": 1}
        (plan,) = (resource for resource in resources.values() if resource["resourceType"] == "CarePlan")
        assert plan["status"] == "active"
    assert "CarePlan" not in counts(filtered(northern, "CarePlan?status=draft"))
    assert counts(filtered(northern, "Patient?family=stone")) == {**everything, "Patient": 1}


def test_searches_on_a_type_add_up_however_they_are_written(northern):
    either = [
        ("CarePlan?status=active", "CarePlan?status=completed"),
        ("CarePlan?status=active,CarePlan?status=completed",),
        ("CarePlan?status=active,completed",),
    ]
    for filters in either:
        assert counts(filtered(northern, *filters))["CarePlan"] == 2
    both = filtered(northern, "CarePlan?status=active,Goal?lifecycle-status=active,completed")
    assert counts(both) == {"CarePlan": 1, "Goal": 4, "Patient": 2}


def test_a_filter_may_be_posted(northern):
    said = [
        {"name": "_type", "valueString": "CarePlan"},
        {"name": "_typeFilter", "valueString": "CarePlan?status=active"},
    ]
    body = {"resourceType": "Parameters", "parameter": said}
    assert counts(northern.resources(northern.manifest(method="POST", json=body))) == {"CarePlan": 1}


def test_what_changed_and_still_matches_comes_since_and_a_filter_makes_nobody_new(northern, two):
    query = f"/fhir/$export?_type=CarePlan&_typeFilter={quote('CarePlan?status=active')}"
    first = northern.manifest(query)
    assert northern.resources(northern.manifest(f"{query}&_since={first['transactionTime']}")) == {}
    changed = {**river.CASE, "plan": {**river.CASE["plan"], "title": "On foot"}}
    assert two.put("/api/cases/c1", changed, headers={"If-Match": "*"}).status_code == 200
    (plan,) = northern.resources(northern.manifest(f"{query}&_since={first['transactionTime']}")).values()
    assert (plan["title"], plan["meta"]["versionId"]) == ("On foot", "2")


def test_a_leaver_is_told_of_whatever_is_filtered(northern, two):
    gone = patient(two, "S-1")
    first = northern.manifest("/fhir/$export?_type=CarePlan,Patient")
    away = {
        **river.CLIENT,
        "identifiers": [{"system": "urn:example:clients", "value": "S-1"}],
        "coverages": [],
    }
    assert two.put("/api/clients/sam", away, headers={"If-Match": "*"}).status_code == 200
    query = f"_type=Patient&_typeFilter={quote('Patient?family=nobody')}&_since={first['transactionTime']}"
    assert northern.deleted(northern.manifest(f"/fhir/$export?{query}")) == {gone}


def test_of_patients_that_are_named_there_is_what_is_theirs_alone(northern, two, group):
    sam, everything = patient(two, "S-1"), northern.resources(northern.manifest())
    for path in ("/fhir/Patient/$export", f"{group}/$export", f"{group}/$davinci-data-export"):
        resources = whole(northern, of_patients(northern, path, sam))
        assert counts(resources)["Patient"] == counts(resources)["CarePlan"] == 1
        assert resources[sam] == everything[sam]
        others = {reference for reference in everything if patient(two, "R-1") in str(everything[reference])}
        assert others.isdisjoint(resources)
        of_all = whole(northern, of_patients(northern, path, sam, patient(two, "R-1"), sam))
        assert of_all == everything


def test_nobody_is_told_apart_who_is_not_there_and_who_is_not_theirs(northern, two):
    theirs = {
        **river.CLIENT,
        "identifiers": [{"system": "urn:example:clients", "value": "T-1"}],
        "coverages": [],
    }
    assert two.put("/api/clients/theirs", theirs).status_code == 201
    answers = [
        of_patients(northern, "/fhir/Patient/$export", patient(two, "S-1"), reference)
        for reference in (patient(two, "T-1"), "Patient/never", "Organization/never")
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert answers[0].json == answers[1].json == answers[2].json
    (issue,) = answers[0].json["issue"]
    assert (issue["code"], issue["expression"]) == ("not-found", ["patient[1]"])


def test_patients_are_named_where_patients_are_exported_and_by_reference(northern, two):
    sam = patient(two, "S-1")
    said = [{"name": "patient", "valueString": sam}]
    answers = (
        of_patients(northern, "/fhir/$export", sam),
        of_patients(northern, "/fhir/Patient/$export", query=f"?patient={sam}"),
        of_patients(northern, "/fhir/Patient/$export", also=said),
    )
    assert [answer.status_code for answer in answers] == [400] * 3


def test_what_is_gone_is_told_of_the_patients_that_are_named(northern, two):
    first = northern.manifest("/fhir/Patient/$export?_type=Patient")
    sam, rivers = patient(two, "S-1"), patient(two, "R-1")
    away = {**river.CLIENT, "coverages": []}
    away["identifiers"] = [{"system": "urn:example:clients", "value": "S-1"}]
    assert two.put("/api/clients/sam", away, headers={"If-Match": "*"}).status_code == 200
    query = f"?_type=Patient&_since={first['transactionTime']}"
    begun = of_patients(northern, "/fhir/Patient/$export", rivers, query=query)
    assert northern.deleted(northern.wait(path_of(begun.headers["Content-Location"]))) == set()
    assert northern.deleted(northern.manifest(f"/fhir/Patient/$export{query}")) == {sam}


def test_da_vincis_export_is_that_of_the_group(northern, group):
    everything = northern.resources(northern.manifest(f"{group}/$export"))
    path = f"{group}/$davinci-data-export"
    assert northern.resources(northern.manifest(path)) == everything
    purpose = quote("hl7.fhir.us.davinci-pdex#payertopayer")
    manifest = northern.manifest(f"{path}?exportType={purpose}&_type=CarePlan")
    assert counts(northern.resources(manifest)) == {"CarePlan": 2}
    answer = northern.begin(f"{path}?exportType=nonsense")
    assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["exportType"])
    assert northern.begin(path.replace("/fhir/Group/", "/fhir/Group/x")).status_code == 404


def organized(northern, manifest):
    """What there is of each patient, by the reference of the header before it."""
    assert manifest["outputOrganizedBy"] == "Patient"
    by_patient = {}
    for file in manifest["output"]:
        if "type" not in file:
            for line in northern.ask("GET", path_of(file["url"])).data.splitlines():
                resource = json.loads(line)
                if resource["resourceType"] == "Parameters":
                    (header,) = resource["parameter"]
                    assert header["name"] == "header"
                    theirs = by_patient.setdefault(header["valueReference"]["reference"], [])
                else:
                    theirs.append(resource)
    return by_patient


@pytest.mark.parametrize("parts", [1, 5_000])
def test_files_by_patient_have_of_each_a_header_the_patient_and_all_that_is_theirs(
    northern, two, group, monkeypatch, parts
):
    monkeypatch.setattr(kept, "PATIENTS", parts)
    everything = northern.resources(northern.manifest())
    for path in (f"{group}/$export", "/fhir/$export"):
        manifest = northern.manifest(f"{path}?organizeOutputBy=Patient")
        by_patient = organized(northern, manifest)
        assert set(by_patient) == {patient(two, "R-1"), patient(two, "S-1")}
        for reference, theirs in by_patient.items():
            assert theirs[0] == everything[reference]
            own = {name for name, resource in everything.items() if f'"{reference}"' in json.dumps(resource)}
            assert {f"{resource['resourceType']}/{resource['id']}" for resource in theirs} >= own
        references = [
            f"{resource['resourceType']}/{resource['id']}"
            for theirs in by_patient.values()
            for resource in theirs
        ]
        assert len(references) == len(set(references))
        shared = [line for file in manifest["output"] if "type" in file for line in northern.lines(file)]
        assert {resource["resourceType"] for resource in shared} == {"Organization", "Practitioner"}
        assert {*references, *(f"{resource['resourceType']}/{resource['id']}" for resource in shared)} == set(
            everything
        )


def test_files_by_patient_heed_what_else_is_asked_for(northern, two):
    first = northern.manifest("/fhir/$export?_type=CarePlan,Patient&organizeOutputBy=Patient")
    query = f"_typeFilter={quote('CarePlan?status=active')}&_elements=CarePlan.title"
    narrow = organized(
        northern, northern.manifest(f"/fhir/$export?_type=CarePlan&organizeOutputBy=Patient&{query}")
    )
    ((reference, (plan,)),) = narrow.items()
    assert (reference, plan["title"]) == (patient(two, "R-1"), river.CASE["plan"]["title"])
    assert "period" not in plan
    changed = {**river.CASE, "plan": {**river.CASE["plan"], "title": "On foot"}}
    assert two.put("/api/cases/c1", changed, headers={"If-Match": "*"}).status_code == 200
    since = f"_since={first['transactionTime']}&organizeOutputBy=Patient&_type=CarePlan,Patient"
    by_patient = organized(northern, northern.manifest(f"/fhir/$export?{since}"))
    assert {
        reference: [resource["resourceType"] for resource in theirs]
        for reference, theirs in by_patient.items()
    } == {patient(two, "R-1"): ["CarePlan"]}
    assert northern.begin("/fhir/$export?organizeOutputBy=Group").status_code == 400


def test_a_file_by_patient_is_on_record_with_whose_it_is(northern, two):
    manifest = northern.manifest("/fhir/$export?_type=CarePlan&organizeOutputBy=Patient")
    organized(northern, manifest)
    row = records(two.engine)[-1]
    assert (row.interaction, len(json.loads(row.things))) == ("operation", 2)
