"""In which form an answer comes: unless it was changed, without its body, indented, compressed."""

import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.http import http_date

from tests.web.sent import Mercy, encounter

FHIR = "application/fhir+json"


@pytest.fixture
def registry(tmp_path):
    """A case system that may put back what it reads, and a hospital."""
    path = tmp_path / "partners.yaml"
    path.write_text(
        "partners: [{name: cms, kind: case-system, writes: [CarePlan]}, {name: mercy, kind: hospital}]",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def database_url(sqlite_url):
    """The form is the same on both."""
    return sqlite_url


def place(rivers_house):
    return f"/fhir/CarePlan/{rivers_house.one('CarePlan')['id']}"


def test_what_was_not_changed_since_is_not_sent_again(rivers_house):
    for path in (place(rivers_house), f"{place(rivers_house)}/_history/1"):
        first = rivers_house.get(path)
        said = first.headers["Last-Modified"]
        assert said == http_date(datetime.fromisoformat(first.json["meta"]["lastUpdated"]))
        same = rivers_house.get(path, headers={"If-Modified-Since": said})
        assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", 'W/"1"')
        earlier = http_date(first.last_modified - timedelta(seconds=1))
        assert rivers_house.get(path, headers={"If-Modified-Since": earlier}).json == first.json


def test_an_entity_tag_is_heeded_before_a_date_and_what_is_no_date_is_not_heeded(rivers_house):
    """RFC 9110, sections 13.1.3 and 13.2.2."""
    later = http_date(datetime.now(UTC) + timedelta(days=1))
    for headers, status in (
        ({"If-None-Match": 'W/"7"', "If-Modified-Since": later}, 200),
        ({"If-None-Match": 'W/"1"', "If-Modified-Since": http_date(0)}, 304),
        ({"If-Modified-Since": "yesterday"}, 200),
        ({"If-Modified-Since": "2999-01-01T00:00:00Z"}, 200),
    ):
        assert rivers_house.get(place(rivers_house), headers=headers).status_code == status, headers


def paths_of_fhir(rivers_house):
    """An address of each route below /fhir that is read."""
    plan = rivers_house.one("CarePlan")["id"]
    event = rivers_house.get("/fhir/AuditEvent", partner=None).json["entry"][0]["resource"]["id"]
    for rule in rivers_house.app.url_map.iter_rules():
        if "GET" in rule.methods and rule.rule.startswith("/fhir"):
            path = rule.rule.replace("<int:version>", "1").replace("<type_>", "CarePlan")
            path = path.replace("<compartment>/<id_>", "Patient/x")
            if "AuditEvent" in path:
                yield path.replace("<id_>", event)
            elif "/<id_>" in path and not path.startswith("/fhir/CarePlan"):
                type_ = path.split("/")[2]
                some = rivers_house.get(f"/fhir/{type_}").json.get("entry", [])
                yield path.replace("<id_>", some[0]["resource"]["id"] if some else "none")
            else:
                yield path.replace("<id_>", plan)


def test_head_has_the_headers_of_get_and_no_body(rivers_house):
    """RFC 9110, section 9.3.2; also where the answer is what an operation lacks."""
    paths = list(paths_of_fhir(rivers_house))
    assert len(paths) > 15
    for path in paths:
        for headers in ({}, {"Accept-Encoding": "gzip"}):
            full = rivers_house.get(path, partner=None, headers=headers)
            head = rivers_house.ask("HEAD", path, partner=None, headers=headers)
            assert (head.status_code, head.data) == (full.status_code, b""), path
            assert set(head.headers.keys()) == set(full.headers.keys()), path
            kept = ("Content-Type", "Content-Length", "Content-Encoding", "ETag", "Last-Modified", "Vary")
            if "AuditEvent" not in path:
                assert [head.headers.get(name) for name in kept] == [full.headers.get(n) for n in kept], path


@pytest.mark.parametrize("path", ["plan", "/fhir/CarePlan", "/fhir/metadata", "/fhir/ValueSet", "none"])
def test_who_asks_for_it_gets_an_indented_answer(rivers_house, path):
    path = {"plan": place(rivers_house), "none": "/fhir/Patient/none"}.get(path, path)
    plain, pretty = (
        rivers_house.get(f"{path}?_pretty=false"),
        rivers_house.get(f"{path}?_pretty=true&_format=json"),
    )
    assert (pretty.status_code, pretty.content_type) == (plain.status_code, FHIR)
    assert plain.data.count(b"\n") == 0
    assert pretty.data.startswith(b'{\n "resourceType"')
    assert {**pretty.json, "link": 0} == {**plain.json, "link": 0}


@pytest.mark.parametrize("query", ["_pretty=yes", "_pretty=", "_pretty=TRUE"])
def test_another_word_is_refused_with_the_parameters_name(rivers_house, query):
    for path in ("/fhir/CarePlan", "/fhir/metadata", "/fhir/ValueSet", place(rivers_house)):
        answer = rivers_house.get(f"{path}?{query}")
        assert (answer.status_code, answer.json["issue"][0]["expression"]) == (400, ["_pretty"])


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate, gzip;q=0.5", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("br", None),
        ("identity, gzip;q=0.5", None),
        ("*;q=0.1, gzip;q=0", None),
        ("", None),
    ],
)
def test_who_takes_gzip_gets_it(rivers_house, accepted, coding):
    path = f"{place(rivers_house)}/_history"
    plain = rivers_house.get(path)
    answer = rivers_house.get(path, headers={"Accept-Encoding": accepted})
    assert (answer.content_encoding, answer.content_type) == (coding, FHIR)
    assert (gzip.decompress(answer.data) if coding else answer.data) == plain.data
    for asked in (plain, answer):
        assert asked.headers["Vary"] == "Accept-Language, Accept-Encoding"


def test_what_is_small_is_not_compressed(rivers_house):
    answer = rivers_house.get("/fhir/Patient/none", headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.content_encoding, answer.headers["Vary"]) == (
        404,
        None,
        "Accept-Encoding",
    )
    assert len(rivers_house.get("/fhir/metadata", headers={"Accept-Encoding": "gzip"}).data) < 6_000


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("return=minimal", "return=minimal"),
        ("handling=lenient, return=OperationOutcome;x=1", "return=OperationOutcome"),
        ("return=representation", None),
        ("return=all", None),
        ("respond-async", None),
    ],
)
def test_who_puts_a_resource_says_how_much_of_it_comes_back(rivers_house, prefer, applied):
    plan = rivers_house.one("CarePlan")
    headers = {"If-Match": 'W/"1"', "Content-Type": FHIR, "Prefer": prefer}
    answer = rivers_house.put(place(rivers_house), plan, headers=headers)
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"1"')
    assert answer.headers.get("Preference-Applied") == applied
    type_ = json.loads(answer.data)["resourceType"] if answer.data else None
    expected = {"return=minimal": None, "return=OperationOutcome": "OperationOutcome"}
    assert type_ == expected.get(applied, "CarePlan")


def test_a_hospital_that_wants_no_body_gets_none_unless_its_stay_waits(rivers_house):
    mercy = Mercy(rivers_house)
    minimal = {"Prefer": "return=minimal"}
    sent = mercy.send("/fhir/Encounter", encounter(), **minimal)
    assert (sent.status_code, sent.data, "Location" in sent.headers) == (201, b"", True)
    waits = encounter(subject={"reference": "Patient/unknown"})
    kept = mercy.send("/fhir/Encounter", waits, **minimal)
    assert (kept.status_code, kept.json["resourceType"]) == (202, "OperationOutcome")
