"""The command is tried as its user would: in a process of its own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pika
import pytest

MAPPINGS = Path(__file__).parents[2] / "mappings"
WORDS = (
    "serve",
    "worker",
    "db",
    "db upgrade",
    "db check",
    "mappings",
    "mappings check",
    "mappings test",
    "events",
    "events tail",
    "demo",
)


def casebridge(*words, **env):
    given = {**os.environ, **env}
    return subprocess.run(
        [sys.executable, "-m", "service", *words],
        env=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("words", WORDS)
def test_each_command_has_help_with_an_example(words):
    done = casebridge(*words.split(), "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout


def test_the_demo_goes_as_told():
    done = casebridge("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "The story went as told."


def test_the_demo_reads_a_queue_where_there_is_a_broker(amqp_url):
    done = casebridge("demo", CASEBRIDGE_AMQP_URL=amqp_url)
    assert done.returncode == 0, done.stdout + done.stderr
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        left = connection.channel().queue_declare("casebridge.demo", passive=True).method.message_count
    assert left == 0


def test_a_database_without_schema_is_found_wrong_and_upgraded(sqlite_url):
    env = {"CASEBRIDGE_DATABASE_URL": sqlite_url, "CASEBRIDGE_AUTH": "off"}
    assert casebridge("db", "check", **env).returncode == 1
    assert casebridge("db", "upgrade", **env).returncode == 0
    assert casebridge("db", "check", **env).returncode == 0


def test_the_mappings_are_checked_and_a_mistake_is_named(tmp_path):
    assert casebridge("mappings", "check").returncode == 0
    (tmp_path / "outbound").mkdir()
    (tmp_path / "outbound" / "Patient.yaml").write_text(
        "map: Patient\nfrom: client\nmake:\n  resourceType: Patient\n  gender: '{{ client.gendr }}'\n"
    )
    done = casebridge("mappings", "check", CASEBRIDGE_MAPPINGS=str(tmp_path))
    assert done.returncode == 1
    assert "outbound/Patient.yaml:5:22" in done.stderr
    assert "client.gender" in done.stderr


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
    told = r'case: CarePlan/[0-9a-f-]{36}: title: "Back on the bicycle" != "Plan: Back on the bicycle"'
    assert re.search(told, done.stdout)
    assert casebridge("mappings", "test", "case", "--ignore", "title", **env).returncode == 0
    assert casebridge("mappings", "test", "--update", **env).returncode == 0
    assert casebridge("mappings", "test", **env).returncode == 0


def test_wrong_use_exits_2():
    assert casebridge("bogus").returncode == 2


def test_auth_off_is_for_loopback_only():
    done = casebridge("serve", CASEBRIDGE_AUTH="off", CASEBRIDGE_HOST="0.0.0.0")
    assert done.returncode == 1
    assert "loopback" in done.stderr
