"""Who is registered, gets another key, or is revoked while the service runs is so in every process."""

import threading
from datetime import UTC, datetime, timedelta
from functools import cached_property

import pytest

from service.access import registry
from service.access.keys import new_private_jwk, public_part
from service.errors import Conflict, NotFound, Rejected
from service.flows.authorization.registered import Registered
from service.flows.authorization.registering import Registering
from service.receive.mllp.senders import partners_by_sender
from service.store.partners.registered import SqlPartners
from service.values.access.credentials import StoredPartner
from service.values.inbound.senders import Sender
from service.wiring.rooms import now
from tests.faults.house import until
from tests.web import smart

DAY = timedelta(days=1)


class Clock:
    """A clock that a test moves."""

    def __init__(self):
        self.now = datetime.now(UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def settings(tmp_path, database_url):
    entries = [smart.entry(name) for name in ("cms", "desk")]
    return smart.settings(database_url, smart.registry(tmp_path, *entries))


class Town:
    """Two processes that answer, and an operator's command beside them."""

    def __init__(self, settings, engine, mappings):
        self.clock = Clock()
        self.file, self.table = registry.read(settings.partners), SqlPartners(engine)
        self.operator = Registering(self.file, self.table, self.clock)
        self.known = [Registered(self.file, self.table) for _ in range(2)]
        self._made = settings, engine, mappings

    @cached_property
    def houses(self):
        """The application of each process, where it is asked."""
        return [smart.House(*self._made, now=self.clock, partners=known) for known in self.known]

    @property
    def house(self):
        """The application of the first process."""
        return smart.House(*self._made, now=self.clock, partners=self.known[0])

    def follow(self):
        for known in self.known:
            known.refresh()


@pytest.fixture
def town(settings, engine, mappings):
    return Town(settings, engine, mappings)


def test_who_is_registered_gets_a_token_and_who_is_revoked_is_refused_whatever_was_remembered(town):
    first, second = town.houses
    assert first.grant("engineer").status_code == 400
    town.operator.register(smart.entry("engineer"))
    town.follow()
    token = first.token("engineer")
    for house in (*town.houses, second):
        assert house.get("/events", token=token).status_code == 200
    town.operator.revoke("engineer")
    town.follow()
    for house in town.houses:
        assert house.get("/events", token=token).status_code == 401
        assert house.grant("engineer").status_code == 400


def test_what_is_registered_is_not_followed_by_a_round_trip_a_request(town):
    """A process asks by itself, beside what it answers."""
    stop, known = threading.Event(), town.known[0]
    thread = threading.Thread(target=known.run, args=(stop,))
    thread.start()
    town.operator.register(smart.entry("northern"))
    until(lambda: "northern" in known, "it is not followed")
    stop.set()
    thread.join()


def test_an_old_key_is_taken_as_long_as_the_overlap_says(town):
    house, new = town.house, new_private_jwk()
    town.operator.register(smart.entry("northern"))
    town.operator.rotate("northern", [public_part(new)], timedelta(minutes=1))
    town.follow()
    assert house.grant("northern").status_code == 200
    town.clock.now += timedelta(minutes=2)
    assert house.grant("northern").status_code == 400
    assert house.grant("northern", key=new).status_code == 200


def test_a_key_is_replaced_at_once_where_there_is_no_overlap_and_an_old_one_is_dropped(town):
    house = town.house
    town.operator.register(smart.entry("northern"))
    last = None
    for _ in range(3):
        last = new_private_jwk()
        town.operator.rotate("northern", [public_part(last)], timedelta())
    town.follow()
    assert house.grant("northern").status_code == 400
    assert house.grant("northern", key=last).status_code == 200
    assert len(town.known[0]["northern"].credentials.keys) == 1


def test_a_name_of_the_file_is_the_files(town):
    for change in (
        lambda: town.operator.register(smart.entry("cms")),
        lambda: town.operator.rotate("cms", [public_part(new_private_jwk())], DAY),
        lambda: town.operator.revoke("cms"),
    ):
        with pytest.raises(Conflict):
            change()
    # it was registered before the file named it
    town.table.put(StoredPartner("cms", 7, b'{"name":"cms","kind":"insurer"}', now()))
    town.follow()
    assert town.known[0]["cms"].kind == "case-system"


def test_who_was_revoked_may_come_back_as_the_same_kind_with_another_key(town):
    house, new = town.house, new_private_jwk()
    town.operator.register(smart.entry("northern"))
    with pytest.raises(Conflict):
        town.operator.register(smart.entry("northern"))
    town.operator.revoke("northern")
    with pytest.raises(Conflict):
        town.operator.revoke("northern")
    with pytest.raises(Conflict):
        town.operator.register(smart.entry("northern", kind="case-system"))
    keys = {"keys": [public_part(new)]}
    town.operator.register(smart.entry("northern", keys=keys))
    town.follow()
    assert house.grant("northern", key=new).status_code == 200
    assert house.grant("northern").status_code == 400


def test_what_does_not_go_together_is_not_registered(town):
    hospital = smart.entry("mercy", intake={"amqp_users": ["adt"]})
    town.operator.register(hospital)
    for entry in (
        {**hospital, "name": "general"},
        smart.entry("mercy", name="general", intake={"case_system": "nobody"}),
        smart.entry("northern", view="lean"),
        smart.entry("northern", name="local"),
        smart.entry("northern", colour="red"),
        "x",
    ):
        with pytest.raises(Rejected):
            town.operator.register(entry)
    for story in (town.operator.revoke, lambda name: town.operator.rotate(name, [], DAY)):
        with pytest.raises(NotFound):
            story("general")
    assert [stored.number for stored in town.table.all()] == [1]


def test_of_two_changes_at_once_both_are_made(town):
    """One takes the number that the other was to have, and is made again on what is there then."""
    town.operator.register(smart.entry("northern"))
    with pytest.raises(Conflict):
        town.table.put(StoredPartner("mercy", 1, b"{}", now()))
    start = threading.Barrier(4)

    def register(number):
        start.wait()
        town.operator.register(smart.entry("southern", name=f"southern-{number}"))

    threads = [threading.Thread(target=register, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(stored.number for stored in town.table.all()) == [1, 2, 3, 4, 5]


def test_a_file_that_does_not_go_together_with_a_change_keeps_nobody_from_being_revoked(town):
    """An operator's command was checked with another file than this process has."""
    town.operator.register(smart.entry("northern"))
    town.follow()
    known = town.known[0]
    two = b'{"name":"%s","kind":"hospital","intake":{"amqp_users":["adt"]}}'
    for number, name in enumerate((b"mercy", b"general"), 2):
        town.table.put(StoredPartner(name.decode(), number, two % name, now()))
    town.table.put(StoredPartner("late", 4, b'{"name":"late","kind":"none"}', now()))
    revoked = b'{"name":"northern","kind":"insurer","revoked":true}'
    town.table.put(StoredPartner("northern", 5, revoked, now()))
    known.refresh()
    assert set(known) == {"local", "cms", "desk"}


def test_a_hospital_is_known_by_its_address_at_once(town):
    who = partners_by_sender(town.known[0].values())
    sender = Sender("10.1.2.3", ())
    assert who(sender) == frozenset()
    senders = [{"application": "ADT", "addresses": ["10.1.0.0/16"]}]
    town.operator.register(smart.entry("mercy", intake={"senders": senders}))
    town.follow()
    assert who(sender) == {"mercy"}
    town.operator.revoke("mercy")
    town.follow()
    assert who(sender) == frozenset()


def test_a_hospital_with_overlays_that_are_not_compiled_waits(town):
    town.operator.register(smart.entry("mercy", intake={"overlays": ["minimum-necessary"]}))
    town.follow()
    assert "mercy" not in town.known[0]
    assert "mercy" in Registered(town.file, town.table)
