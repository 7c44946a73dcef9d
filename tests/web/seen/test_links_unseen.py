"""Who knows the uuid of another's entry of the directory is answered as if there were none."""

import json

import pytest

from tests.flows import river
from tests.web.seen.test_unseen import UUID

REGISTRY = """
partners:
  - {name: cms, kind: case-system}
  - {name: ledger, kind: case-system}
  - {name: registrar, kind: operator}
"""
NEVER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def registry(tmp_path):
    path = tmp_path / "partners.yaml"
    path.write_text(REGISTRY, encoding="utf-8")
    return path


@pytest.fixture
def theirs(house):
    """The uuids of another case system's organization, one that is there and one that was erased."""
    uuids = []
    for name in ("there", "erased"):
        document = {"name": f"Secret {name}", "kind": "community"}
        answer = house.put(f"/api/directory/organization/{name}", document, partner="ledger")
        uuids.append(answer.headers["Casebridge-Id"])
    # what another's documents lead to is theirs, too
    nurse = {**river.NURSE, "roles": [role(uuids[0])]}
    assert house.put("/api/directory/practitioner/nurse", nurse, partner="ledger").status_code == 201
    assert house.ask("DELETE", f"/api/directory/organization/{uuids[1]}", partner=None).status_code == 204
    return uuids


def case(*uuids):
    team = [
        {"id": f"m-{number}", "role": "hospital-contact", "organization": uuid}
        for number, uuid in enumerate(uuids)
    ]
    return {**river.CASE, "team": [*river.CASE["team"], *team]}


def role(uuid):
    return {"id": f"r-{uuid[:8]}", "profession": "case-manager", "organization": uuid}


def ways(house, uuids):
    """The answers to all ways in which a case system may name others' entries."""
    changed = {"team": case(*uuids)["team"]}
    kept = {"If-Match": house.ask("GET", "/api/cases/c1").headers["ETag"]}
    nurse = {**river.NURSE, "roles": [role(uuid) for uuid in uuids]}
    payer = {"id": "c", "status": "active", "payer": uuids[0]}
    merge = {**kept, "Content-Type": "application/merge-patch+json"}
    yield house.put("/api/cases/c2", case(*uuids))
    yield house.ask("PUT", "/api/cases/c1", json=case(*uuids), headers=kept)
    yield house.ask("PATCH", "/api/cases/c1", data=json.dumps(changed), headers=merge)
    yield house.put("/api/directory/practitioner/other", nurse)
    yield house.put("/api/clients/other", {**river.CLIENT, "identifiers": [], "coverages": [payer]})
    asked = {"kind": "case", "document": case(*uuids)}
    yield house.ask("POST", "/api/mappings/$preview", json=asked)


def answers(house, uuids):
    texts = []
    for answer in ways(house, uuids):
        assert "Secret" not in answer.text
        # what is supposed to be under an id has one that is made of it
        texts.append((answer.status_code, UUID.sub("", answer.text)))
    return texts


def test_what_is_anothers_there_or_erased_is_named_in_vain_like_what_never_was(rivers_house, theirs):
    never = answers(rivers_house, [NEVER])
    assert ["names what is not there" in text for _, text in never] == [*[True] * 5, False]
    for uuid in theirs:
        assert answers(rivers_house, [uuid]) == never
    # beside a link that leads nowhere in any case
    other = NEVER.replace("0", "9")
    for uuid in theirs:
        assert answers(rivers_house, [other, uuid]) == answers(rivers_house, [other, NEVER])


def test_what_a_case_names_already_may_be_named_again_and_by_other_documents(rivers_house, theirs):
    answer = rivers_house.ask("GET", "/api/cases/c1")
    etag = {"If-Match": answer.headers["ETag"]}
    path = f"/api/cases/{answer.headers['Casebridge-Id']}"
    whose = rivers_house.ask("GET", "/api/clients/river").headers["Casebridge-Id"]
    document = {**case(theirs[0]), "client": whose}
    changed = rivers_house.ask("PUT", path, partner=None, json=document, headers=etag)
    assert changed.status_code == 200, changed.json
    etag = {"If-Match": changed.headers["ETag"]}
    assert rivers_house.ask("PUT", "/api/cases/c1", json=case(theirs[0]), headers=etag).status_code == 200
    nurse = {**river.NURSE, "roles": [role(theirs[0])]}
    answer = rivers_house.put("/api/directory/practitioner/other", nurse)
    assert answer.status_code == 201, answer.json


def test_an_entry_that_a_partner_put_under_a_uuid_of_its_own_is_named_by_that(rivers_house):
    assert (
        rivers_house.put(f"/api/directory/organization/{NEVER}", {"name": "Own", "kind": "other"}).status_code
        == 201
    )
    assert rivers_house.put("/api/cases/c2", case(NEVER)).status_code == 201


def test_what_an_operator_put_everybody_may_name(rivers_house):
    document = {"name": "Region", "kind": "municipality"}
    answer = rivers_house.put("/api/directory/organization/region", document, partner="registrar")
    assert rivers_house.put("/api/cases/c2", case(answer.headers["Casebridge-Id"])).status_code == 201
