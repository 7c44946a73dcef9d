"""What goes out comes back: `from(to(case)) == case` on what is covered, over golden and generated cases."""

from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.cases.hospital.received import whole
from service.errors import Rejected
from service.flows.case.back import Back, _ids_by_reference
from service.flows.case.documents import Documents
from service.mapping.author import golden
from service.mapping.author.specification import returned_fields
from service.settings import Settings
from service.values.access.scope import RETURNED, Scope
from service.values.ids import resource_id
from service.wire.fhir.returned import with_targets
from service.wire.json import parse
from service.wiring import compiled
from tests.flows import river
from tests.projection.worlds import ALL, QUICK, worlds

MAPPINGS = Path(__file__).parents[2] / "mappings"
FEW = settings(QUICK, max_examples=20)
BASE = "http://127.0.0.1:8080/fhir"
ROLE = "https://casebridge.org/fhir/CodeSystem/case-role"
WHO = {"practitioner": "Practitioner", "organization": "Organization", "related_person": "RelatedPerson"}
NOTE = {"text": "Goes well", "authorString": "Somebody", "time": "2026-04-01"}
FRIEND = {"role": [{"coding": [{"system": ROLE, "code": "friend"}]}], "member": {"display": "A friend"}}


@cache
def inbound():
    """The inbound mappings; as a fixture a failing test would print them all."""
    return compiled.inbound(Settings.from_env({}))


def read(resource, known):
    """The part of a case that a resource is."""
    name = resource["resourceType"].lower()
    return next(
        (result.resource for result in inbound().projector(name).run({name: with_targets(resource, known)})),
        {},
    )


def covered(case, client, *, progress=True):
    """What of a case comes back of its team and plan, in the form the mapping gives it."""
    # the community of somebody with a protected identity is not told, so it does not come back
    hidden = {member["id"] for member in case.get("team", []) if member["role"] == "community"}
    hidden = hidden if client.get("protected_identity") else set()
    team = []
    for member in case.get("team", []):
        kept = {key: value for key, value in member.items() if value != {}}
        if member["id"] in hidden:
            kept = {key: value for key, value in kept.items() if key not in {*WHO, "name"}}
        if member.get("deputy_for") in hidden:
            del kept["deputy_for"]
        team.append(kept)
    services = []
    for service in case.get("plan", {}).get("services", []):
        notes = service.get("progress") if progress else None
        services.append({"id": service["id"]} | ({"progress": notes} if notes else {}))
    return team, services


def deputies(team):
    """Members by whom they are known: several roles of one person are one person to a reference."""
    known = {member["id"]: {key: member.get(key) for key in (*WHO, "name")} for member in team}
    return [known.get(member.pop("deputy_for", None)) for member in team]


@pytest.mark.parametrize("name", ["case", "case-minimal", "case-protected-and-closed", "us-core/case"])
def test_what_a_golden_case_makes_is_that_case_again(name):
    pair = next(pair for pair in golden.pairs(MAPPINGS) if pair.name == name)
    chosen = Settings.from_env({"CASEBRIDGE_OVERLAYS": ",".join(pair.overlays)} if pair.overlays else {})
    roots = deepcopy(pair.roots)
    made = [result.resource for result in compiled.catalogue(chosen).projector("case").run(roots)]
    case, client = roots["case"], roots["client"]
    known = {
        f"ServiceRequest/{_id(case, 'ServiceRequest', service['id'])}": service["id"]
        for service in _services(case)
    }
    for part in (
        *case.get("team", []),
        *(note for service in _services(case) for note in service.get("progress", [])),
    ):
        for key in set(part) & set(WHO):
            entry = part[key]
            # a golden pair has its links followed: what they led from is the id of the part, or our uuid
            local = entry["id"] if key == "related_person" else entry["uuid"]
            owner = client if key == "related_person" else entry
            known[f"{WHO[key]}/{_id(owner, WHO[key], entry.get('id', ''))}"] = local
            part[key] = local
        if "deputy_for" in part:
            part["deputy_for"] = part["deputy_for"]["id"]
    team, services = covered(case, client)
    manager = case["care_manager"]["uuid"] if "care_manager" in case else None
    if manager is not None:
        known[f"Practitioner/{_id(case['care_manager'], 'Practitioner', '')}"] = manager
    for resource in made:
        if resource["resourceType"] == "CareTeam":
            assert read(resource, known).get("team", []) == team
        elif resource["resourceType"] == "CarePlan":
            assert read(resource, known).get("plan", {}).get("services", []) == services
        elif resource["resourceType"] == "EpisodeOfCare":
            assert read(resource, known).get("care_manager") == manager


def _id(owner, type_, key):
    return resource_id(owner["uuid"], type_, key)


def _services(case):
    return case.get("plan", {}).get("services", [])


class Returning:
    """A world put by a partner of its own, and what another puts back of its case."""

    def __init__(self, house, world):
        ticks = count()
        start = datetime(2026, 3, 1, 8, tzinfo=UTC)
        clock = lambda: start + timedelta(seconds=next(ticks))  # noqa: E731
        self.house, self.partner = house, f"back-{next(house.partners)}"
        documents = Documents(house.store, house.projection, clock)
        self.back = Back(
            house.store, house.projection, dict.fromkeys(house.projection.catalogues, inbound()), BASE, clock
        )
        known = {}
        for kind, ref, document in world:
            before = known.get((kind, ref))
            revision = before and {before.revision}
            known[kind, ref] = documents.put(ALL, self.partner, kind, ref, document, revision).document

    @property
    def case(self):
        return self.house.store.document(ALL, "case", self.partner, "y")

    def resources(self, view):
        """The resources that can be put back and are live in a view, by type."""
        current = {
            resource["resourceType"]: resource for resource in self.house.current(self.case.uuid, view)
        }
        return {
            type_: current[type_]
            for type_ in RETURNED
            if current.get(type_, {}).get("status", "entered-in-error") != "entered-in-error"
        }

    def put(self, view, resource):
        """What is stored of a resource that is put."""
        version = {int(resource["meta"]["versionId"])}
        return self.back.put(Scope(view=view, everything=True), "insurer", resource, version)


def test_what_any_case_makes_is_that_case_again_in_every_view(house):
    @given(worlds())
    @FEW
    def story(world):
        returning = Returning(house, world)
        case = returning.case
        body = whole("case", case.own, case.received)
        client = house.store.document(ALL, "client", returning.partner, "x")
        known = house.store.look(lambda unit: _ids_by_reference(unit, case, {}))
        for view in house.projection.catalogues:
            team, services = covered(body, client.own, progress=view != "minimum-necessary")
            for type_, resource in returning.resources(view).items():
                part = read(resource, known)
                if type_ == "CareTeam":
                    again = part.get("team", [])
                    if not client.own.get("protected_identity"):
                        assert deputies(again) == deputies(team)
                    assert [_sole(member) for member in again] == [_sole(member) for member in team]
                elif type_ == "CarePlan":
                    assert part.get("plan", {}).get("services", []) == services
                else:
                    assert part.get("care_manager") == body.get("care_manager")

    story()


def _sole(member):
    return {key: value for key, value in member.items() if key != "deputy_for"}


def test_what_any_case_makes_can_be_put_and_what_is_added_is_all_that_changes_in_every_view(house):
    @given(worlds())
    @FEW
    def story(world):
        returning = Returning(house, world)
        for view in house.projection.catalogues:
            for type_, resource in returning.resources(view).items():
                before = returning.case
                assert returning.put(view, resource).version == int(resource["meta"]["versionId"])
                assert returning.case.revision == before.revision
                changed = added(resource)
                if changed is None or (type_ == "CarePlan" and view == "minimum-necessary"):
                    continue
                stored = returning.put(view, changed)
                assert stored.version == int(resource["meta"]["versionId"]) + 1
                assert (
                    taken_out(returning.case.own)
                    == taken_out(before.own)
                    != without_empty(returning.case.own)
                )
                # and it can be taken away again
                again = parse(stored.body)
                for items in lists(again):
                    items[:] = [item for item in items if not is_ours(item)]
                bare(again)
                returning.put(view, again)
                assert without_empty(returning.case.own) == without_empty(before.own)

    story()


def added(resource):
    """A resource with somebody or something added to it; None where there is nothing to add to."""
    changed_resource = deepcopy(resource)
    if changed_resource["resourceType"] == "EpisodeOfCare":
        return None
    if changed_resource["resourceType"] == "CareTeam":
        changed_resource.setdefault("participant", []).insert(0, deepcopy(FRIEND))
        return changed_resource
    services = [
        activity
        for activity in changed_resource.get("activity", [])
        if "ServiceRequest" in str(activity.get("reference"))
    ]
    for service in services:
        service.setdefault("progress", []).append(dict(NOTE))
    return changed_resource if services else None


def lists(resource):
    yield from (activity["progress"] for activity in resource.get("activity", []) if "progress" in activity)
    yield from [resource["participant"]] if "participant" in resource else []


def is_ours(item):
    return item.get("member") == FRIEND["member"] or item.get("authorString") == NOTE["authorString"]


def bare(resource):
    """Take out lists that are empty now: FHIR has none."""
    for activity in resource.get("activity", []):
        if activity.get("progress") == []:
            del activity["progress"]
    if resource.get("participant") == []:
        del resource["participant"]


def taken_out(case):
    """A case without what was added."""
    expected = deepcopy(case)
    expected["team"] = [member for member in case.get("team", []) if member.get("name") != "A friend"]
    for service in expected.get("plan", {}).get("services", []):
        service["progress"] = [note for note in service.get("progress", []) if note.get("name") != "Somebody"]
    return without_empty(expected)


def without_empty(case):
    """A case without empty lists of what may be added to: they say what absent ones say."""
    pruned = deepcopy(case)
    for holder in [pruned, *pruned.get("plan", {}).get("services", [])]:
        for key in ("team", "progress"):
            if holder.get(key) == []:
                del holder[key]
    return pruned


def test_any_case_loses_its_manager_and_has_the_same_again_in_every_view(house):
    managed = Counter()

    @given(worlds())
    @FEW
    def story(world):
        returning = Returning(house, world)
        for view in house.projection.catalogues:
            episode, before = returning.resources(view).get("EpisodeOfCare", {}), returning.case
            if "careManager" not in episode:
                continue
            managed[view] += 1
            alone = {key: value for key, value in episode.items() if key != "careManager"}
            again = parse(returning.put(view, alone).body)
            assert returning.case.own == {
                key: value for key, value in before.own.items() if key != "care_manager"
            }
            returning.put(view, again | {"careManager": episode["careManager"]})
            assert returning.case.own == before.own

    story()
    assert min(managed[view] for view in house.projection.catalogues) > 2, managed


def test_the_report_names_what_comes_back():
    fields = returned_fields(inbound())
    assert {path.partition(".")[2] for path in fields} == {
        *(f"team.{key}" for key in ("id", "role", *WHO, "name", "deputy_for", "period.start", "period.end")),
        "plan.services.id",
        *(f"plan.services.progress.{key}" for key in ("id", "time", "text", "name")),
        *(f"plan.services.progress.{key}" for key in ("practitioner", "organization")),
        "care_manager",
    }
    assert fields["case.team.period.start"] == ("CareTeam.participant.period.start",)
    assert fields["case.care_manager"] == ("EpisodeOfCare.careManager",)
    assert fields["case.plan.services.id"] == ("CarePlan.activity.reference",)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 3),
    st.sampled_from(
        ["", "x", "friend", "2026-03", "Practitioner/x", "RelatedPerson/x", "#x", ROLE, "manager", "n1"]
    ),
    st.sampled_from(
        [[], {}, [{}], {"id": "x"}, [{"id": "manager"}], {"reference": "Organization/x"}, FRIEND, NOTE]
    ),
)
WORDS = """
    id participant role member period start display reference coding system code extension url valueReference
    activity progress text time authorString authorReference detail subject status contained meta tag
    identifier name onBehalfOf careManager display diagnosis team type
"""
KEYS = st.sampled_from(WORDS.split())


@st.composite
def changes(draw):
    """A few changes of some places in a resource: each a way to the place, a key, and what to put there."""
    way = st.lists(st.integers(0, 30), max_size=6)
    wild = st.tuples(way, KEYS, VALUES, st.sampled_from(["set", "drop", "copy", "swap"]))
    tame = st.tuples(st.integers(0, 30), st.sampled_from(["add", "drop", "swap", "date", "name"]))
    return draw(st.lists(tame, max_size=3)), draw(st.lists(wild, max_size=draw(st.integers(0, 2))))


def changed(resource, tame, steps):
    changed_resource = deepcopy(resource)
    for turn, how in tame:
        there = (
            [changed_resource["participant"]]
            if "participant" in changed_resource
            else list(lists(changed_resource))
        )
        items = there[turn % len(there)] if there else []
        if how == "add":
            items.append(deepcopy(FRIEND if "participant" in changed_resource else NOTE))
        elif how == "swap":
            items.reverse()
        elif items and how == "drop":
            del items[turn % len(items)]
        elif items and how == "date":
            items[turn % len(items)] |= (
                {"period": {"start": "2026-03"}} if "participant" in changed_resource else {"time": "2026"}
            )
        elif items and how == "name":
            items[turn % len(items)] |= (
                {"member": {"display": "x"}} if "participant" in changed_resource else {"text": "x"}
            )
    bare(changed_resource)
    for way, key, value, how in steps:
        node = changed_resource
        for turn in way:
            below = list(node.values()) if isinstance(node, dict) else node
            below = [item for item in below if isinstance(item, dict | list) and item]
            if not below:
                break
            node = below[turn % len(below)]
        place = key if isinstance(node, dict) else len(way) % len(node)
        if how == "set":
            node[place] = deepcopy(value)
        elif how == "drop" and (isinstance(node, list) or place in node):
            del node[place]
        elif how == "copy" and isinstance(node, list):
            node.append(deepcopy(node[place]))
        elif how == "swap" and isinstance(node, list):
            node.reverse()
    return changed_resource


def test_whatever_is_put_is_taken_as_it_is_or_refused_by_place_and_changes_nothing(house):
    """Whoever tampers with what they read: no change is lost, no refusal leaves a trace, nothing breaks."""
    organization, nurse = ("organization", "northern", river.INSURER), ("practitioner", "nurse", river.NURSE)
    person = {"id": "sister", "relationship": "sibling", "names": [{"text": "A sister"}]}
    client = ("client", "x", river.CLIENT | {"related_persons": [person]})
    more = [
        {"id": "sister", "role": "family", "related_person": "sister", "deputy_for": "manager"},
        {
            "id": "payer",
            "role": "insurer-contact",
            "organization": "northern",
            "period": {"start": "2026-03"},
        },
    ]
    services = [
        service | {"progress": [{"id": "n1", "text": "Well", "practitioner": "nurse"}]}
        for service in _services(river.CASE)
    ]
    plan = river.CASE["plan"] | {"services": services}
    case = ("case", "y", river.CASE | {"client": "x", "team": [*river.CASE["team"], *more], "plan": plan})
    returning = Returning(house, [organization, nurse, client, case])
    taken = Counter()

    @given(st.sampled_from(RETURNED), changes())
    @settings(QUICK, max_examples=250)
    def story(type_, steps):
        resource, before = returning.resources("default")[type_], returning.case
        sent = changed(resource, *steps)
        if (sent.get("resourceType"), sent.get("id")) != (type_, resource["id"]):
            return
        sent["meta"] = resource["meta"] if sent.get("meta") == resource["meta"] else sent.get("meta")
        stored, issues = outcome(returning, sent, {int(resource["meta"]["versionId"])})
        if stored is None:
            assert returning.case == before
            assert returning.resources("default")[type_] == resource
            assert [issue for issue in issues if not issue.where.startswith(type_)] == []
            taken["refused"] += 1
        else:
            ours = {"meta", "text"}
            assert says(parse(stored.body), {k: v for k, v in sent.items() if k not in ours})
            taken["changed" if returning.case.revision > before.revision else "same"] += 1

    story()
    assert min(taken[verdict] for verdict in ("refused", "changed", "same")) > 10, taken


def outcome(returning, sent, version):
    """What is stored of what is put, or nothing and why it is refused."""
    try:
        return returning.back.put(Scope(everything=True), "insurer", sent, version), ()
    except Rejected as refused:
        return None, refused.issues


def says(more, less):
    """Whether JSON says all that other JSON says: of lists of codings, perhaps more."""
    if isinstance(less, dict):
        return isinstance(more, dict) and all(key in more and says(more[key], less[key]) for key in less)
    if isinstance(less, list):
        return isinstance(more, list) and all(any(says(one, item) for one in more) for item in less)
    return more == less
