"""What is sealed is posted to a repository elsewhere, in order, at least once, whatever happens there."""

import http.server
import json
import ssl
import threading
from contextlib import contextmanager
from ipaddress import ip_address

import pytest
from cryptography import x509

from service.errors import Misconfigured, Unavailable
from service.flows.audit.feeding import BATCH, LAG
from service.settings import Settings
from service.store.audit.progress import SqlProgress
from service.store.audit.sealing import SqlSealing
from service.wire.fhir.check.model import structure
from service.wiring.auditing import feeding
from tests.receive.authority import Authority
from tests.store.test_audit_seals import Clock, record


class Repository(http.server.BaseHTTPRequestHandler):
    """Keeps what it takes, by path; answers what a test says."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.answers.pop(0) if self.server.answers else 201
        self.server.tokens.append(self.headers.get("Authorization"))
        if status == 201:
            self.server.taken.append((self.path, self.headers["Content-Type"], body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def repository(context=None):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Repository) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.taken, server.answers, server.tokens = [], [], []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def elsewhere():
    with repository() as server:
        yield server


def feed(engine, server, scheme="http", **more):
    base = f"{scheme}://127.0.0.1:{server.server_port}/fhir"
    named = {f"CASEBRIDGE_AUDIT_FEED_{name}": str(path) for name, path in more.items()}
    return feeding(Settings.from_env({"CASEBRIDGE_AUDIT_FEED": f"{base}/", **named}), engine, base)


def seal(engine, count):
    record(engine, count)
    while SqlSealing(engine, Clock()).seal():
        pass


def rows(server):
    return sorted(int(body["id"].partition("-")[0]) for _, _, body in server.taken)


def lag():
    return LAG.collect()[0].samples[0].value


def test_each_event_that_is_sealed_is_posted_once_and_the_next_ones_later(engine, elsewhere):
    seal(engine, 3)
    record(engine, 1)
    sending = feed(engine, elsewhere)
    assert sending.turn() > 0
    assert rows(elsewhere) == [1, 2, 3]
    path, media_type, event = elsewhere.taken[0]
    assert (path, media_type) == ("/fhir/AuditEvent", "application/fhir+json")
    assert (event["resourceType"], list(structure(event))) == ("AuditEvent", [])
    seal(engine, 0)
    sending.turn()
    sending.close()
    again = feed(engine, elsewhere)
    assert again.turn() > 0
    again.close()
    assert (rows(elsewhere), SqlProgress(engine).position(), lag()) == ([1, 2, 3, 4], 4, 0)


@pytest.mark.parametrize("status", [400, 302, 500])
def test_one_that_is_not_taken_is_sent_again_and_none_is_lost(engine, elsewhere, status, capsys):
    seal(engine, 20)
    sending = feed(engine, elsewhere)
    elsewhere.answers = [201, 201, status, 201]
    with pytest.raises(Unavailable):
        sending.turn()
    assert SqlProgress(engine).position() < 20
    assert lag() == 20 - SqlProgress(engine).position()
    sending.turn()
    sending.close()
    assert (sorted(set(rows(elsewhere))), SqlProgress(engine).position()) == (list(range(1, 21)), 20)
    said = "".join(capsys.readouterr())
    assert "audit_feed_refused" in said
    assert "CarePlan" not in said


def test_a_repository_that_is_away_gets_all_when_it_is_back(engine):
    seal(engine, 5)
    with repository() as gone:
        pass
    sending = feed(engine, gone)
    with pytest.raises(Unavailable):
        sending.turn()
    sending.close()
    assert SqlProgress(engine).position() == 0
    with repository() as back:
        sending = feed(engine, back)
        sending.turn()
        sending.close()
        assert rows(back) == [1, 2, 3, 4, 5]


def test_of_two_workers_one_sends_and_the_other_stands_by(engine, elsewhere):
    seal(engine, 2)
    first, second = feed(engine, elsewhere), feed(engine, elsewhere)
    first.turn()
    seal(engine, 1)
    assert second.turn() > 0
    assert rows(elsewhere) == [1, 2]
    first.close()
    second.turn()
    second.close()
    assert rows(elsewhere) == [1, 2, 3]


def test_more_than_a_batch_is_sent_one_after_the_other(engine, elsewhere):
    seal(engine, BATCH + 5)
    sending = feed(engine, elsewhere)
    assert sending.turn() == 0
    assert sending.turn() > 0
    sending.close()
    assert rows(elsewhere) == list(range(1, BATCH + 6))


def test_the_repository_is_shown_the_token_that_a_file_holds_then(engine, elsewhere, tmp_path):
    file = tmp_path / "token"
    file.write_text("first.token==\n")
    sending = feed(engine, elsewhere, TOKEN_FILE=file)
    seal(engine, 1)
    sending.turn()
    file.write_text("second")
    seal(engine, 1)
    sending.turn()
    file.unlink()
    seal(engine, 1)
    with pytest.raises(Unavailable):
        sending.turn()
    sending.close()
    assert elsewhere.tokens == ["Bearer first.token==", "Bearer second"]


def test_a_repository_that_asks_for_a_certificate_is_shown_ours(engine, tmp_path, monkeypatch):
    authority = Authority(tmp_path, "authority")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.pem)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*authority.sign("server", x509.IPAddress(ip_address("127.0.0.1"))))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    certificate, key = authority.sign("casebridge")
    seal(engine, 1)
    with repository(context) as server:
        # whom it does not know it does not answer, and says so on standard error
        monkeypatch.setattr(server, "handle_error", lambda *_: None)
        stranger = feed(engine, server, "https")
        with pytest.raises(Unavailable):
            stranger.turn()
        stranger.close()
        known = feed(engine, server, "https", CERTIFICATE=certificate, KEY=key)
        known.turn()
        known.close()
        assert rows(server) == [1]


@pytest.mark.parametrize("text", ["", "two words", "a\r\nHost: elsewhere", "täglich"])
def test_a_file_that_holds_no_token_is_refused_at_the_start(engine, elsewhere, tmp_path, text):
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(Misconfigured, match="CASEBRIDGE_AUDIT_FEED_TOKEN_FILE"):
        feed(engine, elsewhere, TOKEN_FILE=file)
    with pytest.raises(Misconfigured, match="CASEBRIDGE_AUDIT_FEED_TOKEN_FILE"):
        feed(engine, elsewhere, TOKEN_FILE=tmp_path / "nowhere")


def test_a_certificate_without_its_key_and_a_key_without_one_are_refused(engine, elsewhere, tmp_path):
    certificate, key = Authority(tmp_path, "authority").sign("casebridge")
    for named in ({"CERTIFICATE": certificate}, {"KEY": key}, {"CERTIFICATE": key, "KEY": key}):
        with pytest.raises(Misconfigured, match="CASEBRIDGE_AUDIT_FEED_CERTIFICATE"):
            feed(engine, elsewhere, **named)


@pytest.mark.parametrize(
    "url",
    [
        "http://audit.example/fhir",
        "https://",
        "ftp://audit.example",
        "https://a:b@audit.example",
        "https://x?y",
    ],
)
def test_an_address_where_it_would_go_in_the_clear_or_nowhere_is_refused(url):
    with pytest.raises(Misconfigured, match="CASEBRIDGE_AUDIT_FEED"):
        Settings.from_env({"CASEBRIDGE_AUDIT_FEED": url})
    assert Settings.from_env({"CASEBRIDGE_AUDIT_FEED": "https://audit.example/r4/"}).audit_feed.endswith("r4")
