"""casebridge mappings plan and apply as an engineer runs them, kill -9 included."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.settings import Settings
from service.wiring import compiled, rooms, serving
from tests.cli.command import casebridge
from tests.flows import river

MAPPINGS = Path(__file__).parents[2] / "mappings"
CASES = 150


@pytest.fixture
def remapped(tmp_path, database_url):
    """Many cases in a database, then mappings with another title."""
    folder = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, folder)
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_MAPPINGS": str(folder),
    }
    settings = Settings.from_env(environment)
    engine = rooms.database(settings)
    client = serving.application(settings, engine, compiled.catalogues(settings)).test_client()
    assert client.put("/api/directory/organization/northern", json=river.INSURER).status_code == 201
    assert client.put("/api/directory/practitioner/nurse", json=river.NURSE).status_code == 201
    assert client.put("/api/clients/river", json=river.CLIENT).status_code == 201
    for number in range(CASES):
        case = {**river.CASE, "identifiers": [{"system": "urn:example:cases", "value": str(number)}]}
        assert client.put(f"/api/cases/c{number}", json=case).status_code == 201
    plan = folder / "outbound" / "CarePlan.yaml"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace('title: "{{ case', 'title: "Plan: {{ case'), encoding="utf-8")
    client = serving.application(settings, engine, compiled.catalogues(settings)).test_client()
    yield environment, client, engine
    engine.dispose()


def run(env, *words):
    done = casebridge("mappings", *words, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def titles(engine):
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT version, body FROM resource WHERE type = 'CarePlan'").all()
    return [(row.version, json.loads(bytes(row.body))["title"].startswith("Plan: ")) for row in rows]


def test_a_plan_counts_and_names_what_would_change_without_values(remapped):
    lines = run(remapped[0], "plan", "--sample", "2")
    assert [line.rpartition("updated: ")[2] for line in lines[:-1]] == ["title", "title"]
    assert re.fullmatch(
        rf"\d+ documents looked at \(\d+/s\); would change: {CASES} CarePlan updated", lines[-1]
    )
    assert "bicycle" not in "".join(lines)
    shown = run(remapped[0], "plan", "--sample", "1", "--values")
    assert shown[1] == '  title: "Back on the bicycle" -> "Plan: Back on the bicycle"'
    machine = [json.loads(line) for line in run(remapped[0], "plan", "--json", "--values", "--sample", "0")]
    assert machine[-1]["counts"]["CarePlan updated"] == CASES
    assert machine[-1]["documents_per_second"] > 0
    assert machine[0]["after"]["title"] == "Plan: Back on the bicycle"


def test_an_apply_that_is_killed_goes_on_and_changes_each_once_while_cases_are_written(remapped):
    environment, client, engine = remapped
    command = [sys.executable, "-m", "service", "mappings", "apply"]
    env = {**os.environ, **environment}
    first = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not any(new for _, new in titles(engine)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = sum(new for _, new in titles(engine))
    assert 0 < done < CASES
    second = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    changed = {**river.CASE, "care_model": "intensive"}
    for number in range(0, CASES, 30):
        answer = client.put(f"/api/cases/c{number}", json=changed, headers={"If-Match": 'W/"1"'})
        assert answer.status_code == 200
    output, _ = second.communicate(timeout=240)
    assert re.search(r"^\d+ documents looked at \(\d+/s\); changed: \d+ resources$", output, re.MULTILINE)
    assert {new for _, new in titles(engine)} == {True}
    assert run(environment, "apply")[-1].endswith("changed: nothing")
