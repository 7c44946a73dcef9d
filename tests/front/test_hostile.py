"""Bodies and heads made to harm: each is refused, within bounds of memory, and the service goes on."""

import gzip
import re
from pathlib import Path

import pytest

from tests.contracts.answered import described
from tests.faults.test_server import children
from tests.front.conftest import answer, head
from tests.web.sent import ER7, FHIR, a03

MOST_KB = 150_000
"""How much more memory than after its start a process may ever have had."""
FORM = "application/x-www-form-urlencoded"
LAUGHS = b'<!DOCTYPE x [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (ord("b") + number, b"&%c;" % (ord("a") + number) * 10) for number in range(9)
)
BODIES = {
    "nothing": b"",
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 200_000,
    "deep and whole": b"[" * 50_000 + b"]" * 50_000,
    "wide": b"[" + b"{}," * 100_000 + b"{}]",
    "wide in resources": b'{"resourceType":"Bundle","entry":[' + b"{}," * 300_000 + b"{}]}",
    "the same key": b'{"resourceType":"Bundle",' + b'"a":1,' * 100_000 + b'"a":1}',
    "many keys": b"{" + b",".join(b'"k%d":1' % number for number in range(50_000)) + b"}",
    "a long number": b'{"a":' + b"9" * 300_000 + b"}",
    "a huge exponent": b'{"resourceType":"Encounter","a":1e999999999}',
    "a long fraction": b'{"a":0.' + b"1" * 300_000 + b"}",
    "a long key": b'{"' + b"k" * 300_000 + b'":1}',
    "a long text": b'{"resourceType":"Encounter","status":"' + b"x" * 300_000 + b'"}',
    "half a surrogate": b'{"a":"\\ud800"}',
    "NUL": b'{"a":"\\u0000"}',
    "no UTF-8": b"\xff\xfe" * 1_000,
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>',
    "a billion laughs": LAUGHS + b"]><x>&j;</x>",
    "NaN": b'{"resourceType":"Encounter","a":NaN}',
    "a type that is none": b'{"resourceType":{"a":["Bundle"]},"entry":"x"}',
    "fields of a form": b"&".join(b"a%d=1" % number for number in range(50_000)),
    "one segment": b"MSH|^~\\&|" + b"a" * 300_000,
    "many segments": b"MSH|^~\\&|A|B|C|D|20260302||ADT^A03|1|P|2.5\r" + b"PID|\r" * 100_000,
    "many repetitions": b"MSH|^~\\&|A|B|C|D|20260302||ADT^A03|1|P|2.5\rPID|1||" + b"1^^^X~" * 100_000,
    "many components": b"MSH|^~\\&|A|B|C|D|20260302||ADT^A03|1|P|2.5\rPID|1||" + b"^&" * 200_000,
    "many escapes": b"MSH|^~\\&|A|B|C|D|20260302||ADT^A03|1|P|2.5\rPID|1||" + b"\\X00\\" * 100_000,
    "separators that are all the same": b"MSH|||||" + b"|" * 100_000,
}
CODED = {
    "a bomb": (gzip.compress(b"\0" * 200_000_000), "gzip"),
    "a bomb of members": (gzip.compress(b"") * 100_000, "gzip"),
    "half": (gzip.compress(b"{}" * 1_000)[:-9], "gzip"),
    "none": (b"{}", "gzip"),
    "another": (b"{}", "br"),
}
HEADS = {
    "a long path": ("GET", "/fhir/Patient/" + "x" * 20_000, ()),
    "a long query": ("GET", "/fhir/Patient?family=" + "x" * 20_000, ()),
    "many parameters": ("GET", "/fhir/Patient?" + "&".join(["family=x"] * 1_500), ()),
    "a path upwards": ("GET", "/docs/../../../etc/passwd", ()),
    "a coded path upwards": ("GET", "/docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd", ()),
    "NUL in the path": ("GET", "/fhir/Patient/%00", ()),
    "no UTF-8 in the path": ("GET", "/fhir/Patient/%ff%fe", ()),
    "no UTF-8 in the query": ("GET", "/fhir/Patient?family=%ff%fe", ()),
    "another's address": ("GET", "http://elsewhere.example/fhir/Patient/x", ()),
    "many fields": ("GET", "/fhir/CarePlan/x", [f"X-{number}: x" for number in range(500)]),
    "a long field": ("GET", "/fhir/CarePlan/x", ["X-Long: " + "x" * 100_000]),
    "many media types": ("GET", "/fhir/CarePlan/x", ["Accept: " + ",".join(["a/b;q=0.1"] * 2_000)]),
    "many languages": ("GET", "/fhir/CarePlan/x", ["Accept-Language: " + ",".join(["aa-bb;q=0.1"] * 2_000)]),
    "many tags": ("GET", "/fhir/CarePlan/x", ["If-None-Match: " + ",".join(['W/"1"'] * 3_000)]),
    "a quality that is none": ("GET", "/fhir/CarePlan/x", ["Accept: a/b;q=" + "9" * 5_000]),
    "a long id": ("GET", "/fhir/CarePlan/x", ["X-Correlation-Id: " + "x" * 20_000]),
    "many ranges": ("GET", "/fhir/CarePlan/x", ["Range: bytes=" + ",".join(["0-1"] * 5_000)]),
    "a cookie": ("GET", "/fhir/CarePlan/x", ["Cookie: " + ";".join(["a=b"] * 5_000)]),
    "an upgrade": ("GET", "/fhir/CarePlan/x", ["Connection: Upgrade", "Upgrade: websocket"]),
    "a method that is none": ("BREW", "/fhir/CarePlan", ()),
    "TRACE": ("TRACE", "/fhir/CarePlan", ()),
    "a long method": ("X" * 20_000, "/fhir/CarePlan", ()),
    "a length that is none": ("POST", "/hl7v2", ["Content-Length: -1"]),
    "two lengths": ("POST", "/hl7v2", ["Content-Length: 1", "Content-Length: 2"]),
    "a length and chunks": ("POST", "/hl7v2", ["Content-Length: 1", "Transfer-Encoding: chunked"]),
    "a length beyond numbers": ("POST", "/hl7v2", ["Content-Length: 99999999999999999999999"]),
    "a version that is none": ("GET", "/fhir/CarePlan HTTP/9.9\r\nX: ", ()),
}
ROUTES = [
    (
        method.upper(),
        path,
        next(iter(operation["requestBody"]["content"])).replace("*/*", "text/plain"),
    )
    for path, operations in described()["paths"].items()
    for method, operation in operations.items()
    if "requestBody" in operation and path != "/oauth2/token"
]
# who may send there: anybody else is answered unread
HOSPITALS = ("/fhir", "/fhir/Encounter", "/fhir/$process-message", "/hl7v2")
WHO = {
    path: "mercy" if path in HOSPITALS else "" if "/quarantine" in path else "cms" for _, path, _ in ROUTES
}


def peaks(served):
    """The most memory that each of its processes has had, in kB."""
    by_pid = {}
    for pid in children(served.process.pid):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        by_pid[pid] = int(re.search(r"VmHWM:\s+(\d+)", status)[1])
    return by_pid


@pytest.fixture(scope="module")
def memory(served):
    """Holds the most memory of each process to what it had at first."""
    before = peaks(served)
    yield
    after = peaks(served)
    assert after.keys() == before.keys(), "one has died and was replaced"
    grown = {pid: after[pid] - before[pid] for pid in before}
    assert max(grown.values()) < MOST_KB, grown


def status_of(served, method, path, body=b"", fields=(), partner="mercy"):
    """The status that is answered; 0 where the connection ends without an answer."""
    announced = [f"Content-Length: {len(body)}"] if body or method in {"POST", "PUT", "PATCH"} else []
    if any(field.startswith(("Content-Length", "Transfer-Encoding")) for field in fields):
        announced = []
    with served.connect() as sender:
        try:
            sender.sendall(head(method, path, *fields, *announced, partner=partner) + body)
            return answer(sender)[0]
        except ConnectionError:
            return 0


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_made_to_harm_is_refused_wherever_one_is_read(served, memory, name):
    statuses = {}
    for method, path, kind in ROUTES:
        fields = (f"Content-Type: {kind}", "If-Match: *")
        place = re.sub(r"\{\w+\}", "x", path)
        statuses[method, path] = status_of(served, method, place, BODIES[name], fields, WHO[path])
    assert {status for status in statuses.values() if not 400 <= status < 500} <= {200, 201, 202}, statuses
    assert served.get("/health/ready").ok


@pytest.mark.parametrize("name", CODED)
def test_a_body_that_is_compressed_to_harm_is_refused(served, memory, name):
    body, coding = CODED[name]
    for path, kind in (("/hl7v2", ER7), ("/fhir", FHIR), ("/fhir/Patient/_search", FORM)):
        fields = (f"Content-Type: {kind}", f"Content-Encoding: {coding}")
        assert 400 <= status_of(served, "POST", path, body, fields) < 500, path
    assert served.get("/health/ready").ok


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_made_to_harm_is_answered_or_hung_up_on(served, memory, name):
    method, path, fields = HEADS[name]
    status = status_of(served, method, path, fields=fields)
    assert status == 0 or 200 <= status < 500, status
    assert served.get("/health/ready").ok


def test_honest_senders_are_served_after_all_this(served, memory):
    raw = a03("AFTER", visit="V-after")
    assert status_of(served, "POST", "/hl7v2", raw, (f"Content-Type: {ER7}",)) == 200
