"""The process `casebridge mllp`: real sockets, and what is in the database after a positive answer."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509

from service.receive.mllp.framing import frame_of
from service.settings import Settings
from service.wire.hl7v2.er7.read import LIMIT
from service.wiring import operator
from tests.receive.authority import Authority, client_context
from tests.receive.conftest import SECONDS, Client
from tests.receive.test_proxied import header
from tests.server_process import free_port
from tests.web.sent import a03

REGISTRY = """partners:
  - name: mercy
    kind: hospital
    intake: {senders: [{application: ADT, facility: MERCY, addresses: [127.0.0.1]}]}
  - name: elsewhere
    kind: hospital
    intake: {senders: [{application: ADT, facility: ELSEWHERE, addresses: [10.0.0.0/8]}]}
  - name: harbor
    kind: hospital
    intake: {senders: [{application: ADT, facility: HARBOR, certificates: [CN=adt.harbor.test]}]}
  - name: city
    kind: hospital
    intake: {senders: [{facility: CITY, certificates: ["DNS:engine.city.test"]}]}
"""


class Process:
    """A process that listens, and connections to it."""

    def __init__(self, process, port):
        self._process, self._port = process, port

    @contextmanager
    def connected(self, context=None, address="127.0.0.1"):
        with socket.create_connection(("127.0.0.1", self._port), SECONDS, (address, 0)) as plain:
            if context is None:
                yield Client(plain)
                return
            with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                yield Client(wrapped)

    def answered(self, raw, context=None):
        """What one message on a connection of its own is answered."""
        with self.connected(context) as client:
            client.send(raw)
            return client.acknowledgement()

    def is_refused(self, context=None):
        """Whether a connection comes to nothing before a message on it is answered."""
        try:
            with self.connected(context) as client:
                client.send(a03())
                return client.hung_up()
        except OSError:
            return True

    def megabytes(self):
        """How much memory the process holds."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        (held,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
        return int(held) / 1024


def settings_on(folder, url):
    (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    environment = {"CASEBRIDGE_AUTH": "off", "CASEBRIDGE_DATABASE_URL": url}
    return {**environment, "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml")}


@contextmanager
def listening(settings, *options):
    """A process that listens; it ends in good order."""
    port = free_port()
    words = [sys.executable, "-m", "service", "mllp", "--port", str(port), *options]
    with subprocess.Popen(words, env={**os.environ, **settings}) as process:
        try:
            until = time.monotonic() + 240
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), SECONDS).close()
                    break
                except OSError:
                    assert process.poll() is None
                    assert time.monotonic() < until, "it does not listen"
                    time.sleep(0.1)
            yield Process(process, port)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0


@pytest.fixture
def settings(tmp_path, database_url):
    return settings_on(tmp_path, database_url)


@pytest.fixture
def on_sqlite(tmp_path, sqlite_url):
    return settings_on(tmp_path, sqlite_url)


def cases(settings):
    return list(operator.cases(Settings.from_env(settings), None))


def codes(*answers):
    return [(answer.first("MSA").value(1), answer.first("MSA").value(2)) for answer in answers]


def of(facility, control_id):
    return a03(control_id).replace(b"|MERCY|", b"|%s|" % facility)


def test_what_is_acknowledged_is_a_case_and_what_is_not_says_why(settings):
    strange, newer = of(b"ELSEWHERE", "M3"), a03("M4").replace(b"|P|2.5", b"|P|9")
    with listening(settings) as process, process.connected() as sender:
        sender.send(a03("M1"), a03("M1"), strange, newer, a03("M5", msh11="T"))
        first = sender.answer()
        assert sender.answer() == first
        answers = [sender.acknowledgement() for _ in range(3)]
    assert b"MSA|AA|M1" in first
    assert codes(*answers) == [("AR", "M3"), ("AR", "M4"), ("AA", "M5")]
    assert "No partner is registered" in answers[0].first("ERR").value(8)
    (case,) = cases(settings)
    assert case.body["status"] == "planned"
    assert case.source == "mercy"


def test_who_asks_for_both_acknowledgements_gets_the_applications_after_that_of_custody(settings):
    def both(control_id, application, **more):
        return a03(control_id, **more).replace(b"|P|2.5", f"|P|2.5|||AL|{application}".encode())

    strange = both("M3", "AL").replace(b"|P|2.5", b"|P|9")
    waits = [both(f"M{n}", wish, person="", visit=f"V-{n}") for n, wish in ((4, "ER"), (5, "SU"))]
    with listening(settings) as process, process.connected() as sender:
        sender.send(both("M1", "AL"))
        first = [sender.answer(), sender.answer()]
        sender.send(both("M1", "AL"))
        assert [sender.answer(), sender.answer()] == first
        sender.send(both("M2", "ER", visit="V-2"), strange, *waits, a03("M6", visit="V-6"))
        answers = [sender.acknowledgement() for _ in range(6)]
    assert [b"MSA|CA|M1" in first[0], b"MSA|AA|M1" in first[1]] == [True, True]
    assert codes(*answers) == [
        ("CA", "M2"),
        ("CR", "M3"),
        ("CA", "M4"),
        ("AE", "M4"),
        ("CA", "M5"),
        ("AA", "M6"),
    ]
    assert "quarantine" in answers[3].first("ERR").value(8)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


@pytest.fixture
def tls(authority):
    """The options of a process that has a certificate and asks its clients for theirs."""
    certificate, key = authority.sign("server", x509.DNSName("localhost"))
    return ["--certificate", certificate, "--key", key, "--authorities", authority.pem]


def test_over_tls_a_partner_is_known_by_its_certificate_and_what_msh_says(
    on_sqlite, authority, tls, tmp_path
):
    harbor = client_context(authority, authority.sign("adt.harbor.test"))
    city = client_context(authority, authority.sign("city", x509.DNSName("engine.city.test")))
    nobody = client_context(authority, authority.sign("adt.nobody.test"))
    stranger = Authority(tmp_path, "stranger").sign("adt.harbor.test")
    with listening(on_sqlite, *tls) as process:
        answers = [
            process.answered(of(b"HARBOR", "M1"), harbor),
            process.answered(of(b"CITY", "M2").replace(b"V-1", b"V-2"), city),
            process.answered(of(b"HARBOR", "M3"), city),
            process.answered(of(b"HARBOR", "M4"), nobody),
        ]
        assert process.is_refused(client_context(authority, stranger))
        assert process.is_refused(client_context(authority))
        assert process.is_refused()
    assert codes(*answers) == [("AA", "M1"), ("AA", "M2"), ("AR", "M3"), ("AR", "M4")]
    assert {"MSH^1^3"} == {"^".join(answer.first("ERR").raw(2).split("^")[:3]) for answer in answers[2:]}
    (case,) = cases(on_sqlite)
    assert case.source == "harbor"
    assert len(case.received["stays"]) == 2


def test_who_is_known_by_address_needs_no_certificate_where_that_is_said(on_sqlite, authority, tls):
    with listening(on_sqlite, *tls, "--by-address-too") as process:
        plain = client_context(authority)
        answers = [process.answered(of(b"MERCY", "M1"), plain), process.answered(of(b"HARBOR", "M2"), plain)]
        assert process.is_refused()
    assert codes(*answers) == [("AA", "M1"), ("AR", "M2")]


WRONG = {
    "no MSH": (b"PID|1||4711\r", "AE", "There is no MSH"),
    "text": (b"hello", "AE", "There is no MSH"),
    "nothing": (b"", "AE", "The message is empty"),
    "binary": (bytes(number for number in range(256) if number not in {0x0B, 0x1C}) * 40, "AE", "no MSH"),
    "XML": (b'<ADT_A03 xmlns="urn:hl7-org:v2xml"/>', "AE", "XML-encoded messages are not taken"),
    "UTF-16": (a03().decode().encode("utf-16-le"), "AE", "send UNICODE UTF-8"),
    "a delimiter twice": (a03().replace(b"MSH|^~\\&", b"MSH|^^^^"), "AE", "stands twice"),
    "no delimiters": (a03().replace(b"MSH|^~\\&", b"MSH||"), "AR", "No partner is registered"),
    "other delimiters in the body": (a03().replace(b"PID|", b"PID#"), "AE", "a field separator"),
    "a set that is not read": (a03().replace(b"|P|2.5", b"|P|2.5||||||BIG-5"), "AE", "not read here"),
    "a set of nobody's": (
        a03().replace(b"|P|2.5", b"|P|2.5||||||KLINGON").replace(b"Rider", b"R\xffder"),
        "AE",
        "No character set of HL7 table 0211",
    ),
    "no character of the set": (a03().replace(b"Rider", b"R\xffder"), "AE", "no character of the set"),
    "a NUL": (a03().replace(b"Rider", b"R\x00der"), "AE", "A NUL character"),
    "no trigger": (a03(trigger=""), "AE", "The trigger is missing"),
    "no line ends": (a03().replace(b"\r", b""), "CE", "were the carriage returns lost"),
    "another type": (a03().replace(b"ADT^A03", b"ORU^R01"), "AR", "Only ADT"),
    "a version nobody reads": (a03().replace(b"|P|2.5", b"|P|3"), "AR", "Only HL7 2.1 to 2.9"),
}


def test_whatever_is_wrong_is_answered_and_the_connection_lives_on(on_sqlite):
    with listening(on_sqlite) as process, process.connected() as sender:
        for name, (raw, code, what) in WRONG.items():
            sender.send(raw)
            answer = sender.acknowledgement()
            read = (answer.first("MSA").value(1), what in answer.first("ERR").value(8))
            assert read == (code, True), (name, answer.text)
        sender.send(a03("LAST"))
        assert codes(sender.acknowledgement()) == [("AA", "LAST")]
        sender.socket.sendall(b"\x0b" + a03("CUT")[:100])
        sender.socket.shutdown(socket.SHUT_WR)
        assert sender.answer() is None
    assert len(cases(on_sqlite)) == 1


def test_a_batch_is_taken_message_by_message_and_told_what_is_missing(on_sqlite):
    bhs = b"BHS|^~\\&|ADT|%s|CB|CLOUD\r"
    mercys = a03("M1") + of(b"HARBOR", "M2") + b"MSH|^~\\&\r" + a03("M4", visit="V-2")
    with listening(on_sqlite) as process, process.connected() as sender:
        sender.send(b"FHS|^~\\&|\r" + bhs % b"MERCY" + mercys + b"BTS|5\rFTS|2\r")
        sender.send(bhs % b"HARBOR" + a03("M5") + b"BTS|1\r")
        sender.send(bhs % b"MERCY" + a03("M6", visit="V-3"))
        first, second, third = (sender.answer().split(b"\r") for _ in range(3))
    assert [line[:9] for line in first if line.startswith(b"MSA")] == [
        b"MSA|AA|M1",
        b"MSA|AR|M2",
        b"MSA|AE",
        b"MSA|AA|M4",
    ]
    assert b"BTS|4|BTS-1 announces 5 messages, 4 came. FTS-1 announces 2 batches, 1 came." in first
    assert [line for line in second if line.startswith(b"MSA")] == [b"MSA|AR"]
    assert [line[:10] for line in third if line.startswith(b"MSA")] == [b"MSA|AA|M6"]
    assert b"BTS|1|No BTS or FTS ends the batch; it may be cut off." in third
    (case,) = cases(on_sqlite)
    assert len(case.received["stays"]) == 3


ANSWERED = {
    "accepted": a03("M1"),
    "refused": a03("M2").replace(b"ADT^A03", b"ORU^R01"),
    "of nobody": of(b"ELSEWHERE", "M3"),
    "without MSH": b"hello",
    "a batch": b"BHS|^~\\&|ADT|MERCY|||||||B1\r" + a03("M4") + a03("M5") + b"BTS|2\r",
    "an empty batch": b"BHS|^~\\&|ADT|MERCY|||||||B2\rBTS|0\r",
    "an empty batch that is miscounted": b"BHS|^~\\&|ADT|MERCY\rBTS|3\r",
}


def test_an_answer_that_comes_in_is_not_answered_so_two_listeners_never_talk_for_ever(on_sqlite):
    with listening(on_sqlite) as process, process.connected() as sender, process.connected() as other:
        for name, raw in ANSWERED.items():
            sender.send(raw)
            reply = sender.answer()
            for turn in range(3):
                # what it says comes back to it, as if the sender listened too, until nothing is answered
                other.send(reply, of(b"ELSEWHERE", f"AFTER {turn}"))
                reply = other.answer()
                if f"MSA|AR|AFTER {turn}".encode() in reply:
                    break
                assert b"AFTER" in other.answer()
            else:
                raise AssertionError(name)


def test_strangers_that_say_nothing_shut_no_hospital_out_not_even_behind_a_load_balancer(on_sqlite):
    passed_on = header("10.1.2.3")
    with listening(on_sqlite, "--proxy", "127.0.0.2/32") as process, ExitStack() as idle:
        for number in range(300):
            address = f"127.1.0.{number % 250 + 1}" if number < 250 else "127.1.9.9"
            idle.enter_context(process.connected(address=address))
        assert codes(process.answered(a03("M1"))) == [("AA", "M1")]
        with process.connected(address="127.0.0.2") as elsewhere:
            elsewhere.socket.sendall(passed_on + frame_of(of(b"ELSEWHERE", "M2").replace(b"V-1", b"V-2")))
            assert codes(elsewhere.acknowledgement()) == [("AA", "M2")]


def large(control_id, size):
    """A discharge with a document in an OBX, larger than `size` bytes."""
    return a03(
        control_id, visit=control_id, more="OBX|1|ED|PDF^Letter||^application^pdf^Base64^" + "A" * size
    )


def test_large_messages_one_after_another_are_answered_and_leave_no_memory_behind(on_sqlite):
    under, over = LIMIT - 10_000, 10_000_000
    held = []
    with listening(on_sqlite) as process:
        for turn in range(4):
            for number in range(4):
                assert codes(process.answered(large(f"U{turn}{number}", under))) == [
                    ("AA", f"U{turn}{number}")
                ]
                answer = process.answered(large(f"O{turn}{number}", over))
                assert codes(answer) == [("AE", f"O{turn}{number}")]
                assert answer.first("ERR").value(3) == "104"
            held.append(process.megabytes())
    # what leaks leaks each time: four messages of 5 MB a turn would be 20
    assert min(after - before for before, after in pairwise(held)) < 5, held
    (case,) = cases(on_sqlite)
    assert len(case.received["stays"]) == 16
