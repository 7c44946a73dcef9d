"""Random resources are found by random searches as a slow and plain reference search finds them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.disclose.query.parse import Ground, parse_query
from service.store.sql.engine import connect
from service.store.store import SqlStore
from service.values.scope import Scope
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.rows import rows
from service.wire.json import dump
from tests.disclose import oracle
from tests.store.made import version

ALL = Scope(everything=True)
BASE = "https://casebridge.test/fhir"
KEPT = ("CarePlan", "Encounter", "Observation", "Patient", "Provenance")
IDS = ("1", "2", "3")
CODES, SYSTEMS = st.sampled_from(("a", "b", "c")), st.sampled_from(("urn:x", "urn:y"))
DATES = st.sampled_from(
    (
        "2025",
        "2026",
        "2026-02",
        "2026-03",
        "2026-03-01",
        "2026-03-02",
        "2026-02-28",
        "2026-03-01T23:30:00-05:00",
        "2026-03-02T04:30:00Z",
        "2026-03-02T00:00:00.500Z",
    )
)
NAMES = st.sampled_from(("Åsa", "asa", "Ása Berg", "Юлия", "юлия", "Ёж", "O'Neill, x", "100%_", "River"))
NUMBERS = st.sampled_from((4, 5, 5.4, 5.44, 5.45, 10, 100))


def some(**members):
    """An object that has some of these members."""
    return st.fixed_dictionaries({}, optional=members)


CODING = st.fixed_dictionaries({"code": CODES}, optional={"system": SYSTEMS})
CONCEPTS = st.lists(st.fixed_dictionaries({"coding": st.lists(CODING, max_size=2)}), min_size=1, max_size=2)
IDENTIFIER = st.fixed_dictionaries({"value": CODES}, optional={"system": SYSTEMS})
PERIOD = some(start=DATES, end=DATES).filter(bool)


def to(*types):
    literal = st.builds("{}/{}".format, st.sampled_from(types), st.sampled_from(IDS))
    return st.one_of(
        st.fixed_dictionaries({"reference": literal}), st.fixed_dictionaries({"identifier": IDENTIFIER})
    )


QUANTITY = st.fixed_dictionaries(
    {"value": NUMBERS}, optional={"system": SYSTEMS, "code": st.sampled_from(("mg", "kg")), "unit": CODES}
)
ELEMENTS = {
    "CarePlan": {
        "status": st.sampled_from(("active", "draft")),
        "category": CONCEPTS,
        "identifier": st.lists(IDENTIFIER, min_size=1, max_size=2),
        "subject": to("Patient", "Group"),
        "period": PERIOD,
        "replaces": st.lists(to("CarePlan"), min_size=1, max_size=2),
    },
    "Encounter": {
        "status": st.just("finished"),
        "period": PERIOD,
        "subject": to("Patient"),
        "length": QUANTITY,
    },
    "Observation": {
        "code": CONCEPTS.map(lambda concepts: concepts[0]),
        "valueQuantity": QUANTITY,
        "effectiveTiming": st.fixed_dictionaries({"event": st.lists(DATES, min_size=1, max_size=2)}),
        "component": st.lists(
            some(code=CONCEPTS.map(lambda all_: all_[0]), valueQuantity=QUANTITY), max_size=2
        ),
        "subject": to("Patient", "Group"),
    },
    "Patient": {
        "name": st.lists(some(family=NAMES, given=st.lists(NAMES, max_size=2)), min_size=1, max_size=2),
        "active": st.booleans(),
        "birthDate": DATES.filter(lambda text: "T" not in text),
        "deceasedBoolean": st.booleans(),
        "identifier": st.lists(IDENTIFIER, min_size=1, max_size=2),
        "generalPractitioner": st.lists(to("Organization"), max_size=1),
    },
    "Provenance": {
        "target": st.lists(to("CarePlan", "Patient"), min_size=1, max_size=2),
        "recorded": DATES.filter(lambda text: "T" in text),
    },
}
PARAMETERS = {
    "CarePlan": {
        "status": "token",
        "category": "token",
        "identifier": "token",
        "patient": "reference",
        "subject": "reference",
        "date": "date",
        "replaces": "reference",
    },
    "Encounter": {"date": "date", "length": "quantity", "subject": "reference"},
    "Observation": {
        "code": "token",
        "combo-code": "token",
        "value-quantity": "quantity",
        "combo-value-quantity": "quantity",
        "date": "date",
        "patient": "reference",
    },
    "Patient": {
        "name": "string",
        "given": "string",
        "active": "token",
        "birthdate": "date",
        "deceased": "token",
    },
    "Provenance": {"target": "reference", "recorded": "date", "patient": "reference"},
}
PREFIXES = st.sampled_from(("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"))
TARGETS = {"patient": ("Patient",), "subject": ("Patient", "Group"), "replaces": ("CarePlan",)}
VALUES = {
    "date": st.builds("{}{}".format, PREFIXES, DATES),
    "quantity": st.builds(
        "{}{}{}".format,
        PREFIXES,
        st.sampled_from(("5", "5.4", "5.40", "100")),
        st.sampled_from(("", "||mg", "||a", "|urn:x|mg")),
    ),
    "token": st.one_of(
        st.sampled_from(("active", "draft", "true", "false", "a", "b", "urn:x|", "|a", "none")),
        st.builds("{}|{}".format, SYSTEMS, CODES),
    ),
    "string": NAMES.map(lambda name: name[:4]).filter(lambda text: "," not in text),
}


@st.composite
def conditions(draw, type_, *, plain=False):
    name = draw(st.sampled_from(sorted(PARAMETERS[type_])))
    kind = PARAMETERS[type_][name]
    modifiers = {
        "token": ["", ":not"],
        "string": ["", ":exact", ":contains"],
        "reference": ["", ":identifier"],
    }
    modifier = "" if plain else draw(st.sampled_from([*modifiers.get(kind, [""]), ":missing"]))
    if modifier == ":missing":
        return name + modifier, draw(st.sampled_from(("true", "false")))
    if kind != "reference":
        return name + modifier, ",".join(draw(st.lists(VALUES[kind], min_size=1, max_size=2)))
    if modifier == ":identifier":
        return name + modifier, draw(VALUES["token"])
    types = TARGETS.get(name, ("CarePlan", "Patient"))
    return name, draw(st.one_of(st.builds("{}/{}".format, st.sampled_from(types), st.sampled_from(IDS))))


@st.composite
def searches(draw):
    type_ = draw(st.sampled_from(KEPT))
    asked = draw(st.lists(conditions(type_), min_size=1, max_size=3))
    if type_ in {"CarePlan", "Observation", "Encounter"} and draw(st.booleans()):
        far, text = draw(conditions("Patient", plain=True))
        asked.append((f"subject:Patient.{far}", text))
    if type_ in {"CarePlan", "Patient"} and draw(st.booleans()):
        text = draw(VALUES["date"])
        asked.append(("_has:Provenance:target:recorded", text))
    return type_, asked


RESOURCES = st.lists(
    st.sampled_from(KEPT).flatmap(
        lambda type_: st.fixed_dictionaries(
            {"resourceType": st.just(type_), "id": st.sampled_from(IDS)}, optional=ELEMENTS[type_]
        )
    ),
    max_size=8,
    unique_by=lambda each: (each["resourceType"], each["id"]),
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory, request):
    from service.store.schema import upgrade

    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('oracle') / 'casebridge.db'}")
    upgrade(engine)
    yield engine
    engine.dispose()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(RESOURCES, st.lists(searches(), min_size=1, max_size=12))
def test_a_search_finds_what_the_reference_search_finds(engine, resources, asked):
    store = SqlStore(engine)
    with engine.begin() as connection:
        for table in ("resource", "resource_history", "search_range", "search_text"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    made = [
        version("owner", each["id"], type_=each["resourceType"], rows=rows(each), body=dump(each))
        for each in resources
    ]
    store.transact(lambda unit: unit.resources.write(made))
    for type_, parameters in asked:
        search = parse_query(Ground((type_,), Ours(BASE, KEPT), KEPT), parameters, None)
        found = {each.id for each in store.search(ALL, search.query).entries}
        assert found == oracle.found(resources, type_, parameters), (type_, parameters)
