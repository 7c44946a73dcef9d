"""Each search parameter is answered by an index: plans and blocks of PostgreSQL on a filled table."""

from typing import NamedTuple

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from service.disclose.query.chains import chained, reverse_chained
from service.flows.members.matching import Matching
from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.values.criteria import HasTerm, HasText, InRange
from service.values.kept.resources import Query
from service.wire.fhir.exchange.member_match import SubmittedMember
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.criteria import criterion
from service.wire.fhir.search.parameters import parameters_of, searched_types
from tests.store.test_scope import asked

ROWS = 2_000
"""Of each type; each bears a value of every parameter that no other has, and one that all have."""
ALL = Scope(everything=True)
INSURER = Scope(payers=(("urn:payers", "north"),))
SCOPES = {"all": ALL, "insurer": INSURER}
TABLES = {"resource", "search_range", "search_text"}
# the date of each row is a day of its own
DAY = 86_400_000
LOADED = """
CREATE FUNCTION hash(text) RETURNS bigint IMMUTABLE LANGUAGE sql
  RETURN ('x' || encode(substr(sha256(convert_to('default ' || $1, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint;
INSERT INTO membership
  SELECT 'client-' || n, 0, 'urn:payers', CASE n % 2 WHEN 0 THEN 'north' ELSE 'south' END,
  '2020-01-01', '9999-12-31' FROM generate_series(1, {rows}) n;
INSERT INTO resource
  (view, type, id, version, owner, client, body, digest, mapping_version, last_updated, terms, present)
  SELECT 'default', t.type, n, 1, 'owner-' || n, 'client-' || n, '{{}}', '', 'm',
    '2026-03-01T08:00:00Z'::timestamptz - n * interval '1 second',
    (SELECT array_agg(hash(replace(term, '4711', v)))
     FROM unnest(t.terms) term, unnest(ARRAY['all', n::text]) v), {everything}
  FROM made t, generate_series(1, {rows}) n;
INSERT INTO search_range SELECT hash(t.type || '/' || n), hash(path), {day}::float8 * n,
  {day}::float8 * n, n FROM made t, unnest(t.ranges) path, generate_series(1, {rows}) n;
INSERT INTO search_text SELECT hash(t.type || '/' || n), hash(path), 'x' || n,
  n FROM made t, unnest(t.texts) path, generate_series(1, {rows}) n;
DROP TABLE made;
ANALYZE
"""
NAMES = {
    "reference": lambda parameter: f"{target(parameter)}/4711",
    "date": lambda _: "1971-03-03",
    "quantity": lambda _: f"{DAY * 426}",
    "string": lambda _: "x4711",
}


class Case(NamedTuple):
    """A parameter with its modifier, if any, and a value with 4711 in the place of what a resource has."""

    type: str
    name: str
    value: str

    def asked(self, value="4711"):
        """The criterion of a value."""
        text = self.value.replace("4711", value)
        return criterion(self.type, self.name, text, Ours("", searched_types()))


def cases(type_):
    """Each parameter of a type, and with each modifier that finds resources by something else."""
    for name, parameter in parameters_of(type_).items():
        value = NAMES.get(parameter.kind, lambda _: "4711")(parameter)
        yield Case(type_, name, value)
        if parameter.kind == "string":
            yield Case(type_, f"{name}:exact", value)
            yield Case(type_, f"{name}:contains", value)
        if parameter.kind == "reference":
            yield Case(type_, f"{name}:identifier", "urn:x|4711")
        worded = (path.types & {"CodeableConcept", "Coding", "Identifier"} for path in parameter.paths)
        if parameter.kind == "token" and any(worded):
            yield Case(type_, f"{name}:text", "x4711")


def target(parameter):
    """The type that references of a parameter are to here."""
    return min(parameter.targets, default="Patient")


def to_patients():
    """The references that are to patients here."""
    for type_ in searched_types():
        for name, parameter in parameters_of(type_).items():
            if parameter.kind == "reference" and "Patient" in (target(parameter), parameter.only):
                yield type_, name


def made(type_):
    """The terms, and the paths of ranges and texts, of a type."""
    terms, ranges, texts = set(), set(), set()
    for case in cases(type_):
        match case.asked():
            case HasTerm(found):
                terms.update(found)
            case InRange(alternatives):
                ranges.update(path for path, *_ in alternatives)
            case HasText(alternatives):
                texts.update(path for path, *_ in alternatives)
    return type_, sorted(terms), sorted(ranges), sorted(texts)


@pytest.fixture(scope="module")
def filled(postgres_server):
    """A database with so many resources that it matters how they are found."""
    url = postgres_server.create_database("casebridge_plans")
    engine = connect(url)
    upgrade(engine)
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("CREATE TABLE made (type text, terms text[], ranges text[], texts text[])")
        for type_ in searched_types():
            connection.execute("INSERT INTO made VALUES (%s, %s, %s, %s)", made(type_))
        for statement in LOADED.format(rows=ROWS, day=DAY, everything=2**63 - 1).split(";\n"):
            connection.execute(statement)
        yield engine, connection
    engine.dispose()
    postgres_server.drop_database("casebridge_plans")


def steps(plan):
    yield plan
    for below in plan.get("Plans", ()):
        yield from steps(below)


def planned(connection, statement):
    """The steps of a statement's plans: for its values, and for any where PostgreSQL may plan so."""
    values = sql.SQL(", ").join(map(sql.Literal, statement.values))
    arguments = sql.SQL("({})").format(values) if statement.values else sql.SQL("")
    connection.execute("PREPARE asked AS " + statement.statement)
    for mode in ("custom", "generic") if statement.kept else ("custom",):
        connection.execute(f"SET plan_cache_mode = force_{mode}_plan")
        explained = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked{}").format(arguments)
        yield list(steps(connection.execute(explained).fetchone()[0][0]["Plan"]))
    connection.execute("DEALLOCATE asked")


def search(filled, scope, type_, condition):
    """How many a page of 20 has, whole tables that are read for it, and how many blocks at most."""
    engine, connection = filled
    with asked(engine) as statements:
        page = SqlStore(engine).search(scope, Query(type_, (condition,), count=20, with_total=False))
    plans = [plan for statement in statements for plan in planned(connection, statement)]
    read = {step["Relation Name"] for plan in plans for step in plan if step["Node Type"] == "Seq Scan"}
    blocks = max(plan[0]["Shared Hit Blocks"] + plan[0]["Shared Read Blocks"] for plan in plans)
    return len(page.entries), read & TABLES, blocks


@pytest.mark.parametrize("type_", searched_types())
def test_what_one_resource_has_is_found_by_the_index_of_its_parameter(filled, type_):
    """A text that contains another is looked for among all texts of its parameter, and no others."""
    for case in cases(type_):
        number, read, blocks = search(filled, INSURER, type_, case.asked("426"))
        assert (number, read) == (1, set()), case
        # each text may lie in a block of its own
        assert blocks <= (1.1 * ROWS if case.name.endswith(":contains") else 110), (case, blocks)


@pytest.mark.parametrize("type_", searched_types())
def test_what_all_resources_of_a_type_have_reads_no_more_than_these(filled, type_):
    for case in cases(type_):
        if isinstance(condition := case.asked("all"), HasTerm):
            number, read, blocks = search(filled, INSURER, type_, condition)
            assert (number, read) == (20, set()), case
            # whose each is, is asked of those that few are expected to have one by one
            assert blocks <= (5 if condition.is_narrow else 1.5) * ROWS, (case, blocks)


@pytest.mark.parametrize("beside", [False, True])
def test_what_few_have_is_not_looked_for_among_all_of_its_type(filled, beside):
    """Neither by the index of types, nor among all members of who asks, however many it expects."""
    engine, connection = filled
    term = criterion("CarePlan", "patient", "Patient/426", Ours("", searched_types())).terms
    with asked(engine) as statements:
        store = SqlStore(engine)
        if beside:
            entries = store.beside(INSURER, [("Goal", "426")], {"CarePlan": term}, 9)
        else:
            entries = store.search(
                INSURER, Query("CarePlan", (HasTerm(term, is_narrow=True),), count=20)
            ).entries
    indexes, scanned = set(), set()
    for plan in (plan for statement in statements for plan in planned(connection, statement)):
        indexes |= {step.get("Index Name") for step in plan if step["Node Type"] == "Bitmap Index Scan"}
        scanned |= {step["Relation Name"] for step in plan if step["Node Type"] == "Seq Scan"}
    assert {entry.type for entry in entries} == ({"Goal", "CarePlan"} if beside else {"CarePlan"})
    assert indexes == {"resource_terms"}
    assert "membership" not in scanned


@pytest.mark.parametrize("modifier", ["not", "missing"])
def test_what_is_not_said_is_found_among_those_of_the_type(filled, modifier):
    for type_ in searched_types():
        text = {"not": "426", "missing": "false"}[modifier]
        condition = criterion(type_, f"_tag:{modifier}", text, Ours("", searched_types()))
        number, read, blocks = search(filled, INSURER, type_, condition)
        assert (number, read) == (20, set())
        assert blocks <= 400, (type_, blocks)


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
@pytest.mark.parametrize(
    "far", ["identifier=426", "family=x426", "family:exact=x426", "birthdate=1971-03-03"]
)
def test_a_chain_is_looked_for_from_its_end(filled, scope, far):
    name, _, value = far.partition("=")
    for type_, reference in to_patients():
        condition = chained(type_, Ours("", searched_types()), f"{reference}:Patient.{name}", value)
        number, read, blocks = search(filled, scope, type_, condition)
        assert (number, read) == (1, set()), (type_, reference)
        assert blocks <= 150, (type_, reference, blocks)


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_has_asks_of_each_that_may_be_found(filled, scope):
    for type_, reference in to_patients():
        condition = reverse_chained(
            "Patient", Ours("", searched_types()), f"_has:{type_}:{reference}:_tag", "426"
        )
        number, read, blocks = search(filled, scope, "Patient", condition)
        assert (number, read) == (1, set()), (type_, reference)
        assert blocks <= (5 if scope is INSURER else 1.5) * ROWS, (type_, reference, blocks)


def test_a_member_is_looked_for_by_birth_date_and_name_at_once(filled):
    """Many are called so, and some are born on each day."""
    engine, connection = filled
    said = {"birthDate": "1971-03-03", "name": [{"family": "x427", "given": ["x428", "x429"]}]}
    card = {"payor": [], "identifier": [{"value": "no such"}]}
    with asked(engine) as statements:
        assert Matching(SqlStore(engine)).members(INSURER, SubmittedMember(said, card)) == []
    plans = [plan for statement in statements for plan in planned(connection, statement)]
    assert len(plans) >= 2
    for plan in plans:
        read = {step["Relation Name"] for step in plan if step["Node Type"] == "Seq Scan"}
        assert not read & TABLES
        assert plan[0]["Shared Hit Blocks"] + plan[0]["Shared Read Blocks"] <= 300
