"""What is over a limit is refused with the limit and what to do; the limits are settings."""

import gzip
import json

import pytest

from service.errors import Malformed, TooLarge
from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.store.sql import engine as sql
from service.wire.gzip import MEMBERS, inflate
from service.wiring import rooms, serving
from tests.contracts.answered import CheckedClient
from tests.web.conftest import REGISTRY
from tests.web.sent import ER7, FHIR, a03, encounter

CLIENT = {"names": [{"family": "Known"}]}
LIMITS = {
    "MAX_INFLATED_BYTES": "20000",
    "MAX_BODY_BYTES": "10000",
    "MAX_DEPTH": "20",
    "MAX_ENTRIES": "3",
    "MAX_COUNT": "2",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory, mappings):
    """Asks one application with small limits."""
    folder = tmp_path_factory.mktemp("limits")
    (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    values = {
        "AUTH": "off",
        "DATABASE_URL": f"sqlite:///{folder}/casebridge.db",
        "PARTNERS": str(folder / "partners.yaml"),
        **LIMITS,
    }
    settings = Settings.from_env({f"CASEBRIDGE_{name}": value for name, value in values.items()})
    engine = rooms.database(settings)
    upgrade(engine)
    app = serving.application(settings, engine, mappings)
    app.test_client_class = CheckedClient
    yield app.test_client()
    engine.dispose()


def sent(client, method, path, body, partner="cms", kind="application/json", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.open(
        path, method=method, data=body, content_type=kind, headers={"Casebridge-Partner": partner, **named}
    )


def nested(depth):
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def bundle(count):
    entry = {"resource": encounter(), "request": {"method": "POST", "url": "Encounter"}}
    return json.dumps({"resourceType": "Bundle", "type": "batch", "entry": [entry] * count}).encode()


def put(client, body, **headers):
    return sent(client, "PUT", "/api/clients/c", body, **headers)


@pytest.mark.parametrize(
    ("path", "body", "partner", "status", "word"),
    [
        ("/api/mappings/$preview", nested(20), "cms", 422, "document"),
        ("/api/mappings/$preview", nested(21), "cms", 400, "20 deep"),
        ("/fhir/Encounter", nested(21), "mercy", 400, "20 deep"),
        ("/fhir/ConceptMap/$translate", nested(21), "cms", 400, "20 deep"),
        ("/fhir", bundle(3), "mercy", 200, ""),
        ("/fhir", bundle(4), "mercy", 413, "over 3 entries"),
        ("/api/mappings/$preview", b'"' + b"x" * 20_001 + b'"', "cms", 413, "20000 bytes"),
    ],
)
def test_a_body_over_a_limit_is_told_so(client, path, body, partner, status, word):
    kind = FHIR if path.startswith("/fhir") else "application/json"
    answer = sent(client, "POST", path, body, partner, kind)
    assert (answer.status_code, word in answer.text) == (status, True), answer.text


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP"])
def test_a_body_compressed_with_gzip_is_read_as_what_it_was(client, coding):
    whole = json.dumps(CLIENT).encode()
    answer = put(client, gzip.compress(whole), Content_Encoding=coding)
    assert answer.status_code in {201, 428}, answer.text
    hl7 = sent(client, "POST", "/hl7v2", gzip.compress(a03("Z")), "mercy", ER7, Content_Encoding=coding)
    assert (hl7.status_code, b"MSA|AA" in hl7.data) == (200, True)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (gzip.compress(b" " * 20_001), 413, "20000 bytes"),
        (gzip.compress(b" " * 50_000_000), 413, "20000 bytes"),
        (gzip.compress(json.dumps(CLIENT).encode())[:-1], 400, "cut off"),
        (gzip.compress(json.dumps(CLIENT).encode())[:9], 400, "cut off"),
        (b"", 400, "cut off"),
        (b"no gzip", 400, "not gzip"),
        (gzip.compress(b"{}") + b"more", 400, "not gzip"),
        (gzip.compress(b"") * (MEMBERS + 1), 400, "members"),
        (gzip.compress(gzip.compress(b"{}")), 400, "UTF-8"),
    ],
    ids=range(9),
)
def test_what_is_no_whole_gzip_or_too_much_is_refused(client, body, status, word):
    answer = put(client, body, Content_Encoding="gzip")
    assert (answer.status_code, word in answer.text) == (status, True), answer.text


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip", "nonsense"])
def test_any_other_coding_is_refused(client, coding):
    answer = put(client, b"{}", Content_Encoding=coding)
    assert (answer.status_code, "gzip" in answer.text) == (415, True)


def test_of_a_bomb_no_more_is_inflated_than_may_be():
    with pytest.raises(TooLarge):
        inflate(gzip.compress(b"\0" * 100_000_000), 1_000)
    assert inflate(gzip.compress(b"a") + gzip.compress(b"b"), 2) == b"ab"
    with pytest.raises(Malformed, match="members"):
        inflate(gzip.compress(b"") * 100_000, 1_000)


def test_an_address_over_the_limit_is_told_so(client):
    answer = client.get(f"/fhir/Patient?family={'x' * 16_384}", headers={"Casebridge-Partner": "cms"})
    assert (answer.status_code, "16384" in answer.text) == (414, True)


def test_a_link_to_the_next_page_is_an_address_that_is_taken(client):
    for number in range(3):
        known = {"names": [{"family": "Several"}]}
        assert sent(client, "PUT", f"/api/clients/several-{number}", json.dumps(known)).status_code == 201
    names = ",".join(["several"] * 9 + ["x" * 990] * 9)
    form = {"family": names, "_count": "1"}
    asked = {"Casebridge-Partner": "cms"}
    first = client.post("/fhir/Patient/_search", data=form, headers=asked)
    (link,) = [link["url"] for link in first.json["link"] if link["relation"] == "next"]
    second = client.get(link.partition("8080")[2], headers=asked)
    assert (second.status_code, len(second.json["entry"])) == (200, 1)
    more = client.post("/fhir/Patient/_search", data={"family": f"{names},{'x' * 500}"}, headers=asked)
    assert (more.status_code, "9000 bytes" in more.text) == (400, True)


@pytest.mark.parametrize("count", ["", "_count=100", "_count=99999"])
def test_no_page_has_more_than_may_be(client, count):
    for number in range(3):
        known = {"names": [{"family": "Paged"}]}
        assert sent(client, "PUT", f"/api/clients/paged-{number}", json.dumps(known)).status_code in {
            201,
            428,
        }
    for path, member in (("/fhir/Patient", "entry"), ("/api/clients", "items")):
        answer = client.get(f"{path}?{count}", headers={"Casebridge-Partner": "cms"})
        assert len(answer.json[member]) == 2


def test_a_read_that_takes_the_database_too_long_is_told_so(client, tmp_path, mappings, monkeypatch):
    monkeypatch.setattr(sql, "STEPS", 1)
    settings = Settings.from_env({"CASEBRIDGE_AUTH": "off"})
    engine = sql.connect(f"sqlite:///{tmp_path}/casebridge.db", read_seconds=60)
    upgrade(engine)
    hasty = serving.application(settings, engine, mappings).test_client()
    engine.update_execution_options(**{sql.READ_SECONDS: 0})
    answer = hasty.get("/fhir/Patient?family=e")
    assert (answer.status_code, "ask for less" in answer.text) == (503, True)
    engine.dispose()
