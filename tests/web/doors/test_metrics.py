"""What the operator can measure of the doors, and what no metric tells."""

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from service.wiring import serving


def counted(house, **labels):
    """How many requests with these labels /metrics tells of."""
    text = house.get("/metrics", partner=None).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    chosen = [sample for sample in samples if labels.items() <= sample.labels.items()]
    counters = [sample.value for sample in chosen if sample.name == "casebridge_http_requests_total"]
    counts = [sample.value for sample in chosen if sample.name == "casebridge_http_request_seconds_count"]
    assert sum(counters) == sum(counts)
    return sum(counters)


def test_requests_are_counted_by_the_rule_of_their_route_and_their_status(rivers_house):
    labels = {"method": "GET", "route": "/api/cases/<ref>", "status": "200"}
    missing = {**labels, "status": "404"}
    before = counted(rivers_house, **labels), counted(rivers_house, **missing)
    rivers_house.get("/api/cases/c1")
    rivers_house.get("/api/cases/c1")
    rivers_house.get("/api/cases/c2")
    assert (counted(rivers_house, **labels), counted(rivers_house, **missing)) == (
        before[0] + 2,
        before[1] + 1,
    )


def test_what_has_no_route_is_counted_together_and_refusals_too(house):
    nowhere = {"method": "", "route": "none", "status": "404"}
    denied = {"route": "/fhir/<type_>", "status": "403"}
    before = counted(house, **nowhere), counted(house, **denied)
    house.get("/one")
    house.get("/two")
    house.get("/fhir/CarePlan", partner="stranger")
    assert (counted(house, **nowhere), counted(house, **denied)) == (before[0] + 2, before[1] + 1)


def test_no_metric_tells_an_id_or_a_search_value(rivers_house):
    patient = rivers_house.one("Patient")["id"]
    rivers_house.get("/api/clients?identifier=urn:example:clients|R-1")
    rivers_house.get(f"/fhir/CarePlan?patient={patient}")
    text = rivers_house.get("/metrics", partner=None).text
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
