"""Clients that others wrote get a token from a running service, and read a CarePlan, untouched."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner
from fhirclient.client import FHIRClient
from fhirclient.models.careplan import CarePlan
from fhirclient.models.careteam import CareTeam
from fhirclient.models.goal import Goal
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import OperationOutcome, ResourceNotFound

from service.__main__ import cli
from service.cli.access import smart_client
from service.wire.json import dump
from tests.cli import smart_service
from tests.flows import river
from tests.web import smart

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/smart.md").read_text(encoding="utf-8")
ACCESS = (ROOT / "docs/access.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The address of a service with SMART on, which River's case was put into with a token."""
    with smart_service.serving(tmp_path_factory.mktemp("smart")) as address:
        yield address


def fhirclient_of(base, partner):
    """fhirclient: it finds the token endpoint in the capability statement, and signs nothing itself."""
    settings = {
        "app_id": partner,
        "api_base": f"{base}/fhir",
        "scope": "system/*.rs",
        "jwt_token": smart_client.assertion(partner, smart.KEYS[partner], f"{base}/oauth2/token"),
    }
    client = FHIRClient(settings=settings, save_func=lambda _: None)
    client.wants_patient = False
    client.prepare()
    client.authorize()
    return client.server


def test_fhirclient_pulls_the_plan_of_a_member_with_what_it_refers_to(base):
    server = fhirclient_of(base, "northern")
    (patient,) = Patient.where({"identifier": "urn:example:clients|R-1"}).perform_resources_iter(server)
    search = CarePlan.where({"patient": f"Patient/{patient.id}", "status": "active"})
    plan, *along = search.include("goal").perform_resources_iter(server)
    assert plan.title == river.CASE["plan"]["title"]
    assert CarePlan.read(plan.id, server).as_json() == plan.as_json()
    assert {goal.resource_type for goal in along} == {"Goal"}
    (team,) = (CareTeam.read_from(reference.reference, server) for reference in plan.careTeam)
    assert team.subject.reference == f"Patient/{patient.id}"
    pages = list(Goal.where({"patient": patient.id, "_count": "1"}).perform_iter(server))
    assert len(pages) == len(along)
    assert {page.entry[0].resource.id for page in pages} == {goal.id for goal in along}


def test_to_fhirclient_nobody_else_s_member_is_there(base):
    server = fhirclient_of(base, "northern")
    (plan,) = CarePlan.where({"status": "active"}).perform_resources_iter(server)
    others = fhirclient_of(base, "southern")
    assert list(CarePlan.where({"status": "active"}).perform_resources_iter(others)) == []
    with pytest.raises(FHIRNotFoundException):
        CarePlan.read(plan.id, others)


def fhirpy_client(base, partner, **headers):
    """fhirpy with a token; it asks for none by itself."""
    shown = f"Bearer {smart_service.token(base, partner)}"
    return AsyncFHIRClient(f"{base}/fhir", authorization=shown, extra_headers=headers)


async def pull(client):
    """What an insurer pulls of its member: the Patient, the plans, and what comes along by type."""
    patient = await client.resources("Patient").search(identifier="urn:example:clients|R-1").get()
    search = client.resources("CarePlan").search(patient=patient.to_reference(), status="active")
    search = search.include("CarePlan", "care-team").include("CarePlan", "goal")
    bundle = await search.revinclude("Provenance", "target").fetch_raw()
    along = [entry.resource for entry in bundle.entry if entry.search.mode == "include"]
    return patient, await search.fetch(), along


def test_fhirpy_pulls_follows_and_counts_what_an_insurer_may_see(base):
    async def story():
        client = fhirpy_client(base, "northern")
        patient, (plan,), along = await pull(client)
        assert plan["title"] == river.CASE["plan"]["title"]
        assert {resource.resource_type for resource in along} == {"CareTeam", "Goal", "Provenance"}
        team = await plan["careTeam"][0].to_resource()
        assert await team["subject"].to_resource() == patient
        goals = client.resources("Goal").search(subject=patient.to_reference()).sort("_id").limit(1)
        paged = await goals.fetch_all()
        assert sorted(goal.id for goal in paged) == sorted(
            resource.id for resource in along if resource.resource_type == "Goal"
        )
        everything = await patient.execute("$everything", "get")
        assert {entry["resource"]["resourceType"] for entry in everything["entry"]} >= {"Patient", "CarePlan"}
        return plan

    async def others(plan):
        client = fhirpy_client(base, "southern")
        assert await client.resources("Patient").fetch_all() == []
        with pytest.raises(ResourceNotFound):
            await client.get("CarePlan", plan.id)
        with pytest.raises(OperationOutcome, match="did you mean status"):
            await client.resources("CarePlan").search(stats="active").fetch()

    async def counted():
        # its count() asks with a parameter of another server's
        client = fhirpy_client(base, "northern", Prefer="handling=lenient")
        return await client.resources("Goal").search(category__not="social").count()

    asyncio.run(others(asyncio.run(story())))
    assert asyncio.run(counted()) == len(river.CASE["plan"]["goals"])


def test_the_client_of_the_guide_reads_the_plan(base, tmp_path):
    (lines,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/northern.jwk.json").write_bytes(dump(smart.KEYS["northern"]))
    (tmp_path / "client.py").write_text(lines.replace("http://127.0.0.1:8080", base), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "client.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"{river.CASE['plan']['title']}\n"), done.stderr


def emergency(base, folder, **said):
    """What `casebridge token` does for a hospital in an emergency that a file tells of."""
    (folder / "mercy.jwk.json").write_bytes(dump(smart.KEYS["mercy"]))
    (folder / "emergency.json").write_text(json.dumps(said), encoding="utf-8")
    words = ["token", "mercy", "--key", str(folder / "mercy.jwk.json"), "--url", base]
    return CliRunner().invoke(cli, [*words, "--emergency", str(folder / "emergency.json")])


def patients(base, token):
    shown = {"Authorization": f"Bearer {token}"}
    return requests.get(f"{base}/fhir/Patient?_total=accurate", headers=shown, timeout=60).json()["total"]


def test_the_command_breaks_the_glass_of_whom_a_file_names(base, tmp_path):
    (number,) = river.CLIENT["identifiers"]
    done = emergency(base, tmp_path, reason="Brought in unconscious", **number)
    assert (done.exit_code, done.stderr) == (0, "granted: system/*.rs\n")
    ordinary = smart_client.token(base, "mercy", smart.KEYS["mercy"])["access_token"]
    assert (patients(base, done.stdout.strip()), patients(base, ordinary)) == (1, 0)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"reason": "Unconscious", "system": "urn:x", "value": "nobody"}, "invalid_request"),
        ({"reason": " ", "system": "urn:x", "value": "1"}, "invalid_request"),
        ({"system": "urn:x", "value": "1"}, "emergency.json"),
        ({"reason": 1, "system": "urn:x", "value": "1"}, "emergency.json"),
    ],
    ids=["nobody", "blank", "missing", "number"],
)
def test_an_emergency_of_nobody_or_without_a_reason_gets_no_token(base, tmp_path, said, why):
    done = emergency(base, tmp_path, **said)
    assert (done.exit_code, done.stdout) == (1, "")
    assert why in f"{done.exception} {done.exception.issues[0].where}"


def test_what_the_command_asserts_of_an_emergency_is_what_the_page_shows():
    (shown,) = re.findall(r"^```json\n(.*?)^```$", ACCESS, re.DOTALL | re.MULTILINE)
    said = json.loads(f"{{{shown}}}")["extensions"]
    b2b = said["hl7-b2b"]
    assert smart_client.emergency(b2b["reason"], **b2b["patient"]) == said
