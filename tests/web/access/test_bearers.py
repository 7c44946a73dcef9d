"""With SMART a token alone says who asks, at every route, and what it was granted is all they may do."""

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.access import registry
from service.access.access_tokens import AccessToken, issue
from service.errors import Unauthenticated
from service.flows.authorization.bearers import REMEMBERED, Bearers
from service.flows.authorization.signing import FRESH, KEPT, Signing
from service.store.partners.credentials import SqlCredentials
from service.values.access.credentials import Credentials
from service.wire.fhir.check.validate import validate
from service.wire.fhir.definitions.r4 import definitions
from service.wiring.access.authorization import authorization
from service.wiring.access.secret import cipher
from service.wiring.access.signing import rotate_signing_key
from service.wiring.rooms import now
from tests.flows import river
from tests.web import smart


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = datetime.now(UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def settings(tmp_path, database_url):
    return smart.settings(database_url, smart.registry(tmp_path))


@pytest.fixture
def house(settings, engine, mappings, clock):
    return smart.House(settings, engine, mappings, now=clock)


@pytest.fixture
def rivers_house(house):
    for path, document in river.STORY:
        assert house.ask("PUT", path, partner="cms", json=document).status_code == 201
    return house


def routes(app):
    """Each route of the application that has a guard, with something in its places, and each method."""
    for rule in app.url_map.iter_rules():
        before = app.before_request_funcs.get(rule.endpoint.rpartition(".")[0], [])
        if any(getattr(function, "func", None) and function.func.__name__ == "_guard" for function in before):
            path = rule.rule
            for name in rule.arguments:
                path = path.replace(f"<int:{name}>", "1").replace(f"<{name}>", "x")
            yield from ((method, path) for method in sorted(rule.methods - {"OPTIONS"}))


OPEN = {
    "/",
    "/docs",
    "/docs/<name>",
    "/docs/messages/<name>",
    "/fhir/.well-known/smart-configuration",
    "/fhir/metadata",
    "/health",
    "/health/live",
    "/health/ready",
    "/notifications/<id_>",
    "/oauth2/jwks",
    "/oauth2/token",
}


def test_every_route_of_the_application_asks_for_a_token_but_for_those_that_are_open(house):
    guarded = {path for _, path in routes(house.app)}
    for rule in house.app.url_map.iter_rules():
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<int:{name}>", "1").replace(f"<{name}>", "x")
        assert (path in guarded) != (rule.rule in OPEN), rule.rule
    assert len(guarded) > 50


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Casebridge-Partner": "desk"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic ZGVzazo="},
        {"Authorization": "Bearer"},
    ],
    ids=str,
)
def test_no_route_answers_without_a_token(house, headers):
    for method, path in routes(house.app):
        answer = house.ask(method, path, headers=headers)
        assert answer.status_code == 401, (method, path)
        challenge = answer.headers["WWW-Authenticate"]
        assert challenge.startswith('Bearer realm="casebridge"')
        assert ("invalid_token" in challenge) == (headers == {"Authorization": "Bearer x"})


@pytest.mark.parametrize("partner", smart.KINDS)
def test_no_route_answers_a_token_that_was_granted_nothing_of_it(house, partner):
    """A token for one type, or for one right of ours, is refused at all other routes."""
    scopes = {"engineer": "casebridge/events"}
    token = house.token(partner, scopes.get(partner, "system/Slot.s"))
    for method, path in routes(house.app):
        answer = house.ask(method, path, token=token)
        if partner == "engineer" and path == "/events":
            assert answer.status_code == 200
            continue
        assert answer.status_code == 403, (method, path)
        assert 'error="insufficient_scope", scope="' in answer.headers["WWW-Authenticate"]


def test_what_is_granted_is_what_may_be_done(rivers_house):
    token = rivers_house.token("northern", "system/CarePlan.s system/Patient.r")
    (entry,) = rivers_house.get("/fhir/CarePlan", token=token).json["entry"]
    plan = entry["resource"]
    patient = plan["subject"]["reference"]
    assert rivers_house.get(f"/fhir/{patient}", token=token).status_code == 200
    assert rivers_house.get(f"/fhir/{patient}/_history", token=token).status_code == 200
    assert rivers_house.get(f"/fhir/{patient}/_history/1", token=token).status_code == 200
    assert rivers_house.ask("POST", "/fhir/CarePlan/_search", token=token).status_code == 200
    for path, scope in (
        (f"/fhir/CarePlan/{plan['id']}", "system/CarePlan.r"),
        (f"/fhir/CarePlan/{plan['id']}/_history/1", "system/CarePlan.r"),
        ("/fhir/Patient", "system/Patient.s"),
        ("/fhir/CareTeam", "system/CareTeam.s"),
        ("/fhir/CodeSystem", "system/CodeSystem.s"),
        ("/fhir/CodeSystem/$lookup?code=x", "system/CodeSystem.r"),
        ("/fhir/Nothing%0Aelse/x", "system/*.r"),
    ):
        answer = rivers_house.get(path, token=token)
        assert answer.status_code == 403, path
        assert answer.headers["WWW-Authenticate"].endswith(f'scope="{scope}"')
        assert answer.json["resourceType"] == "OperationOutcome"


def test_the_scope_of_the_data_is_that_of_the_partner(rivers_house):
    assert rivers_house.get("/fhir/CarePlan", partner="northern").json["total"] == 1
    assert rivers_house.get("/fhir/CarePlan", partner="southern").json["total"] == 0


def refused(answer, right):
    """A right that a token lacks is named by its scope, whichever of a route's it is."""
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"].endswith(f'scope="casebridge/{right}"')


def test_rights_of_ours_are_asked_for_one_by_one(house):
    token = house.token("desk", "casebridge/quarantine")
    assert house.get("/api/quarantine", token=token).status_code == 200
    for method, path, missing in (
        ("GET", "/api/quarantine/x/body", "bodies"),
        ("POST", "/api/quarantine/x/replay", "replay"),
        ("POST", "/api/quarantine/prune", "administer"),
        ("GET", "/metrics", "metrics"),
        ("GET", "/health/details", "metrics"),
    ):
        refused(house.ask(method, path, token=token), missing)
    rights = ("quarantine", "bodies", "replay", "administer")
    more = house.token("desk", " ".join(f"casebridge/{right}" for right in rights))
    assert house.get("/api/quarantine/x/body", token=more).status_code == 404
    assert house.ask("POST", "/api/quarantine/x/replay", token=more).status_code == 404
    assert house.ask("POST", "/api/quarantine/prune", token=more).status_code == 200


def test_erasing_is_a_right_of_its_own(rivers_house):
    uuid = rivers_house.get("/api/cases/c1", partner="cms").headers["Casebridge-Id"]
    path = f"/api/cases/{uuid}"
    refused(
        rivers_house.ask("DELETE", path, token=rivers_house.token("desk", "casebridge/documents")), "erase"
    )
    both = rivers_house.token("desk", "casebridge/documents casebridge/erase")
    assert rivers_house.ask("DELETE", path, token=both).status_code == 204


def test_a_token_is_past_after_five_minutes_however_often_it_was_shown(house, clock):
    token = house.token("engineer")
    assert house.get("/events", token=token).status_code == 200
    clock.now += timedelta(seconds=299)
    assert house.get("/events", token=token).status_code == 200
    clock.now += timedelta(seconds=1)
    answer = house.get("/events", token=token)
    assert (answer.status_code, 'error="invalid_token"' in answer.headers["WWW-Authenticate"]) == (401, True)


def test_a_partner_that_is_taken_out_of_the_registry_is_refused_at_once(settings, engine, mappings):
    """Whatever was remembered of its token."""
    partners = registry.load(settings.partners)
    house = smart.House(settings, engine, mappings)
    token = house.token("engineer")
    signing = authorization(settings, engine, partners, now).tokens.granting.signing
    bearers = Bearers(signing, partners, smart.BASE, now)
    assert bearers.bearer(token).partner.name == "engineer"
    registered = partners["engineer"]
    partners["engineer"] = replace(registered, kind="insurer")
    assert not bearers.bearer(token).grant
    partners["engineer"] = replace(registered, credentials=Credentials())
    with pytest.raises(Unauthenticated, match="none of ours"):
        bearers.bearer(token)
    partners["engineer"] = registered
    assert bearers.bearer(token).grant
    del partners["engineer"]
    with pytest.raises(Unauthenticated, match="none of ours"):
        bearers.bearer(token)


def test_a_token_is_for_nothing_that_its_partner_may_not_want_any_more(settings, engine, mappings):
    """As when the kind of a partner is another after it got the token."""
    partners = dict(registry.load(settings.partners))
    signing = authorization(settings, engine, partners, now).tokens.granting.signing
    at = int(now().timestamp())
    said = AccessToken("t", "northern", "system/*.rs", at, at + 300, ("HPAYMT",))
    text = issue(signing.signer(), smart.BASE, said)
    house = smart.House(settings, engine, mappings, partners=partners)
    assert house.get("/fhir/Patient", token=text).status_code == 200
    partners["northern"] = replace(partners["northern"], kind="hospital")
    answer = house.get("/fhir/Patient", token=text)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert "purpose of use" in answer.headers["WWW-Authenticate"]
    partners["northern"] = replace(partners["northern"], kind="insurer")
    assert house.get("/fhir/Patient", token=text).status_code == 200


def test_a_token_of_another_process_is_taken_and_one_after_a_restart(settings, engine, mappings):
    first = smart.House(settings, engine, mappings)
    token = first.token("engineer")
    assert smart.House(settings, engine, mappings).get("/events", token=token).status_code == 200


def test_a_token_outlives_the_key_that_signed_it_and_no_longer_than_it_has_to(
    settings, engine, mappings, clock
):
    house = smart.House(settings, engine, mappings, now=clock)
    before = house.token("engineer")
    old = house.client.get("/oauth2/jwks").json["keys"]
    rotate_signing_key(settings)
    other = smart.House(settings, engine, mappings, now=clock)
    after = other.token("engineer")
    published = other.client.get("/oauth2/jwks").json["keys"]
    assert (len(published), published[1:]) == (2, old)
    assert all("d" not in key for key in published)
    for either in (house, other):
        for token in (before, after):
            assert either.get("/events", token=token).status_code == 200
    clock.now += timedelta(minutes=11)
    assert other.client.get("/oauth2/jwks").json["keys"] == published[:1]


def test_a_process_that_gives_no_tokens_out_finds_that_a_key_was_retired(settings, engine, clock):
    """Else whoever got hold of the key could go on signing with it, for as long as the process runs."""
    seconds = [0.0]
    signing = Signing(SqlCredentials(engine, cipher(settings)), clock, lambda: seconds[0])
    kid = signing.signer().kid
    rotate_signing_key(settings)
    seconds[0] += FRESH
    assert signing.verifier(kid) is not None
    clock.now += KEPT + timedelta(minutes=1)
    assert signing.verifier(kid) is None


def test_the_tokens_that_are_remembered_take_a_bounded_part_of_memory(settings, engine):
    """Even those of a partner that asks for as many as it can, for each type of FHIR by its name."""
    partners = registry.load(settings.partners)
    signing = authorization(settings, engine, partners, now).tokens.granting.signing
    scope = " ".join(f"system/{type_}.rs" for type_ in sorted(definitions().resources))
    at = int(now().timestamp())
    texts = [
        issue(signing.signer(), smart.BASE, AccessToken(f"t{number}", "northern", scope, at, at + 300))
        for number in range(20)
    ]
    bearers = Bearers(signing, partners, smart.BASE, now)
    bearers.bearer(texts.pop())
    tracemalloc.start()
    try:
        for text in texts:
            assert len(bearers.bearer(text).grant.interactions) > 200
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(texts) * REMEMBERED < 80_000_000


def test_the_capability_statement_tells_of_smart_and_is_valid(house):
    statement = house.client.get("/fhir/metadata").json
    (rest,) = statement["rest"]
    assert rest["security"]["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"
    assert rest["security"]["extension"][0]["extension"][0]["valueUri"] == smart.TOKEN
    assert validate(statement) == []
