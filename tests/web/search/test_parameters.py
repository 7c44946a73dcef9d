"""Parameters of an address that are not known are refused by every route that is ours alone."""

import pytest

# they answer everybody the same, or metrics, or as OAuth has it, or only who shows a secret of its own; there
# is nothing to ask for
PLAIN = ("/health", "/docs", "/metrics", "/oauth2", "/notifications")


def test_every_route_refuses_parameters_that_it_does_not_know(house):
    asked = set()
    for rule in house.app.url_map.iter_rules():
        path = rule.rule.replace("<ref>", "x").replace("<entry>", "x")
        if path == "/" or path.startswith((*PLAIN, "/fhir")):
            continue
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            partner = "mercy" if path == "/hl7v2" else None
            answer = house.ask(method, f"{path}?foo=1", partner=partner)
            assert (answer.status_code, answer.json["issues"][0]["pointer"]) == (400, "foo"), (method, path)
            asked.add(path)
    assert {"/events", "/hl7v2", "/api/clients/x", "/api/quarantine/x/body"} <= asked


WRONG = (
    "/events?afer=7",
    "/events?_after=7",
    "/events?after=1&after=7",
    "/events?count=1&_count=2",
    "/events?count=x",
    "/events?after=-1",
    "/events?after=%C2%B2",
    "/api/cases?staus=active",
    "/api/quarantine?sate=all",
    "/api/quarantine?state=all&state=ignored",
    "/fhir/metadata?mod=full",
)


def test_a_misspelt_or_doubled_parameter_is_told_and_does_not_start_a_list_anew(house):
    assert {path: house.get(path, partner=None).status_code for path in WRONG} == dict.fromkeys(WRONG, 400)


def test_a_misspelt_parameter_of_a_message_is_told(house):
    sent = {"resourceType": "Bundle", "type": "message", "entry": []}
    answer = house.ask(
        "POST",
        "/fhir/$process-message?asnyc=true",
        partner="mercy",
        json=sent,
        content_type="application/fhir+json",
    )
    assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["asnyc"])


@pytest.mark.parametrize("path", ["/events", "/api/clients"])
def test_count_is_underscore_count(rivers_house, numbered, path):
    numbered()
    few, same = (rivers_house.get(f"{path}?{name}=1", partner=None).json for name in ("count", "_count"))
    assert few == same
    assert len(few if path == "/events" else few["items"]) == 1


def test_health_lists_its_two_and_the_start_leads_to_the_reference(house):
    listed = house.get("/health", partner=None).json
    assert [house.get(path_, partner=None).json["status"] for path_ in listed.values()] == ["live", "ready"]
    start = house.get("/", partner=None)
    assert (start.status_code, start.location, start.data) == (302, "/docs", b"")
    assert house.get(start.location, partner=None).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/fhir/Patient/_search"),
        ("POST", "/fhir/ValueSet/_search"),
        ("GET", "/fhir/Patient"),
        ("GET", "/fhir/Patient/x/_history"),
        ("GET", "/fhir/ValueSet"),
        ("GET", "/api/clients"),
        ("GET", "/fhir/CodeSystem/$lookup"),
    ],
)
def test_what_may_be_somebodys_name_is_not_quoted_as_that_of_a_parameter(house, method, path):
    """Such as a document that is sent as a form, all of which is then the name of one."""
    named = {'{"family": "Rider"}': "1"}
    options = {"data": named} if method == "POST" else {"query_string": named}
    answer = house.ask(method, path, **options)
    assert (answer.status_code, "Rider" in answer.text) == (400, False), answer.text
    misspelt = house.ask(method, path, **{key: {"famliy": "1"} for key in options})
    assert "famliy" in misspelt.text
