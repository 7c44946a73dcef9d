"""What the operator can measure of the doors, and what no metric tells."""

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from service.wiring import serving


def counted(house, **labels):
    """How many requests with these labels /metrics tells of."""
    text = house.get("/metrics", partner=None).text
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    found = [each for each in samples if labels.items() <= each.labels.items()]
    counters = [each.value for each in found if each.name == "casebridge_http_requests_total"]
    counts = [each.value for each in found if each.name == "casebridge_http_request_seconds_count"]
    assert sum(counters) == sum(counts)
    return sum(counters)


def test_requests_are_counted_by_the_rule_of_their_route_and_their_status(told):
    found = {"method": "GET", "route": "/api/cases/<ref>", "status": "200"}
    missing = {**found, "status": "404"}
    before = counted(told, **found), counted(told, **missing)
    told.get("/api/cases/c1")
    told.get("/api/cases/c1")
    told.get("/api/cases/c2")
    assert (counted(told, **found), counted(told, **missing)) == (before[0] + 2, before[1] + 1)


def test_what_has_no_route_is_counted_together_and_refusals_too(house):
    nowhere = {"method": "", "route": "none", "status": "404"}
    denied = {"route": "/fhir/<type_>", "status": "403"}
    before = counted(house, **nowhere), counted(house, **denied)
    house.get("/one")
    house.get("/two")
    house.get("/fhir/CarePlan", partner="stranger")
    assert (counted(house, **nowhere), counted(house, **denied)) == (before[0] + 2, before[1] + 1)


def test_no_metric_tells_an_id_or_a_search_value(told):
    patient = told.one("Patient")["id"]
    told.get("/api/clients?identifier=urn:example:clients|R-1")
    told.get(f"/fhir/CarePlan?patient={patient}")
    text = told.get("/metrics", partner=None).text
    assert 'route="/fhir/<type_>"' in text
    for secret in (patient, "R-1", "river", "c1"):
        assert secret not in text


def test_what_there_is_to_warn_of_is_told_to_the_operator_alone(settings, mappings, engine):
    def tomorrow():
        return datetime.now(UTC) + timedelta(days=1)

    client = serving.application(settings, engine, mappings, now=tomorrow).test_client()
    assert client.get("/health/ready").json == {"status": "ready"}
    warnings = client.get("/health/details").json["warnings"]
    # SQLite has no clock of its own
    assert len(warnings) == (engine.dialect.name == "postgresql")
    assert client.get("/health/details", headers={"Casebridge-Partner": "northern"}).status_code == 403
