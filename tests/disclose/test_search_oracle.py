"""Random resources are found by random searches as a slow and plain reference search finds them."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from service.disclose.query.parse import Ground, parse_query
from service.flows.pull.disclose import Disclosure
from service.store import tables as t
from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.wire.fhir.search.asked import Ours
from service.wire.fhir.search.forms.codes import Codes, ValueSet
from service.wire.fhir.search.rows import rows
from service.wire.json import dump, parse
from tests.conftest import database_on
from tests.disclose import oracle
from tests.disclose.made import KEPT, RESOURCES, searches
from tests.store.made import version

ALL = Scope(everything=True)
BASE = "https://casebridge.test/fhir"
CODES = Codes(
    {url: ValueSet("1", tuple(sorted(codings))) for url, codings in oracle.SETS.items()},
    {system: {code: up or "" for code, up in above.items()} for system, above in oracle.ABOVE.items()},
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(tmp_path_factory, request):
    if request.param == "sqlite":
        engine = connect(f"sqlite:///{tmp_path_factory.mktemp('oracle') / 'casebridge.db'}")
        upgrade(engine)
        yield engine
        engine.dispose()
    else:
        with database_on(request.getfixturevalue("postgres_server")) as url:
            engine = connect(url)
            upgrade(engine)
            yield engine
            engine.dispose()


def filled(engine, resources):
    """A store that holds these resources and no others."""
    store = SqlStore(engine)
    with engine.begin() as connection:
        for table in (t.resource, t.history, t.ranges, t.texts):
            connection.execute(delete(table))
    made = [
        version(
            "owner", resource["id"], type_=resource["resourceType"], rows=rows(resource), body=dump(resource)
        )
        for resource in resources
    ]
    store.transact(lambda unit: unit.resources.write(made))
    return store


def pages(store, type_, parameters, count):
    """The results of a search, and what comes along with each page of them."""
    ground, after = Ground((type_,), Ours(BASE, KEPT, CODES), KEPT), None
    while True:
        search = parse_query(ground, [*parameters, ("_count", str(count)), ("_total", "accurate")], after)
        page = store.search(ALL, search.query)
        yield Disclosure(store).beside(ALL, page, search.along)
        if page.next is None:
            return
        after = tuple(parse(dump(page.next)))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(RESOURCES, st.lists(searches(), min_size=1, max_size=10), st.integers(1, 4))
def test_a_search_finds_what_the_reference_search_finds(engine, resources, asked, count):
    store = filled(engine, resources)
    for type_, conditions, order, includes, revincludes in asked:
        parameters = [
            *conditions,
            *([("_sort", ",".join(order))] if order else []),
            *(("_include", ":".join(filter(None, include))) for include in includes),
            *(("_revinclude", ":".join(filter(None, revinclude))) for revinclude in revincludes),
        ]
        wanted = oracle.matching(resources, type_, conditions)
        seen = []
        for page in pages(store, type_, parameters, count):
            matches = [parse(entry.body) for entry in page.entries]
            seen += matches
            came = [(entry.type, entry.id) for entry in page.included]
            assert set(came) == oracle.along(resources, matches, includes, revincludes), (type_, parameters)
            assert len(set(came)) == len(came), (type_, parameters)
            assert page.total == len(wanted), (type_, parameters)
        assert sorted(resource["id"] for resource in seen) == sorted(wanted), (type_, parameters)
        check_order(seen, order)


def check_order(seen, order):
    """Fail where one comes before another that is to come first."""
    for one, other in pairwise(seen):
        for name in order:
            plain, descends = name.removeprefix("-"), name.startswith("-")
            first, then = oracle.sorting(one, plain, descends), oracle.sorting(other, plain, descends)
            if first != then:
                assert then is None or (first is not None and (first > then) == descends), (
                    order,
                    first,
                    then,
                )
                break
