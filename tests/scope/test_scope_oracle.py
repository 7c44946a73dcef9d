"""No route of the application tells anybody of what is not theirs: not in a body, total, tag, link or hint.

What is theirs says `oracle.py`; which routes there are says the application, and how each is asked
`questions.py`.
"""

import json
import random
from itertools import product

from tests.scope import questions
from tests.scope.answers import NEVER, Nothing, Theirs, entries, outcome, same_but_for_ids
from tests.scope.oracle import Oracle
from tests.scope.world import HOSPITALS, INSURERS, PARTNERS, SYSTEMS

PULLING = (*SYSTEMS, *INSURERS, *HOSPITALS)


def test_each_route_of_the_application_is_asked_here(house):
    assert {rule.rule for rule in house.app.url_map.iter_rules()} == questions.KNOWN


def test_no_route_tells_anybody_of_what_is_not_theirs(house, world):
    oracle = Oracle(world)
    for partner in PULLING:
        assert 0 < len(oracle.seen(partner, "Patient")) < len(world.people)
    house.check = Theirs(world, oracle).check
    nothing, chance = Nothing(house), random.Random(0)
    resources_are_there_or_never_were(house, oracle, nothing, chance)
    documents_are_there_or_never_were(house, oracle, nothing)
    lists_hold_what_is_there(house, oracle, world)
    entries_are_there_or_never_were(house, nothing)
    previews_tell_of_nothing_else(house, oracle)
    what_is_of_nobody_names_nobody(house)


def resources_are_there_or_never_were(house, oracle, nothing, chance):
    for partner, ((type_, id_), versions) in product(PARTNERS, oracle.resources.items()):
        path = f"/fhir/{type_}/{id_}"
        there = [version for version in versions if version[:3] in oracle.visible[partner]]
        if there:
            answer = house.get(path, partner=partner)
            assert (answer.status_code, answer.data) == (200, versions[-1].body), (partner, path)
            past = json.loads(house.get(f"{path}/_history", partner=partner).data)
            ids = [entry["resource"]["meta"]["versionId"] for entry in past["entry"]]
            assert (past["total"], ids) == (len(there), [str(v.version) for v in reversed(there)])
        for version in versions:
            address = f"{path}/_history/{version.version}"
            if version in there:
                assert house.get(address, partner=partner).data == version.body
            elif there:
                never = outcome(house.get(f"{path}/_history/999", partner=partner))
                assert outcome(house.get(address, partner=partner)) == never, (partner, address)
        if not there:
            foreign_resource_never_was(nothing, chance, partner, versions)


def foreign_resource_never_was(nothing, chance, partner, versions):
    type_, id_ = versions[0][:2]
    ways = [(rule, question) for rule, asked in questions.OF_RESOURCES.items() for question in asked]
    for rule, question in (ways[0], *chance.sample(ways[1:], 2 if partner in PULLING else 0)):
        address = rule.replace("<type_>", type_).replace("<id_>", "{}")
        version = chance.choice(versions).version
        nothing.check(partner, address.replace("<int:version>", str(version)), id_, question)
    for operation in ("$everything", "$document"):
        if asked := questions.WHOLE_OF.get(f"/fhir/{type_}/<id_>/{operation}"):
            nothing.check(partner, f"/fhir/{type_}/{{}}/{operation}", id_, chance.choice(asked))
    if ask := questions.PUT_BACK.get(f"/fhir/{type_}/<id_>"):
        nothing.check(partner, f"/fhir/{type_}/{{}}", id_, chance.choice(ask(id_)))


def documents_are_there_or_never_were(house, oracle, nothing):
    for rule, (kind, asked) in questions.OF_DOCUMENTS.items():
        of_kind = [(uuid, owner) for uuid, owner in oracle.owners.items() if owner.kind == kind]
        for at, (uuid, owner) in enumerate(of_kind):
            for partner in PARTNERS if at == 0 else SYSTEMS:
                if partner in SYSTEMS and oracle.owns(partner, owner):
                    answer = house.get(rule.replace("<ref>", uuid), partner=partner)
                    assert answer.status_code == (405 if rule.endswith("unmerge") else 200)
                else:
                    for question in asked if partner in SYSTEMS else asked[:1]:
                        nothing.check(partner, rule.replace("<ref>", "{}"), uuid, question)


def lists_hold_what_is_there(house, oracle, world):
    for partner in SYSTEMS:
        other = next(name for name in SYSTEMS if name != partner)
        for kind, path in questions.PATHS.items():
            mine = sorted(u for u, o in oracle.owners.items() if o.kind == kind and oracle.owns(partner, o))
            assert listed(house, f"{path}?_count=500", partner) == mine
            assert listed(house, f"{path}?_count=500&after={mine[0] if mine else NEVER}", partner) == mine[1:]
            if kind not in {"client", "case"}:
                continue
            for number in world.people:
                of_person = [u for u in mine if oracle.owners[u].number == number]
                for value in (
                    number,
                    f"urn:example:persons|{number}",
                    f"urn:example:persons|{number.upper()}",
                ):
                    documents = listed(house, f"{path}?identifier={value}", partner)
                    assert documents == (of_person if value.endswith(number) else []), (partner, path, value)
            if kind == "case":
                for uuid, owner in oracle.owners.items():
                    if owner.kind == "client":
                        cases = [u for u in mine if oracle.owners[u].number == owner.number]
                        documents = listed(house, f"{path}?client={uuid}", partner)
                        assert documents == (cases if oracle.owns(partner, owner) else [])
                assert listed(house, f"{path}?client={other}-1", partner) == []
    for partner in (*INSURERS, *HOSPITALS, "engineer"):
        for path in questions.PATHS.values():
            assert house.get(path, partner=partner).status_code == 403


def listed(house, address, partner):
    return [item["uuid"] for item in house.get(address, partner=partner).json["items"]]


def entries_are_there_or_never_were(house, nothing):
    every = [(id_, whose) for id_, whose, _ in entries(house)]
    assert {whose for _, whose in every} == set(HOSPITALS)
    for partner in HOSPITALS:
        mine = sorted(id_ for id_, whose in every if whose == partner)
        for query in ("", *(f"&partner={name}" for name in HOSPITALS)):
            items = house.get(f"/api/quarantine?state=all&_count=500{query}", partner=partner).json["items"]
            assert sorted(item["id"] for item in items) == mine
        waiting = house.get("/api/quarantine", partner=partner).json["items"]
        assert len(waiting) == 2
        for id_, whose in every:
            if whose == partner:
                later = house.get(f"/api/quarantine?state=all&after={id_}", partner=partner).json["items"]
                assert {item["id"] for item in later} < set(mine)
            else:
                nothing.check(partner, "/api/quarantine?state=all&after={}", id_, {})
    for (id_, whose), partner in [*product(every, HOSPITALS), *product(every[:1], PARTNERS)]:
        for rule, asked in questions.OF_ENTRIES.items():
            address = rule.replace("<entry>", "{}")
            if partner != whose:
                for question in asked:
                    nothing.check(partner, address, id_, question)
            elif rule in {"/api/quarantine/<entry>", "/api/quarantine/<entry>/body"}:
                assert house.get(address.replace("{}", id_), partner=partner).status_code == 200


def previews_tell_of_nothing_else(house, oracle):
    """A preview says of what is not theirs what it says of what is not there."""
    for at, (uuid, owner) in enumerate(oracle.owners.items()):
        for partner in PARTNERS if at == 0 else SYSTEMS:
            if oracle.owns(partner, owner):
                continue
            for body in previewed(uuid, owner.kind):
                shown = house.ask("POST", "/api/mappings/$preview", partner=partner, json=body)
                never = json.loads(json.dumps(body).replace(uuid, NEVER))
                expected = house.ask("POST", "/api/mappings/$preview", partner=partner, json=never)
                assert same_but_for_ids(shown) == same_but_for_ids(expected), (partner, body)


def previewed(uuid, kind):
    """Documents that name one by its uuid: as itself, or as their client.

    Whoever knows the uuid of an entry of the directory may name that, and then sees it: test_references.py.
    """
    yield {"kind": kind, "id": uuid, "document": questions._document(kind)}
    case = {"client": "nobody", "status": "active", "period": {"start": "2026-01-01"}}
    if kind == "client":
        yield {"kind": "case", "document": {**case, "client": uuid}}


def what_is_of_nobody_names_nobody(house):
    for rule, asked in questions.OF_NOBODY.items():
        for partner, question in product(PARTNERS, asked):
            request = {"method": "GET", "query": "", **question}
            path = rule
            for name in ("name", "id_", "type_"):
                path = path.replace(f"<{name}>", request.pop(name, ""))
            house.ask(request.pop("method"), path + request.pop("query"), partner=partner, **request)
