"""Who gets in, and how errors leave."""

import pytest

PUBLIC = ("/health", "/docs", "/fhir/metadata", "/fhir/.well-known/", "/oauth2/", "/notifications/")


@pytest.fixture
def database_url(sqlite_url):
    """Who may not ask is refused before anything is read."""
    return sqlite_url


def test_every_route_has_a_guard_or_is_public(house):
    for rule in house.app.url_map.iter_rules():
        path = rule.rule
        for name in rule.arguments:
            kind = type(rule._converters[name]).__name__
            path = path.replace(f"<int:{name}>", "1").replace(f"<{name}>", "x")
            assert kind in {"UnicodeConverter", "IntegerConverter"}
        if path == "/" or path.startswith(PUBLIC):
            continue
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            assert house.ask(method, path, partner="stranger").status_code == 403, (method, path)


@pytest.mark.parametrize(
    ("partner", "path", "status"),
    [
        ("engineer", "/fhir/Patient", 403),
        ("engineer", "/api/clients", 403),
        ("engineer", "/events", 200),
        ("northern", "/api/clients", 403),
        ("northern", "/events", 403),
        ("northern", "/fhir/Patient", 200),
        ("cms", "/events", 403),
        ("mercy", "/api/cases", 403),
        (None, "/events", 200),
        (None, "/api/clients", 200),
        (None, "/metrics", 200),
        (None, "/health/details", 200),
        ("engineer", "/health/details", 403),
        ("engineer", "/metrics", 403),
        ("northern", "/metrics", 403),
        ("cms", "/metrics", 403),
    ],
)
def test_a_kind_of_partner_has_its_rights_alone(house, partner, path, status):
    assert house.get(path, partner=partner).status_code == status


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_answers_anybody(house, path):
    assert house.get(path, partner=None).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "kind", "remedy"),
    [
        ("GET", "/nowhere", 404, "application/problem+json", "/docs"),
        ("POST", "/api/clients", 405, "application/problem+json", "GET"),
        ("POST", "/fhir/Patient", 405, "application/fhir+json", "GET"),
        ("GET", "/fhir/a/b/c/d", 404, "application/fhir+json", "/fhir/metadata"),
    ],
)
def test_flasks_own_errors_leave_in_the_form_of_their_door(house, method, path, status, kind, remedy):
    answer = house.ask(method, path)
    assert (answer.status_code, answer.content_type) == (status, kind)
    assert remedy in answer.text


def test_a_bug_shows_its_correlation_id_and_nothing_else(house):
    def broken(*_):
        raise ValueError("River was here")

    house.app.view_functions["api.client-find"] = broken
    answer = house.get("/api/clients", headers={"X-Correlation-Id": "abc-1"})
    assert (answer.status_code, answer.headers["X-Correlation-Id"]) == (500, "abc-1")
    assert b"River" not in answer.data
    assert b"abc-1" in answer.data
