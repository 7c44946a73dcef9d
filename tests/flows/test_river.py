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


def test_a_case_becomes_one_episode_one_team_one_plan(rivers_house):
    assert rivers_house.one("EpisodeOfCare")["status"] == "active"
    assert rivers_house.one("CareTeam")["participant"][1]["member"] == {
        "display": "A friend from the cycling club"
    }
    plan = rivers_house.one("CarePlan")
    assert [len(plan["goal"]), len(plan["activity"])] == [2, 3]
    assert plan["category"][0]["coding"][0]["code"] == "clinical"
    assert "&lt;daily&gt;" in plan["text"]["div"]


def test_every_resource_is_valid_and_every_reference_resolves(rivers_house):
    everything = [resource for type_ in (*TYPES, "Provenance") for resource in rivers_house.of(type_)]
    assert len(everything) == 12
    for resource in everything:
        assert validate(resource) == []
        for reference in references(resource):
            type_, id_, *version = reference.split("/")
            if version:
                rivers_house.disclosure.vread(ALL, type_, id_, int(version[1]))
            else:
                rivers_house.disclosure.read(ALL, type_, id_)


def test_engineers_are_told_in_order_once_each(rivers_house):
    messages = [
        message for message in rivers_house.new_messages() if message[1]["partitionkey"].startswith("case/")
    ]
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


def test_replaying_a_put_makes_no_version_and_no_message(rivers_house):
    rivers_house.new_messages()
    saved = rivers_house.put("case", "c1", river.CASE, if_match=1)
    assert (saved.changed, saved.document.revision) == (False, 1)
    assert rivers_house.new_messages() == []
    assert rivers_house.one("CarePlan")["meta"]["versionId"] == "1"


def test_changing_one_goal_makes_that_version_and_message_and_no_other(rivers_house):
    rivers_house.new_messages()
    case = changed(river.CASE, lambda c: c["plan"]["goals"][0].update(status="completed"))
    rivers_house.put("case", "c1", case, if_match=1)
    messages = rivers_house.new_messages()
    assert [key for key, _ in messages] == ["case.updated", "goal.updated"]
    assert messages[1][1]["data"]["changed"] == ["lifecycleStatus"]
    assert messages[1][1]["data"]["versionId"] == "2"
    assert rivers_house.one("CarePlan")["meta"]["versionId"] == "1"


def test_what_is_no_longer_so_is_withdrawn_not_gone(rivers_house):
    rivers_house.new_messages()
    rivers_house.put("case", "c1", changed(river.CASE, lambda c: c["plan"]["goals"].pop()), if_match=1)
    statuses = sorted(goal["lifecycleStatus"] for goal in rivers_house.of("Goal"))
    assert statuses == ["active", "entered-in-error"]
    assert [key for key, _ in rivers_house.new_messages()] == [
        "case.updated",
        "careplan.updated",
        "goal.updated",
    ]
    rivers_house.put(
        "case", "c1", changed(river.CASE, lambda c: c.update(care_model="intensive")), if_match=2
    )
    assert {goal["lifecycleStatus"] for goal in rivers_house.of("Goal")} == {"active"}


def test_closing_a_case_finishes_the_episode_and_keeps_its_history(rivers_house):
    rivers_house.new_messages()

    def close(case):
        case["status"] = "finished"
        case["plan"]["status"] = "completed"

    rivers_house.put("case", "c1", changed(river.CASE, close), if_match=1)
    episode = rivers_house.one("EpisodeOfCare")
    assert episode["status"] == "finished"
    assert episode["statusHistory"][0]["status"] == "active"
    assert rivers_house.one("CarePlan")["status"] == "completed"
    assert next(iter(rivers_house.new_messages()))[0] == "case.closed"


def test_the_insurer_sees_its_client_and_another_sees_nothing(rivers_house):
    assert rivers_house.disclosure.search(NORTHERN, Query("CarePlan")).total == 1
    for type_ in TYPES:
        assert rivers_house.disclosure.search(SOUTHERN, Query(type_)).total == 0
    plan = rivers_house.one("CarePlan")
    with pytest.raises(NotFound):
        rivers_house.disclosure.read(SOUTHERN, "CarePlan", plan["id"])
    author = plan["author"]["reference"].split("/")[1]
    assert rivers_house.disclosure.read(NORTHERN, "Practitioner", author).version == 1


def test_a_change_without_if_match_is_refused_and_an_old_one_too(rivers_house):
    with pytest.raises(Precondition):
        rivers_house.put("case", "c1", river.CASE)
    with pytest.raises(Stale):
        rivers_house.put("case", "c1", river.CASE, if_match=7)
    with pytest.raises(Stale):
        rivers_house.put("case", "new", river.CASE, if_match=1)


def test_a_merge_patch_changes_what_it_names(rivers_house):
    saved = rivers_house.documents.patch(ALL, "cms", "case", "c1", {"targeted_group": "brain-injury"}, {1})
    assert saved.document.body == {**river.CASE, "targeted_group": "brain-injury"}
    with pytest.raises(Rejected):
        rivers_house.documents.patch(ALL, "cms", "case", "c1", {"status": "bogus"}, {2})


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
def test_a_link_that_leads_nowhere_is_refused_and_nothing_is_stored(rivers_house, kind, change, place):
    rivers_house.new_messages()
    document = {"case": river.CASE, "client": river.CLIENT}[kind]
    with pytest.raises(Rejected) as caught:
        rivers_house.put(kind, "other", {**document, **change})
    assert [issue.where for issue in caught.value.issues] == [place]
    assert rivers_house.new_messages() == []
    with pytest.raises(NotFound):
        rivers_house.documents.get(ALL, "cms", kind, "other")


def test_a_protected_clients_whereabouts_leave_with_no_new_version(rivers_house):
    rivers_house.put("client", "river", {**river.CLIENT, "protected_identity": True}, if_match=1)
    patient = rivers_house.one("Patient")
    assert "telecom" not in patient
    assert patient["meta"]["versionId"] == "2"


def test_erasure_tells_the_reference_and_leaves_410(rivers_house):
    plan = rivers_house.one("CarePlan")["id"]
    rivers_house.new_messages()
    rivers_house.documents.erase(ALL, "cms", "case", "c1")
    with pytest.raises(Gone):
        rivers_house.disclosure.read(ALL, "CarePlan", plan)
    keys = [key for key, _ in rivers_house.new_messages()]
    assert sorted(set(keys)) == [
        "careplan.deleted",
        "careteam.deleted",
        "episodeofcare.deleted",
        "goal.deleted",
        "servicerequest.deleted",
    ]
