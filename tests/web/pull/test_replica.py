"""Partners read of a streaming replica as long as it shows all that the primary has shown to anybody."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import make_url, text

from service.errors import Misconfigured
from service.settings import Settings
from service.store.audit.grants import grant
from service.store.sql.silence import Heard
from service.wiring import rooms, serving
from tests.conftest import database_on, migrate, running
from tests.flows import river
from tests.replicas import PostgresReplica
from tests.web.conftest import House
from tests.web.export.exporting import Exporter, path_of
from tests.web.seen.test_audit import records

ALTERED = (
    "UPDATE resource SET body = convert_to(replace(convert_from(body, 'UTF8'), 'River', 'Brook'), 'UTF8')"
)


@pytest.fixture(scope="module")
def replica(killable_postgres):
    """A replica of the server that a test may kill; a test may kill it, too."""
    with running(lambda: PostgresReplica(killable_postgres)) as server:
        yield server


@pytest.fixture
def database_url(killable_postgres, replica):
    with database_on(killable_postgres) as url:
        migrate(url)
        replica.catch_up()
        yield url
        replica.resume()


@pytest.fixture
def read_url(replica, database_url):
    return replica.url_of(database_url)


@pytest.fixture
def settings(registry, database_url, read_url):
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_PARTNERS": str(registry),
        "CASEBRIDGE_READ_DATABASE_URL": read_url,
    }
    return Settings.from_env(environment)


@pytest.fixture
def make_house(settings, mappings):
    """What makes the application as one more process has it: with connections of its own."""
    engines = []

    def make():
        primary, replica = rooms.database(settings), rooms.replica_of(settings)
        engines.extend((primary, replica))
        return House(serving.application(settings, primary, mappings, replica=replica), primary)

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def house(make_house):
    return make_house()


@pytest.fixture
def paused(rivers_house, replica):
    """The house with River's story told, and a replica that shows it and nothing that comes after."""
    replica.catch_up()
    replica.pause()
    return rivers_house


def used():
    """How many reads were made of the replica."""
    return REGISTRY.get_sample_value("casebridge_replica_reads_total", {"outcome": "used"}) or 0


def address_of(house, type_="Patient"):
    """Where a resource stands, as the primary knows it."""
    with house.engine.connect() as connection:
        asked = text("SELECT id FROM resource WHERE type = :type AND view = 'default'")
        return f"/fhir/{type_}/{connection.execute(asked, {'type': type_}).scalar_one()}"


def execute(house, statement):
    """Change what the primary holds behind the service's back."""
    with house.engine.begin() as connection:
        connection.execute(text(statement))


def rename(house, name, partner="cms"):
    """Give River another name; return the answer."""
    before = house.get("/api/clients/river")
    client = {**river.CLIENT, "names": [{"use": "usual", "given": [name]}]}
    match = {"If-Match": before.headers["ETag"]}
    return house.put("/api/clients/river", client, partner=partner, headers=match)


def given_names(answer):
    return answer.json["name"][0]["given"]


def test_what_the_replica_shows_is_read_of_it_and_recorded_at_the_primary(paused):
    address = address_of(paused)
    execute(paused, ALTERED)
    recorded = len(records(paused.engine))
    assert given_names(paused.get(address, partner="northern")) == ["River"]
    assert given_names(paused.get(f"{address}/_history/1", partner="northern")) == ["River"]
    for path in ("/fhir/Patient", f"{address}/_history", f"{address}/$everything"):
        answer = paused.get(path, partner="northern")
        assert (answer.status_code, b"River" in answer.data, b"Brook" in answer.data) == (200, True, False)
    assert [row.interaction for row in records(paused.engine)][recorded:] == [
        "read",
        "vread",
        "search-type",
        "history-instance",
        "operation",
    ]


def test_what_is_read_of_the_replica_is_not_told_when_it_cannot_be_recorded(paused):
    address, before = address_of(paused), used()
    execute(paused, "ALTER TABLE audit RENAME TO audit_away")
    for path in (address, "/fhir/Patient"):
        answer = paused.get(path, partner="northern")
        assert answer.status_code >= 500
        assert b"River" not in answer.data
    assert used() > before


def test_who_has_an_answer_to_a_write_reads_what_was_written_whichever_process_is_asked(paused, make_house):
    address, other = address_of(paused), make_house()
    assert rename(paused, "Brook").status_code == 200
    for process in (paused, other):
        for partner in ("cms", "northern"):
            assert given_names(process.get(address, partner=partner)) == ["Brook"]
            body = process.get("/fhir/Patient", partner=partner).json
            assert body["entry"][0]["resource"]["name"][0]["given"] == ["Brook"]


def test_who_knows_a_version_is_told_of_no_older_one(paused):
    address = address_of(paused)
    first = paused.get(address, partner="northern")
    rename(paused, "Brook")
    asked = {"If-None-Match": first.headers["ETag"]}
    second = paused.get(address, partner="northern", headers=asked)
    assert (second.status_code, given_names(second)) == (200, ["Brook"])
    asked = {"If-None-Match": second.headers["ETag"]}
    assert paused.get(address, partner="northern", headers=asked).status_code == 304


def test_a_next_link_leads_on_from_what_its_page_was_made_of(paused):
    for name in ("ash", "birch", "cedar"):
        assert paused.put(f"/api/clients/{name}", river.CLIENT).status_code == 201
    page = paused.get("/fhir/Patient?_count=1", partner="cms").json
    seen = []
    while True:
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        link = {link["relation"]: link["url"] for link in page["link"]}.get("next")
        if link is None:
            break
        page = paused.get(link.removeprefix("http://127.0.0.1:8080"), partner="cms").json
    assert len(seen) == len(set(seen)) == 4


def test_what_was_withdrawn_is_shown_no_more(paused):
    address = address_of(paused)
    assert paused.get(address, partner="northern").status_code == 200
    client = {**river.CLIENT, "consents": [{"id": "c", "status": "active", "decision": "deny"}]}
    headers = {"If-Match": paused.get("/api/clients/river").headers["ETag"]}
    assert paused.put("/api/clients/river", client, headers=headers).status_code == 200
    assert paused.get(address, partner="northern").status_code == 404
    assert paused.get("/fhir/Patient", partner="northern").json["total"] == 0


def test_parts_of_an_export_are_read_of_it_unless_a_member_has_left_who_is_in_them(rivers_house, replica):
    insurer = Exporter(rivers_house, partner="northern")
    manifest = insurer.manifest()
    replica.catch_up()
    replica.pause()
    execute(rivers_house, ALTERED)
    before = used()
    assert "River" in str(insurer.resources(manifest))
    assert used() - before == len(manifest["output"])
    client = {**river.CLIENT, "coverages": []}
    headers = {"If-Match": rivers_house.get("/api/clients/river").headers["ETag"]}
    assert rivers_house.put("/api/clients/river", client, headers=headers).status_code == 200
    for file in manifest["output"]:
        assert b"River" not in insurer.ask("GET", path_of(file["url"])).data


def test_an_export_begun_since_has_the_members_that_only_the_primary_knows(paused):
    insurer = Exporter(paused, partner="northern")
    assert "River" in str(insurer.resources(insurer.manifest()))


def test_a_replica_that_has_caught_up_is_used_again(paused, replica):
    address = address_of(paused)
    rename(paused, "Brook")
    before = used()
    assert given_names(paused.get(address, partner="northern")) == ["Brook"]
    assert used() == before
    replica.resume()
    replica.catch_up()
    assert given_names(paused.get(address, partner="northern")) == ["Brook"]
    assert used() == before + 1


def test_the_primary_answers_for_a_replica_that_was_killed_or_says_nothing(rivers_house, replica):
    replica.catch_up()
    address, before = address_of(rivers_house), used()
    assert given_names(rivers_house.get(address, partner="northern")) == ["River"]
    assert used() == before + 1
    with replica.frozen():
        assert given_names(rivers_house.get(address, partner="northern")) == ["River"]
    replica.kill9()
    try:
        for path in (address, "/fhir/Patient"):
            answer = rivers_house.get(path, partner="northern")
            assert (answer.status_code, b"River" in answer.data) == (200, True)
        assert used() == before + 1
    finally:
        replica.start()


def test_everybody_reads_their_own_writes_of_a_replica_that_follows(rivers_house, make_house, replica):
    replica.catch_up()
    before = used()

    def totals(process, name):
        headers = {}
        for number in range(12):
            named = {**river.CLIENT, "names": [{"use": "usual", "given": [f"{name}{number}"]}]}
            headers["If-Match"] = process.put(f"/api/clients/{name}", named, headers=headers).headers["ETag"]
            yield process.get(f"/fhir/Patient?given:exact={name}{number}").json["total"]

    processes = {name: make_house() for name in ("ash", "birch", "cedar")}
    with ThreadPoolExecutor() as writing:
        seen = [writing.submit(list, totals(process, name)) for name, process in processes.items()]
    assert [future.result() for future in seen] == [[1] * 12] * 3
    replica.catch_up()
    address = address_of(rivers_house, "CarePlan")
    assert rivers_house.get(address, partner="northern").status_code == 200
    assert used() > before


def test_without_a_replica_a_read_waits_for_the_database_twice_for_what_it_is_and_its_record(
    rivers_house, settings, mappings, monkeypatch
):
    alone = House(serving.application(settings, rivers_house.engine, mappings), rivers_house.engine)
    address, waits = address_of(rivers_house), []
    assert alone.get(address, partner="northern").status_code == 200
    waited = Heard.wait
    monkeypatch.setattr(Heard, "wait", lambda *arguments: waits.append(1) or waited(*arguments))
    assert alone.get(address, partner="northern").status_code == 200
    assert len(waits) == 2


def test_the_role_of_the_service_may_read_of_it(rivers_house, settings, mappings, replica):
    name = f"App-{make_url(settings.database_url).database}"
    execute(rivers_house, f'CREATE ROLE "{name}" LOGIN')
    grant(rivers_house.engine, name)
    replica.catch_up()
    primary, of_replica = (
        rooms.connect(make_url(url).set(username=name).render_as_string(hide_password=False), 10)
        for url in (settings.database_url, settings.read_database_url)
    )
    process = House(serving.application(settings, primary, mappings, replica=of_replica), primary)
    before = used()
    assert given_names(process.get(address_of(rivers_house), partner="northern")) == ["River"]
    assert used() == before + 1
    primary.dispose()
    of_replica.dispose()
    execute(rivers_house, f'DROP OWNED BY "{name}"')
    execute(rivers_house, f'DROP ROLE "{name}"')


@pytest.mark.parametrize("other", ["the primary itself", "another database"])
def test_what_is_no_replica_of_the_primary_is_not_read(rivers_house, settings, mappings, replica, other):
    url = settings.database_url if other == "the primary itself" else replica.url
    engine = rooms.connect(url, 10)
    process = House(
        serving.application(settings, rivers_house.engine, mappings, replica=engine), rivers_house.engine
    )
    before = used()
    assert given_names(process.get(address_of(rivers_house), partner="northern")) == ["River"]
    assert used() == before
    engine.dispose()


@pytest.mark.parametrize(
    ("database", "read"), [("sqlite:///a.db", "postgresql://b"), ("postgresql://b", "sqlite:///a.db")]
)
def test_a_replica_of_sqlite_is_refused(database, read):
    environment = {"CASEBRIDGE_DATABASE_URL": database, "CASEBRIDGE_READ_DATABASE_URL": read}
    with pytest.raises(Misconfigured, match="CASEBRIDGE_READ_DATABASE_URL"):
        Settings.from_env(environment)
