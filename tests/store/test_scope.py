"""What a question costs does not grow with the scope of who asks: blocks of PostgreSQL, plans of SQLite."""

import inspect
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event, make_url, text

from service.flows import ports
from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.store.sql.stream import Stream
from service.store.sql.texts import statement_for
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.values.criteria import HasTerm
from service.values.kept.resources import EverythingQuery, HistoryQuery, Query

# one in 1,001 is the small payer's, of whom one in ten has a case, of the small source then
CLIENTS = 200_200
LOADED = """
CREATE FUNCTION term(text) RETURNS bigint IMMUTABLE LANGUAGE sql
  RETURN ('x' || encode(substr(sha256(
    convert_to('default CarePlan.' || $1, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint;
INSERT INTO membership SELECT 'client-' || n, 0, 'urn:payers', {whose}, '2020-01-01', '9999-12-31'
  FROM generate_series(1, {clients}) n;
INSERT INTO document (uuid, kind, source, source_id, revision, status, client, body, created, updated)
  SELECT 'case-' || n, 'case', {whose}, n, 1, 'active', 'client-' || n, '{{}}', now(), now()
  FROM generate_series(1, {clients}, 10) n;
INSERT INTO treatment SELECT 'case-' || n, true, 0, 'client-' || n, '', {whose}, '2020-01-01', {until}
  FROM generate_series(1, {clients}) n;
INSERT INTO identifier (document, position, kind, system, value, digest, identifying)
  SELECT uuid, 0, 'case', 'urn:cases', 'C-' || source_id, uuid, false FROM document;
INSERT INTO revision SELECT uuid, 1, 'created', source, '{{}}', now() FROM document;
INSERT INTO resource
  (view, type, id, version, owner, client, body, digest, mapping_version, last_updated, terms, present)
  SELECT 'default', 'CarePlan', 'plan-' || source_id, 1, uuid, client, '{{}}', '', 'm',
  '2026-03-01T08:00:00Z'::timestamptz - source_id::int * interval '1 second',
  ARRAY[
    term('subject>Patient/' || client),
    term('status=' || CASE WHEN source_id LIKE '%6' THEN 'draft' ELSE 'active' END)
  ], 3 FROM document;
INSERT INTO resource_history
  (recorded_on, view, type, id, version, owner, client, body, digest, mapping_version, last_updated)
  SELECT '2026-03-01', view, type, id, version, owner, client, body, digest, mapping_version, last_updated
  FROM resource;
INSERT INTO mention SELECT owner, view, 'Organization', 'known-to-all', client FROM resource
  UNION ALL SELECT owner, view, 'Practitioner', 'of-' || client, client FROM resource;
INSERT INTO link SELECT owner, target_id FROM mention;
INSERT INTO resource
  (view, type, id, version, owner, client, body, digest, mapping_version, last_updated)
  SELECT 'default', target_type, target_id, 1, target_id, NULL, '{{}}', '', 'm', now()
  FROM mention GROUP BY target_type, target_id;
INSERT INTO resource
  (view, type, id, version, owner, client, body, digest, mapping_version, last_updated)
  SELECT 'default', 'Patient', client, 1, client, client, '{{}}', '', 'm', now()
  FROM document WHERE source_id IN ('100101', '101101');
ANALYZE
"""
# half of the treatments are long over
UNTIL = "CASE WHEN n % 10 < 5 THEN '9999-12-31' ELSE '2020-02-01' END"
# whose client has a case, by the client's number
WHOSE = {"large": 100_101, "small": 101_101}
ASKERS = {
    "payer": {name: Scope(payers=(("urn:payers", name), ("urn:payers", "none"))) for name in WHOSE},
    "hospital": {name: Scope(hospitals=(("", name), ("", "none")), run_out_days=90) for name in WHOSE},
    "opened": {
        name: Scope(hospitals=(("", name), ("", "none")), opened=(f"client-{number}",), purposes=32)
        for name, number in WHOSE.items()
    },
    "source": {name: Scope(source=name, offered=("none",)) for name in WHOSE},
}


def patient(n):
    return HasTerm((f"CarePlan.subject>Patient/client-{n}",), is_narrow=True)


DRAFT = HasTerm(("CarePlan.status=draft",))
AFTER = ("2026-03-01T07:00:00+00:00", "plan-0")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TYPES = ("CarePlan", "Patient")
QUESTIONS = {
    "a read": lambda s, of, n: s.resource(of, "CarePlan", f"plan-{n}"),
    "a read of another's": lambda s, of, n: s.resource(of, "CarePlan", f"plan-{sum(WHOSE.values()) - n}"),
    "a read of what all refer to": lambda s, of, n: s.resource(of, "Organization", "known-to-all"),
    "a read of what another's refers to": lambda s, of, n: s.resource(
        of, "Practitioner", f"of-client-{sum(WHOSE.values()) - n}"
    ),
    "a read of what few refer to": lambda s, of, n: s.resource(of, "Practitioner", f"of-client-{n}"),
    "a version": lambda s, of, n: s.version(of, "CarePlan", f"plan-{n}", 1),
    "a history": lambda s, of, n: s.history(of, HistoryQuery(("CarePlan",), f"plan-{n}")).entries,
    "a history of a type": lambda s, of, _: s.history(of, HistoryQuery(("CarePlan",), count=20)).entries,
    "a later page of it": lambda s, of, _: (
        s.history(of, HistoryQuery(("CarePlan",), after=(AFTER[0], "CarePlan", "p", 1), count=20)).entries
    ),
    "a history of two types": lambda s, of, _: (
        s.history(of, HistoryQuery(("CarePlan", "Goal"), since=LONG_AGO, count=20)).entries
    ),
    "everything of an episode": lambda s, of, n: s.everything(
        of, EverythingQuery("CarePlan", f"plan-{n}", TYPES, TYPES)
    ),
    "everything of a patient": lambda s, of, n: s.everything(
        of, EverythingQuery("Patient", f"client-{n}", TYPES, TYPES, after=(0, "Patient", f"client-{n}"))
    ),
    "an owner": lambda s, of, n: s.owner(of, "CarePlan", f"plan-{n}"),
    "owners": lambda s, of, n: s.owners(of, [("CarePlan", f"plan-{n}"), ("CarePlan", f"plan-{n + 5}")]),
    "a search by reference": lambda s, of, n: s.search(of, Query("CarePlan", (patient(n),))).entries,
    "a search by two": lambda s, of, n: s.search(of, Query("CarePlan", (patient(n), DRAFT))).entries,
    "a search by id": lambda s, of, n: s.search(of, Query("CarePlan", ids=(f"plan-{n}",))).entries,
    "a search of a directory": lambda s, of, n: (
        s.search(of, Query("Practitioner", ids=(f"of-client-{n}",))).entries
    ),
    "what comes with a page": lambda s, of, n: s.beside(
        of, [("Practitioner", f"of-client-{n}")], {"CarePlan": [f"CarePlan.subject>Patient/client-{n}"]}, 9
    ),
    "a page": lambda s, of, _: s.search(of, Query("CarePlan", count=20, with_total=False)).entries,
    "a page by token": lambda s, of, _: (
        s.search(of, Query("CarePlan", (DRAFT,), count=20, with_total=False)).entries
    ),
    "a later page": lambda s, of, _: (
        s.search(of, Query("CarePlan", count=20, after=AFTER, with_total=False)).entries
    ),
    "events": lambda s, of, _: s.events(of, 0, 50),
    "a document": lambda s, of, n: s.document(of, "case", of.source or "", str(n)),
    "documents locked in turn": lambda s, of, n: s.transact(
        lambda unit: unit.documents.lock_in_turn(of, [("case", of.source or "", str(m)) for m in (n, n + 10)])
    ),
    "a locked document": lambda s, of, n: s.transact(
        lambda unit: unit.documents.lock(of, "case", of.source or "", str(n))
    ),
    "links to what is not seen": lambda s, of, n: s.transact(
        lambda unit: unit.documents.strangers(of, [f"case-{n}", "case-0"])
    ),
    "documents": lambda s, of, _: s.documents(of, "case", count=20),
    "documents by identifier": lambda s, of, n: s.documents(of, "case", identifier=("urn:cases", f"C-{n}")),
    "documents of a client": lambda s, of, n: s.documents(of, "case", client=f"client-{n}"),
    "documents of a status": lambda s, of, _: s.documents(of, "case", status="active", count=20),
    "revisions": lambda s, of, n: s.revisions(of, f"case-{n}"),
}


class Asked(NamedTuple):
    """A statement as it was executed; `kept` says that PostgreSQL may plan it once for all values."""

    statement: str
    values: Any
    kept: bool = False


@contextmanager
def asked(engine):
    """Collect the statements that are executed, by SQLAlchemy on SQLite or as a stream of PostgreSQL's."""
    statements, execute = [], Stream.execute

    def executed(_connection, _cursor, statement, parameters, _context, _many):
        statements.append(Asked(statement, parameters))

    def streamed(stream, statement, parameters=()):
        made, _ = statement_for(statement, tuple(parameters))
        statements.append(Asked(made.text.decode(), made.values(parameters), made.is_kept))
        return execute(stream, statement, parameters)

    event.listen(engine, "before_cursor_execute", executed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stream, "execute", streamed)
        yield statements
    event.remove(engine, "before_cursor_execute", executed)


@pytest.fixture(scope="module")
def large(postgres_server):
    """A database with an insurer of 200,000 members, one of 200, and sources of as many of their cases."""
    url = postgres_server.create_database("casebridge_scope")
    engine = connect(url)
    upgrade(engine)
    whose = "CASE WHEN n % 1001 = 0 THEN 'small' ELSE 'large' END"
    with engine.begin() as connection:
        for statement in LOADED.format(clients=CLIENTS, whose=whose, until=UNTIL).split(";"):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True, prepare_threshold=None) as connection:
        yield engine, connection
    engine.dispose()
    postgres_server.drop_database("casebridge_scope")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """An SQLite database: it plans by what indexes there are alone."""
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('scope') / 'casebridge.db'}")
    upgrade(engine)
    yield engine
    engine.dispose()


def blocks(connection, statement):
    """The blocks a statement touches, at most: planned for its values, and where it may be for any values."""
    values = sql.SQL(", ").join(map(sql.Literal, statement.values))
    arguments = sql.SQL("({})").format(values) if statement.values else sql.SQL("")
    counted = []
    connection.execute("PREPARE asked AS " + statement.statement)
    for mode in ("custom", "generic") if statement.kept else ("custom",):
        connection.execute(f"SET plan_cache_mode = force_{mode}_plan")
        explained = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked{}").format(arguments)
        plan = connection.execute(explained).fetchone()[0][0]["Plan"]
        counted.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
    connection.execute("DEALLOCATE asked")
    return max(counted)


# of a type with so few resources all may be looked through for a payer's few, which costs as much as to look
# each of them up; with more it costs more, and is not done
PAGES = 5_000


@pytest.mark.parametrize("kind", ASKERS)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_touches_no_more_with_200000_members_than_with_200(large, kind, question):
    engine, connection = large
    store = SqlStore(engine)
    touched, answered = {}, {}
    for name, scope in ASKERS[kind].items():
        with asked(engine) as statements:
            answered[name] = bool(QUESTIONS[question](store, scope, WHOSE[name]))
        assert statements or question == "events"
        touched[name] = sum(blocks(connection, statement) for statement in statements)
    assert answered["large"] == answered["small"]
    assert touched["large"] <= max(1.2 * touched["small"], 80)
    assert max(touched.values()) <= (PAGES if "page" in question else 1_000)


def test_each_question_that_has_a_scope_is_asked_above():
    every = (ports.Store, ports.DocumentsPort, ports.ResourcesPort, ports.InboxPort, ports.DeliveriesPort)
    methods = [method for port in every for method in inspect.getmembers(port, inspect.isfunction)]
    scoped = {name for name, method in methods if "scope" in inspect.signature(method).parameters}
    assert {"lock", "document", "search"} <= scoped
    source = inspect.getsource(inspect.getmodule(blocks))
    assert {name for name in scoped if f".{name}(of," not in re.sub(r"\(\s+", "(", source)} == set()


@pytest.mark.parametrize("question", QUESTIONS)
def test_sqlite_reads_no_table_from_end_to_end(empty, question):
    store = SqlStore(empty)
    with asked(empty) as statements:
        for askers in ASKERS.values():
            QUESTIONS[question](store, askers["large"], WHOSE["large"])
    with empty.connect() as connection:
        for statement in statements:
            plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + statement.statement, statement.values)
            steps = [row[3] for row in plan]
            tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
            scanned = [step for step in steps for name in tables if step.startswith(f"SCAN {name}")]
            assert scanned == [] or "0 = 1" in statement.statement, steps
