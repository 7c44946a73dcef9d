"""Our terminology as resources: read, searched, and told of by the statements."""

from urllib.parse import quote

import pytest

from service.wire.fhir.check.validate import validate
from tests.web.terms import BASE, EXTENSION, KIND, KIND_MAP, KINDS, MAPPINGS, TYPES, get


@pytest.fixture
def database_url(sqlite_url):
    """Nothing of our terminology is stored."""
    return sqlite_url


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
