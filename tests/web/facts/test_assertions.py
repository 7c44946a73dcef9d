"""A case system that gives its clients a hospital's numbers keeps nobody else's discharges from them."""

import pytest

from service.wiring import serving
from tests.web.conftest import House
from tests.web.sent import PERSON, Mercy, a03, encounter

PARTNERS = """
partners:
  - {name: cms, kind: case-system}
  - {name: rival, kind: case-system}
  - {name: mercy, kind: hospital, intake: {case_system: cms}}
  - {name: lakeside, kind: hospital, intake: {case_system: rival}}
"""
OWNED = f"""
identifying:
  - {{system: "urn:example:persons", asserted_by: [mercy, cms]}}
{PARTNERS}"""
RIVER = {
    "identifiers": [PERSON],
    "names": [{"family": "Rider", "given": ["River"]}],
    "birth_date": "1990-05-01",
}
ANOTHER = {
    "identifiers": [PERSON],
    "names": [{"family": "Oak", "given": ["Ash"]}],
    "birth_date": "1950-01-01",
}
# the same number under another name of its system, that the hospital's messages give it too
ALIAS = {**ANOTHER, "identifiers": [{"system": "urn:casebridge:authority:mercy:WARD", "value": "R-1"}]}
NAMED = a03().replace(b"R-1^^^&", b"R-1^^^WARD&")


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(PARTNERS, encoding="utf-8")
    return path


@pytest.fixture
def rebuilt(settings, engine, mappings):
    """The house anew, with the registry as it is now."""

    def build():
        return House(serving.application(settings, engine, mappings), engine)

    return build


def seen(house, partner="cms"):
    """What a case system sees: how many clients and stays, and how much is in quarantine."""
    patients = house.get("/fhir/Patient", partner=partner).json["total"]
    cases = house.get("/api/cases", partner=partner).json["items"]
    stays = [stay for case in cases for stay in case["document"].get("received", {}).get("stays", [])]
    return patients, len(stays), len(house.get("/api/quarantine", partner=None).json["items"])


ONE = (1, 1, 0)


@pytest.mark.parametrize(
    ("order", "claim"), [("before", ANOTHER), ("between", RIVER), ("between", ANOTHER), ("after", ANOTHER)]
)
def test_who_the_cases_are_offered_to_gets_them_whoever_else_claims_the_number(house, mercy, order, claim):
    if order == "before":
        assert house.put("/api/clients/mine", RIVER).status_code == 201
        assert house.put("/api/clients/x", claim, partner="rival").status_code == 201
        assert mercy.hl7v2(a03()).status_code == 200
    elif order == "between":
        assert house.put("/api/clients/x", claim, partner="rival").status_code == 201
        assert house.put("/api/clients/mine", RIVER).status_code == 201
        assert mercy.hl7v2(a03()).status_code == 200
    else:
        assert mercy.hl7v2(a03()).status_code == 200
        assert house.put("/api/clients/x", claim, partner="rival").status_code == 201
        assert house.put("/api/clients/mine", RIVER).status_code == 200
    assert b"MSA|AA|MSG-2" in mercy.hl7v2(a03("MSG-2", trigger="A08")).data
    assert seen(house) == ONE
    assert seen(house, "rival") == (1, 0, 0)


def test_a_number_that_found_anothers_client_before_does_not_keep_a_stay_from_ones_own(house, mercy):
    assert house.put("/api/clients/x", RIVER, partner="rival").status_code == 201
    assert (
        Mercy(house, "lakeside").hl7v2(a03("L-1", visit="L-1").replace(b"MERCY", b"LAKE")).status_code == 200
    )
    assert house.put("/api/clients/mine", RIVER).status_code in {201, 409}
    assert b"MSA|AA|MSG-1" in mercy.hl7v2(a03()).data
    assert seen(house) == ONE


class TestWhereTheRegistrySaysWhoAsserts:
    @pytest.fixture
    def database_url(self, sqlite_url):
        return sqlite_url

    @pytest.fixture
    def registry(self, tmp_path):
        path = tmp_path / "partners.yaml"
        path.write_text(OWNED, encoding="utf-8")
        return path

    @pytest.mark.parametrize("there", [True, False])
    def test_who_may_not_is_told_so_whether_the_number_is_there_or_not(self, house, mercy, there):
        if there:
            assert mercy.hl7v2(a03()).status_code == 200
        before = seen(house)
        free = {"system": "urn:example:rivals", "value": "1"}
        claim = {**RIVER, "identifiers": [free, PERSON]}
        answer = house.put("/api/clients/x", claim, partner="rival")
        assert answer.status_code == 422
        (issue,) = answer.json["issues"]
        assert issue["pointer"] == "/identifiers/1"
        assert "leave it out" in issue["detail"]
        assert "R-1" not in answer.text
        assert (
            house.put("/api/clients/x", {**RIVER, "identifiers": [free]}, partner="rival").status_code == 201
        )
        patch = {"identifiers": [PERSON]}
        headers = {"If-Match": "*", "Content-Type": "application/merge-patch+json"}
        answer = house.ask("PATCH", "/api/clients/x", partner="rival", json=patch, headers=headers.items())
        assert answer.status_code == 422
        assert seen(house) == before

    def test_who_may_gives_its_client_the_number_and_gets_the_stays(self, house, mercy):
        assert house.put("/api/clients/mine", RIVER).status_code == 201
        assert mercy.hl7v2(a03()).status_code == 200
        assert seen(house) == ONE

    def test_another_hospitals_word_on_it_is_left_out_and_told(self, house, mercy):
        theirs = a03("L-1", visit="L-1", person="7^^^LAKE~R-1").replace(b"|MERCY|", b"|LAKE|")
        answer = Mercy(house, "lakeside").hl7v2(theirs)
        assert b"ERR||PID^1^3" in answer.data
        assert b"identifying in the registry" in answer.data
        assert mercy.hl7v2(a03()).status_code == 200
        assert seen(house) == ONE
        assert seen(house, "rival") == ONE

    @pytest.mark.parametrize(
        ("way", "claim"),
        [("HL7 v2", ANOTHER), ("HL7 v2", ALIAS), ("FHIR", RIVER), ("If-None-Exist", RIVER)],
        ids=["HL7 v2", "under an alias", "FHIR", "If-None-Exist"],
    )
    def test_a_claim_from_before_it_said_so_finds_nobody(self, rebuilt, registry, way, claim):
        registry.write_text(PARTNERS, encoding="utf-8")
        assert rebuilt().put("/api/clients/x", claim, partner="rival").status_code == 201
        registry.write_text(OWNED, encoding="utf-8")
        house = rebuilt()
        if way == "HL7 v2":
            answer = Mercy(house).hl7v2(NAMED)
        elif way == "FHIR":
            answer = Mercy(house).send("/fhir/Encounter", encounter())
        else:
            named = f"identifier={PERSON['system']}|{PERSON['value']}"
            answer = Mercy(house).send("/fhir/Encounter", encounter(), If_None_Exist=named)
        assert answer.status_code in {200, 201}
        assert seen(house) == ONE
        assert house.put("/api/clients/mine", RIVER).status_code == 200
        assert seen(house) == ONE
