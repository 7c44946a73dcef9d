"""What is kept beside resources is what they say: rows of search parameters, what they refer to of others."""

import copy
import itertools
from collections import defaultdict
from functools import reduce
from operator import or_

from sqlalchemy import select

from service.store import tables as t
from service.store.sql.terms import hashed
from service.wire.fhir.search.parameters import edition
from service.wire.fhir.search.rows import references_in, rows
from service.wire.json import parse
from tests.flows import river
from tests.flows.conftest import ALL

NIGHT_NURSE = {"names": [{"family": "Example", "given": ["Night nurse"]}]}


def kept(engine):
    """What the database keeps beside resources: what search finds them by, and who mentions what."""
    with engine.connect() as connection:
        rows_of = {
            "resource": {
                (row.type, row.id, frozenset(_terms(row.terms)), row.present, row.searched)
                for row in connection.execute(select(t.resource))
            }
        }
        for table in (t.ranges, t.texts, t.mention):
            rows_of[table.name] = {tuple(row) for row in connection.execute(select(table))}
    return rows_of


def said(engine):
    """The same as the current resources say it."""
    with engine.connect() as connection:
        resources = connection.execute(select(t.resource)).all()
    rows_of = {name: set() for name in ("resource", "search_range", "search_text", "mention")}
    own = {(resource.owner, resource.type, resource.id) for resource in resources}
    labels = defaultdict(list)
    for resource in resources:
        body = parse(resource.body)
        made, begin = rows(body), f"{resource.view} {resource.type}."
        terms = frozenset(hashed(begin + term) for term in made.terms)
        searched = f"{edition()}:{resource.version}"
        rows_of["resource"].add((resource.type, resource.id, terms, made.present, searched))
        name = hashed(f"{resource.view} {resource.type}/{resource.id}")
        for path, *values in made.ranges:
            rows_of["search_range"].add((name, hashed(begin + path), *values, resource.id))
        for path, value in made.texts:
            rows_of["search_text"].add((name, hashed(begin + path), value, resource.id))
        for target in references_in(body):
            if (resource.owner, *target) not in own:
                labels[resource.owner, resource.view, *target, resource.client].append(resource.labels)
    rows_of["mention"] = {(*key, reduce(or_, label) if all(label) else 0) for key, label in labels.items()}
    return rows_of


def _terms(stored):
    return map(int, stored.split(",") if isinstance(stored, str) else stored)


def cases():
    """River's case with one nurse or another, or nobody, in each place; and with fewer services."""
    for manager, author, member, services in itertools.product(
        ("nurse", "night", None), ("nurse", "night"), ("nurse", "night"), (3, 1)
    ):
        case = copy.deepcopy(river.CASE)
        case["plan"]["author"] = author
        case["team"][0]["practitioner"] = member
        del case["plan"]["services"][services:]
        del case["care_manager"]
        yield case | ({"care_manager": manager} if manager else {})


def test_what_is_kept_of_resources_is_what_they_say_after_each_change(rivers_house):
    rivers_house.put("practitioner", "night", NIGHT_NURSE)
    rivers_house.put("organization", "southern", {**river.INSURER, "name": "Southern Health"})
    assert kept(rivers_house.engine) == said(rivers_house.engine)
    mentioned = set()
    for revision, case in enumerate(sorted(cases(), key=str), 1):
        rivers_house.put("case", "c1", case, if_match=revision)
        assert kept(rivers_house.engine) == said(rivers_house.engine)
        mentioned.add(frozenset(kept(rivers_house.engine)["mention"]))
    assert len(mentioned) > 2
    client = copy.deepcopy(river.CLIENT)
    client["coverages"][0]["payer"] = "southern"
    rivers_house.put("client", "river", client, if_match=1)
    assert kept(rivers_house.engine) == said(rivers_house.engine)


def test_what_is_erased_mentions_nothing(rivers_house):
    for kind, ref in (("case", "c1"), ("client", "river")):
        rivers_house.documents.erase(ALL, "cms", kind, ref)
        assert kept(rivers_house.engine) == said(rivers_house.engine)
    assert kept(rivers_house.engine)["mention"] == set()
