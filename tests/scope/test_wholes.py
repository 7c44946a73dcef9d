"""All of a patient, of a case, of a group or of the system has what is theirs, and exports are their own."""

import json
from itertools import product

import pytest

from tests.scope.answers import Nothing, Theirs, outcome
from tests.scope.oracle import Oracle
from tests.scope.world import HOSPITALS, INSURERS, SYSTEMS
from tests.web.export.exporting import Exporter, path_of
from tests.web.members import matching
from tests.web.members.matching import FHIR

PULLING = (*SYSTEMS, *INSURERS, *HOSPITALS)


@pytest.fixture
def oracle(house, world):
    made = Oracle(world)
    house.check = Theirs(world, made).check
    return made


def entries_of(house, address, partner):
    bundle = house.get(address, partner=partner).json
    return {(entry["resource"]["resourceType"], entry["resource"]["id"]) for entry in bundle.get("entry", ())}


def all_of(oracle, partner):
    """All that a partner sees as it is now."""
    return {
        resource
        for resource, versions in oracle.resources.items()
        if versions[-1][:3] in oracle.visible[partner]
    }


def test_everything_of_somebody_has_what_is_theirs_or_never_was(house, oracle):
    nothing = Nothing(house)
    for type_ in ("Patient", "EpisodeOfCare"):
        for (of, id_), partner in product(oracle.resources, PULLING):
            if of != type_:
                continue
            address = f"/fhir/{type_}/{id_}/$everything"
            if id_ not in oracle.seen(partner, type_):
                for question in ({}, {"method": "POST"}, {"query": "?_type=CarePlan"}):
                    nothing.check(partner, address.replace(id_, "{}"), id_, question)
                continue
            every = entries_of(house, f"{address}?_count=500", None)
            served = entries_of(house, f"{address}?_count=500", partner)
            owned = {key for key in every if oracle.resources[key][-1].owner.number is not None}
            assert served <= all_of(oracle, partner), (partner, address)
            assert served >= owned & all_of(oracle, partner), (partner, address)


def test_a_member_match_tells_of_theirs_and_of_others_as_of_who_never_was(house, oracle):
    pulling = set()
    for (type_, id_), versions in oracle.resources.items():
        if type_ != "Patient":
            continue
        said = {**json.loads(versions[-1].body), "id": "1"}
        asked = matching.asked(MemberPatient=said, CoverageToMatch=matching.coverage(None))
        for partner in PULLING:
            answer = house.ask("POST", matching.MATCH, partner=partner, json=asked, content_type=FHIR)
            if id_ not in oracle.seen(partner, "Patient"):
                assert answer.status_code == 422
                assert answer.json["issue"][0]["code"] == "not-found"
            elif "birthDate" in said:
                assert answer.status_code == 200, answer.json
                assert answer.json["parameter"][1]["valueReference"] == {"reference": f"Patient/{id_}"}
                pulling.add(partner)
    assert pulling == set(PULLING)


def test_everything_of_all_patients_is_all_that_is_theirs(house, oracle):
    for partner in PULLING:
        ids, address = [], "/fhir/Patient/$everything?_count=40"
        while address:
            bundle = house.get(address, partner=partner).json
            ids += [
                (one["resource"]["resourceType"], one["resource"]["id"]) for one in bundle.get("entry", ())
            ]
            links = {link["relation"]: link["url"] for link in bundle["link"]}
            address = links.get("next", "").partition("8080")[2]
        assert len(ids) == len(set(ids))
        assert set(ids) == all_of(oracle, partner), partner


def test_a_document_has_what_is_theirs_and_its_text_tells_of_nothing_else(house, oracle):
    """`house.check` reads each answer for what stands for somebody else, in the text as elsewhere."""
    for partner in PULLING:
        for id_ in oracle.seen(partner, "EpisodeOfCare"):
            address = f"/fhir/EpisodeOfCare/{id_}/$document"
            keys = {key for key in entries_of(house, address, partner) if key[0] != "Composition"}
            assert ("EpisodeOfCare", id_) in keys
            assert keys <= all_of(oracle, partner), (partner, address)


def test_matches_of_many_tell_of_theirs_and_are_nobody_elses(house, oracle):
    people = [json.loads(of[-1].body) for (type_, _), of in oracle.resources.items() if type_ == "Patient"]
    everybody = [person for person in people if "birthDate" in person]
    for partner in (*INSURERS, *HOSPITALS):
        said = consent_of(partner)
        bundles = [
            matching.bundle(said, MemberPatient=member, CoverageToMatch=matching.coverage(None))
            for member in everybody
        ]
        operation = "bulk-member-match" if partner in INSURERS else "provider-member-match"
        begun = matching.begin(house, matching.many(*bundles), partner, operation)
        status = path_of(begun.headers["Content-Location"])
        exporter = Exporter(house, partner=partner)
        (group,) = exporter.lines(exporter.wait(status)["output"][0])
        references = {member["entity"]["reference"] for member in group.get("member", ())}
        seen = oracle.seen(partner, "Patient")
        assert references == {f"Patient/{member['id']}" for member in everybody if member["id"] in seen}
        assert references
        nothing = Nothing(house)
        for other in {*PULLING, "engineer"} - {partner}:
            for end, question in (("", {}), ("/1", {}), ("", {"method": "DELETE"})):
                rule = f"/fhir/Group/$member-matches/{{}}{end}"
                nothing.check(other, rule, status.rpartition("/")[2], question)
            nothing.check(other, "/fhir/Group/{}.match", group["id"].partition(".")[0], {})


def consent_of(partner):
    if partner in HOSPITALS:
        return matching.attestation({"identifier": {"system": "urn:example:hospitals", "value": partner}})
    policy = [{"uri": f"{matching.HREX}sensitive"}]
    return matching.consent(policy=policy, provision=matching.provision("northern", partner))


def test_exports_have_what_is_theirs_and_are_nobody_elses(house, oracle):
    for partner in PULLING:
        exporter = Exporter(house, partner=partner)
        paths = ["/fhir/$export", "/fhir/Patient/$export"]
        if partner in INSURERS:
            (group,) = house.get("/fhir/Group", partner=partner).json["entry"]
            assert group["resource"]["quantity"] == len(oracle.seen(partner, "Patient"))
            kinds = ("$export", "$davinci-data-export")
            paths += [f"/fhir/Group/{group['resource']['id']}/{kind}" for kind in kinds]
        for path in paths:
            status = exporter.begun(path)
            manifest = exporter.wait(status)
            served = {tuple(reference.split("/")) for reference in exporter.resources(manifest)}
            mine = all_of(oracle, partner)
            whose = {key for key in mine if oracle.resources[key][-1].owner.number is not None}
            assert served <= mine, (partner, path)
            assert served >= (mine if path == "/fhir/$export" else whose), (partner, path)
            id_ = status.rpartition("/")[2]
            for other in (*PULLING, "engineer"):
                if other != partner:
                    check_is_nobody_elses(house, other, id_)


def check_is_nobody_elses(house, other, id_):
    nothing = Nothing(house)
    for end, question in (
        ("", {}),
        ("", {"method": "HEAD"}),
        ("/0", {}),
        ("/1", {}),
        ("", {"method": "DELETE"}),
    ):
        nothing.check(other, f"/fhir/$export/{{}}{end}", id_, question)


def test_a_group_is_its_insurers_alone(house, oracle):
    for partner, other in product(INSURERS, (*PULLING, "engineer")):
        (group,) = house.get("/fhir/Group", partner=partner).json["entry"]
        id_ = group["resource"]["id"]
        answer = house.get(f"/fhir/Group/{id_}", partner=other)
        if partner == other:
            members = {member["entity"]["reference"] for member in answer.json.get("member", ())}
            assert members == {f"Patient/{seen}" for seen in oracle.seen(partner, "Patient")}
            continue
        for end in ("", "/$export", "/$davinci-data-export"):
            headers = {"Prefer": "respond-async"}
            hidden, never = (
                outcome(house.get(f"/fhir/Group/{group_id}{end}", partner=other, headers=headers), group_id)
                for group_id in (id_, id_[:-4] + "0000")
            )
            assert hidden == never
