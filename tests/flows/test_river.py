"""River's story through the flows: one case in, FHIR and messages out."""

import copy

import pytest

from service.errors import Gone, NotFound, Precondition, Rejected, Stale
from service.values.access.scope import Scope
from service.values.kept.resources import Query
from service.wire.fhir.check.validate import validate
from tests.flows import river
from tests.flows.conftest import ALL

NORTHERN = Scope(payers=(("urn:example:payers", "northern"),))
SOUTHERN = Scope(payers=(("urn:example:payers", "southern"),))
TYPES = (
    "Patient",
    "Practitioner",
    "Organization",
    "EpisodeOfCare",
    "CareTeam",
    "CarePlan",
    "Goal",
    "ServiceRequest",
)


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield node["reference"]
        for below in node.values():
            yield from references(below)
    elif isinstance(node, list):
        for below in node:
            yield from references(below)


def changed(case, change):
    copied = copy.deepcopy(case)
    change(copied)
    return copied


def test_a_case_becomes_one_episode_one_team_one_plan(told):
    assert told.one("EpisodeOfCare")["status"] == "active"
    assert told.one("CareTeam")["participant"][1]["member"] == {"display": "A friend from the cycling club"}
    plan = told.one("CarePlan")
    assert [len(plan["goal"]), len(plan["activity"])] == [2, 3]
    assert plan["category"][0]["coding"][0]["code"] == "clinical"
    assert "&lt;daily&gt;" in plan["text"]["div"]


def test_every_resource_is_valid_and_every_reference_resolves(told):
    everything = [each for type_ in (*TYPES, "Provenance") for each in told.of(type_)]
    assert len(everything) == 12
    for resource in everything:
        assert validate(resource) == []
        for reference in references(resource):
            type_, id_, *version = reference.split("/")
            if version:
                told.disclosure.vread(ALL, type_, id_, int(version[1]))
            else:
                told.disclosure.read(ALL, type_, id_)


def test_engineers_are_told_in_order_once_each(told):
    messages = [each for each in told.told() if each[1]["partitionkey"].startswith("case/")]
    assert [key for key, _ in messages] == [
        "case.opened",
        "episodeofcare.created",
        "careteam.created",
        "careplan.created",
        "goal.created",
        "goal.created",
        "servicerequest.created",
        "servicerequest.created",
        "servicerequest.created",
    ]
    assert [message["sequence"] for _, message in messages] == [f"{n:020d}" for n in range(1, 10)]
    assert "Walk" not in str(messages)


def test_replaying_a_put_makes_no_version_and_no_message(told):
    told.told()
    saved = told.put("case", "c1", river.CASE, if_match=1)
    assert (saved.changed, saved.document.revision) == (False, 1)
    assert told.told() == []
    assert told.one("CarePlan")["meta"]["versionId"] == "1"


def test_changing_one_goal_makes_that_version_and_message_and_no_other(told):
    told.told()
    case = changed(river.CASE, lambda c: c["plan"]["goals"][0].update(status="completed"))
    told.put("case", "c1", case, if_match=1)
    messages = told.told()
    assert [key for key, _ in messages] == ["case.updated", "goal.updated"]
    assert messages[1][1]["data"]["changed"] == ["lifecycleStatus"]
    assert messages[1][1]["data"]["versionId"] == "2"
    assert told.one("CarePlan")["meta"]["versionId"] == "1"


def test_what_is_no_longer_so_is_withdrawn_not_gone(told):
    told.told()
    told.put("case", "c1", changed(river.CASE, lambda c: c["plan"]["goals"].pop()), if_match=1)
    statuses = sorted(each["lifecycleStatus"] for each in told.of("Goal"))
    assert statuses == ["active", "entered-in-error"]
    assert [key for key, _ in told.told()] == ["case.updated", "careplan.updated", "goal.updated"]
    told.put("case", "c1", changed(river.CASE, lambda c: c.update(care_model="intensive")), if_match=2)
    assert {each["lifecycleStatus"] for each in told.of("Goal")} == {"active"}


def test_closing_a_case_finishes_the_episode_and_keeps_its_history(told):
    told.told()

    def close(case):
        case["status"] = "finished"
        case["plan"]["status"] = "completed"

    told.put("case", "c1", changed(river.CASE, close), if_match=1)
    episode = told.one("EpisodeOfCare")
    assert episode["status"] == "finished"
    assert episode["statusHistory"][0]["status"] == "active"
    assert told.one("CarePlan")["status"] == "completed"
    assert next(iter(told.told()))[0] == "case.closed"


def test_the_insurer_sees_its_client_and_another_sees_nothing(told):
    assert told.disclosure.search(NORTHERN, Query("CarePlan")).total == 1
    for type_ in TYPES:
        assert told.disclosure.search(SOUTHERN, Query(type_)).total == 0
    plan = told.one("CarePlan")
    with pytest.raises(NotFound):
        told.disclosure.read(SOUTHERN, "CarePlan", plan["id"])
    author = plan["author"]["reference"].split("/")[1]
    assert told.disclosure.read(NORTHERN, "Practitioner", author).version == 1


def test_a_change_without_if_match_is_refused_and_an_old_one_too(told):
    with pytest.raises(Precondition):
        told.put("case", "c1", river.CASE)
    with pytest.raises(Stale):
        told.put("case", "c1", river.CASE, if_match=7)
    with pytest.raises(Stale):
        told.put("case", "new", river.CASE, if_match=1)


def test_a_merge_patch_changes_what_it_names(told):
    saved = told.documents.patch(ALL, "cms", "case", "c1", {"targeted_group": "brain-injury"}, {1})
    assert saved.document.body == {**river.CASE, "targeted_group": "brain-injury"}
    with pytest.raises(Rejected):
        told.documents.patch(ALL, "cms", "case", "c1", {"status": "bogus"}, {2})


@pytest.mark.parametrize(
    ("kind", "change", "place"),
    [
        ("case", {"client": "nobody"}, "/client"),
        ("case", {"care_manager": "nobody"}, "/care_manager"),
        (
            "case",
            {"team": [{"id": "x", "role": "family", "related_person": "nobody"}]},
            "/team/0/related_person",
        ),
        ("client", {"coverages": [{"id": "x", "status": "active", "payer": "nobody"}]}, "/coverages/0/payer"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused_and_nothing_is_stored(told, kind, change, place):
    told.told()
    document = {"case": river.CASE, "client": river.CLIENT}[kind]
    with pytest.raises(Rejected) as caught:
        told.put(kind, "other", {**document, **change})
    assert [issue.where for issue in caught.value.issues] == [place]
    assert told.told() == []
    with pytest.raises(NotFound):
        told.documents.get(ALL, "cms", kind, "other")


def test_a_protected_clients_whereabouts_leave_with_no_new_version(told):
    told.put("client", "river", {**river.CLIENT, "protected_identity": True}, if_match=1)
    patient = told.one("Patient")
    assert "telecom" not in patient
    assert patient["meta"]["versionId"] == "2"


def test_erasure_tells_the_reference_and_leaves_410(told):
    plan = told.one("CarePlan")["id"]
    told.told()
    told.documents.erase(ALL, "cms", "case", "c1")
    with pytest.raises(Gone):
        told.disclosure.read(ALL, "CarePlan", plan)
    keys = [key for key, _ in told.told()]
    assert sorted(set(keys)) == [
        "careplan.deleted",
        "careteam.deleted",
        "episodeofcare.deleted",
        "goal.deleted",
        "servicerequest.deleted",
    ]
