"""HRex's and PDex's own examples are matched, once their consents are of today; and the answers are alike."""

import copy
import json
from datetime import UTC, datetime

import pytest

from service.settings import Settings
from service.wiring import rooms, serving
from tests.real.real_data import folder
from tests.web.export.exporting import path_of

NPI = "http://hl7.org/fhir/sid/us-npi"
MATCH = "/fhir/Patient/$member-match"
ORGANIZATIONS = (
    ("plan", "insurer", "9876543210"),
    ("new", "insurer", "0123456789"),
    ("provider", "hospital", "0000000001"),
)
REGISTRY = f"""
partners:
  - {{name: cms, kind: case-system}}
  - {{name: provider, kind: hospital, identifiers: [{{system: "{NPI}", value: "0000000001"}}]}}
  - {{name: new, kind: insurer, identifiers: [{{system: "{NPI}", value: "0123456789"}}]}}
  - {{name: stranger, kind: hospital, identifiers: [{{system: "{NPI}", value: "0000000002"}}]}}
"""


def example(name):
    return json.loads((folder("payer") / "hrex-pkg" / f"Parameters-{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def ask(tmp_path, sqlite_url, mappings):
    """A house that knows the example's patient by its card, and the provider as one of their team."""
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    values = {"AUTH": "off", "PARTNERS": str(path), "DATABASE_URL": sqlite_url}
    settings = Settings.from_env({f"CASEBRIDGE_{name}": value for name, value in values.items()})
    engine = rooms.database(settings)
    client = serving.application(settings, engine, mappings).test_client()

    def send(method, address, body=None, partner="cms"):
        kind = "application/fhir+json" if "/fhir/" in address else "application/json"
        named = {"Casebridge-Partner": partner, "Prefer": "respond-async"}
        return client.open(address, method=method, json=body, content_type=kind, headers=named)

    for ref, kind, npi in ORGANIZATIONS:
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
    assert [issue["expression"] for issue in answer.json["issue"]] == [["Consent.provision.period"]]


def test_the_example_is_matched_while_its_consent_holds_and_by_who_treats_them_alone(ask):
    sent = example("member-match-in-provider")
    (consent,) = (parameter["resource"] for parameter in sent["parameter"] if parameter["name"] == "Consent")
    today = datetime.now(UTC).date().isoformat()
    consent["provision"]["period"] = {"start": today, "end": today}
    answer = ask("POST", MATCH, sent, "provider")
    assert answer.status_code == 200, answer.json
    theirs = {parameter["name"]: set(parameter) for parameter in example("member-match-out")["parameter"]}
    ours = {parameter["name"]: set(parameter) for parameter in answer.json["parameter"]}
    assert theirs.items() <= ours.items()
    assert ask("POST", MATCH, sent, "stranger").status_code == 422


def test_the_example_with_another_card_is_nobody(ask):
    sent = copy.deepcopy(example("member-match-in-provider"))
    sent["parameter"][0]["resource"]["identifier"][0]["value"] = "55679"
    answer = ask("POST", MATCH, sent, "provider")
    assert [issue["code"] for issue in answer.json["issue"]] == ["not-found"]


def of_pdex(name):
    return json.loads((folder("payer") / "pdex" / f"{name}.json").read_text(encoding="utf-8"))


def bulk(ask, *members):
    """The Groups that a match of many comes to, by the code of each."""
    bundles = [
        {"name": "MemberBundle", "part": [{"name": name, "resource": body} for name, body in member.items()]}
        for member in members
    ]
    body = {"resourceType": "Parameters", "parameter": bundles}
    begun = ask("POST", "/fhir/Group/$bulk-member-match", body, "new")
    assert begun.status_code == 202, begun.json
    manifest = ask("GET", path_of(begun.headers["Content-Location"]), None, "new").json
    groups = [
        ask("GET", path_of(file["url"]), None, "new").get_json(force=True) for file in manifest["output"]
    ]
    return {group["code"]["coding"][0]["code"]: group for group in groups}


def test_pdexs_member_is_matched_while_the_consent_holds_and_the_groups_are_as_its_examples(ask):
    patient = {**of_pdex("Patient-patient-2"), "id": "2"}
    card, consent = of_pdex("Coverage-coverage-2"), of_pdex("Consent-consent-2")
    person = {
        "names": patient["name"],
        "gender": patient["gender"],
        "birth_date": patient["birthDate"],
        "coverages": [
            {"id": "old", "status": "cancelled", "payer": "plan", "member_id": "DH10001235"},
            {"id": "now", "status": "active", "payer": "new"},
        ],
    }
    assert ask("PUT", "/api/clients/william", person).status_code == 201
    said = {"MemberPatient": patient, "CoverageToMatch": card, "Consent": consent}
    ended = bulk(ask, said)
    assert sorted(ended) == ["consentconstraint", "match"]
    today = datetime.now(UTC).date().isoformat()
    now = {**consent, "provision": {**consent["provision"], "period": {"start": today, "end": today}}}
    nobody = {**patient, "birthDate": "1959-12-24"}
    answers = bulk(ask, {**said, "Consent": now}), bulk(ask, {**said, "MemberPatient": nobody})
    assert answers[0]["match"]["member"][0]["entity"]["reference"].startswith("Patient/")
    for ours, name in (
        (ended["consentconstraint"], "Group-example-pdex-member-consent-constraint-group"),
        (answers[1]["nomatch"], "Group-example-pdex-member-no-match-group"),
    ):
        theirs = of_pdex(name)
        assert theirs.keys() - {"text"} <= ours.keys()
        assert ours["meta"]["profile"] == theirs["meta"]["profile"]
        assert ours["code"] == theirs["code"]
        one, other = (group["member"][0]["entity"] for group in (ours, theirs))
        assert one.keys() == other.keys()
        assert one["extension"][0]["url"] == other["extension"][0]["url"]
