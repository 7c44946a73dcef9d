"""The language page followed to the letter: a partner's overlay seen, tried, and let loose on live cases.

At 500 cases; `make soak` does the same at 10,000.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from itertools import count
from pathlib import Path
from threading import Event, Thread

import pytest

from service.settings import Settings
from service.store.relay.outbox import Outbox
from service.wire.json import dump
from service.wiring import compiled, rooms, serving
from tests.flows import river
from tests.mapping.page import documents, examples, section

MAPPINGS = Path(__file__).parents[2] / "mappings"
PAGE = (MAPPINGS / "README.md").read_text(encoding="utf-8")
SNOMED = "http://snomed.info/sct"
PER_CLIENT = 10
NURSE = {"id": "nurse", "role": "registered-nurse", "practitioner": "nurse"}


def lines():
    """What the page says to do with its overlay: to look, for a partner, and for everybody, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", section(PAGE, "Overlays"), re.DOTALL)
    return [block.splitlines() for block in blocks]


def overlay(site):
    """Write what the page shows of its overlay, its registry and its documents into a site."""
    for example in examples(PAGE):
        if example.file.startswith("overlays/northern/"):
            path = site.folder / "mappings" / example.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(example.text, encoding="utf-8")
        elif example.file == "partners.yaml":
            (site.folder / example.file).write_text(example.text, encoding="utf-8")
    for name, document in zip(("client", "case"), documents(PAGE), strict=True):
        (site.folder / f"{name}.json").write_bytes(dump(document))


class Site:
    """A folder of mappings and a database, as somebody who reads the page has them."""

    def __init__(self, folder, database_url):
        self.folder = folder
        shutil.copytree(MAPPINGS, folder / "mappings")
        self.env = {
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": database_url,
            "CASEBRIDGE_MAPPINGS": str(folder / "mappings"),
        }
        self.engine = rooms.database(Settings.from_env(self.env))
        self.position = 0

    def service(self, **more):
        settings = Settings.from_env({**self.env, **more})
        return serving.application(settings, self.engine, compiled.catalogues(settings))

    def run(self, line):
        """Do a line of the page; return what it says."""
        (self.folder / "bin").mkdir(exist_ok=True)
        shim = self.folder / "bin/casebridge"
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m service "$@"\n', encoding="utf-8")
        shim.chmod(0o755)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        env = {**os.environ, **self.env, "PATH": path, "PYTHONPATH": str(MAPPINGS.parent)}
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
            timeout=1800,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def messages(self, client):
        """The messages since the last time, in the order of the feed."""
        while Outbox(self.engine).number():
            pass
        while True:
            answer = client.get(f"/events?after={self.position}&count=1000")
            self.position = int(answer.headers["Casebridge-Position"])
            if not answer.json:
                return
            yield from answer.json

    def versions(self):
        """The version of each resource."""
        asked = "SELECT type, id, version FROM resource WHERE type <> 'Provenance'"
        with self.engine.connect() as connection:
            return {f"{row.type}/{row.id}": row.version for row in connection.exec_driver_sql(asked)}


class Writer(Thread):
    """Changes the plan of every seventh case and opens others, until told to stop."""

    def __init__(self, app, cases):
        super().__init__()
        self.client, self.stop = app.test_client(), Event()
        self.cases, self.most = range(0, cases, 7), cases
        self.titles, self.owners, self.failed = {}, set(), []

    def run(self):
        for number in count():
            if self.stop.is_set():
                return
            old = self.cases[number % len(self.cases)]
            # however many it comes to, they are of clients that there are
            known = {"client": f"river-{number % self.most // PER_CLIENT}"}
            for name, headers, more in ((f"c{old}", {"If-Match": "*"}, {}), (f"new{number}", {}, known)):
                title = f"Written {number}"
                document = {**case(name, title), **more}
                answer = self.client.put(f"/api/cases/{name}", json=document, headers=headers)
                if answer.status_code >= 300:
                    self.failed.append(answer.data)
                    return
                self.titles[name] = title
                self.owners.add(f"case/{answer.headers['Casebridge-Id']}")


def case(name, title):
    number = int(name.strip("cnew"))
    plan = {**river.CASE["plan"], "title": title}
    return {
        **river.CASE,
        "client": f"river-{number // PER_CLIENT}",
        "identifiers": [{"system": "urn:example:cases", "value": name}],
        "team": [*river.CASE["team"], NURSE],
        "plan": plan,
    }


@pytest.fixture
def site(tmp_path, postgres_url):
    site = Site(tmp_path, postgres_url)
    yield site
    site.engine.dispose()


def filled(site, cases):
    """Put clients and cases in with the mappings as they are shipped; return who to ask."""
    client = site.service().test_client()
    documents = [("/api/directory/organization/northern", river.INSURER)]
    documents += [("/api/directory/practitioner/nurse", river.NURSE)]
    for number in range(cases // PER_CLIENT + 1):
        mine = {**river.CLIENT, "identifiers": [{"system": "urn:example:clients", "value": f"R-{number}"}]}
        documents += [(f"/api/clients/river-{number}", mine)]
    documents += [
        (f"/api/cases/c{number}", case(f"c{number}", "Back on the bicycle")) for number in range(cases)
    ]
    for path, document in documents:
        assert client.put(path, json=document).status_code == 201
    return client


def found_one(client, type_, case):
    (entry,) = client.get(f"/fhir/{type_}?identifier=urn:example:cases|{case}").json["entry"]
    return entry["resource"]


@pytest.mark.parametrize("cases", [500, pytest.param(10_000, marks=pytest.mark.soak)])
def test_an_overlay_by_the_page_changes_cases_while_they_are_written_and_tells_each_change_once(site, cases):
    client = filled(site, cases)
    assert all(message["type"].endswith((".created.v1", ".opened.v1")) for message in site.messages(client))
    before = site.versions()

    overlay(site)
    (check, of_case, of_client, coverage), _, (plan, apply) = lines()
    assert "overlay northern: " in site.run(check)
    shown = site.run(of_case)
    assert '"title": "Care plan: Back on the bicycle"' in shown
    assert ("106292003" in shown, "224535009" in shown) == (True, False)
    shown = site.run(of_client)
    assert ('"family": "Example"' in shown, "555-0100" in shown) == (True, False)
    assert "fields reach a resource" in site.run(coverage)
    assert f"{cases} CarePlan updated" in site.run(plan).splitlines()[-1]
    *differences, _ = map(json.loads, site.run(f"{plan} --json --sample 0").splitlines())
    planned = {difference["reference"]: difference["changed"] for difference in differences}
    assert list(site.messages(client)) == []

    writer = Writer(site.service(CASEBRIDGE_OVERLAYS="northern"), cases)
    writer.start()
    try:
        applied = site.run(apply).splitlines()[-1]
    finally:
        writer.stop.set()
        writer.join()
    print(applied)  # the rate, for who runs it with -s
    assert writer.failed == []
    assert len(writer.titles) > 2

    after, messages_of, sequences = site.versions(), defaultdict(list), defaultdict(list)
    for message in site.messages(client):
        if message["subject"] in after:
            messages_of[message["subject"]].append(message)
        sequences[message["partitionkey"]].append(int(message["sequence"]))
    # each version that is new has one message, in order
    for reference, version in after.items():
        new = [str(number) for number in range(before.get(reference, 0) + 1, version + 1)]
        assert [message["data"]["versionId"] for message in messages_of[reference]] == new, reference
    assert all(row == list(range(row[0], row[0] + len(row))) for row in sequences.values())
    # what nobody wrote has changed as the plan said, and only that
    alone = {
        reference: [message["data"]["changed"] for message in messages]
        for reference, messages in messages_of.items()
        if messages and messages[0]["partitionkey"] not in writer.owners
    }
    assert len(alone) > len(planned) / 2
    assert alone == {reference: [planned[reference]] for reference in alone}
    assert planned.keys() <= messages_of.keys()
    # what somebody wrote is theirs, under the new mappings
    for name, title in writer.titles.items():
        assert found_one(client, "CarePlan", name)["title"] == f"Care plan: {title}"
    for name in ("c1", *writer.titles):
        team = found_one(client, "CareTeam", name)["participant"]
        codes = [coding["code"] for member in team for role in member["role"] for coding in role["coding"]]
        assert ("106292003" in codes, "224535009" in codes) == (True, False)
    (person,) = client.get("/fhir/Patient?identifier=urn:example:clients|R-0").json["entry"]
    assert "telecom" not in person["resource"]
    assert site.run(apply).splitlines()[-1].endswith("changed: nothing")


def test_a_view_by_the_page_is_made_for_its_partner_and_changes_nothing_for_others(site):
    client = filled(site, 20)
    assert list(site.messages(client))
    before = site.versions()
    overlay(site)
    _, (plan, apply, *_), _ = lines()
    shown = site.run(f"{plan} --sample 0").splitlines()
    assert all(line.endswith("(northern) created") for line in shown[:-1])
    assert "20 CarePlan created" in shown[-1]
    assert "updated" not in shown[-1]
    site.run(apply)
    assert list(site.messages(client)) == []
    assert site.versions() == before
    theirs = site.service(CASEBRIDGE_PARTNERS=str(site.folder / "partners.yaml")).test_client()
    while Outbox(site.engine).number():
        pass
    events = theirs.get("/events?count=1000", headers={"Casebridge-Partner": "northern-engineer"}).json
    assert before.keys() <= {event["subject"] for event in events}
    plans = theirs.get("/fhir/CarePlan", headers={"Casebridge-Partner": "northern"}).json
    assert plans["total"] == 20
    assert plans["entry"][0]["resource"]["title"] == "Care plan: Back on the bicycle"
