"""The command tells where an element of a live resource comes from, values only where they may be seen."""

import json
import re
import shutil
from pathlib import Path

import pytest

from service.settings import Settings
from service.wiring import compiled, operator, rooms, serving
from tests.cli.command import casebridge
from tests.flows import river

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"


@pytest.fixture
def live(sqlite_url):
    """River's case in a database, and the id of its plan."""
    environment = {"CASEBRIDGE_AUTH": "off", "CASEBRIDGE_DATABASE_URL": sqlite_url}
    settings = Settings.from_env(environment)
    operator.upgrade(settings)
    engine = rooms.database(settings)
    client = serving.application(settings, engine, compiled.catalogues(settings)).test_client()
    for path, document in river.STORY:
        assert client.put(path, json=document).status_code == 201
    plan = client.get("/fhir/CarePlan").json["entry"][0]["resource"]["id"]
    engine.dispose()
    return environment, plan


def explain(env, *words):
    return casebridge("mappings", "explain", *words, **env)


def test_an_element_is_explained_without_its_value_unless_that_is_asked_for(live):
    env, plan = live
    done = explain(env, "CarePlan.title", "--id", plan)
    assert done.returncode == 0, done.stderr
    head, *lines = done.stdout.splitlines()
    assert head.startswith(f"CarePlan/{plan} version 1 of ")
    assert ", from case/" in head
    assert head.endswith("revision 1")
    assert lines[0] == "title"
    assert lines[1].startswith("  by outbound/CarePlan.yaml:")
    assert lines[1].endswith("{{ case.plan.title }}")
    assert lines[2] == "  of case.plan.title"
    shown = explain(env, "CarePlan.title", "--id", f"CarePlan/{plan}", "--values").stdout
    assert f"  of case.plan.title = {json.dumps('Back on the bicycle')}" in shown.splitlines()
    assert "Back on the bicycle" not in done.stdout


def test_other_mappings_than_those_that_made_it_are_told(live):
    env, plan = live
    done = explain(env | {"CASEBRIDGE_OVERLAYS": "us-core"}, "CarePlan.category", "--id", plan)
    assert "other mappings made this version" in done.stdout
    assert "by overlays/us-core/outbound/CarePlan.yaml:" in done.stdout


def test_the_line_of_the_table_that_a_code_comes_from_is_told_also_of_an_overlays(live, tmp_path):
    env, _ = live
    folder = tmp_path / "mappings"
    shutil.copytree(Path(operator.__file__).parents[2] / "mappings", folder)
    (folder / "overlays/mine/concepts").mkdir(parents=True)
    (folder / "overlays/mine/concepts/case-role.yaml").write_text(
        "group:\n  - target: http://snomed.info/sct\n    element:\n"
        "      - {code: case-manager, target: [{code: '1', equivalence: equal}]}\n"
    )
    settings = Settings.from_env(env)
    engine = rooms.database(settings)
    client = serving.application(settings, engine, compiled.catalogues(settings)).test_client()
    team = client.get("/fhir/CareTeam").json["entry"][0]["resource"]["id"]
    engine.dispose()
    env |= {"CASEBRIDGE_MAPPINGS": str(folder)}

    def listed(**more):
        return [
            line
            for line in explain(env | more, "CareTeam.participant[0].role", "--id", team).stdout.splitlines()
            if line.startswith("  code at ")
        ]

    system, shipped = listed()
    assert system.startswith("  code at codesystems/case-role.yaml:")
    assert shipped.startswith("  code at concepts/case-role.yaml:")
    system, mine = listed(CASEBRIDGE_OVERLAYS="mine")
    assert mine == "  code at overlays/mine/concepts/case-role.yaml:4:9"
    assert system.startswith("  code at codesystems/case-role.yaml:")


def test_what_is_not_there_exits_1(live):
    env, plan = live
    done = explain(env, "CarePlan.nothing", "--id", plan)
    assert (done.returncode, done.stdout) == (1, "")
    assert "CarePlan.nothing: The resource has no such element." in done.stderr
    misspelt = explain(env, "CarePlan.titel", "--id", plan).stderr
    assert "CarePlan.titel: The resource has no such element. Did you mean CarePlan.title?" in misspelt
    assert (
        "There is no view nothern; known are default."
        in explain(env, "CarePlan", "--id", plan, "--view", "nothern").stderr
    )


def mappings(*words, **settings):
    done = casebridge("mappings", *words, **settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_specification_is_written_a_page_a_mapping(tmp_path):
    output = mappings("spec", "--out", str(tmp_path / "spec"), "--overlay", "us-core")
    pages = {path.name: path.read_text() for path in (tmp_path / "spec").iterdir()}
    assert output == f"{len(pages)} pages are written into {tmp_path / 'spec'}.\n"
    assert {
        "README.md",
        "terminology.md",
        "CarePlan.md",
        "observation-of-outcome.md",
        "discharge-of-fhir.md",
    } <= pages.keys()
    assert "overlays/us-core/outbound/CarePlan.yaml" in pages["CarePlan.md"]
    assert "# CarePlan\n" in mappings("spec")


def test_an_overlay_that_is_not_there_is_told_by_its_option():
    done = casebridge("mappings", "spec", "--overlay", "us-cor")
    assert done.returncode == 2
    assert "'--overlay': there is no overlay `us-cor`; did you mean `us-core`?" in done.stderr


def test_the_coverage_tells_where_fields_go_and_what_a_profile_misses():
    plain, lean = mappings("coverage"), mappings("coverage", "--overlay", "minimum-necessary")
    assert "client.birth_date  ->  Patient.birthDate" in plain.splitlines()
    assert "client.telecom.value  ->  nothing" in lean.splitlines()
    name = "CareTeam.participant.member.display"
    assert f"case.team.name  ->  {name}, CareTeam.text.div  <-  {name}" in plain.splitlines()
    # what a client denies says who may see what, and is shown to nobody
    silent = [line for line in plain.splitlines() if line.endswith("->  nothing")]
    assert {line.split(".")[1] for line in silent} == {"consents"}
    reached, fields = re.findall(r"^(\d+) of (\d+) fields reach a resource$", plain, re.MULTILINE)[0]
    assert int(fields) - int(reached) == len(silent)
    coverage = json.loads(mappings("coverage", "--overlay", "us-core", "--json"))
    assert coverage["fields"]["case.plan.title"]
    assert set(map(tuple, coverage["unclaimed"].values())) == {()}


def test_a_profile_that_a_stack_cannot_support_is_told_with_what_took_the_element_away(tmp_path):
    stack = ("--overlay", "us-core", "--overlay", "minimum-necessary")
    line = f"{US_CORE}us-core-patient is not claimed: nothing makes Patient.telecom.system"
    place = "overlays/minimum-necessary/outbound/Patient.yaml:3:8"
    assert f"{line} ({place})" in mappings("coverage", *stack).splitlines()
    unclaimed = json.loads(mappings("coverage", *stack, "--json"))["unclaimed"]
    assert {"element": "Patient.telecom.system", "place": place} in unclaimed[f"{US_CORE}us-core-patient"]
    assert unclaimed[f"{US_CORE}us-core-encounter"] == []

    registry = tmp_path / "partners.yaml"
    views = "views: {lean: [us-core, minimum-necessary]}\n"
    registry.write_text(f"{views}partners: [{{name: lean, kind: engineer, view: lean}}]\n", encoding="utf-8")
    checked = mappings("check", CASEBRIDGE_PARTNERS=str(registry))
    assert f"view lean: {line} ({place})" in checked.splitlines()
    assert "overlay us-core: http" not in checked


def test_what_two_mappings_make_is_told_by_the_preview(tmp_path):
    folder = tmp_path / "mappings"
    shutil.copytree(Path(operator.__file__).parents[2] / "mappings", folder)
    second = (folder / "outbound/Goal.yaml").read_text().replace("map: Goal\n", "map: Goal\nname: second\n")
    (folder / "outbound/Second.yaml").write_text(second)
    settings = Settings.from_env({"CASEBRIDGE_MAPPINGS": str(folder)})
    client, case = ({**river.CLIENT, "coverages": []}, river.CASE)
    previewed = compiled.preview(settings, "case", case, client)
    assert {issue.code for issue in previewed.issues} == {"duplicate"}
    assert all("outbound/Second.yaml" in issue.where for issue in previewed.issues)


def test_what_is_not_r4_is_told_with_the_line_that_makes_it(tmp_path):
    folder = tmp_path / "mappings"
    shutil.copytree(Path(operator.__file__).parents[2] / "mappings", folder)
    (folder / "overlays/mine/outbound").mkdir(parents=True)
    (folder / "overlays/mine/outbound/CarePlan.yaml").write_text(
        "extends: CarePlan\nmake:\n  created: '{{ case.plan.title }}'\n  activity: [{detail: {kind: Task}}]\n"
    )
    settings = Settings.from_env({"CASEBRIDGE_MAPPINGS": str(folder), "CASEBRIDGE_OVERLAYS": "mine"})
    previewed = compiled.preview(settings, "case", river.CASE, {**river.CLIENT, "coverages": []})
    complaints = {
        (issue.where.partition(": ")[2], issue.what.rpartition(" (made by ")[2]) for issue in previewed.issues
    }
    file = "overlays/mine/outbound/CarePlan.yaml"
    # what is missing is missed where the things beside it are made
    assert {
        ("CarePlan.created", f"{file}:3:12)"),
        ("CarePlan.activity[0].detail.status", f"{file}:4:30)"),
    } <= complaints
    assert "bicycle" not in str(complaints)
