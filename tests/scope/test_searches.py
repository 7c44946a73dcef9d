"""Searches, what comes along with them, and histories tell of what is theirs alone, in totals and links too.

What matches a search an operator is told, who sees all; which of that is theirs says `oracle.py`.
"""

import json
import random
from itertools import product

import pytest

from service.values.access.scope import SHARED
from service.wire.fhir.search.parameters import parameters_of, searched_types
from tests.scope.answers import NEVER, Nothing, Theirs, seen_by
from tests.scope.oracle import Oracle
from tests.scope.world import HOSPITALS, INSURERS, SYSTEMS

PULLING = (*SYSTEMS, *INSURERS, *HOSPITALS)
MODES = ("match", "include")
MOST = "_count=500&_total=accurate"
EXTRA = (
    "",
    "_lastUpdated=ge2020-01-01",
    "_lastUpdated=lt2020-01-01",
    "_sort=-_lastUpdated,_id",
    "_security=R",
    "_summary=true",
)
CHAINED = (
    # a type, by which of its references, to what, what is asked of that
    ("CarePlan", "subject", "Patient", "birthdate=gt1950-01-01"),
    ("Condition", "subject", "Patient", "family:contains=q"),
    ("Patient", "general-practitioner", "Practitioner", "family=cms"),
    ("CarePlan", "condition", "Condition", "code=F32.1"),
    ("EpisodeOfCare", "care-manager", "Practitioner", "family:contains=a"),
    ("Encounter", "service-provider", "Organization", "name:contains=e"),
    ("Coverage", "payor", "Organization", "name:contains=northern"),
)
INCLUDED = {
    "CarePlan": (
        "_include=CarePlan:condition&_include=CarePlan:subject&_include=CarePlan:care-team",
        "_include=CarePlan:patient&_include=CarePlan:goal",
        "_include=CarePlan:activity-reference&_revinclude=Provenance:target",
    ),
    "CareTeam": ("_include=CareTeam:participant", "_revinclude=CarePlan:care-team"),
    "Patient": (
        "_revinclude=Condition:subject",
        "_revinclude=CarePlan:subject&_revinclude=Coverage:beneficiary",
    ),
    "Encounter": ("_include=Encounter:service-provider&_include=Encounter:episode-of-care",),
    "Coverage": ("_include=Coverage:payor",),
}


@pytest.fixture
def oracle(house, world):
    made = Oracle(world)
    house.check = Theirs(world, made).check
    return made


def bundle_of(house, address, partner):
    answer = house.get(address, partner=partner)
    assert answer.status_code == 200, (partner, address, answer.data)
    return json.loads(answer.data)


def ids_of(bundle, mode="match"):
    entries = [entry for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]
    return [(entry["resource"]["resourceType"], entry["resource"]["id"]) for entry in entries]


def values_of(node, path):
    """What stands at a path of elements that calls no function."""
    if isinstance(node, list):
        return [value for below in node for value in values_of(below, path)]
    if not path:
        return [node]
    return values_of(node[path[0]], path[1:]) if isinstance(node, dict) and path[0] in node else []


def searched_for(kind, value):
    """What a search asks for that is to find a value."""
    if kind == "token" and isinstance(value, dict):
        coding = value.get("coding", [value])[0]
        return next((coding[name] for name in ("value", "code") if isinstance(coding.get(name), str)), None)
    if kind == "reference":
        return value.get("reference") if isinstance(value, dict) else None
    if kind == "date":
        day = value if isinstance(value, str) else value.get("start", value.get("end", ""))
        return day[:10] or None
    if isinstance(value, dict):
        return next((word for word in value.values() if isinstance(word, str)), None)
    return str(value)


def asked_of(oracle, type_, chance):
    """Searches of a type by each of its parameters, for what some resource has, and what none has."""
    bodies = [json.loads(v[-1].body) for (of, _), v in oracle.resources.items() if of == type_]
    for name, parameter in parameters_of(type_).items():
        if parameter.kind in {"number", "quantity"}:
            yield f"{name}=gt0"
            continue
        paths = [path.text.split(".")[1:] for path in parameter.paths]
        every = {searched_for(parameter.kind, value) for path in paths for value in values_of(bodies, path)}
        values = sorted(every - {None})
        yield f"{name}={chance.choice(values)}" if values else f"{name}:missing=true"
    yield from EXTRA
    yield f"_id={','.join(sorted(id_ for of, id_ in oracle.resources if of == type_)) or 'none'}"


def test_searches_find_what_is_theirs(house, oracle):
    chance = random.Random(0)
    for type_ in searched_types():
        for query in asked_of(oracle, type_, chance):
            address = f"/fhir/{type_}?{MOST}&{query}"
            every = bundle_of(house, address, None)
            for partner in chance.sample(PULLING, 2) if query else PULLING:
                bundle, seen = bundle_of(house, address, partner), oracle.seen(partner, type_)
                mine = [(of, id_) for of, id_ in ids_of(every) if id_ in seen]
                assert (ids_of(bundle), bundle["total"]) == (mine, len(mine)), (partner, address)
                if chance.random() < 0.2:
                    form = [word.split("=") for word in f"{MOST}&{query}".split("&") if word]
                    again = house.ask("POST", f"/fhir/{type_}/_search", partner=partner, data=dict(form))
                    assert ids_of(again.json) == mine
                    if "_summary" in query:
                        continue
                    counted = bundle_of(house, f"/fhir/{type_}?_summary=count&{query}", partner)
                    assert (counted["total"], counted.get("entry")) == (len(mine), None)


def test_what_is_asked_of_others_is_asked_of_what_is_theirs(house, oracle):
    """A chain leads through nothing that is hidden, and `_has` tells of nothing that is."""
    for (type_, name, to, query), partner in product(CHAINED, PULLING):
        far = [id_ for _, id_ in ids_of(bundle_of(house, f"/fhir/{to}?{MOST}&{query}", None))]
        theirs = [f"{to}/{id_}" for id_ in far if id_ in oracle.seen(partner, to)] or [f"{to}/{NEVER}"]
        near = ids_of(bundle_of(house, f"/fhir/{type_}?{MOST}&{name}={','.join(theirs)}", None))
        mine = [(of, id_) for of, id_ in near if id_ in oracle.seen(partner, of)]
        bundle = bundle_of(house, f"/fhir/{type_}?{MOST}&{name}:{to}.{query}", partner)
        assert (ids_of(bundle), bundle["total"]) == (mine, len(mine)), (partner, type_, name)
    for type_, status in (("CarePlan", "status=active"), ("Condition", "code=B20")):
        every = {id_ for _, id_ in ids_of(bundle_of(house, f"/fhir/{type_}?{MOST}&{status}", None))}
        for partner in PULLING:
            whose = {
                json.loads(oracle.resources[type_, id_][-1].body)["subject"]["reference"]
                for id_ in every & oracle.seen(partner, type_)
            }
            mine = {f"Patient/{id_}" for id_ in oracle.seen(partner, "Patient")} & whose
            bundle = bundle_of(house, f"/fhir/Patient?{MOST}&_has:{type_}:subject:{status}", partner)
            assert ({"/".join(id_) for id_ in ids_of(bundle)}, bundle["total"]) == (mine, len(mine))


def test_what_comes_along_is_theirs(house, oracle):
    every = [(type_, query) for type_, queries in INCLUDED.items() for query in queries]
    for (type_, query), partner in product(every, PULLING):
        seen = sorted(oracle.seen(partner, type_))
        if not seen:
            continue
        narrowed = f"/fhir/{type_}?{MOST}&_id={','.join(seen)}&{query}"
        whole, bundle = (
            bundle_of(house, narrowed, None),
            bundle_of(house, f"/fhir/{type_}?{MOST}&{query}", partner),
        )
        assert {id_ for _, id_ in ids_of(bundle)} == set(seen)
        along = {(of, id_) for of, id_ in ids_of(whole, "include") if id_ in oracle.seen(partner, of)}
        assert set(ids_of(bundle, "include")) == along, (partner, narrowed)


def test_pages_hold_what_is_theirs_and_their_links_are_for_nobody_else(house, oracle):
    for type_, partner in product(("CarePlan", "Organization", "Patient"), PULLING):
        url, ids, expected = f"/fhir/{type_}?_count=3&_total=accurate", [], oracle.seen(partner, type_)
        while url:
            page = bundle_of(house, url, partner)
            assert page["total"] == len(expected)
            ids += [id_ for _, id_ in ids_of(page)]
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
            url = url.partition("8080")[2]
            for other in set(PULLING) - {partner} if url else ():
                assert house.get(url, partner=other).status_code == 400
        assert (set(ids), len(ids)) == (expected, len(expected))


def test_the_system_and_compartments_hold_what_is_theirs(house, oracle):
    types = ("CarePlan", "Organization", "Condition", "Provenance")
    nothing = Nothing(house)
    for partner in PULLING:
        mine = {(type_, id_) for type_ in types for id_ in oracle.seen(partner, type_)}
        address = f"/fhir?{MOST}&_type={','.join(types)}"
        bundle = bundle_of(house, address, partner)
        assert (set(ids_of(bundle)), bundle["total"]) == (mine, len(mine))
        posted = {"_count": "500", "_type": ",".join(types)}
        assert set(ids_of(house.ask("POST", "/fhir/_search", partner=partner, data=posted).json)) == mine
        for id_ in (id_ for of, id_ in oracle.resources if of == "Patient"):
            for type_ in ("CarePlan", "Condition"):
                path = f"/fhir/Patient/{id_}/{type_}?{MOST}"
                of_patient = [
                    key for key in ids_of(bundle_of(house, path, None)) if key in seen(oracle, partner)
                ]
                bundle = bundle_of(house, path, partner)
                assert (ids_of(bundle), bundle["total"]) == (of_patient, len(of_patient)), (partner, path)
                if id_ not in oracle.seen(partner, "Patient") and not of_patient:
                    nothing.check(partner, f"/fhir/Patient/{{}}/{type_}", id_, {})


def seen(oracle, partner):
    """All that a partner sees as it is now."""
    return {
        resource
        for resource, versions in oracle.resources.items()
        if versions[-1][:3] in oracle.visible[partner]
    }


def test_histories_hold_what_is_theirs(house, oracle):
    for partner in PULLING:
        every = {version[:3] for version in seen_by(oracle, partner)}
        for type_ in (None, *searched_types()):
            path = "/fhir/_history" if type_ is None else f"/fhir/{type_}/_history"
            mine = {version for version in every if type_ in {None, version[0]}}
            assert versions_of(house, f"{path}?_count=100", partner) == mine, (partner, path)
        assert versions_of(house, "/fhir/_history?_since=2100-01-01T00:00:00Z", partner) == set()


def versions_of(house, url, partner):
    """The versions that the pages of a history hold, each once."""
    versions = []
    for page in pages(house, url, partner):
        for entry in page.get("entry", []):
            resource = entry["resource"]
            version = int(resource["meta"]["versionId"])
            versions.append((resource["resourceType"], resource["id"], version))
    assert len(versions) == len(set(versions))
    return set(versions)


def test_everything_of_their_patients_is_all_that_is_theirs(house, oracle):
    """And of their cases: each resource that is of a patient is of one, and of nobody else."""
    for partner in PULLING:
        every = {(type_, id_) for type_ in searched_types() for id_ in oracle.seen(partner, type_)}
        for whole in ("Patient", "EpisodeOfCare"):
            entries = {}
            for id_ in oracle.seen(partner, whole):
                url = f"/fhir/{whole}/{id_}/$everything?_count=7"
                for page in pages(house, url, partner):
                    entries |= {(mode, *key): None for mode in MODES for key in ids_of(page, mode)}
            theirs = {key[1:] for key in entries}
            assert theirs <= every, (partner, whole)
            if whole == "Patient":
                assert {key for key in every if key[0] not in SHARED} <= theirs, partner
                assert all((key[1] in SHARED) == (key[0] == "include") for key in entries)


def pages(house, url, partner):
    while url:
        page = bundle_of(house, url, partner)
        yield page
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
        url = url.partition("8080")[2]
