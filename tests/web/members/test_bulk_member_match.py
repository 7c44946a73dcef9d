"""Many members matched at once: who matched, who did not, whose consent does not do.

https://hl7.org/fhir/us/davinci-pdex/OperationDefinition-BulkMemberMatch.html
"""

import copy
import json

import pytest
from fhir.resources.R4B import get_fhir_model_class

from service.flows.members import bulk as looking
from tests.flows import river
from tests.web.conftest import REGISTRY
from tests.web.export.exporting import Exporter, path_of
from tests.web.export.test_export import counts
from tests.web.members import matching
from tests.web.members.matching import attestation, begin, bundle, consent, coverage, many, patient, provision
from tests.web.members.test_member_match import codes, id_of
from tests.web.seen.test_audit import records

CODES = ("match", "nomatch", "consentconstraint")
PARAMETERS = "http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-parameters"
COVERAGES = "http://hl7.org/fhir/us/davinci-pdex/StructureDefinition/base-ext-match-coverage"
BEA = patient(id="bea", name=[{"family": "Åström", "given": ["Bea"]}])
CONTAINING = {
    "contained": [{"resourceType": "Organization", "id": "o", "name": "O"}],
    "managingOrganization": {"reference": "#o"},
}
NOBODY = patient(id="nobody", name=[{"family": "Nobody", "given": ["Ann"]}])


@pytest.fixture
def members(house):
    matching.load(house)
    return house


def some():
    """Alma matches, her twin's consent has ended, and somebody is nobody's member."""
    ended = consent(provision=provision(end=-1))
    return many(
        bundle(),
        bundle(ended, MemberPatient=BEA, CoverageToMatch=coverage("M-101")),
        bundle(MemberPatient=NOBODY, CoverageToMatch=coverage("M-999")),
    )


def manifest(house, body, partner="northern", **more):
    begun = begin(house, body, partner, **more)
    assert begun.status_code == 202, begun.json
    return Exporter(house, partner=partner).wait(path_of(begun.headers["Content-Location"]))


def groups(house, answered, partner="northern"):
    """The Groups of a manifest by the code of each."""
    by_code = {}
    for file in answered["output"]:
        (group,) = Exporter(house, partner=partner).lines(file)
        assert get_fhir_model_class("Group").model_validate(group).active
        by_code[group["code"]["coding"][0]["code"]] = group
    return by_code


def sent_ids(group):
    """The ids of the patients as they were sent, of those in a Group."""
    extensions = (member["entity"]["extension"] for member in group.get("member", ()))
    return [
        extension["valueReference"]["reference"].removeprefix("#")
        for some in extensions
        for extension in some
        if extension["url"] == PARAMETERS
    ]


def test_each_member_is_in_the_group_of_what_became_of_them(members):
    answered = manifest(members, some())
    assert answered["request"] == "http://127.0.0.1:8080/fhir/Group/$bulk-member-match"
    by_code = groups(members, answered)
    assert {code: sent_ids(group) for code, group in by_code.items()} == {
        "match": ["1"], "nomatch": ["nobody"], "consentconstraint": ["bea"],
    }  # fmt: skip
    (member,) = by_code["match"]["member"]
    assert member["entity"]["reference"] == f"Patient/{id_of(members, 'A-1')}"
    assert {group["quantity"] for group in by_code.values()} == {1}
    for code in CODES[1:]:
        assert id_of(members, "A-2") not in json.dumps(by_code[code])
        assert by_code[code]["member"][0]["entity"]["reference"].startswith("#")


def test_who_was_sent_stands_in_the_group_as_they_were_sent(members):
    said = patient(
        meta={"versionId": "7", "tag": [{"system": "urn:x", "code": "y"}]},
        telecom=[{"system": "phone", "value": "555"}],
        identifier=[{"system": "urn:example:theirs", "value": "P-9"}],
    )
    group = groups(members, manifest(members, many(bundle(MemberPatient=said))))["match"]
    assert group["contained"] == [{**said, "meta": {"tag": said["meta"]["tag"]}}]


def test_the_group_of_who_matched_is_there_though_nobody_did_and_others_only_with_somebody(members):
    nobody = many(bundle(MemberPatient=NOBODY, CoverageToMatch=coverage("M-999")))
    by_code = groups(members, manifest(members, nobody))
    assert sorted(by_code) == ["match", "nomatch"]
    assert by_code["match"]["quantity"] == 0
    assert sorted(groups(members, manifest(members, many(bundle())))) == ["match"]


def test_a_patient_with_two_cards_is_told_of_with_each(members):
    two = many(bundle(), bundle(CoverageToMatch=coverage("M-999")))
    by_code = groups(members, manifest(members, two))
    for code, card in (("match", "M-100"), ("nomatch", "M-999")):
        (member,) = by_code[code]["member"]
        reference = next(
            extension["valueReference"]["reference"]
            for extension in member["entity"]["extension"]
            if extension["url"] == COVERAGES
        )
        (said,) = (
            contained for contained in by_code[code]["contained"] if f"#{contained['id']}" == reference
        )
        assert said["identifier"][0]["value"] == card


def test_the_group_is_read_listed_and_exported_and_is_its_askers_alone(members):
    by_code = groups(members, manifest(members, some()))
    northern = Exporter(members, partner="northern")
    path = f"/fhir/Group/{by_code['match']['id']}"
    assert northern.ask("GET", path).json == by_code["match"]
    listed = [entry["resource"]["id"] for entry in northern.ask("GET", "/fhir/Group").json["entry"]]
    assert by_code["match"]["id"] in listed
    alma = f"Patient/{id_of(members, 'A-1')}"
    for kind in ("$export", "$davinci-data-export"):
        exported = northern.resources(northern.manifest(f"{path}/{kind}"))
        assert [reference for reference in exported if reference.startswith("Patient/")] == [alma]
        assert counts(exported)["Coverage"] == 1
    for other in ("southern", "cms"):
        for end in ("", "/$export", "/$davinci-data-export"):
            asked = Exporter(members, partner=other).begin(f"{path}{end}")
            assert asked.status_code == 404
    unmatched = f"/fhir/Group/{by_code['nomatch']['id']}"
    assert northern.ask("GET", unmatched).json == by_code["nomatch"]
    assert northern.begin(f"{unmatched}/$export").status_code == 404


def test_of_a_group_of_who_matched_no_one_else_is_exported_by_name(members):
    path = f"/fhir/Group/{groups(members, manifest(members, some()))['match']['id']}/$export"
    northern = Exporter(members, partner="northern")
    for number, status in (("A-1", 202), ("A-2", 400)):
        named = {"name": "patient", "valueReference": {"reference": f"Patient/{id_of(members, number)}"}}
        body = {"resourceType": "Parameters", "parameter": [named]}
        assert northern.begin(path, method="POST", json=body).status_code == status


def test_who_is_no_longer_a_member_is_in_no_group_and_no_export(members):
    by_code = groups(members, manifest(members, some()))
    path = f"/fhir/Group/{by_code['match']['id']}"
    denied = {**matching.ALMA, "consents": [{"id": "no", "status": "active", "decision": "deny"}]}
    assert members.put("/api/clients/alma", denied, headers={"If-Match": "*"}).status_code == 200
    northern = Exporter(members, partner="northern")
    group = northern.ask("GET", path).json
    assert group["quantity"] == 0
    assert "Alma" not in json.dumps(group)
    assert not [
        resource
        for resource in northern.resources(northern.manifest(f"{path}/$export"))
        if "Patient" in resource
    ]


def test_that_a_consent_does_not_do_is_no_longer_told_of_who_denies_their_data(members):
    status = path_of(begin(members, some()).headers["Content-Location"])
    northern = Exporter(members, partner="northern")
    by_code = groups(members, northern.wait(status))
    denied = {**matching.TWIN, "consents": [{"id": "no", "status": "active", "decision": "deny"}]}
    assert members.put("/api/clients/twin", denied, headers={"If-Match": "*"}).status_code == 200
    assert sorted(groups(members, northern.wait(status))) == ["match", "nomatch"]
    assert northern.ask("GET", f"/fhir/Group/{by_code['consentconstraint']['id']}").status_code == 404
    (group,) = northern.lines({"url": f"http://127.0.0.1:8080{status}/3", "type": "Group", "count": 1})
    assert "Bea" not in json.dumps(group)


def test_how_far_it_is_is_told_and_whoever_asks_looks_on(members, monkeypatch):
    monkeypatch.setattr(looking, "LOOKING", -1)
    monkeypatch.setattr(looking, "FEW", 1)
    status = path_of(begin(members, some()).headers["Content-Location"])
    for done in (1, 2):
        answer = members.get(status, partner="northern")
        assert (answer.status_code, answer.headers["X-Progress"]) == (202, f"{done} of 3")
        assert members.get(f"{status}/1", partner="northern").status_code == 404
    assert members.get(status, partner="northern").status_code == 200


def test_a_match_is_its_askers_alone_and_is_cancelled_with_all_that_was_sent(members):
    status = path_of(begin(members, some()).headers["Content-Location"])
    for method in ("GET", "DELETE"):
        assert members.ask(method, status, partner="southern").status_code == 404
    assert members.ask("DELETE", status, partner="northern").status_code == 202
    assert members.get(status, partner="northern").status_code == 404
    with members.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM matched_member").scalar() == 0


def test_so_many_may_be_under_way(members):
    answers = [begin(members, some()) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (many(), "Parameters.parameter"),
        (many({"name": "Other", "valueBoolean": True}), "Parameters.parameter[0].name"),
        (many({"name": "MemberBundle", "part": bundle()["part"][:2]}), "Parameters.parameter[0].part"),
        (many(bundle(), bundle(MemberPatient=patient(gender="male"))), "Parameters.parameter[1]"),
        (many(bundle(MemberPatient=patient(**CONTAINING))), "Parameters.parameter[0]"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_named(members, body, where):
    answer = begin(members, body)
    assert (answer.status_code, codes(answer)[0][1]) == (400, where)


def test_who_does_not_wait_is_refused(members):
    answer = begin(members, some(), headers=())
    assert (answer.status_code, codes(answer)[0][1]) == (400, "Prefer")


def members_named(house):
    """Which of Alma and her twin each record of an operation names."""
    patients = {number: id_of(house, number) for number in ("A-1", "A-2")}
    rows = [row for row in records(house.engine) if row.interaction == "operation"]
    return [[number for number, id_ in patients.items() if id_ in row.things] for row in rows]


def test_a_manifest_is_on_record_with_whom_it_tells_to_be_members_before_any_file_is_fetched(members):
    answered = manifest(members, some())
    assert members_named(members) == [["A-1", "A-2"]]
    groups(members, answered)
    assert sorted(members_named(members)[1:]) == [[], ["A-1"], ["A-2"]]


def test_how_far_it_is_is_on_record_too_for_somebody_may_be_guessing(members, monkeypatch):
    monkeypatch.setattr(looking, "LOOKING", -1)
    monkeypatch.setattr(looking, "FEW", 1)
    manifest(members, some())
    assert members_named(members) == [[], [], ["A-1", "A-2"]]


MERCY = {"identifier": {"system": "urn:example:hospitals", "value": "mercy"}}


@pytest.fixture
def registry(tmp_path):
    """The hospital has an identifier by which a team and an attestation name it."""
    path = tmp_path / "partners.yaml"
    own = 'kind: hospital, identifiers: [{system: "urn:example:hospitals", value: mercy}]}'
    path.write_text(REGISTRY.replace("kind: hospital}", own, 1), encoding="utf-8")
    return path


def test_a_provider_matches_whom_it_treats_and_attests_to_treat(members):
    mercy = {"name": "Mercy", "kind": "hospital", "identifiers": [MERCY["identifier"]]}
    assert members.put("/api/directory/organization/mercy", mercy).status_code == 201
    case = {**copy.deepcopy(river.CASE), "client": "alma", "identifiers": [], "plan": None}
    case = {name: part for name, part in case.items() if part and name != "care_manager"}
    case["team"] = [{"id": "mercy", "role": "hospital-contact", "organization": "mercy"}]
    for number, client in enumerate(("alma", "twin")):
        assert members.put(f"/api/cases/{number}", {**case, "client": client}).status_code == 201
    sent = many(
        bundle(attestation(MERCY)),
        bundle(attestation({"identifier": {"system": "urn:example:hospitals", "value": "lakeside"}}),
               MemberPatient=BEA, CoverageToMatch=coverage("M-101")),
        bundle(attestation(MERCY), MemberPatient=NOBODY, CoverageToMatch=coverage("M-900", "southern")),
    )  # fmt: skip
    answered = manifest(members, sent, "mercy", operation="provider-member-match")
    by_code = groups(members, answered, "mercy")
    assert {code: sent_ids(group) for code, group in by_code.items()} == {
        "match": ["1"],
        "nomatch": ["bea", "nobody"],
    }
    assert by_code["match"]["meta"]["profile"][0].endswith("pdex-provider-member-match")
    assert by_code["match"]["member"][0]["entity"]["reference"] == f"Patient/{id_of(members, 'A-1')}"


def test_the_operations_stand_in_the_capability_statement(house):
    (rest,) = house.get("/fhir/metadata").json["rest"]
    (of_groups,) = (resource for resource in rest["resource"] if resource["type"] == "Group")
    assert {operation["name"] for operation in of_groups["operation"]} == {
        "export", "davinci-data-export", "bulk-member-match", "provider-member-match",
    }  # fmt: skip
