"""Keys of a partner that stand at another address: kept, renewed, and asked for seldom."""

import time

import pytest
from joserfc.jwk import ECKey

from service.access import registry
from service.errors import Unavailable, Ungranted
from service.flows.authorization.grants import ASSERTION_TYPE, Granting
from service.flows.authorization.key_cache import LONGEST, PAUSE, SHORTEST, UNSAID
from service.flows.authorization.key_sets import KeySets
from service.values.access.credentials import Fetched
from service.wire.json import dump
from service.wiring.access.authorization import authorization
from service.wiring.rooms import now
from tests.access.made import claims, signed
from tests.web import smart
from tests.wire.elsewhere import serving


@pytest.fixture
def settings(tmp_path, database_url):
    return smart.settings(database_url, smart.registry(tmp_path))


class Elsewhere:
    """A JWK Set at another address, as it is when it is asked for."""

    def __init__(self, *keys, max_age=None):
        self.keys, self.max_age, self.asked, self.fault = keys, max_age, 0, None

    def __call__(self, url, private_hosts):
        self.asked += 1
        if self.fault is not None:
            raise Unavailable(self.fault)
        document = {"keys": [key.as_dict(private=False) for key in self.keys]}
        return Fetched(dump(document), self.max_age)


class Granter:
    """The story of a token over a JWK Set at another address, with a clock that is moved by hand."""

    def __init__(self, settings, engine, elsewhere, **entry):
        path = settings.partners
        said = {name: value for name, value in smart.entry("northern").items() if name != "keys"}
        smart.registry(path.parent, said | {"jwks_url": "https://northern.example/jwks"} | entry)
        self.seconds = 0.0
        partners = registry.load(path)
        who = authorization(settings, engine, partners, now)
        story = who.tokens.granting
        self.story = Granting(
            store=story.store,
            signing=story.signing,
            key_sets=KeySets(elsewhere, lambda: self.seconds),
            partners=partners,
            address=story.address,
            token_url=story.token_url,
            clock=now,
        )

    def grants(self, key, **header):
        right = claims(aud=smart.TOKEN, exp=int(time.time()) + 60, jti=f"j{time.time_ns()}")
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed(right, key, **header),
        }
        try:
            return bool(self.story.grant(form.items()).token)
        except Ungranted as refused:
            return refused.error != "invalid_client"


OLD, NEW = (ECKey.generate_key("P-384", {"kid": name}) for name in ("old", "new"))


@pytest.mark.parametrize(
    ("max_age", "kept"), [(None, UNSAID), (0, SHORTEST), (600, 600), (10**8, LONGEST)], ids=str
)
def test_a_key_set_elsewhere_is_kept_as_long_as_its_headers_say_within_bounds(
    settings, engine, max_age, kept
):
    elsewhere = Elsewhere(OLD, max_age=max_age)
    granter = Granter(settings, engine, elsewhere)
    assert granter.grants(OLD)
    granter.seconds = kept - 1
    assert granter.grants(OLD)
    assert elsewhere.asked == 1
    granter.seconds = kept + 1
    elsewhere.keys = (NEW,)
    assert not granter.grants(OLD)
    assert elsewhere.asked == 2


def test_a_rotated_key_is_found_at_once_and_unknown_ones_have_it_asked_for_seldom(settings, engine):
    elsewhere = Elsewhere(OLD, max_age=3600)
    granter = Granter(settings, engine, elsewhere)
    assert granter.grants(OLD)
    granter.seconds = PAUSE
    elsewhere.keys = (OLD, NEW)
    assert granter.grants(NEW)
    for number in range(20):
        assert not granter.grants(NEW, kid=f"unknown{number}")
    assert (elsewhere.asked, granter.grants(OLD)) == (2, True)
    granter.seconds = 2 * PAUSE
    assert not granter.grants(NEW, kid="unknown")
    assert elsewhere.asked == 3


def test_a_key_set_that_cannot_be_had_refuses_alike_and_is_not_asked_for_again_at_once(settings, engine):
    elsewhere = Elsewhere(OLD, max_age=600)
    granter = Granter(settings, engine, elsewhere)
    elsewhere.fault = "It does not answer."
    for _ in range(5):
        assert not granter.grants(OLD)
    assert elsewhere.asked == 1
    granter.seconds, elsewhere.fault = PAUSE, None
    assert granter.grants(OLD)
    # what was had is used as long as it may be, though the address is away
    granter.seconds, elsewhere.fault = PAUSE + 599, "It does not answer."
    assert not granter.grants(NEW)
    assert granter.grants(OLD)
    granter.seconds = PAUSE + 601
    assert not granter.grants(OLD)


def test_keys_that_are_of_no_use_beside_one_that_is_are_passed_over(settings, engine):
    other = ECKey.generate_key("P-256", {"kid": "other"})
    assert Granter(settings, engine, Elsewhere(other, OLD)).grants(OLD)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"keys": 7}', b'{"keys": [], "keys": []}', b"<html>"])
def test_what_is_no_key_set_refuses(settings, engine, body):
    assert not Granter(settings, engine, lambda *_: Fetched(body, None)).grants(OLD)


def test_an_assertion_may_name_the_address_of_its_keys_that_the_registry_names(settings, engine):
    granter = Granter(settings, engine, Elsewhere(OLD))
    assert granter.grants(OLD, jku="https://northern.example/jwks")
    assert not granter.grants(OLD, jku="https://elsewhere.example/jwks")


@pytest.mark.parametrize("path", ["/keys", "/large", "/drip", "/head", "/moved"])
def test_a_key_set_is_fetched_by_the_application_unless_it_is_too_much_or_too_slow(
    tmp_path, database_url, engine, mappings, path
):
    with serving() as partner:
        partner.document = dump({"keys": [OLD.as_dict(private=False)]})
        said = {name: value for name, value in smart.entry("northern").items() if name != "keys"}
        url = f"http://127.0.0.1:{partner.server_port}{path}"
        file = smart.registry(tmp_path, said | {"jwks_url": url, "private_hosts": ["127.0.0.1"]})
        house = smart.House(smart.settings(database_url, file), engine, mappings)
        answer = house.grant("northern", key=OLD.as_dict(private=True))
        unproven = house.grant("northern", key=smart.KEYS["southern"])
    assert len(partner.asked) == 1
    assert (answer.status_code == 200) == (path == "/keys")
    if path != "/keys":
        assert answer.json == unproven.json
