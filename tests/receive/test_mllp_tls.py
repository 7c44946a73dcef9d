"""Over TLS a partner is known by the names in its certificate."""

from contextlib import suppress

import pytest
from cryptography import x509

from service.errors import Misconfigured
from service.receive.mllp.certificates import Tls
from tests.receive.authority import Authority, client_context
from tests.receive.conftest import connected, message


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


@pytest.fixture
def tls(authority):
    """Make TLS settings whose server is localhost and whose clients the authority signs."""
    certificate, key = authority.sign("server", x509.DNSName("localhost"))

    def make(**options) -> Tls:
        return Tls(certificate, key, **options)

    return make


def test_the_names_in_a_clients_certificate_reach_the_handler(serve, desk, authority, tls):
    signed = authority.sign(
        "adt.hospital.test",
        x509.DNSName("engine.hospital.test"),
        x509.UniformResourceIdentifier("urn:oid:1.2.3"),
    )
    with connected(serve(tls=tls(authorities=authority.pem)), client_context(authority, signed)) as client:
        client.send(message("1"), message("2"))
        assert [client.acknowledgement().header.control_id for _ in range(2)] == ["1", "2"]
    names = ("CN=adt.hospital.test", "DNS:engine.hospital.test", "URI:urn:oid:1.2.3")
    assert [sender.names for sender in desk.senders] == [names, names]


def test_a_client_without_a_certificate_is_not_talked_to_where_one_is_wanted(serve, desk, authority, tls):
    running = serve(tls=tls(authorities=authority.pem))
    with connected(running, client_context(authority)) as client:
        assert client.hung_up()
    assert desk.got == []


def test_a_certificate_of_another_authority_is_not_taken(serve, desk, authority, tls, tmp_path):
    stranger = Authority(tmp_path, "stranger").sign("adt.hospital.test")
    running = serve(tls=tls(authorities=authority.pem, optional=True))
    with connected(running, client_context(authority, stranger)) as client:
        assert client.hung_up()
    assert desk.got == []


@pytest.mark.parametrize("optional", [True, False])
def test_where_certificates_are_optional_or_not_asked_for_a_client_needs_none(
    serve, desk, authority, tls, optional
):
    settings = tls(authorities=authority.pem, optional=True) if optional else tls()
    with connected(serve(tls=settings), client_context(authority)) as client:
        client.send(message("1"))
        assert client.acknowledgement().header.control_id == "1"
    assert desk.senders[0].names == ()


def test_a_sender_without_tls_is_not_talked_to(serve, desk, tls):
    with connected(serve(tls=tls())) as client:
        client.send(message("1"))
        with suppress(OSError):
            # at most a TLS alert
            assert client.socket.recv(100)[:1] in {b"", b"\x15"}
    assert desk.got == []


def test_an_oversized_message_is_answered_over_tls_too(serve, authority, tls):
    with connected(serve(tls=tls()), client_context(authority)) as client:
        client.send(message("1", note="a" * 6_000_000))
        assert client.acknowledgement().first("MSA").value(1) == "AE"


def test_a_key_of_another_certificate_stops_the_start(authority, tmp_path):
    certificate, _ = authority.sign("one")
    _, key = authority.sign("other")
    with pytest.raises(Misconfigured, match="belong together"):
        Tls(certificate, key).context()
    with pytest.raises(Misconfigured):
        Tls(tmp_path / "absent.pem", key).context()
