"""Accept-Language: displays and narrative in the reader's language, stored bytes untouched otherwise.

https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
"""

import json
import re

import pytest

from service.wire.fhir.check.validate import validate
from tests.flows import river

# care model `clinical`, service `physiotherapy`, role `case-manager`, and the care team's heading
WORDS = {
    "en": ("clinical", "physiotherapy", "case manager", "Care team"),
    "da": ("klinisk", "fysioterapi", "sagsbehandler", "Plejeteam"),
    "sv": ("klinisk", "sjukgymnastik", "handläggare", "Vårdteam"),
    "fi": ("kliininen", "fysioterapia", "tapausvastaava", "Hoitotiimi"),
    "de": ("klinisch", "Physiotherapie", "Fallmanager", "Versorgungsteam"),
    "ru": ("клиническая", "физиотерапия", "куратор случая", "Команда по уходу"),
}
CHOICES = [
    ("de-AT", "de"),
    ("DE", "de"),
    ("sv-Latn-FI", "sv"),
    ("da;q=0.5, fi;q=0.8", "fi"),
    ("de-AT;q=0.9, de;q=0.1, da;q=0.5", "de"),
    ("de-AT, de;q=0, da;q=0.2", "da"),
    ("fr-CH, fr;q=0.9, ru;q=0.8, de;q=0.7, *;q=0.5", "ru"),
    ("*, da;q=0.5", "en"),
    ("*;q=0.5, en;q=0", "da"),
    ("*, en;q=0.1", "da"),
    ("en;q=0", "en"),
    ("sv, da", "sv"),
    ("da, sv", "da"),
    ("da;q=1.000", "da"),
    ("dansk", "en"),
]
MALFORMED = ["", ";;;", ",,,", "da;q=abc", "da;q=2", "da;q=-1", "da;q=nan", "da q=0.5", "d\xe4", "a" * 5000]
VARY = "Accept-Language, Accept-Encoding"
FOREIGN = sorted(set(WORDS) - {"en"})


def ask(house, path, language, **headers):
    """Ask in a language; None sends no header."""
    spoken = {} if language is None else {"Accept-Language": language}
    return house.get(path, headers={**spoken, **headers})


def place(house, type_):
    return f"/fhir/{type_}/{house.one(type_)['id']}"


def ours(resource):
    """The displays of our own codings, by code."""
    displays = {}

    def walk(value):
        if isinstance(value, dict):
            if str(value.get("system", "")).startswith("https://casebridge.org/") and "code" in value:
                displays[value["code"]] = value["display"]
            value = list(value.values())
        for below in value if isinstance(value, list) else ():
            walk(below)

    walk(resource)
    return displays


@pytest.mark.parametrize("language", WORDS)
def test_displays_and_narrative_are_in_the_language_asked_for(rivers_house, language):
    model, service, role, heading = WORDS[language]
    plan = ask(rivers_house, place(rivers_house, "CarePlan"), language)
    team = ask(rivers_house, place(rivers_house, "CareTeam"), language)
    first = plan.json["activity"][0]["reference"]["reference"]
    assert ours(plan.json)["clinical"] == model
    assert ours(team.json)["case-manager"] == role
    assert ours(ask(rivers_house, f"/fhir/{first}", language).json)["physiotherapy"] == service
    assert f">{service}</span>" in plan.json["text"]["div"]
    assert f">{heading}</span>" in team.json["text"]["div"]
    assert (plan.headers["Content-Language"], plan.headers["Vary"]) == (language, VARY)


@pytest.mark.parametrize("language", FOREIGN)
def test_every_localised_resource_is_valid_and_says_its_language(rivers_house, language):
    bundle = ask(rivers_house, "/fhir/CarePlan", language).json
    assert validate(bundle) == []
    plan = bundle["entry"][0]["resource"]
    linked = [plan["subject"], plan["author"], *plan["careTeam"], *plan["supportingInfo"], *plan["goal"]]
    linked += [activity["reference"] for activity in plan["activity"]]
    resources = [ask(rivers_house, f"/fhir/{reference['reference']}", language).json for reference in linked]
    assert {resource["resourceType"] for resource in resources} >= {
        "Patient",
        "CareTeam",
        "EpisodeOfCare",
        "Goal",
    }
    for resource in [plan, *resources]:
        assert validate(resource) == []
        assert resource["language"] == language
        if "text" in resource:
            assert f' lang="{language}" xml:lang="{language}">' in resource["text"]["div"]


@pytest.mark.parametrize("language", FOREIGN)
def test_only_words_of_ours_differ_from_the_stored_resource(rivers_house, language):
    plan = rivers_house.one("CarePlan")
    other = ask(rivers_house, place(rivers_house, "CarePlan"), language).json
    assert other.pop("language") == language
    div = re.sub(r">[^<]*</span>", "></span>", other["text"]["div"]).replace(
        f' lang="{language}" xml:lang="{language}"', ""
    )
    assert div == re.sub(r">[^<]*</span>", "></span>", plan["text"]["div"])
    other["text"] = plan["text"]
    other["category"][0]["coding"][0]["display"] = "clinical"
    assert other == plan
    assert plan["title"] in div


@pytest.mark.parametrize("language", [None, "en", "en-GB,en;q=0.9", "*", "fr", "da;q=0", "da;q=0.5,en;q=0.8"])
def test_stored_bytes_are_served_untouched_when_english_is_the_best(rivers_house, language):
    path = place(rivers_house, "CarePlan")
    stored = rivers_house.get(path)
    answer = ask(rivers_house, path, language)
    assert answer.data == stored.data
    assert (answer.headers["ETag"], answer.headers["Content-Language"]) == ('W/"1"', "en")
    assert answer.headers["Vary"] == VARY
    assert "language" not in answer.json
    assert stored.data in ask(rivers_house, "/fhir/CarePlan", language).data


def test_the_language_with_the_highest_quality_is_chosen(rivers_house):
    path = place(rivers_house, "CarePlan")
    chosen = [(header, ask(rivers_house, path, header).headers["Content-Language"]) for header, _ in CHOICES]
    assert chosen == CHOICES


def test_a_malformed_header_is_ignored(rivers_house):
    path = place(rivers_house, "CarePlan")
    for header in MALFORMED:
        answer = ask(rivers_house, path, header)
        assert (answer.status_code, answer.headers["Content-Language"]) == (200, "en"), header


def test_what_is_well_formed_beside_a_malformed_part_is_heeded(rivers_house):
    answer = ask(rivers_house, place(rivers_house, "CarePlan"), "da;q=many, ;;, fi;q=0.4")
    assert answer.headers["Content-Language"] == "fi"


def test_each_language_has_an_entity_tag_of_its_own(rivers_house):
    path = place(rivers_house, "CarePlan")
    danish = ask(rivers_house, path, "da")
    assert (danish.headers["ETag"], danish.json["meta"]["versionId"]) == ('W/"1-da"', "1")
    same = ask(rivers_house, path, "da", **{"If-None-Match": 'W/"1-da"'})
    assert (same.status_code, same.data) == (304, b"")
    assert (same.headers["ETag"], same.headers["Vary"]) == ('W/"1-da"', VARY)
    for language, tag in (
        ("da", 'W/"1"'),
        ("da", 'W/"1-sv"'),
        (None, 'W/"1-da"'),
        ("da", 'W/"2-da"'),
    ):
        assert ask(rivers_house, path, language, **{"If-None-Match": tag}).status_code == 200, (language, tag)
    for tags in ('W/"7", W/"1-da"', 'W/"7",W/"1-da"', '"1-da"', "*"):
        assert ask(rivers_house, path, "da", **{"If-None-Match": tags}).status_code == 304, tags


def test_a_new_version_has_a_new_tag_in_each_language(rivers_house):
    path = place(rivers_house, "CarePlan")
    changed = {**river.CASE, "care_model": "intensive"}
    assert rivers_house.put("/api/cases/c1", changed, headers={"If-Match": 'W/"1"'}).status_code == 200
    answer = ask(rivers_house, path, "da", **{"If-None-Match": 'W/"1-da"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2-da"')
    assert ours(answer.json) == {"intensive": "intensiv"}


def test_versions_and_histories_are_localised(rivers_house):
    path = place(rivers_house, "CarePlan")
    version = ask(rivers_house, f"{path}/_history/1", "fi")
    assert (version.headers["ETag"], ours(version.json)["clinical"]) == ('W/"1-fi"', "kliininen")
    history = ask(rivers_house, f"{path}/_history", "fi")
    assert (history.headers["Content-Language"], history.headers["Vary"]) == ("fi", VARY)
    assert history.json["entry"][0]["resource"] == version.json
    assert validate(history.json) == []


def test_a_posted_search_is_localised(rivers_house):
    answer = rivers_house.ask("POST", "/fhir/CarePlan/_search", headers={"Accept-Language": "de"})
    assert answer.headers["Content-Language"] == "de"
    assert ours(answer.json)["clinical"] == "klinisch"


def test_an_insurer_pulls_the_plan_in_its_language_within_its_scope(rivers_house):
    for partner, total in (("northern", 1), ("southern", 0)):
        answer = rivers_house.get(
            "/fhir/CarePlan", partner=partner, headers={"Accept-Language": "da-DK,da;q=0.9"}
        )
        assert answer.json["total"] == total
    path = place(rivers_house, "CarePlan")
    assert rivers_house.get(path, partner="southern", headers={"Accept-Language": "da"}).status_code == 404


def test_what_people_wrote_is_not_taken_for_a_concept(rivers_house):
    written = '<span class="phrase|goals">Goals</span>'
    changed = json.loads(json.dumps(river.CASE))
    changed["plan"]["title"] = written
    assert rivers_house.put("/api/cases/c1", changed, headers={"If-Match": 'W/"1"'}).status_code == 200
    plan = ask(rivers_house, place(rivers_house, "CarePlan"), "da").json
    assert plan["title"] == written
    assert "&lt;span class=&quot;phrase|goals&quot;&gt;Goals&lt;/span&gt;" in plan["text"]["div"]
