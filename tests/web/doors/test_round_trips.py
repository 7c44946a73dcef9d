"""How often an operation waits for PostgreSQL, which is what it takes where the database is some way off."""

import copy
import threading

import pytest
from psycopg.pq import Trace
from sqlalchemy import event

from tests.flows import river
from tests.web.sent import Mercy, a03, message

# what libpq sends before it waits: https://www.postgresql.org/docs/current/protocol-message-formats.html
WAITS = {"Sync", "Query", "Flush"}


@pytest.fixture
def database_url(postgres_url):
    """PostgreSQL alone: SQLite is never far off."""
    return postgres_url


@pytest.fixture
def trips(engine, tmp_path):
    """Count the waits of an operation, as libpq itself writes down what it sends."""
    path, mine = tmp_path / "libpq", threading.current_thread()

    def listen(connection, *_):
        # nobody waits for who tells of messages after the commit
        if threading.current_thread() is mine:
            connection.pgconn.trace(file.fileno())
            connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)

    def stop(connection, *_):
        connection.pgconn.untrace()

    def count(operation):
        event.listen(engine, "checkout", listen)
        event.listen(engine, "checkin", stop)
        operation()
        event.remove(engine, "checkout", listen)
        event.remove(engine, "checkin", stop)
        sent = [line.split("\t") for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
        file.truncate(0)
        return sum(line[0] == "F" and line[2] in WAITS for line in sent)

    with path.open("ab") as file:
        yield count


def goal_changed(case):
    changed = copy.deepcopy(case)
    changed["plan"]["goals"][0]["status"] = "completed"
    return changed


def put(house, path, document, status=200):
    """Put a document, over its first revision where it is not new."""
    match = {} if status == 201 else {"If-Match": 'W/"1"'}
    assert house.put(path, document, headers=match).status_code == status


def client_and_case(house):
    numbers = [[{"system": f"urn:example:{kind}", "value": "R-2"}] for kind in ("clients", "cases")]
    put(house, "/api/clients/robin", {**river.CLIENT, "identifiers": numbers[0]}, 201)
    put(house, "/api/cases/c2", {**river.CASE, "client": "robin", "identifiers": numbers[1]}, 201)


def read(house, path, partner="northern"):
    answer = house.get(path, partner=partner)
    assert answer.status_code == 200, answer.data
    return answer


# what an insurer asks to come along, and each type that it brings
INCLUDED = (
    ("_include=CarePlan:care-team", "CareTeam"),
    ("_include=CarePlan:goal", "Goal"),
    ("_include=CarePlan:patient", "Patient"),
    ("_include=CarePlan:activity-reference", "ServiceRequest"),
    ("_revinclude=ServiceRequest:based-on", "ServiceRequest"),
    ("_revinclude=Communication:based-on", None),
    ("_revinclude=Provenance:target", "Provenance"),
)


def come_along(house, patient, asked):
    """Read a page of plans with what comes along."""
    path = f"/fhir/CarePlan?patient={patient}&{'&'.join(text for text, _ in asked if text)}"
    entries = read(house, path).json["entry"]
    assert {type_ for _, type_ in asked if type_} <= {entry["resource"]["resourceType"] for entry in entries}


@pytest.fixture
def operations(rivers_house):
    """What is counted, by its name; in this order."""
    mercy = Mercy(rivers_house)
    plan = rivers_house.one("CarePlan")
    patient = plan["subject"]["reference"]
    return {
        "read by id": lambda: read(rivers_house, f"/fhir/CarePlan/{plan['id']}"),
        "search page": lambda: read(rivers_house, f"/fhir/CarePlan?patient={patient}&status=active"),
        "search page with what it refers to": lambda: come_along(rivers_house, patient, INCLUDED[:1]),
        "search page with what refers to it": lambda: come_along(rivers_house, patient, INCLUDED[-1:]),
        "search page with all of this": lambda: come_along(rivers_house, patient, INCLUDED),
        "the same case again": lambda: put(rivers_house, "/api/cases/c1", river.CASE),
        "one goal changed": lambda: put(rivers_house, "/api/cases/c1", goal_changed(river.CASE)),
        "new client and case": lambda: client_and_case(rivers_house),
        "discharge by FHIR": lambda: mercy.message(message()),
        "discharge by HL7 v2": lambda: mercy.hl7v2(a03("MSG-2", person="R-2", visit="V-2")),
    }


# each that discloses something waits once more, for its record
CEILINGS = {
    "read by id": 2,
    "search page": 2,
    "search page with what it refers to": 3,
    "search page with what refers to it": 3,
    "search page with all of this": 3,
    "the same case again": 3,
    "one goal changed": 5,
    "new client and case": 11,
    "discharge by FHIR": 8,
    "discharge by HL7 v2": 8,
}


def test_an_operation_waits_for_the_database_no_more_often_than_it_must(operations, trips):
    counted = {name: trips(operation) for name, operation in operations.items()}
    assert {name: counted[name] for name, most in CEILINGS.items() if counted[name] > most} == {}


def test_what_is_counted_is_what_is_waited_for(engine, trips):
    def twice():
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
            connection.exec_driver_sql("SELECT 2")

    # with the beginning and the end of the transaction
    assert trips(twice) == 4
