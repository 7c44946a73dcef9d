"""Who asks too often, or too much at once, is told when to go on; nobody else is kept waiting by it."""

import threading
from functools import cache

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from service.authorize.addresses import network_of
from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.wiring import rooms
from tests.web import smart


@pytest.fixture(scope="module")
def house(tmp_path_factory, mappings):
    """Builds an application with these limits; one for all that ask for the same."""
    engines = []

    @cache
    def built(**limits):
        tmp_path = tmp_path_factory.mktemp("quotas")
        path = smart.registry(tmp_path)
        values = {
            "AUTH": "smart",
            "DATABASE_URL": f"sqlite:///{tmp_path}/casebridge.db",
            "PARTNERS": str(path),
            "SECRET_FILE": str(smart.secret(tmp_path)),
            "TLS_PROXIES": "10.0.0.0/8",
            "PARTNER_RATE": "0",
            "PARTNER_REQUESTS": "0",
            "ADDRESS_RATE": "0",
            **limits,
        }
        settings = Settings.from_env({f"CASEBRIDGE_{name}": value for name, value in values.items()})
        engine = rooms.database(settings)
        engines.append(engine)
        upgrade(engine)
        return smart.House(settings, engine, mappings)

    yield built
    for engine in engines:
        engine.dispose()


def until_refused(ask):
    """Ask until it is too much, which it is as soon as more comes in a second than may; the answers."""
    answers = []
    while not answers or answers[-1].status_code != 429:
        answers.append(ask())
        assert len(answers) < 500
    return answers


def test_a_partner_that_asks_too_often_is_told_when_to_go_on_and_others_are_not(house):
    asked = house(PARTNER_RATE="1")
    first, *_, refused = until_refused(lambda: asked.get("/fhir/Patient", partner="northern"))
    assert first.status_code == 200
    assert refused.headers["Retry-After"] == "1"
    assert "Retry-After" in refused.text
    assert asked.get("/fhir/Patient", partner="southern").status_code == 200
    assert asked.get("/events", partner="engineer").status_code == 200


def test_a_partner_has_so_many_requests_in_hand_and_others_have_theirs(house):
    asked = house(PARTNER_REQUESTS="2")
    for partner in ("northern", "southern"):
        asked.get("/fhir/Patient", partner=partner)
    view, began, go_on = asked.app.view_functions["fhir.search"], threading.Semaphore(0), threading.Event()

    def waiting(**arguments):
        began.release()
        assert go_on.wait(60)
        return view(**arguments)

    asked.app.view_functions["fhir.search"] = waiting
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(asked.get("/fhir/Patient", partner="northern")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert began.acquire(timeout=60)
    third = asked.get("/fhir/CarePlan/x", partner="northern")
    assert (third.status_code, third.headers["Retry-After"]) == (429, "1")
    assert asked.get("/fhir/CarePlan/x", partner="southern").status_code == 404
    go_on.set()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert asked.get("/fhir/CarePlan/x", partner="northern").status_code == 404


@pytest.mark.parametrize(
    ("number", "method", "path"),
    [
        (1, "POST", "/oauth2/token"),
        (2, "GET", "/fhir/Patient"),
        (3, "GET", "/api/clients"),
        (4, "GET", "/docs"),
        (5, "GET", "/fhir/metadata"),
        (6, "GET", "/nowhere"),
    ],
)
def test_a_stranger_is_limited_by_its_address_and_health_never(house, number, method, path):
    asked = house(ADDRESS_RATE="1")
    address, another = f"192.0.2.{number}", f"198.51.100.{number}"

    def ask(address):
        return asked.client.open(path, method=method, environ_base={"REMOTE_ADDR": address})

    first, *_, _ = until_refused(lambda: ask(address))
    assert first.status_code != 429
    assert ask(another).status_code == first.status_code
    health = {asked.client.get("/health/live", environ_base={"REMOTE_ADDR": address}).status_code}
    assert health == {200}


def test_who_shows_a_token_is_not_kept_from_asking_by_strangers_of_its_address(house):
    asked = house(ADDRESS_RATE="1")
    assert asked.get("/fhir/Patient", partner="northern").status_code == 200
    until_refused(lambda: asked.client.get("/fhir/Patient"))
    assert asked.get("/fhir/Patient", partner="northern").status_code == 200


@pytest.mark.parametrize(
    ("peer", "said", "whose"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("2001:db8::1", None, "2001:db8::/64"),
        ("2001:db8::ffff", None, "2001:db8::/64"),
    ],
)
def test_an_address_is_that_of_the_connection_or_what_a_proxy_of_ours_says(peer, said, whose):
    proxies = Settings.from_env({"CASEBRIDGE_TLS_PROXIES": "10.0.0.0/8"}).tls_proxies
    headers = {"X-Forwarded-For": said} if said else {}
    environ = EnvironBuilder(headers=headers, environ_base={"REMOTE_ADDR": peer}).get_environ()
    assert network_of(Request(environ), proxies) == whose
