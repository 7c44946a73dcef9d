"""What the operations of our terminology answer, and what they refuse.

https://hl7.org/fhir/R4/terminology-service.html
"""

from urllib.parse import quote

import pytest

from tests.web.terms import KIND, KIND_MAP, KINDS, SERVICE_TYPE, SNOMED, concept, get, post, values


@pytest.fixture
def database_url(sqlite_url):
    """Nothing of our terminology is stored."""
    return sqlite_url


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
