"""The role that the service runs under adds to the audit, and cannot change it; everything else works."""

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from service.errors import Misconfigured
from service.settings import Settings
from service.store.audit.grants import grant
from service.store.audit.privileges import warnings
from service.store.audit.retention import SqlRetention
from service.store.audit.sealing import SqlSealing
from service.store.sql.engine import connect
from service.wiring import operator, serving
from tests.flows import river
from tests.store.test_audit_seals import Clock, broken, record, run
from tests.web import conftest
from tests.web.conftest import House


@pytest.fixture
def owner(postgres_url):
    engine = connect(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def role(owner):
    """A role that may connect, and would have everything on tables that are made from now on."""
    name = f"App-{make_url(owner.url).database}"
    run(owner, f'CREATE ROLE "{name}" LOGIN')
    run(owner, f'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "{name}"')
    yield name
    run(owner, f'DROP OWNED BY "{name}"')
    run(owner, f'DROP ROLE "{name}"')


@pytest.fixture
def app_url(owner, role):
    """The address of the database for the service's role, with what it is granted, and months made ahead."""
    SqlRetention(owner, Clock(), 0).make_ahead()
    grant(owner, role)
    return make_url(owner.url).set(username=role).render_as_string(hide_password=False)


@pytest.fixture
def app(app_url):
    engine = connect(app_url)
    yield engine
    engine.dispose()


CHANGES = [
    "UPDATE {} SET {} = {}",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "ALTER TABLE {} ADD COLUMN x INTEGER",
    "DROP TABLE {}",
]
ADDED_TO = {
    "audit": "row",
    "audit_2026_03": "row",
    "audit_default": "row",
    "audit_seal": "number",
    "audit_patient": "row",
}


@pytest.mark.parametrize("table", ADDED_TO)
def test_the_role_adds_and_seals_and_changes_nothing(app, table):
    record(app, 2)
    assert SqlSealing(app, Clock()).seal() == 2
    column = ADDED_TO[table]
    for change in CHANGES:
        statement = change.format(table, column, column)
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            run(app, statement)
    assert broken(SqlSealing(app, Clock())) == []


def test_a_row_that_the_owner_changes_is_found(owner, app):
    record(app, 2)
    seals = SqlSealing(app, Clock())
    assert seals.seal() == 2
    run(owner, "UPDATE audit SET partner = 'other' WHERE row = 1")
    assert [break_.why for break_ in broken(seals)] == ["a row was changed"]


def test_db_check_warns_of_the_owner_and_tells_the_role_who_keeps_the_audit(owner, app):
    (of_retention,) = warnings(app)
    assert "casebridge audit prune" in of_retention
    (of_change,) = warnings(owner)
    assert all(name in of_change for name in ("audit,", "audit_2026_03,", "audit_default,", "audit_seal:"))


@pytest.fixture
def house(app_url, app, tmp_path, mappings):
    """The application under the service's role."""
    path = tmp_path / "partners.yaml"
    path.write_text(conftest.REGISTRY, encoding="utf-8")
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": app_url,
        "CASEBRIDGE_PARTNERS": str(path),
    }
    house = House(serving.application(Settings.from_env(environment), app, mappings), app)
    for path, document in river.STORY:
        assert house.put(path, document).status_code == 201
    return house


def test_the_service_runs_under_the_role_and_an_erasure_forgets_what_was_searched_for(house, owner):
    patient = house.one("Patient")["id"]
    assert house.get(f"/fhir/Patient?_id={patient}", partner="northern").json["total"] == 1
    for kind, ref in (("cases", "c1"), ("clients", "river")):
        uuid = house.get(f"/api/{kind}/{ref}").headers["Casebridge-Id"]
        assert house.ask("DELETE", f"/api/{kind}/{uuid}", partner=None).status_code == 204
    with owner.connect() as connection:
        texts = connection.execute(text("SELECT text FROM audit_text")).scalars().all()
    assert not any(patient in text for text in texts)


def test_with_the_audit_only_to_be_read_a_pull_is_refused(house, owner, role):
    assert house.get("/fhir/CarePlan", partner="northern").status_code == 200
    run(owner, f'REVOKE INSERT ON audit FROM "{role}"')
    for path in ("/fhir/CarePlan", "/fhir/CarePlan?status=active", f"/fhir/CarePlan/{'0' * 8}"):
        answer = house.get(path, partner="northern")
        assert (answer.status_code, b"recorded" in answer.data, b"River" in answer.data) == (503, True, False)
    assert house.get("/fhir/metadata", partner=None).status_code == 200


def test_the_upgrade_grants_what_the_setting_names(owner, role, postgres_url):
    environment = {"CASEBRIDGE_DATABASE_URL": postgres_url, "CASEBRIDGE_AUTH": "off"}
    run(owner, f'GRANT ALL ON audit TO "{role}"')
    operator.upgrade(Settings.from_env({**environment, "CASEBRIDGE_DATABASE_ROLE": role}))
    app = connect(make_url(postgres_url).set(username=role).render_as_string(hide_password=False))
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(app, "UPDATE audit SET status = 1")
    app.dispose()
    for wrong, why in {"nobody": "no such role", make_url(postgres_url).username: "owner"}.items():
        with pytest.raises(Misconfigured, match=f"CASEBRIDGE_DATABASE_ROLE: .*{why}"):
            operator.upgrade(Settings.from_env({**environment, "CASEBRIDGE_DATABASE_ROLE": wrong}))
