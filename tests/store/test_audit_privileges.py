"""The role of the service, with the grants that the page names, adds to the audit and cannot change it."""

import re
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError

from service.store.audit.privileges import warnings
from service.store.audit.sealing import SqlSealing
from service.store.sql.engine import connect
from tests.store.test_audit_seals import Clock, record

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
ROLE = "casebridge_app"


@pytest.fixture
def app(postgres_url):
    """An engine under a role with the grants of the page."""
    owner = connect(postgres_url)
    (grants,) = re.findall(r"^```sql\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    with owner.begin() as connection:
        connection.execute(text(f"CREATE ROLE {ROLE}"))
        connection.execute(text(grants))
    url = make_url(postgres_url).update_query_dict({"options": f"-c role={ROLE}"})
    engine = connect(url.render_as_string(hide_password=False))
    yield owner, engine
    engine.dispose()
    with owner.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {ROLE}"))
        connection.execute(text(f"DROP ROLE {ROLE}"))
    owner.dispose()


def test_a_role_with_the_grants_of_the_page_adds_and_seals_and_changes_nothing(app):
    owner, engine = app
    record(engine, 2)
    seals = SqlSealing(engine, Clock())
    assert (seals.seal(), list(seals.verify())) == (2, [None])
    for change in ("UPDATE audit SET status = 1", "DELETE FROM audit", "DELETE FROM audit_seal"):
        with pytest.raises(ProgrammingError, match="permission denied"), engine.begin() as connection:
            connection.execute(text(change))
    (of_retention,) = warnings(engine)
    assert "casebridge audit prune" in of_retention
    (warning,) = warnings(owner)
    assert "audit, audit_default, audit_seal" in warning
