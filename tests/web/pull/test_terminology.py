"""What our codes mean, for those who may read resources: https://hl7.org/fhir/R4/terminology-service.html."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from service.wire.fhir.check.validate import validate

BASE = "https://casebridge.org/fhir"
KIND = f"{BASE}/CodeSystem/service-kind"
KINDS = f"{BASE}/ValueSet/service-kind"
KIND_MAP = f"{BASE}/ConceptMap/service-kind"
SNOMED = "http://snomed.info/sct"
SERVICE_TYPE = "http://terminology.hl7.org/CodeSystem/service-type"
TYPES = ("CodeSystem", "ConceptMap", "ValueSet")
MAPPINGS = Path(__file__).parents[3] / "mappings"
EXTENSION = re.compile(rf"{BASE}/StructureDefinition/[\w-]+")


@pytest.fixture
def database_url(sqlite_url):
    """Nothing of our terminology is stored."""
    return sqlite_url


def get(house, path, status=200, **headers):
    answer = house.get(f"/fhir/{path}", headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/fhir+json"
    assert validate(answer.json) == []
    return answer.json


def post(house, path, *parameter, status=200, **headers):
    body = {"resourceType": "Parameters", "parameter": list(parameter)}
    answer = house.ask("POST", f"/fhir/{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert validate(answer.json) == []
    return answer.json


def values(parameters, name):
    """The values of the parameters of a name; of one made of parts, its parts by name."""
    rows = []
    for parameter in parameters["parameter"]:
        if parameter["name"] == name:
            parts = parameter.get("part")
            rows.append({one["name"]: value(one) for one in parts} if parts else value(parameter))
    return rows


def value(parameter):
    (sole,) = [value for key, value in parameter.items() if key.startswith("value")]
    return sole


def concept(system, code, display=None):
    return {"system": system, "code": code} | ({"display": display} if display else {})


@pytest.mark.parametrize("type_", TYPES)
def test_all_of_ours_are_found_valid_and_read_by_id(house, type_):
    bundle = get(house, type_)
    assert bundle["total"] == len(bundle["entry"]) > 10
    for entry in bundle["entry"]:
        resource = entry["resource"]
        assert validate(resource) == []
        assert entry["fullUrl"].endswith(f"/fhir/{type_}/{resource['id']}")
        assert (resource["resourceType"], resource["status"]) == (type_, "active")
        assert resource["version"]
    first = bundle["entry"][0]["resource"]
    assert get(house, f"{type_}/{first['id']}") == first


def test_a_code_system_tells_all_its_codes_and_the_value_set_of_them(house):
    system = get(house, "CodeSystem/service-kind")
    assert (system["url"], system["content"], system["valueSet"]) == (KIND, "complete", KINDS)
    assert system["count"] == len(system["concept"])
    assert {designation["language"] for designation in system["concept"][0]["designation"]} == {
        "da",
        "sv",
        "fi",
        "de",
        "ru",
    }
    value_set = get(house, "ValueSet/service-kind")
    assert value_set["compose"]["include"] == [{"system": KIND, "version": system["version"]}]


def test_a_concept_map_says_how_its_targets_stand_to_our_codes(house):
    concept_map = get(house, "ConceptMap/service-kind")
    assert concept_map["sourceCanonical"] == KINDS
    stated = {
        target["equivalence"]
        for group in concept_map["group"]
        for element in group["element"]
        for target in element["target"]
    }
    assert stated == {"equivalent", "wider", "unmatched"}


@pytest.mark.parametrize(
    ("search", "ids"),
    [
        (f"CodeSystem?url={quote(KIND)}", ["service-kind"]),
        (f"ValueSet?url={quote(KINDS)}", ["service-kind"]),
        (f"ConceptMap?url={quote(KIND_MAP)}", ["service-kind"]),
        ("CodeSystem?url=urn:none", []),
        ("CodeSystem?name=servicek", ["service-kind"]),
        ("CodeSystem?name:exact=ServiceKind", ["service-kind"]),
        ("CodeSystem?name:exact=servicekind", []),
        ("CodeSystem?name:contains=medi", ["check-in-medium", "medication-source"]),
        ("CodeSystem?_id=care-model,profession&status=active", ["care-model", "profession"]),
        ("CodeSystem?status=draft", []),
        ("CodeSystem?version=none", []),
    ],
)
def test_search_finds_what_matches(house, search, ids):
    bundle = get(house, search)
    assert [entry["resource"]["id"] for entry in bundle.get("entry", [])] == ids
    assert bundle["total"] == len(ids)


def test_pages_lead_through_all(house):
    path, seen = "CodeSystem?_count=7&status=active", []
    while path:
        bundle = get(house, path)
        assert len(bundle["entry"]) <= 7
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        path = links.get("next", "").rpartition("/fhir/")[2]
    assert seen == [entry["resource"]["id"] for entry in get(house, "CodeSystem")["entry"]]


def test_a_posted_search_is_the_same_search(house):
    answer = house.ask("POST", "/fhir/CodeSystem/_search", data={"name": "ServiceKind"})
    assert answer.json["total"] == 1


def test_a_version_changes_with_the_content_alone_and_is_the_entity_tag(house):
    first, again = (house.get("/fhir/CodeSystem/care-model") for _ in range(2))
    assert first.headers["ETag"] == again.headers["ETag"] == f'W/"{first.json["version"]}"'
    other = house.get("/fhir/CodeSystem/profession")
    assert other.headers["ETag"] != first.headers["ETag"]
    same = house.get("/fhir/CodeSystem/care-model", headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")


def test_a_code_is_looked_up_with_its_designations(house):
    parameters = get(house, f"CodeSystem/$lookup?system={quote(KIND)}&code=physiotherapy")
    assert values(parameters, "name") == ["ServiceKind"]
    assert values(parameters, "display") == ["physiotherapy"]
    assert {"language": "da", "value": "fysioterapi"} in values(parameters, "designation")
    assert len(values(parameters, "designation")) == 6


@pytest.mark.parametrize(
    ("query", "header", "display"),
    [
        ("&displayLanguage=fi", {}, "fysioterapia"),
        ("&displayLanguage=de-AT", {}, "Physiotherapie"),
        ("&displayLanguage=fr", {}, "physiotherapy"),
        ("", {"Accept-Language": "ru"}, "физиотерапия"),
        ("&displayLanguage=sv", {"Accept-Language": "ru"}, "sjukgymnastik"),
    ],
)
def test_a_display_is_given_in_the_language_asked_for(house, query, header, display):
    parameters = get(house, f"CodeSystem/$lookup?system={quote(KIND)}&code=physiotherapy{query}", **header)
    assert values(parameters, "display") == [display]


def test_properties_choose_what_is_told(house):
    place = f"CodeSystem/$lookup?system={quote(KIND)}&code=physiotherapy"
    assert values(get(house, f"{place}&property=display"), "designation") == []
    danish = values(get(house, f"{place}&property=lang.da"), "designation")
    assert danish == [{"language": "da", "value": "fysioterapi"}]


def test_a_lookup_can_be_posted(house):
    coding = {"name": "coding", "valueCoding": concept(KIND, "home-visit")}
    language = {"name": "displayLanguage", "valueCode": "da"}
    parameters = post(house, "CodeSystem/$lookup", coding, language)
    assert values(parameters, "display") == ["hjemmebesøg"]


def test_a_code_is_translated_to_every_target_of_its_map(house):
    parameters = get(
        house, f"ConceptMap/$translate?url={quote(KIND_MAP)}&system={quote(KIND)}&code=physiotherapy"
    )
    assert values(parameters, "result") == [True]
    assert values(parameters, "match") == [
        {
            "equivalence": "equivalent",
            "concept": concept(SNOMED, "91251008", "Physical therapy procedure"),
            "source": KIND_MAP,
        },
        {
            "equivalence": "equivalent",
            "concept": concept(SERVICE_TYPE, "65", "Physiotherapy"),
            "source": KIND_MAP,
        },
    ]
    assert get(house, "ConceptMap/service-kind/$translate?code=physiotherapy") == parameters
    assert get(house, f"ConceptMap/$translate?system={quote(KIND)}&code=physiotherapy") == parameters


def test_a_target_system_leaves_its_own_matches(house):
    for name in ("targetsystem", "target"):
        place = f"ConceptMap/$translate?system={quote(KIND)}&code=physiotherapy&{name}={quote(SNOMED)}"
        matches = values(get(house, place), "match")
        assert [match["concept"]["code"] for match in matches] == ["91251008"]
    place = f"ConceptMap/$translate?system={quote(KIND)}&code=physiotherapy&source={quote(KINDS)}"
    assert values(get(house, place), "result") == [True]


def test_a_wider_target_says_so_and_is_narrower_on_the_way_back(house):
    there = get(house, f"ConceptMap/service-kind/$translate?system={quote(KIND)}&code=phone-check-in")
    assert [match["equivalence"] for match in values(there, "match")] == ["wider"]
    back = get(house, f"ConceptMap/$translate?system={quote(SNOMED)}&code=185317003&reverse=true")
    assert values(back, "match") == [
        {"equivalence": "narrower", "concept": concept(KIND, "phone-check-in"), "source": KIND_MAP}
    ]


def test_an_element_without_a_match_gives_no_result(house):
    parameters = get(house, f"ConceptMap/service-kind/$translate?system={quote(KIND)}&code=medical")
    assert (values(parameters, "result"), len(values(parameters, "message"))) == ([False], 1)
    assert values(parameters, "match") == [{"equivalence": "unmatched", "source": KIND_MAP}]
    unknown = get(house, f"ConceptMap/service-kind/$translate?system={quote(KIND)}&code=bogus")
    assert (values(unknown, "result"), values(unknown, "match")) == ([False], [])


def test_every_coding_of_a_concept_is_translated(house):
    codings = [concept(KIND, "physiotherapy"), concept(SNOMED, "0"), concept(KIND, "transport")]
    parameters = post(
        house,
        "ConceptMap/$translate",
        {"name": "codeableConcept", "valueCodeableConcept": {"coding": codings}},
        {"name": "targetsystem", "valueUri": SERVICE_TYPE},
    )
    assert [match["concept"]["code"] for match in values(parameters, "match") if "concept" in match] == [
        "65",
        "465",
    ]


def test_every_pair_of_every_map_is_translated_as_the_map_says(house):
    for entry in get(house, "ConceptMap")["entry"]:
        concept_map = entry["resource"]
        for group in concept_map["group"]:
            for element in group["element"]:
                query = f"system={quote(group['source'])}&code={element['code']}"
                body = house.get(f"/fhir/ConceptMap/{concept_map['id']}/$translate?{query}").json
                codes = {match.get("concept", {}).get("code") for match in values(body, "match")}
                assert {target.get("code") for target in element["target"]} <= codes


def test_a_value_set_is_expanded(house):
    value_set = get(house, f"ValueSet/$expand?url={quote(KINDS)}&displayLanguage=da")
    contains = value_set["expansion"]["contains"]
    assert value_set["language"] == "da"
    assert value_set["expansion"]["total"] == len(contains) == get(house, "CodeSystem/service-kind")["count"]
    assert concept(KIND, "physiotherapy", "fysioterapi") in contains
    assert get(house, "ValueSet/service-kind/$expand?displayLanguage=da")["expansion"]["contains"] == contains


def test_an_expansion_is_filtered_and_paged(house):
    place = f"ValueSet/$expand?url={quote(KINDS)}&displayLanguage=sv"
    every = get(house, place)["expansion"]["contains"]
    part = get(house, f"{place}&offset=2&count=3")["expansion"]
    assert (part["contains"], part["offset"], part["total"]) == (every[2:5], 2, len(every))
    counted = get(house, f"{place}&count=0")["expansion"]
    assert (counted["total"], "contains" in counted) == (len(every), False)
    concepts = get(house, f"{place}&filter=HEMBESOK&includeDesignations=true")["expansion"]["contains"]
    assert [concept["code"] for concept in concepts] == ["home-visit"]
    assert {"language": "fi", "value": "kotikäynti"} in concepts[0]["designation"]


@pytest.mark.parametrize(
    ("query", "result", "display"),
    [
        ("code=physiotherapy", True, ["physiotherapy"]),
        ("code=physiotherapy&display=Fysioterapi", True, ["physiotherapy"]),
        ("code=physiotherapy&display=massage", False, ["physiotherapy"]),
        ("code=physiotherapy&displayLanguage=da", True, ["fysioterapi"]),
        ("code=bogus", False, []),
    ],
)
def test_a_code_is_validated_against_system_and_value_set(house, query, result, display):
    for place in (
        f"CodeSystem/$validate-code?url={quote(KIND)}&",
        "CodeSystem/service-kind/$validate-code?",
        f"ValueSet/$validate-code?url={quote(KINDS)}&system={quote(KIND)}&",
        f"ValueSet/service-kind/$validate-code?system={quote(KIND)}&",
    ):
        parameters = get(house, place + query)
        assert (values(parameters, "result"), values(parameters, "display")) == ([result], display)
        assert len(values(parameters, "message")) == (not result)


def test_a_concept_is_valid_when_one_of_its_codings_is(house):
    codings = [concept(SNOMED, "91251008"), concept(KIND, "physiotherapy")]
    parameters = post(
        house,
        "ValueSet/service-kind/$validate-code",
        {"name": "codeableConcept", "valueCodeableConcept": {"coding": codings}},
    )
    assert values(parameters, "result") == [True]


@pytest.mark.parametrize(
    ("path", "status", "where"),
    [
        ("CodeSystem/none", 404, "id"),
        ("ConceptMap/none/$translate?code=a", 404, "id"),
        ("CodeSystem/$lookup?system=urn:none&code=a", 404, "system"),
        (f"CodeSystem/$lookup?system={KIND}&code=bogus", 404, "code"),
        (f"CodeSystem/$lookup?system={KIND}&code=medical&version=1", 404, "version"),
        ("CodeSystem/$lookup?code=a", 400, "system"),
        (f"CodeSystem/$lookup?system={KIND}", 400, "code"),
        (f"CodeSystem/$lookup?system={KIND}&code=medical&code=nursing", 400, "code"),
        (f"CodeSystem/$lookup?system={KIND}&code=medical&bogus=1", 400, "bogus"),
        (f"CodeSystem/$lookup?coding={KIND}", 400, "coding"),
        ("ConceptMap/$translate?code=a", 400, "system"),
        ("ConceptMap/$translate?url=urn:none&code=a", 404, "url"),
        (f"ConceptMap/$translate?system={KIND}&code=medical&reverse=perhaps", 400, "reverse"),
        ("ValueSet/$expand", 400, "url"),
        ("ValueSet/$expand?url=urn:none", 404, "url"),
        (f"ValueSet/$expand?url={KINDS}|none", 404, "url"),
        (f"ValueSet/$expand?url={KINDS}&count=-1", 400, "count"),
        (f"ValueSet/$expand?url={KINDS}&count=9999999999999", 400, "count"),
        ("ValueSet/service-kind/$validate-code?code=medical", 400, "system"),
        ("CodeSystem?bogus=1", 400, "bogus"),
        ("CodeSystem?url:below=x", 400, "url:below"),
        ("CodeSystem?_count=many", 400, "_count"),
    ],
)
def test_what_cannot_be_answered_is_an_operation_outcome_that_names_the_place(house, path, status, where):
    outcome = get(house, path, status)
    assert outcome["resourceType"] == "OperationOutcome"
    assert outcome["issue"][0]["expression"] == [where]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/fhir+json", 400),
        (b'{"resourceType":"Patient"}', "application/fhir+json", 400),
        (b'{"resourceType":"Parameters","parameter":[{"valueCode":"a"}]}', "application/fhir+json", 400),
        (
            b'{"resourceType":"Parameters","parameter":[{"name":"code","valueBoolean":true}]}',
            "application/json",
            400,
        ),
        (
            b'{"resourceType":"Parameters","parameter":[{"name":"bogus","valueCode":"a"}]}',
            "application/json",
            400,
        ),
        (b"code=a", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(house, body, kind, status):
    answer = house.ask("POST", "/fhir/CodeSystem/$lookup", data=body, content_type=kind)
    assert (answer.status_code, answer.json["resourceType"]) == (status, "OperationOutcome")


def test_who_has_no_right_to_resources_is_not_told(house):
    for path in ("CodeSystem", "ValueSet/service-kind", "ConceptMap/$translate", "CodeSystem/$lookup"):
        assert house.get(f"/fhir/{path}", partner="engineer").status_code == 403
        assert house.get(f"/fhir/{path}", partner="stranger").status_code == 403
    assert house.get("/fhir/CodeSystem", partner="mercy").status_code == 200


def test_the_statement_names_the_operations(house):
    by_type = {resource["type"]: resource for resource in get(house, "metadata")["rest"][0]["resource"]}
    operations = {type_: {operation["name"] for operation in by_type[type_]["operation"]} for type_ in TYPES}
    assert operations == {
        "CodeSystem": {"lookup", "validate-code"},
        "ConceptMap": {"translate"},
        "ValueSet": {"expand", "validate-code"},
    }
    for type_ in TYPES:
        assert [interaction["code"] for interaction in by_type[type_]["interaction"]] == [
            "read",
            "search-type",
        ]
        for parameter in by_type[type_]["searchParam"]:
            assert house.get(f"/fhir/{type_}?{parameter['name']}=x").status_code == 200


def test_the_terminology_statement_names_every_code_system_and_its_version(house):
    resource = get(house, "metadata?mode=terminology")
    assert resource["resourceType"] == "TerminologyCapabilities"
    systems = [entry["resource"] for entry in get(house, "CodeSystem")["entry"]]
    kept = [(system["uri"], system["version"][0]["code"]) for system in resource["codeSystem"]]
    assert kept == [(system["url"], system["version"]) for system in systems]
    assert get(house, "metadata?mode=full") == get(house, "metadata")
    assert get(house, "metadata?mode=bogus", 400)["issue"][0]["expression"] == ["mode"]


def test_what_our_extensions_mean_is_read_and_found_by_their_url(house):
    bundle = get(house, "StructureDefinition")
    assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["authorization", "deputy-for"]
    for resource in (entry["resource"] for entry in bundle["entry"]):
        assert (resource["type"], resource["derivation"], resource["status"]) == (
            "Extension",
            "constraint",
            "active",
        )
        assert get(house, f"StructureDefinition/{resource['id']}") == resource
        (known,) = get(house, f"StructureDefinition?url={quote(resource['url'])}")["entry"]
        assert known["resource"] == resource
    assert get(house, "StructureDefinition?url=urn:none")["total"] == 0


def test_the_statement_says_where_our_extensions_stand(house):
    by_type = {resource["type"]: resource for resource in get(house, "metadata")["rest"][0]["resource"]}
    assert [interaction["code"] for interaction in by_type["StructureDefinition"]["interaction"]] == [
        "read",
        "search-type",
    ]
    for type_, name in (("ServiceRequest", "authorization"), ("CareTeam", "deputy-for")):
        assert f"{BASE}/StructureDefinition/{name}" in by_type[type_]["documentation"]


def test_every_extension_of_ours_that_a_mapping_makes_is_defined(house):
    made = {url for path in MAPPINGS.rglob("*.yaml") for url in EXTENSION.findall(path.read_text("utf-8"))}
    defined = [entry["resource"]["url"] for entry in get(house, "StructureDefinition")["entry"]]
    assert sorted(made) == defined
