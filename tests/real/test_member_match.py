"""HRex's own example of a request is matched, once its consent is of today; and what it answers is alike."""

import copy
import json
from datetime import UTC, datetime

import pytest

from service.settings import Settings
from service.wiring import rooms, serving
from tests.real.real_data import folder

NPI = "http://hl7.org/fhir/sid/us-npi"
MATCH = "/fhir/Patient/$member-match"
REGISTRY = f"""
partners:
  - {{name: cms, kind: case-system}}
  - {{name: provider, kind: hospital, identifiers: [{{system: "{NPI}", value: "0000000001"}}]}}
  - {{name: stranger, kind: hospital, identifiers: [{{system: "{NPI}", value: "0000000002"}}]}}
"""


def example(name):
    return json.loads((folder("payer") / "hrex-pkg" / f"Parameters-{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def ask(tmp_path, sqlite_url, mappings):
    """A house that knows the example's patient by its card, and the provider as one of their team."""
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    given = {"AUTH": "off", "PARTNERS": str(path), "DATABASE_URL": sqlite_url}
    settings = Settings.from_env({f"CASEBRIDGE_{name}": value for name, value in given.items()})
    engine = rooms.database(settings)
    client = serving.application(settings, engine, mappings).test_client()

    def send(method, address, body, partner="cms"):
        kind = "application/fhir+json" if address == MATCH else "application/json"
        named = {"Casebridge-Partner": partner}
        return client.open(address, method=method, json=body, content_type=kind, headers=named)

    for ref, kind, npi in (("plan", "insurer", "9876543210"), ("provider", "hospital", "0000000001")):
        said = {"name": ref, "kind": kind, "identifiers": [{"system": NPI, "value": npi}]}
        assert send("PUT", f"/api/directory/organization/{ref}", said).status_code == 201
    said = example("member-match-in-provider")["parameter"][0]["resource"]
    person = {
        "names": said["name"],
        "gender": said["gender"],
        "birth_date": said["birthDate"],
        "identifiers": [{"system": "urn:example:people", "value": "P-1"}],
        "coverages": [{"id": "old", "status": "active", "payer": "plan", "member_id": "55678"}],
    }
    assert send("PUT", "/api/clients/patricia", person).status_code == 201
    team = [{"id": "provider", "role": "hospital-contact", "organization": "provider"}]
    assert (
        send("PUT", "/api/cases/1", {"client": "patricia", "status": "active", "team": team}).status_code
        == 201
    )
    yield send
    engine.dispose()


def test_the_example_is_refused_for_its_consent_alone_which_has_ended(ask):
    answer = ask("POST", MATCH, example("member-match-in-provider"), "provider")
    assert answer.status_code == 422
    assert [each["expression"] for each in answer.json["issue"]] == [["Consent.provision.period"]]


def test_the_example_is_matched_while_its_consent_holds_and_by_who_treats_them_alone(ask):
    sent = example("member-match-in-provider")
    (consent,) = (each["resource"] for each in sent["parameter"] if each["name"] == "Consent")
    today = datetime.now(UTC).date().isoformat()
    consent["provision"]["period"] = {"start": today, "end": today}
    answer = ask("POST", MATCH, sent, "provider")
    assert answer.status_code == 200, answer.json
    theirs = {each["name"]: set(each) for each in example("member-match-out")["parameter"]}
    ours = {each["name"]: set(each) for each in answer.json["parameter"]}
    assert theirs.items() <= ours.items()
    assert ask("POST", MATCH, sent, "stranger").status_code == 422


def test_the_example_with_another_card_is_nobody(ask):
    sent = copy.deepcopy(example("member-match-in-provider"))
    sent["parameter"][0]["resource"]["identifier"][0]["value"] = "55679"
    answer = ask("POST", MATCH, sent, "provider")
    assert [each["code"] for each in answer.json["issue"]] == ["not-found"]
