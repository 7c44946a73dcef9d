"""What is sealed is posted to a repository elsewhere, in order, at least once, whatever happens there."""

import http.server
import json
import threading
from contextlib import contextmanager

import pytest

from service.errors import Misconfigured, Unavailable
from service.flows.audit.feeding import BATCH, LAG
from service.settings import Settings
from service.store.audit.progress import SqlProgress
from service.store.audit.sealing import SqlSealing
from service.wire.fhir.check.model import structure
from service.wiring.auditing import feeding
from tests.store.test_audit_seals import Clock, record


class Repository(http.server.BaseHTTPRequestHandler):
    """Keeps what it takes, by path; answers what a test says."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.answers.pop(0) if self.server.answers else 201
        if status == 201:
            self.server.taken.append((self.path, self.headers["Content-Type"], body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def repository():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Repository) as server:
        server.taken, server.answers = [], []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def elsewhere():
    with repository() as server:
        yield server


def feed(engine, server):
    base = f"http://127.0.0.1:{server.server_port}/fhir"
    return feeding(Settings.from_env({"CASEBRIDGE_AUDIT_FEED": f"{base}/"}), engine, base)


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
