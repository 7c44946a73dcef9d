"""What a body is: all that was announced, at every route that reads one."""

import json
import re

import pytest

from tests.contracts.answered import described
from tests.faults.house import until
from tests.front.conftest import ENDS, FRAMINGS, answer, end, framed, head, said, serving
from tests.web.sent import ER7, a03, encounter

CUT = "The body ended before all of it had come; send it again."
ROUTES = [
    (method.upper(), path, next(iter(operation["requestBody"]["content"])).replace("*/*", "text/plain"))
    for path, operations in described()["paths"].items()
    for method, operation in operations.items()
    # where no tokens are used none of a body is read there, nor without the secret of a subscription
    if "requestBody" in operation and path not in {"/oauth2/token", "/notifications/{id_}"}
]
WHO = dict.fromkeys(("/fhir", "/fhir/Encounter", "/fhir/$process-message", "/hl7v2"), "mercy")
WHO |= dict.fromkeys(("/fhir/Group/{id}/$export", "/fhir/Group/{id}/$davinci-data-export"), "northern")
WHO |= {path: "cms" for method, path, _ in ROUTES if method == "PUT" and path.endswith("/{id}")}


@pytest.fixture(scope="module")
def entry(served):
    """What waits in quarantine: it names nobody."""
    raw = a03("MSG-0", visit="V-0").replace(b"PID|1||R-1^^^&urn:example:persons&URI||", b"PID|1||||")
    sender = served.connect()
    sender.sendall(head("POST", "/hl7v2", f"Content-Type: {ER7}", f"Content-Length: {len(raw)}") + raw)
    assert answer(sender)[0] == 200
    sender.close()
    (item,) = served.get("/api/quarantine").json()["items"]
    return item["id"]


def known(served, path):
    """The id of something there is, where a route looks for it before it reads."""
    if "{id}/$" not in path:
        return "x"
    type_ = path.split("/")[2]
    who = {"Casebridge-Partner": WHO[path]} if path in WHO else {}
    entries = served.get(f"/fhir/{type_}", **who).json().get("entry", [])
    return next((entry["resource"]["id"] for entry in entries), "x")


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_body_that_was_cut_off_is_none_wherever_one_is_read(served, entry, framing):
    before = served.kept()
    answers = {route: cut_off(served, framing, *route, entry) for route in ROUTES}
    assert answers == dict.fromkeys(ROUTES, (400, CUT))
    assert served.kept() == before


def cut_off(served, framing, method, path, kind, entry):
    """What a route answers whoever sends it the first of a body, which could be taken for a whole one."""
    body, sent = (b"{}" + b" " * 400, 2) if "json" in kind else (b"_count=1&status=active", 8)
    place = path.replace("{entry}", entry).replace("{type}", "Patient")
    place = re.sub(r"\{\w+\}", known(served, path), place)
    announced, first = framed(framing, body, sent)
    fields = [f"Content-Type: {kind}", announced, *["If-Match: *"] * (method in {"PUT", "PATCH"})]
    fields += ["Prefer: respond-async"] * ("export" in path or "Group/$" in path)
    with served.connect() as sender:
        sender.sendall(head(method, place, *fields, partner=WHO.get(path)) + first)
        end(sender, "finished")
        status, raw = answer(sender)
    return status, said(raw)


def test_a_request_for_a_token_that_was_cut_off_is_none(tmp_path):
    form = "application/x-www-form-urlencoded"
    with serving(tmp_path, "service", "serve", AUTH="smart") as served:
        answers = {
            framing: cut_off(served, framing, "POST", "/oauth2/token", form, "") for framing in FRAMINGS
        }
    assert answers == dict.fromkeys(FRAMINGS, (400, CUT))


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [("/hl7v2", ER7, a03("MSG-1", visit="V-1")), ("/fhir/Encounter", "application/fhir+json", None)],
    ids=["hl7v2", "fhir"],
)
def test_however_a_sender_ends_nothing_is_kept_of_what_was_cut_off(served, path, kind, body, framing, how):
    whole = body or json.dumps(encounter()).encode() + b"  "
    cut = whole.index(b"127295002") + 4 if body else len(whole) - 1
    before, refused = served.kept(), served.refusals(path)
    announced, first = framed(framing, whole, cut)
    sender = served.connect()
    sender.sendall(head("POST", path, f"Content-Type: {kind}", announced) + first)
    end(sender, how)
    until(lambda: served.refusals(path) == refused + 1, "the request was not answered")
    sender.close()
    assert served.kept() == before


@pytest.mark.parametrize("pieces", [1, 7, 200])
@pytest.mark.parametrize("length", [True, False], ids=["length", "chunks"])
def test_a_message_is_taken_in_whatever_pieces_it_comes(served, pieces, length):
    # its last segment has no terminator: that all of it came is told by HTTP
    number = f"{pieces}-{length}"
    raw = a03(f"WHOLE-{number}", person=f"P-{number}", visit=f"W-{number}").rstrip(b"\r")
    step = -(-len(raw) // pieces)
    parts = [raw[at : at + step] for at in range(0, len(raw), step)]
    fields = f"Content-Length: {len(raw)}" if length else "Transfer-Encoding: chunked"
    sender = served.connect()
    sender.sendall(head("POST", "/hl7v2", f"Content-Type: {ER7}", fields))
    for part in parts:
        sender.sendall(part if length else b"%x\r\n%s\r\n" % (len(part), part))
    if not length:
        sender.sendall(b"0\r\n\r\n")
    status, body = answer(sender)
    sender.close()
    assert (status, b"\rMSA|AA|" in body) == (200, True), body


@pytest.mark.parametrize(
    ("fields", "sent", "wanted"),
    [
        (["Content-Length: 20000000"], b"", 413),
        (["Content-Length: 20000000", "Expect: 100-continue"], b"", 413),
        (["Content-Length: 20000000"], b"x" * 20_000_000, 413),
        (["Transfer-Encoding: chunked"], b"%x\r\n%s\r\n" % (12_000_000, b"x" * 12_000_000), 413),
        (["Transfer-Encoding: gzip, chunked"], b"0\r\n\r\n", 415),
    ],
    ids=["announced", "expecting", "all of it sent", "in chunks", "coded"],
)
@pytest.mark.parametrize("path", ["/hl7v2", "/fhir"])
def test_what_cannot_be_taken_is_refused_before_it_has_come(served, path, fields, sent, wanted):
    kind = ER7 if path == "/hl7v2" else "application/fhir+json"
    sender = served.connect()
    sender.sendall(head("POST", path, f"Content-Type: {kind}", *fields) + sent)
    assert answer(sender)[0] == wanted
    sender.close()


def test_who_expects_to_go_on_is_told_to(served):
    raw = a03("EXPECT", visit="W-expect")
    fields = (f"Content-Type: {ER7}", f"Content-Length: {len(raw)}", "Expect: 100-continue")
    sender = served.connect()
    sender.sendall(head("POST", "/hl7v2", *fields))
    assert answer(sender) == (100, b"")
    sender.sendall(raw)
    assert answer(sender)[0] == 200
    sender.close()
