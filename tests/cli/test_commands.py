"""The command is tried as its user would."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pika
import pytest
from click.testing import CliRunner

import service
from service.__main__ import cli
from service.settings import Settings
from service.wiring import compiled, operator, rooms, serving
from tests.cli.command import casebridge
from tests.flows import river

MAPPINGS = Path(__file__).parents[2] / "mappings"


def commands(command=cli, words=()):
    """The words of every command and group."""
    below = [(name, command.get_command(None, name)) for name in names(command)]
    return [" ".join(words), *(command for name, sub in below for command in commands(sub, (*words, name)))]


def names(command):
    """The words that may follow a command."""
    return command.list_commands(None) if isinstance(command, click.Group) else []


def in_a_process(*words, **env):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "service", *words],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write_a_mistake(folder):
    (folder / "outbound").mkdir()
    (folder / "outbound" / "Patient.yaml").write_text(
        "map: Patient\nfrom: client\nmake:\n  resourceType: Patient\n  gender: '{{ client.gendr }}'\n"
        "  id: \"{{ client | id('Patient') }}\"\n"
    )


@pytest.mark.parametrize("words", commands())
def test_each_command_has_help_with_an_example(words):
    done = CliRunner().invoke(cli, [*words.split(), "--help"])
    assert done.exit_code == 0
    assert "Example" in done.output


def test_the_list_of_commands_tells_of_each_what_its_own_help_does():
    assert {"serve", "worker", "mllp"} < set(names(cli))
    for name in names(cli):
        command = cli.get_command(None, name)
        assert (command.name, cli.commands[name].help) == (name, command.get_short_help_str(1000))


LISTED = """
import atexit, sys
from service.__main__ import main
atexit.register(lambda: print(*sys.modules))
main()
"""


@pytest.mark.parametrize("words", ["--help", "--version", "bogus", "serve --help"])
def test_who_asks_for_help_or_slips_does_not_wait_for_the_house(words):
    """Neither database, framework nor mappings are imported."""
    run = [sys.executable, "-c", LISTED, *words.split()]
    modules = subprocess.run(run, capture_output=True, text=True, check=False).stdout.splitlines()[-1].split()
    assert "service.cli.commands" in modules
    assert not {"service.wiring", "service.mapping", "sqlalchemy", "flask", "requests"} & set(modules)


def test_the_demo_goes_as_told():
    done = in_a_process("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "The story went as told."


def test_the_demo_reads_a_queue_where_there_is_a_broker(amqp_url):
    done = in_a_process("demo", CASEBRIDGE_AMQP_URL=amqp_url)
    assert done.returncode == 0, done.stdout + done.stderr
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        left = connection.channel().queue_declare("casebridge.demo", passive=True).method.message_count
    assert left == 0


def test_a_database_without_schema_is_found_wrong_and_upgraded(empty_sqlite_url):
    env = {"CASEBRIDGE_DATABASE_URL": empty_sqlite_url, "CASEBRIDGE_AUTH": "off"}
    assert casebridge("db", "check", **env).returncode == 1
    assert casebridge("db", "upgrade", **env).returncode == 0
    assert casebridge("db", "check", **env).returncode == 0


def test_the_mappings_are_checked_and_a_mistake_is_named(tmp_path):
    done = casebridge("mappings", "check")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, f"mappings of {MAPPINGS}")
    write_a_mistake(tmp_path)
    done = casebridge("mappings", "check", CASEBRIDGE_MAPPINGS=str(tmp_path))
    assert done.returncode == 1
    assert "outbound/Patient.yaml:5:22" in done.stderr
    assert "client.gender" in done.stderr


def test_tables_that_may_be_a_slip_are_remarked_on(tmp_path):
    assert "no mapping names" not in casebridge("mappings", "check").stdout
    shutil.copytree(MAPPINGS, tmp_path, dirs_exist_ok=True)
    text = """
resourceType: ConceptMap
group:
  - target: http://snomed.info/sc
    element:
      - {code: registered-nurse, target: [{code: "106292003", equivalence: equivalent}]}
"""
    (tmp_path / "overlays/slip/concepts").mkdir(parents=True)
    (tmp_path / "overlays/slip/concepts/case-roles.yaml").write_text(text)
    (tmp_path / "overlays/slip/concepts/case-role.yaml").write_text(text)
    done = casebridge("mappings", "check", CASEBRIDGE_MAPPINGS=str(tmp_path))
    assert done.returncode == 0, done.stderr
    complaint = "no mapping names the code system or concept map `case-roles`; did you mean `case-role`?"
    assert f"overlay slip: {complaint}" in done.stdout.splitlines()
    twice = "`case-role` has codes of http://snomed.info/sct and of http://snomed.info/sc; are both meant?"
    assert f"overlay slip: {twice}" in done.stdout.splitlines()


def test_mappings_that_cannot_be_loaded_are_found_wrong_and_unknown_pairs_are_wrong_use(tmp_path):
    folder = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, folder)
    env = {"CASEBRIDGE_MAPPINGS": str(folder)}
    done = casebridge("mappings", "test", "bogus", **env)
    assert (done.returncode, "no golden pair golden/bogus." in done.stderr) == (2, True)
    (folder / "outbound/Extra.yaml").write_text("map: Extra\nfrom: bogus\nmake: {}\n")
    done = casebridge("mappings", "test", "client", **env)
    assert (done.returncode, done.stderr.partition(":")[0]) == (1, "outbound/Extra.yaml")


@pytest.mark.parametrize("folder", ["empty", "missing", "outbound alone"])
def test_a_folder_without_mappings_is_refused(tmp_path, empty_sqlite_url, folder):
    if folder != "missing":
        (tmp_path / folder).mkdir()
    if folder == "outbound alone":
        shutil.copytree(MAPPINGS, tmp_path / folder, dirs_exist_ok=True)
        shutil.rmtree(tmp_path / folder / "inbound")
    env = {
        "CASEBRIDGE_MAPPINGS": str(tmp_path / folder),
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": empty_sqlite_url,
    }
    for run, words, code in ((casebridge, "mappings check", 1), (in_a_process, "serve", 2)):
        done = run(*words.split(), **env)
        assert done.returncode == code, done.stderr
        assert done.stderr.startswith("CASEBRIDGE_MAPPINGS: No mapping is left of ")


def test_the_stacks_of_hospitals_are_checked_and_a_missing_overlay_is_named(tmp_path):
    registry = tmp_path / "partners.yaml"
    env = {"CASEBRIDGE_PARTNERS": str(registry)}
    hospital = "partners: [{name: mercy, kind: hospital, intake: {overlays: [us-core, %s]}}]"
    registry.write_text(hospital % "dk-core")
    assert casebridge("partners", "check", **env).returncode == 0
    done = casebridge("mappings", "check", **env)
    assert done.returncode == 0
    assert "overlay us-core, inbound: " in done.stdout
    assert "inbound with us-core, dk-core: " in done.stdout
    registry.write_text(hospital % "dk-cor")
    for words in ("partners check", "mappings check"):
        done = casebridge(*words.split(), **env)
        assert done.returncode == 1
        complaint = (
            f"{registry}: /partners/0/intake/overlays: there is no overlay `dk-cor`; did you mean `dk-core`?"
        )
        assert complaint in done.stderr


def test_golden_pairs_are_run_told_apart_and_updated(tmp_path):
    folder = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, folder)
    env = {"CASEBRIDGE_MAPPINGS": str(folder)}
    plan = folder / "outbound" / "CarePlan.yaml"
    plan.write_text(
        plan.read_text().replace('title: "{{ case.plan.title }}"', 'title: "Plan: {{ case.plan.title }}"')
    )
    done = casebridge("mappings", "test", "case", **env)
    assert done.returncode == 1
    difference = r'case: CarePlan/[0-9a-f-]{36}: title: "Back on the bicycle" != "Plan: Back on the bicycle"'
    assert re.search(difference, done.stdout)
    assert casebridge("mappings", "test", "case", "--ignore", "title", **env).returncode == 0
    assert casebridge("mappings", "test", "--update", **env).returncode == 0
    assert casebridge("mappings", "test", **env).returncode == 0


def test_a_document_is_previewed_with_an_overlay_on_without_a_database(tmp_path):
    client = Path(service.__file__).parent / "cli/demo/river/client.json"
    words = ("mappings", "preview", str(client), "--kind", "client")
    nowhere = {"CASEBRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/none/none.db"}
    done = casebridge(*words, "--overlay", "minimum-necessary", **nowhere)
    assert done.returncode == 0, done.stderr
    assert "made by Patient at overlays/minimum-necessary/outbound/Patient.yaml:2" in done.stdout
    assert "555-0100" not in done.stdout
    assert "# supposed: /coverages/0/payer: No organization of yours has this id" in done.stdout
    lines = casebridge(*words, "--lineage").stdout
    assert re.search(r"telecom\[0\]\.value  <-  client\.telecom\[0\]\.value  \(outbound/Patient\.yaml", lines)
    assert "555-0100" not in lines


def test_a_golden_pair_is_previewed_and_what_is_wrong_exits_1(tmp_path):
    pair = MAPPINGS / "golden/client/in.json"
    assert casebridge("mappings", "preview", str(pair)).returncode == 0
    file = tmp_path / "client.json"
    file.write_text('{"names": [], "gender": "bogus"}')
    done = casebridge("mappings", "preview", str(file), "--kind", "client")
    assert done.returncode == 1
    assert "/gender" in done.stderr


@pytest.mark.parametrize("sent", ["discharge-of-hl7v2/sent.hl7", "discharge-of-fhir/sent.json"])
def test_who_previews_what_a_hospital_sends_is_told_where_it_is_tried(sent):
    done = casebridge("mappings", "preview", str(MAPPINGS / "golden" / sent))
    assert done.returncode == 2
    assert "sent.hl7 or sent.json" in done.stderr
    assert "casebridge mappings test" in done.stderr


@pytest.mark.parametrize(
    ("words", "env", "complaint"),
    [
        ("bogus", {}, "bogus"),
        ("serve", {"CASEBRIDGE_HOST": "0.0.0.0"}, "CASEBRIDGE_AUTH: `off` is for a loopback address only."),
        ("serve", {"CASEBRIDGE_PORT": "eighty"}, "CASEBRIDGE_PORT"),
        ("mappings check", {"CASEBRIDGE_PORT": "eighty"}, "CASEBRIDGE_PORT"),
        ("partners list", {"CASEBRIDGE_PARTNERS": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
def test_wrong_use_and_wrong_settings_exit_2_and_are_named(empty_sqlite_url, words, env, complaint):
    env = {"CASEBRIDGE_DATABASE_URL": empty_sqlite_url, "CASEBRIDGE_AUTH": "off", **env}
    done = casebridge(*words.split(), **env)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("plan",), ("apply",), ("explain", "CarePlan.title", "--id", "x")])
def test_what_needs_a_database_names_the_remedy_where_there_is_none(empty_sqlite_url, words):
    done = casebridge("mappings", *words, CASEBRIDGE_DATABASE_URL=empty_sqlite_url, CASEBRIDGE_AUTH="off")
    assert done.returncode == 2
    assert "run `casebridge db upgrade`" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_partner_registry_is_checked_and_listed(tmp_path):
    registry = tmp_path / "partners.yaml"
    queue = "{name: e.all, bindings: [{pattern: 'careplan.*'}, {pattern: case.closed}]}"
    registry.write_text(f"partners: [{{name: e, kind: engineer, queues: [{queue}]}}]")
    env = {"CASEBRIDGE_PARTNERS": str(registry)}
    assert casebridge("partners", "check", **env).returncode == 0
    listed = casebridge("partners", "list", **env).stdout.splitlines()
    assert listed == ["local  operator  default", "e  engineer  default  e.all(careplan.*,case.closed)"]
    registry.write_text("partners: [{name: e, kind: bogus}]")
    done = casebridge("partners", "check", **env)
    assert done.returncode == 1
    assert f"{registry}:1:22: /partners/0/kind" in done.stderr


def test_cases_are_listed_and_shown_without_a_name(database_url):
    settings = Settings.from_env({"CASEBRIDGE_DATABASE_URL": database_url, "CASEBRIDGE_AUTH": "off"})
    operator.upgrade(settings)
    engine = rooms.database(settings)
    client = serving.application(settings, engine, compiled.catalogues(settings)).test_client()
    ids = {}
    for path, document in river.STORY:
        ids[path] = client.put(path, json=document).headers["Casebridge-Id"]
    engine.dispose()
    case, owner = ids["/api/cases/c1"], ids["/api/clients/river"]

    env = {"CASEBRIDGE_DATABASE_URL": database_url}
    assert casebridge("cases", "list", **env).stdout == f"{case}  active  {owner}  1\n"
    assert casebridge("cases", "list", "--status", "finished", **env).stdout == ""
    shown = casebridge("cases", "show", case, **env)
    assert shown.returncode == 0
    assert {f"id        {case}", f"client    {owner}"} < set(shown.stdout.splitlines())
    assert shown.stdout.splitlines()[-1].endswith("create  by local")
    assert "Rivers" not in shown.stdout
    assert casebridge("cases", "show", owner, **env).returncode == 1
    assert casebridge("cases", "list", "--status", "bogus", **env).returncode == 2


def test_contracts_are_written_checked_and_a_stale_one_is_named(tmp_path):
    assert casebridge("contracts", "check").returncode == 0
    folder = str(tmp_path / "contracts")
    assert casebridge("contracts", "write", folder).returncode == 0
    (tmp_path / "contracts" / "asyncapi.yaml").write_text("asyncapi: 3.0.0\n")
    done = casebridge("contracts", "check", folder)
    assert done.returncode == 2
    assert f"{folder}/asyncapi.yaml: stale; run `casebridge contracts write`" in done.stderr
    assert f"{folder}/released.json: It cannot be read; take it from the last release" in done.stderr


def test_contracts_are_held_to_what_was_released_and_released_anew(tmp_path):
    folder = str(tmp_path / "contracts")
    assert casebridge("contracts", "write", folder).returncode == 0
    done = casebridge("contracts", "release", folder)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{folder}/released.json has the 7")
    assert casebridge("contracts", "check", folder).returncode == 0
    released = tmp_path / "contracts" / "released.json"
    kept = json.loads(released.read_text())
    kept["schemas"]["messages/case.closed.v1.schema.json"]["properties"]["why"] = {"type": "string"}
    released.write_text(json.dumps(kept))
    done = casebridge("contracts", "check", folder)
    assert done.returncode == 1
    told = "case.closed.v1.schema.json: why is gone, against 0.1.0: take it back, or publish version 2"
    assert told in done.stderr
