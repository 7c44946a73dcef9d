"""However many strangers connect, and however many connections one hospital leaves open, others get in."""

import select
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from service.receive.mllp.certificates import Tls
from service.receive.mllp.conversation import LARGE, MllpLimits
from service.receive.mllp.framing import frame_of
from tests.receive.authority import Authority, client_context
from tests.receive.conftest import SECONDS, Client, message

HOSPITALS = {"127.0.0.1": "mercy", "127.0.0.2": "harbor", "127.0.0.3": "city"}


def who(sender):
    """The hospitals of the addresses above; by certificate also the `remote` one, by 127.0.0.9 any of two."""
    if sender.address == "127.0.0.9":
        return frozenset({"mercy", "harbor"})
    if "CN=remote" in sender.names:
        return frozenset({"remote"})
    return frozenset({HOSPITALS[sender.address]} if sender.address in HOSPITALS else ())


def dial(running, address="127.0.0.1"):
    return Client(socket.create_connection(("127.0.0.1", running.server.port), SECONDS, (address, 0)))


@contextmanager
def crowd(running, addresses):
    """Connections from these addresses that say nothing."""
    with ExitStack() as stack:
        clients = [dial(running, address) for address in addresses]
        for client in clients:
            stack.callback(client.socket.close)
        yield clients


def is_open(client):
    readable, _, _ = select.select([client.socket], [], [], 0)
    try:
        return not readable or client.socket.recv(1, socket.MSG_PEEK) != b""
    except OSError:
        return False


def left(clients, count):
    """Those that are still open, once there are no more than so many."""
    until = time.monotonic() + SECONDS
    while len(open_ := [client for client in clients if is_open(client)]) > count:
        assert time.monotonic() < until, f"{len(open_)} are open"
        time.sleep(0.02)
    return open_


def answered(client, number="1"):
    client.send(message(number))
    return client.acknowledgement().header.control_id == number


@pytest.fixture
def strangers():
    return [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(300)]


def test_strangers_of_many_addresses_leave_hospitals_their_room(serve, strangers):
    running = serve(who=who)
    with crowd(running, strangers) as idle, crowd(running, ["127.0.0.1"] * 60) as hospital:
        assert all(answered(client) for client in hospital)
        assert len(left(idle, MllpLimits().strangers)) == MllpLimits().strangers
        with crowd(running, ["127.0.0.2"] * 60 + ["127.0.0.3"] * 60) as others:
            assert all(answered(client) for client in others)
        assert all(answered(client, "2") for client in hospital)


def test_one_stranger_holds_few_connections_and_the_last_to_come_is_served(serve):
    running = serve(who=who)
    with crowd(running, ["127.1.0.1"] * 100) as one, crowd(running, ["127.1.0.2"]) as other:
        assert answered(other[0])
        assert left(one, MllpLimits().peer_connections) == one[-MllpLimits().peer_connections :]
        assert answered(one[-1])


def test_who_is_known_by_certificate_gets_in_past_strangers_that_say_nothing(serve, strangers, tmp_path):
    authority = Authority(tmp_path, "authority")
    tls = Tls(*authority.sign("server"), authorities=authority.pem)
    context = client_context(authority, authority.sign("remote"))
    context.check_hostname = False
    running = serve(who=who, tls=tls)
    idle = [*strangers, *["127.1.9.9"] * 20]
    with crowd(running, idle), context.wrap_socket(dial(running, "127.1.9.9").socket) as wrapped:
        assert answered(Client(wrapped))
        with crowd(running, ["127.1.9.9"] * 20) as more:
            left(more, MllpLimits().peer_connections)
            assert answered(Client(wrapped), "2")


def test_a_hospital_that_leaves_connections_open_has_its_own_closed_the_longest_silent_first(serve):
    limits = MllpLimits(partner_connections=3)
    running = serve(limits, who=who)
    with crowd(running, ["127.0.0.2"]) as other, crowd(running, ["127.0.0.1"] * 3) as mine:
        assert all(answered(client) for client in (*other, mine[1], mine[0], mine[2]))
        with crowd(running, ["127.0.0.1"]) as late:
            assert answered(late[0])
            assert left(mine, 2) == [mine[0], mine[2]]
            assert answered(other[0], "2")


def test_where_all_room_is_taken_the_partner_with_most_connections_gives_one_up(serve):
    running = serve(MllpLimits(connections=6, partner_connections=5), who=who)
    with crowd(running, ["127.0.0.1"] * 5) as most, crowd(running, ["127.0.0.2"]) as few:
        assert all(answered(client) for client in (*most, *few))
        with crowd(running, ["127.0.0.3"]) as late, crowd(running, ["127.1.0.1"]) as stranger:
            assert answered(late[0])
            assert stranger[0].hung_up()
            assert left(most, 4) == most[1:]
            assert answered(few[0], "2")


def test_a_message_in_hand_is_answered_however_many_come(serve, desk):
    begun, go = threading.Semaphore(0), threading.Event()

    def act(raw):
        begun.release()
        assert go.wait(SECONDS)
        return raw

    desk.act = act
    running = serve(MllpLimits(partner_connections=2), who=who)
    with crowd(running, ["127.0.0.1"] * 2) as busy:
        for client in busy:
            client.send(message("1"))
        assert begun.acquire(timeout=SECONDS)
        assert begun.acquire(timeout=SECONDS)
        with crowd(running, ["127.0.0.1"]) as late:
            assert late[0].hung_up()
        go.set()
        assert [client.acknowledgement().header.control_id for client in busy] == ["1", "1"]


def test_a_connection_that_several_share_counts_with_whose_message_came(serve, desk):
    desk.partner = "mercy"
    running = serve(MllpLimits(partner_connections=2), who=who)
    with crowd(running, ["127.0.0.9"] * 4) as shared:
        assert all(map(is_open, shared))
        assert all(answered(client) for client in shared)
        assert left(shared, 2) == shared[2:]


def test_who_sends_nothing_that_could_be_accepted_is_hung_up_on_sooner(serve, desk):
    running = serve(MllpLimits(unproven_seconds=0.5), who=who)
    for _ in range(50):  # a machine under load may not be this quick
        good = dial(running)
        good.send(message("1"))
        if good.answer() is not None:
            break
        good.socket.close()
    desk.partner = None
    with crowd(running, ["127.0.0.2", "127.1.0.1"]) as (silent, wrong):
        wrong.push(frame_of(message("1")), pause=0.02)
        assert silent.hung_up()
        assert answered(good, "2")
    good.socket.close()


def test_a_stranger_sends_no_large_message(serve, desk):
    running = serve(who=who)
    large = message("1", note="a" * 2 * LARGE)
    with crowd(running, ["127.1.0.1", "127.0.0.1"]) as (stranger, hospital):
        stranger.send(large)
        assert stranger.acknowledgement().first("ERR").value(3) == "104"
        hospital.send(large)
        assert hospital.acknowledgement().first("MSA") is None
    assert desk.got == [large]


def test_one_hospitals_large_messages_leave_room_for_anothers(serve):
    running = serve(MllpLimits(large_messages=4), who=who)
    large = frame_of(message("1", note="a" * 3 * LARGE))
    with crowd(running, ["127.0.0.1"] * 4) as slow, crowd(running, ["127.0.0.2"]) as other:
        senders = [
            threading.Thread(target=client.socket.sendall, args=(large[: 2 * LARGE],)) for client in slow
        ]
        for sender in senders:
            sender.start()
        until = time.monotonic() + SECONDS
        while not running.server._rooms[frozenset({"mercy"})].locked():
            assert time.monotonic() < until
            time.sleep(0.01)
        other[0].socket.sendall(large)
        assert other[0].acknowledgement().header.control_id == "1"
        for client in slow:
            client.socket.shutdown(socket.SHUT_RDWR)
        for sender in senders:
            sender.join()
    assert running.emptied()
