"""A server that is killed between the parts of an export takes nothing of it along."""

import copy
import json
import time

import pytest
import requests

from tests.faults.house import HOSPITAL, Standing
from tests.flows import river

ASYNC = {"Prefer": "respond-async"}
CASES = 12


@pytest.fixture
def standing(tmp_path, killable_postgres):
    name = f"casebridge_exports_{time.time_ns()}"
    standing = Standing(tmp_path, killable_postgres.create_database(name), HOSPITAL)
    yield standing
    standing.close()
    killable_postgres.drop_database(name)


def put(standing, path, document, **headers):
    answer = requests.put(f"{standing.url}{path}", json=document, headers=headers, timeout=60)
    assert answer.ok, answer.text


def get(standing, url):
    """Ask again as long as the server is away."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return requests.get(url, timeout=60)
        except requests.RequestException:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def begin(standing, query=""):
    answer = requests.get(f"{standing.url}/fhir/$export{query}", headers=ASYNC, timeout=60)
    assert answer.status_code == 202, answer.text
    return answer.headers["Content-Location"]


def manifest(standing, status):
    while (answer := get(standing, status)).status_code == 202:
        pass
    assert answer.status_code == 200, answer.text
    return answer.json()


def resources(answers):
    versions = {}
    for answer in answers:
        for line in answer.content.splitlines():
            resource = json.loads(line)
            reference = f"{resource['resourceType']}/{resource['id']}"
            assert reference not in versions
            versions[reference] = resource["meta"]["versionId"]
    return versions


def test_a_server_that_is_killed_between_parts_loses_nothing(standing):
    standing.await_server()
    for path, document in river.STORY:
        put(standing, path, document)
    for number in range(CASES):
        put(standing, f"/api/cases/more-{number}", river.CASE)
    status = begin(standing)
    standing.kill_server()
    first = manifest(standing, status)
    files = [file["url"] for file in first["output"]]
    assert len(files) >= 10
    answers = []
    for number, url in enumerate(files):
        if number in {2, 5, 8}:
            changed = copy.deepcopy(river.CASE)
            changed["plan"]["title"] = f"Title {number}"
            put(standing, f"/api/cases/more-{number}", changed, **{"If-Match": "*"})
            standing.kill_server()
        answers.append(get(standing, url))
    versions = resources(answers)
    assert len(versions) == sum(file["count"] for file in first["output"])
    assert set(versions.values()) == {"1"}
    standing.kill_server()
    assert [get(standing, url).content for url in files] == [answer.content for answer in answers]
    second = manifest(standing, begin(standing, f"?_since={first['transactionTime']}"))
    versions |= resources(get(standing, file["url"]) for file in second["output"])
    rows = standing.rows("SELECT type, id, version FROM resource")
    assert versions == {f"{type_}/{id_}": str(version) for type_, id_, version in rows}
