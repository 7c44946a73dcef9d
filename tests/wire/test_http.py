"""What somebody else's address answers is bounded in bytes and time, and comes from where it was resolved."""

import re
import socket
import ssl
import threading
import time
import tracemalloc
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509

from service.errors import Unavailable
from service.wire import http
from service.wire.http import BYTES, fetch, post
from tests.receive.authority import Authority
from tests.wire.elsewhere import serving

HERE = ("127.0.0.1", "keys.example")
ASK = [
    pytest.param(fetch, id="fetch"),
    pytest.param(partial(post, body=b"{}", media_type="application/json"), id="post"),
]
SERVICE = Path(__file__).parents[2] / "service"
# the operator's own commands ask the service itself
CLIENTS = re.compile(
    r"^\s*(?:import|from) (requests|urllib3|http\.client|urllib\.request|httpx|aiohttp)\b", re.MULTILINE
)


@pytest.fixture
def server():
    with serving() as server:
        yield server


def url_of(server, path="/keys", host="127.0.0.1", scheme="http"):
    return f"{scheme}://{host}:{server.server_port}{path}"


@pytest.fixture
def names(monkeypatch):
    """What name servers answer, one answer after the other; the last for ever."""
    answers = ["127.0.0.1"]
    real = socket.getaddrinfo

    def answer(host, *arguments, **more):
        if not host.endswith(".example"):
            return real(host, *arguments, **more)
        hosts = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for name in hosts.split() for entry in real(name, *arguments, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return answers


def test_what_is_answered_comes_with_how_long_it_may_be_kept(server):
    fetched = fetch(url_of(server, "/keys?a=b"), HERE)
    assert (fetched.body, fetched.max_age) == (b'{"keys": []}', 600)
    assert server.asked == [("/keys?a=b", f"127.0.0.1:{server.server_port}")]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("max-age=60", 60),
        ("public, Max-Age=7, immutable", 7),
        ("no-store", 0),
        ("max-age=60, no-cache", 0),
        ("s-max-age=9", None),
        ("max-age=x", None),
        ("", None),
    ],
)
def test_cache_control_is_read(said, seconds):
    assert http._max_age(said) == seconds


@pytest.mark.parametrize(("path", "why"), [("/moved", "302"), ("/large", "more than")])
def test_another_answer_is_refused(server, path, why):
    with pytest.raises(Unavailable, match=why):
        fetch(url_of(server, path), HERE)
    assert len(server.asked) == 1


def test_the_most_that_may_be_answered_is(server):
    assert len(fetch(url_of(server, "/most"), HERE).body) == BYTES


def test_an_answer_in_chunks_is_put_together(server):
    assert fetch(url_of(server, "/chunks"), HERE).body == b'{"keys": []}'


def test_a_chunk_of_a_negative_length_takes_no_more_memory_than_the_most_that_may_be_answered(server):
    tracemalloc.start()
    try:
        with pytest.raises(Unavailable):
            fetch(url_of(server, "/negative"), HERE)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8_000_000


@pytest.mark.parametrize("path", ["/drip", "/head"])
def test_who_never_stops_answering_is_left(server, path):
    with pytest.raises(Unavailable):
        fetch(url_of(server, path), HERE, seconds=0.5)
    # the other side sees that its connection has ended
    assert server.ended.wait(60)


def test_who_says_nothing_is_left():
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unavailable):
        fetch(f"http://127.0.0.1:{silent.getsockname()[1]}/", HERE, seconds=0.5)


def test_a_name_server_that_is_slow_uses_up_the_time(server, monkeypatch):
    real = socket.getaddrinfo

    def slowly(*arguments, **more):
        time.sleep(0.3)
        return real(*arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with pytest.raises(Unavailable, match="TimeoutError"):
        fetch(url_of(server), HERE, seconds=0.2)
    assert server.asked == []


def test_who_is_not_there_is_told():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        fetch(f"http://127.0.0.1:{port}/", HERE)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::1",
        "fec0::1",
        "64:ff9b:1::10.0.0.1",
        "::10.0.0.1",
        "::ffff:0:10.0.0.1",
        "8.8.8.8 10.0.0.1",
    ],
)
@pytest.mark.parametrize("ask", ASK)
def test_a_host_with_an_address_that_is_not_public_is_not_asked(names, address, ask):
    names[:] = [address]
    with pytest.raises(Unavailable, match="not public"):
        ask("http://keys.example/jwks")


def test_where_something_is_posted_to_is_not_led_on(server):
    assert post(url_of(server, "/moved"), b"{}", "application/json", HERE) == 302
    assert [path for path, _ in server.asked] == ["/moved"]


def test_nobody_asks_elsewhere_but_by_this_client():
    clients = {
        path.relative_to(SERVICE).as_posix()
        for path in SERVICE.rglob("*.py")
        if CLIENTS.search(path.read_text(encoding="utf-8"))
    }
    assert {path for path in clients if not path.startswith("cli/")} == {"wire/http.py"}


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_that_is_public_is(address):
    assert http._is_public(address)


@pytest.mark.parametrize("ask", ASK)
def test_a_host_is_resolved_once_and_what_was_resolved_is_asked(server, names, ask):
    """A second answer of the name server, as rebinding gives, would lead to a port where nobody listens."""
    names[:] = ["127.0.0.1", "127.0.0.2"]
    ask(url_of(server, host="keys.example"), private_hosts=HERE)
    assert (names, server.asked[0][1]) == (["127.0.0.2"], f"keys.example:{server.server_port}")


@pytest.mark.parametrize(("name", "is_taken"), [("keys.example", True), ("other.example", False)])
def test_a_certificate_is_of_the_host_by_its_name(tmp_path, monkeypatch, names, name, is_taken):
    authority = Authority(tmp_path, "authority")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("server", x509.DNSName(name)))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.pem))
    with serving(context) as server:
        url = url_of(server, host="keys.example", scheme="https")
        if is_taken:
            assert fetch(url, HERE).max_age == 600
        else:
            with pytest.raises(Unavailable, match="SSLCertVerificationError"):
                fetch(url, HERE)


def test_nothing_that_the_environment_says_of_proxies_is_heeded(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert fetch(url_of(server), HERE).max_age == 600


def test_a_fetch_leaves_no_thread_behind(server):
    before = set(threading.enumerate())
    fetch(url_of(server), HERE)
    deadline = time.monotonic() + 60
    while (
        left := set(threading.enumerate())
        - before
        - {t for t in threading.enumerate() if "process_request" in t.name}
    ):
        assert time.monotonic() < deadline, left
        time.sleep(0.01)
