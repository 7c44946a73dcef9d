"""A load balancer that is believed says whose connection it passes on; nobody else does."""

import socket
import ssl
from ipaddress import ip_address, ip_network

import pytest

from service.errors import Malformed
from service.receive.mllp.certificates import Tls
from service.receive.mllp.framing import frame_of
from service.receive.mllp.proxied import LONGEST, SIGNATURE, Proxies, bytes_to_come, plain, source_address
from tests.receive.authority import Authority, client_context
from tests.receive.conftest import SECONDS, Client, connected, message

BALANCER = Proxies((ip_network("127.0.0.0/30"),))


def header(address, *, more=b"", command=0x21):
    """A header as HAProxy writes it, of a connection from an address."""
    from_, to = ip_address(address), ip_address("::1" if ":" in address else "127.0.0.1")
    family = 0x21 if from_.version == 6 else 0x11
    rest = from_.packed + to.packed + (50_000).to_bytes(2) + (2575).to_bytes(2) + more
    return SIGNATURE + bytes([command, family]) + len(rest).to_bytes(2) + rest


TLV = b"\x04\x00\x03abc"


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        (header("10.1.2.3"), "10.1.2.3"),
        (header("10.1.2.3", more=TLV * 20), "10.1.2.3"),
        (header("2001:db8::7"), "2001:db8::7"),
        (header("::ffff:10.1.2.3"), "10.1.2.3"),
        (SIGNATURE + b"\x20\x00\x00\x00", "127.0.0.1"),
        (header("10.1.2.3", command=0x20), "127.0.0.1"),
    ],
)
def test_the_sender_is_who_the_load_balancer_names(serve, desk, sent, address):
    with connected(serve(proxies=BALANCER)) as client:
        client.socket.sendall(sent + frame_of(message("1")))
        assert client.acknowledgement().header.control_id == "1"
        client.send(message("2"))
        assert client.acknowledgement().header.control_id == "2"
    assert [sender.address for sender in desk.senders] == [address, address]


def test_a_header_in_pieces_is_read(serve, desk):
    with connected(serve(proxies=BALANCER)) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in header("10.1.2.3", more=TLV):
            client.socket.sendall(bytes([byte]))
        client.send(message("1"))
        assert client.acknowledgement().header.control_id == "1"
    assert desk.senders[0].address == "10.1.2.3"


WRONG = {
    "none": frame_of(message("1")) * 3,
    "version 1": b"PROXY TCP4 10.1.2.3 127.0.0.1 50000 2575\r\n" + frame_of(message("1")),
    "another version": header("10.1.2.3").replace(b"\x21\x11", b"\x11\x11"),
    "a command of nobody's": header("10.1.2.3", command=0x22),
    "no addresses": SIGNATURE + b"\x21\x00\x00\x00",
    "UDP": header("10.1.2.3").replace(b"\x21\x11", b"\x21\x12"),
    "a socket of Unix": SIGNATURE + b"\x21\x31\x00\xd8" + b"/tmp/a".ljust(216, b"\0"),
    "fewer bytes than addresses have": SIGNATURE + b"\x21\x11\x00\x04\x0a\x01\x02\x03",
    "too long": SIGNATURE + b"\x21\x11" + (LONGEST + 1).to_bytes(2) + b"\0" * (LONGEST + 1),
}


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG)
def test_a_load_balancer_that_does_not_say_whose_it_is_is_hung_up_on(serve, desk, sent):
    with connected(serve(proxies=BALANCER)) as client:
        client.socket.sendall(sent + frame_of(message("1")))
        assert client.hung_up()
    assert desk.got == []


def test_nobody_else_is_believed(serve, desk):
    running = serve(proxies=BALANCER)
    other = ("127.0.0.9", 0)
    with socket.create_connection(("127.0.0.1", running.server.port), SECONDS, other) as plain_socket:
        client = Client(plain_socket)
        client.socket.sendall(header("10.1.2.3") + frame_of(message("1")))
        assert client.acknowledgement().header.control_id == "1"
    assert desk.senders[0].address == "127.0.0.9"


def test_tls_begins_after_the_header_even_in_one_packet(serve, desk, tmp_path):
    authority = Authority(tmp_path, "authority")
    tls = Tls(*authority.sign("server"), authorities=authority.pem)
    context = client_context(authority, authority.sign("adt.hospital.test"))
    context.check_hostname = False
    running = serve(tls=tls, proxies=BALANCER)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    engine = context.wrap_bio(incoming, outgoing)
    with socket.create_connection(("127.0.0.1", running.server.port), SECONDS) as plain_socket:
        sent = header("10.1.2.3")

        def step(act):
            nonlocal sent
            while True:
                try:
                    outcome = act()
                except ssl.SSLWantReadError:
                    outcome = None
                plain_socket.sendall(sent + outgoing.read())
                sent = b""
                if outcome is not None:
                    return outcome
                data = plain_socket.recv(65_536)
                assert data, "it hung up"
                incoming.write(data)

        step(lambda: engine.do_handshake() or True)
        step(lambda: engine.write(frame_of(message("1"))))
        assert b"MSH" in step(lambda: engine.read(65_536))
    assert [(sender.address, sender.names) for sender in desk.senders] == [
        ("10.1.2.3", ("CN=adt.hospital.test",))
    ]


def test_an_address_in_ipv6_that_is_of_ipv4_is_taken_for_that():
    assert plain("::ffff:10.1.2.3") == "10.1.2.3"
    assert plain("fe80::1%eth0") == "fe80::1"


def test_a_header_names_a_place_for_its_bytes_or_is_refused():
    assert bytes_to_come(header("10.1.2.3")[:16]) == 12
    assert source_address(header("10.1.2.3")[:16], header("10.1.2.3")[16:]) == "10.1.2.3"
    with pytest.raises(Malformed):
        bytes_to_come(b"GET / HTTP/1.1\r\n")
