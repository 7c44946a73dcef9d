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
        (each.resource for each in inbound().projector(name).run({name: with_targets(resource, known)})), {}
    )


def covered(case, client, *, progress=True):
    """What of a case comes back of its team and plan, in the form the mapping gives it."""
    # the community of somebody with a protected identity is not told, so it does not come back
    hidden = {each["id"] for each in case.get("team", []) if each["role"] == "community"}
    hidden = hidden if client.get("protected_identity") else set()
    team = []
    for member in case.get("team", []):
        kept = {key: each for key, each in member.items() if each != {}}
        if member["id"] in hidden:
            kept = {key: each for key, each in kept.items() if key not in {*WHO, "name"}}
        if member.get("deputy_for") in hidden:
            del kept["deputy_for"]
        team.append(kept)
    services = []
    for each in case.get("plan", {}).get("services", []):
        notes = each.get("progress") if progress else None
        services.append({"id": each["id"]} | ({"progress": notes} if notes else {}))
    return team, services


def deputies(team):
    """Members by whom they are known: several roles of one person are one person to a reference."""
    known = {each["id"]: {key: each.get(key) for key in (*WHO, "name")} for each in team}
    return [known.get(each.pop("deputy_for", None)) for each in team]


@pytest.mark.parametrize("name", ["case", "case-minimal", "case-protected-and-closed", "us-core/case"])
def test_what_a_golden_case_makes_is_that_case_again(name):
    pair = next(each for each in golden.pairs(MAPPINGS) if each.name == name)
    chosen = Settings.from_env({"CASEBRIDGE_OVERLAYS": ",".join(pair.overlays)} if pair.overlays else {})
    roots = deepcopy(pair.roots)
    made = [each.resource for each in compiled.catalogue(chosen).projector("case").run(roots)]
    case, client = roots["case"], roots["client"]
    known = {
        f"ServiceRequest/{_id(case, 'ServiceRequest', each['id'])}": each["id"] for each in _services(case)
    }
    for part in (
        *case.get("team", []),
        *(note for each in _services(case) for note in each.get("progress", [])),
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
        current = {each["resourceType"]: each for each in self.house.current(self.case.uuid, view)}
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
        told = Returning(house, world)
        case = told.case
        body = whole("case", case.own, case.received)
        client = house.store.document(ALL, "client", told.partner, "x")
        known = house.store.look(lambda unit: _ids_by_reference(unit, case, {}))
        for view in house.projection.catalogues:
            team, services = covered(body, client.own, progress=view != "minimum-necessary")
            for type_, resource in told.resources(view).items():
                part = read(resource, known)
                if type_ == "CareTeam":
                    again = part.get("team", [])
                    if not client.own.get("protected_identity"):
                        assert deputies(again) == deputies(team)
                    assert [_sole(each) for each in again] == [_sole(each) for each in team]
                elif type_ == "CarePlan":
                    assert part.get("plan", {}).get("services", []) == services
                else:
                    assert part.get("care_manager") == body.get("care_manager")

    story()


def _sole(member):
    return {key: each for key, each in member.items() if key != "deputy_for"}


def test_what_any_case_makes_can_be_put_and_what_is_added_is_all_that_changes_in_every_view(house):
    @given(worlds())
    @FEW
    def story(world):
        told = Returning(house, world)
        for view in house.projection.catalogues:
            for type_, resource in told.resources(view).items():
                before = told.case
                assert told.put(view, resource).version == int(resource["meta"]["versionId"])
                assert told.case.revision == before.revision
                changed = added(resource)
                if changed is None or (type_ == "CarePlan" and view == "minimum-necessary"):
                    continue
                stored = told.put(view, changed)
                assert stored.version == int(resource["meta"]["versionId"]) + 1
                assert taken_out(told.case.own) == taken_out(before.own) != without_empty(told.case.own)
                # and it can be taken away again
                again = parse(stored.body)
                for items in lists(again):
                    items[:] = [each for each in items if not is_ours(each)]
                bare(again)
                told.put(view, again)
                assert without_empty(told.case.own) == without_empty(before.own)

    story()


def added(resource):
    """A resource with somebody or something added to it; None where there is nothing to add to."""
    found = deepcopy(resource)
    if found["resourceType"] == "EpisodeOfCare":
        return None
    if found["resourceType"] == "CareTeam":
        found.setdefault("participant", []).insert(0, deepcopy(FRIEND))
        return found
    services = [each for each in found.get("activity", []) if "ServiceRequest" in str(each.get("reference"))]
    for each in services:
        each.setdefault("progress", []).append(dict(NOTE))
    return found if services else None


def lists(resource):
    yield from (each["progress"] for each in resource.get("activity", []) if "progress" in each)
    yield from [resource["participant"]] if "participant" in resource else []


def is_ours(item):
    return item.get("member") == FRIEND["member"] or item.get("authorString") == NOTE["authorString"]


def bare(resource):
    """Take out lists that are empty now: FHIR has none."""
    for each in resource.get("activity", []):
        if each.get("progress") == []:
            del each["progress"]
    if resource.get("participant") == []:
        del resource["participant"]


def taken_out(case):
    """A case without what was added."""
    found = deepcopy(case)
    found["team"] = [each for each in case.get("team", []) if each.get("name") != "A friend"]
    for each in found.get("plan", {}).get("services", []):
        each["progress"] = [note for note in each.get("progress", []) if note.get("name") != "Somebody"]
    return without_empty(found)


def without_empty(case):
    """A case without empty lists of what may be added to: they say what absent ones say."""
    found = deepcopy(case)
    for each in [found, *found.get("plan", {}).get("services", [])]:
        for key in ("team", "progress"):
            if each.get(key) == []:
                del each[key]
    return found


def test_any_case_loses_its_manager_and_has_the_same_again_in_every_view(house):
    managed = Counter()

    @given(worlds())
    @FEW
    def story(world):
        told = Returning(house, world)
        for view in house.projection.catalogues:
            episode, before = told.resources(view).get("EpisodeOfCare", {}), told.case
            if "careManager" not in episode:
                continue
            managed[view] += 1
            alone = {key: each for key, each in episode.items() if key != "careManager"}
            again = parse(told.put(view, alone).body)
            assert told.case.own == {key: each for key, each in before.own.items() if key != "care_manager"}
            told.put(view, again | {"careManager": episode["careManager"]})
            assert told.case.own == before.own

    story()
    assert min(managed[view] for view in house.projection.catalogues) > 2, managed


def test_the_report_names_what_comes_back():
    told = returned_fields(inbound())
    assert {path.partition(".")[2] for path in told} == {
        *(f"team.{key}" for key in ("id", "role", *WHO, "name", "deputy_for", "period.start", "period.end")),
        "plan.services.id",
        *(f"plan.services.progress.{key}" for key in ("id", "time", "text", "name")),
        *(f"plan.services.progress.{key}" for key in ("practitioner", "organization")),
        "care_manager",
    }
    assert told["case.team.period.start"] == ("CareTeam.participant.period.start",)
    assert told["case.care_manager"] == ("EpisodeOfCare.careManager",)
    assert told["case.plan.services.id"] == ("CarePlan.activity.reference",)


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


def changed(resource, tame, given):
    found = deepcopy(resource)
    for turn, how in tame:
        there = [found["participant"]] if "participant" in found else list(lists(found))
        items = there[turn % len(there)] if there else []
        if how == "add":
            items.append(deepcopy(FRIEND if "participant" in found else NOTE))
        elif how == "swap":
            items.reverse()
        elif items and how == "drop":
            del items[turn % len(items)]
        elif items and how == "date":
            items[turn % len(items)] |= (
                {"period": {"start": "2026-03"}} if "participant" in found else {"time": "2026"}
            )
        elif items and how == "name":
            items[turn % len(items)] |= (
                {"member": {"display": "x"}} if "participant" in found else {"text": "x"}
            )
    bare(found)
    for way, key, value, how in given:
        node = found
        for turn in way:
            below = list(node.values()) if isinstance(node, dict) else node
            below = [each for each in below if isinstance(each, dict | list) and each]
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
    return found


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
        each | {"progress": [{"id": "n1", "text": "Well", "practitioner": "nurse"}]}
        for each in _services(river.CASE)
    ]
    plan = river.CASE["plan"] | {"services": services}
    case = ("case", "y", river.CASE | {"client": "x", "team": [*river.CASE["team"], *more], "plan": plan})
    told = Returning(house, [organization, nurse, client, case])
    taken = Counter()

    @given(st.sampled_from(RETURNED), changes())
    @settings(QUICK, max_examples=250)
    def story(type_, given):
        resource, before = told.resources("default")[type_], told.case
        sent = changed(resource, *given)
        if (sent.get("resourceType"), sent.get("id")) != (type_, resource["id"]):
            return
        sent["meta"] = resource["meta"] if sent.get("meta") == resource["meta"] else sent.get("meta")
        stored, issues = outcome(told, sent, {int(resource["meta"]["versionId"])})
        if stored is None:
            assert told.case == before
            assert told.resources("default")[type_] == resource
            assert [each for each in issues if not each.where.startswith(type_)] == []
            taken["refused"] += 1
        else:
            ours = {"meta", "text"}
            assert says(parse(stored.body), {k: v for k, v in sent.items() if k not in ours})
            taken["changed" if told.case.revision > before.revision else "same"] += 1

    story()
    assert min(taken[each] for each in ("refused", "changed", "same")) > 10, taken


def outcome(told, sent, version):
    """What is stored of what is put, or nothing and why it is refused."""
    try:
        return told.back.put(Scope(everything=True), "insurer", sent, version), ()
    except Rejected as refused:
        return None, refused.issues


def says(more, less):
    """Whether JSON says all that other JSON says: of lists of codings, perhaps more."""
    if isinstance(less, dict):
        return isinstance(more, dict) and all(key in more and says(more[key], less[key]) for key in less)
    if isinstance(less, list):
        return isinstance(more, list) and all(any(says(one, each) for one in more) for each in less)
    return more == less
