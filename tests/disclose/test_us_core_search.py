"""The searches that US Core 6.1, 7 and 8 ask of a server (SHALL, SHOULD) find the golden resources.

https://hl7.org/fhir/us/core/STU6.1/CapabilityStatement-us-core-server.html
"""

from pathlib import Path

import pytest

from service.disclose.query.parse import Ground, parse_query
from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.parameters import parameters_of, searched_types
from service.wire.fhir.search.rows import rows
from service.wire.json import dump, parse
from tests.store.made import version

GOLDEN = sorted((Path(__file__).parents[2] / "mappings/golden").glob("*/out.json"))
SEARCHES = {
    "CarePlan": "patient+category, patient+category+date, patient+category+status,"
    " patient+category+status+date",
    "CareTeam": "patient+role, patient+status, role",
    "Condition": "patient, patient+_lastUpdated, patient+abatement-date, patient+asserted-date,"
    " patient+category, patient+category+clinical-status, patient+category+encounter,"
    " patient+clinical-status, patient+code, patient+onset-date, patient+recorded-date",
    "Coverage": "patient",
    "DocumentReference": "_id, patient, patient+category, patient+category+date, patient+status,"
    " patient+type, patient+type+period",
    "Encounter": "_id, class+patient, date+patient, identifier, patient, patient+_lastUpdated,"
    " patient+discharge-disposition, patient+location, patient+status, patient+type",
    "Goal": "patient, patient+description, patient+lifecycle-status, patient+target-date",
    "Location": "address, address-city, address-postalcode, address-state, name",
    "Observation": "patient+category, patient+category+_lastUpdated, patient+category+date,"
    " patient+category+status, patient+code, patient+code+date",
    "Organization": "address, name",
    "Patient": "_id, birthdate+family, birthdate+name, death-date+family, family+gender, gender+name,"
    " identifier, name",
    "Practitioner": "_id, identifier, name",
    "PractitionerRole": "practitioner, specialty",
    "RelatedPerson": "_id, name, patient, patient+name",
    "ServiceRequest": "_id, patient, patient+category, patient+category+authored, patient+code,"
    " patient+code+authored, patient+status",
}
COMBINATIONS = [(type_, said) for type_, every in SEARCHES.items() for said in every.split(", ")]
# no golden resource says all of this
UNSAID = {
    ("Condition", "patient+asserted-date"),
    ("Condition", "patient+category+encounter"),
    ("DocumentReference", "patient+category"),
    ("DocumentReference", "patient+category+date"),
    ("DocumentReference", "patient+type+period"),
    ("Encounter", "patient+location"),
    ("Encounter", "patient+type"),
    ("Goal", "patient+description"),
    ("Location", "address-state"),
    ("Patient", "death-date+family"),
    ("PractitionerRole", "specialty"),
    ("ServiceRequest", "patient+category"),
    ("ServiceRequest", "patient+category+authored"),
}


def read():
    """The golden resources of types that are searched, each once."""
    by_reference = {}
    for path in GOLDEN:
        made = parse(path.read_bytes())
        for resource in made if isinstance(made, list) else []:
            if resource.get("resourceType") in searched_types():
                by_reference.setdefault((resource["resourceType"], resource["id"]), resource)
    return list(by_reference.values())


RESOURCES = read()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('us-core') / 'casebridge.db'}")
    upgrade(engine)
    store = SqlStore(engine)
    made = [
        version(
            "owner", resource["id"], type_=resource["resourceType"], rows=rows(resource), body=dump(resource)
        )
        for resource in RESOURCES
    ]
    store.transact(lambda unit: unit.resources.write(made))
    yield store
    engine.dispose()


def written(kind, value):
    """A value as a client writes it in a search; None where the type is not searched so."""
    match kind, value:
        case "CodeableConcept", {"coding": [coding, *_]}:
            return written("Coding", coding)
        case "Coding", {"code": code}:
            return f"{value.get('system', '')}|{code}"
        case "Identifier", {"value": number}:
            return f"{value.get('system', '')}|{number}"
        case "Reference", {"reference": literal}:
            return literal
        case "Period", {"start": start}:
            return f"ge{start[:4]}"
        case "HumanName", _:
            return value.get("family") or value.get("given", [None])[0]
        case "Address", _:
            return value.get("city")
        case _, str():
            return value.replace(",", "\\,")
    return None


def asked(resource, names):
    """The parameters of a search for a resource; one that it says nothing of has no text."""
    known = parameters_of(resource["resourceType"])
    for name in names:
        if name in {"_id", "_lastUpdated"}:
            yield name, {"_id": resource["id"], "_lastUpdated": "gt2000"}[name]
            continue
        values = [value for path in known[name].paths for value in path.values(resource)]
        yield name, next((text for kind, value in values if (text := written(kind, value))), None)


@pytest.mark.parametrize(("type_", "said"), COMBINATIONS)
def test_a_search_that_us_core_asks_for_finds_what_says_so(store, type_, said):
    names = said.split("+")
    searches = [
        (resource["id"], list(asked(resource, names)))
        for resource in RESOURCES
        if resource["resourceType"] == type_
    ]
    whole = [(id_, search) for id_, search in searches if all(text is not None for _, text in search)]
    assert bool(whole) != ((type_, said) in UNSAID)
    ground = Ground((type_,), Ours("https://casebridge.test/fhir", searched_types()), searched_types())
    for id_, search in whole:
        query = parse_query(ground, search, None).query
        ids = {entry.id for entry in store.search(Scope(everything=True), query).entries}
        assert id_ in ids, search
        # the same with a value that nothing has
        name, text = search[-1]
        if name not in {"_lastUpdated", "date", "authored", "period"} and not name.endswith("date"):
            other = parse_query(ground, [*search[:-1], (name, "x-nothing-has-it")], None).query
            assert store.search(Scope(everything=True), other).entries == (), (name, text)
