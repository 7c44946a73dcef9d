"""What is kept beside resources is what they say: rows of search parameters, what they refer to of others."""

import copy
import itertools

from sqlalchemy import select

from service.store import tables as t
from service.wire.fhir.search import PARAMETERS, references_in, rows
from service.wire.json import parse
from tests.flows import river
from tests.flows.conftest import ALL

NIGHT_NURSE = {"names": [{"family": "Example", "given": ["Night nurse"]}]}
NAMES = {
    t.token: ("parameter", "system", "code"),
    t.reference: ("parameter", "target_type", "target_id"),
    t.dates: ("parameter", "low", "high"),
    t.strings: ("parameter", "value"),
}


def kept(engine):
    """The rows of the database: of search by table, and who mentions what."""
    with engine.connect() as connection:
        found = {
            table.name: {(row.type, row.id, *(getattr(row, name) for name in names)) for row in rows}
            for table, names in NAMES.items()
            for rows in [connection.execute(select(table))]
        }
        found["mention"] = {tuple(row) for row in connection.execute(select(t.mention))}
    return found


def said(engine):
    """The same as the current resources say it."""
    with engine.connect() as connection:
        resources = connection.execute(select(t.resource)).all()
    found = {table.name: set() for table in (*NAMES, t.mention)}
    own = {(resource.owner, resource.type, resource.id) for resource in resources}
    for resource in resources:
        body = parse(resource.body)
        made = rows(body)
        for table, values in zip(
            NAMES, (made.tokens, made.references, made.dates, made.strings), strict=True
        ):
            found[table.name] |= {(resource.type, resource.id, *value) for value in values}
        found["mention"] |= {
            (resource.owner, resource.view, *target, resource.client)
            for target in references_in(body)
            if (resource.owner, *target) not in own
        }
    return found


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


def test_what_is_kept_of_resources_is_what_they_say_after_each_change(told):
    told.put("practitioner", "night", NIGHT_NURSE)
    told.put("organization", "southern", {**river.INSURER, "name": "Southern Health"})
    assert kept(told.engine) == said(told.engine)
    mentioned = set()
    for revision, case in enumerate(sorted(cases(), key=str), 1):
        told.put("case", "c1", case, if_match=revision)
        assert kept(told.engine) == said(told.engine)
        mentioned.add(frozenset(kept(told.engine)["mention"]))
    assert len(mentioned) > 2
    client = copy.deepcopy(river.CLIENT)
    client["coverages"][0]["payer"] = "southern"
    told.put("client", "river", client, if_match=1)
    assert kept(told.engine) == said(told.engine)


def test_no_row_is_kept_that_no_search_asks_for(told):
    with told.engine.connect() as connection:
        for table in NAMES:
            c = table.c
            for type_, parameter in connection.execute(select(c.type, c.parameter).distinct()):
                assert parameter.removesuffix(":exact") in PARAMETERS[type_]


def test_what_is_erased_mentions_nothing(told):
    for kind, ref in (("case", "c1"), ("client", "river")):
        told.documents.erase(ALL, "cms", kind, ref)
        assert kept(told.engine) == said(told.engine)
    assert kept(told.engine)["mention"] == set()
