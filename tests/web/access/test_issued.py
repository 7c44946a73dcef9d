"""Tokens of an issuer that the registry names are taken, and no other token is."""

import time
import warnings

import pytest
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from service.access import registry
from service.errors import Misconfigured, Unauthenticated, Unavailable
from service.flows.authorization.bearers import Bearers
from service.flows.authorization.issued import CONFIGURATION, IssuedTokens
from service.flows.authorization.key_cache import PAUSE, UNSAID
from service.values.access.credentials import Fetched
from service.wire.json import dump
from service.wiring.access.authorization import authorization
from service.wiring.rooms import now
from tests.access.made import RSA, secret, signed
from tests.web import smart
from tests.wire.elsewhere import serving

ISSUER = "https://login.example/realm"
KEYS = f"{ISSUER}/keys"
EC = ECKey.generate_key("P-256", {"kid": "ec"})
NEW = ECKey.generate_key("P-384", {"kid": "new"})
with warnings.catch_warnings(action="ignore", category=SecurityWarning):
    SMALL = RSAKey.generate_key(1024, {"kid": "small"})
ENTRY = {"issuer": ISSUER, "audience": "casebridge", "claim": "azp"}


class Login:
    """An issuer as it is when it is asked."""

    def __init__(self, *keys):
        self.keys, self.asked, self.issuer, self.address = keys, [], ISSUER, KEYS
        self.fault = None

    def __call__(self, url, private_hosts):
        self.asked.append(url)
        if self.fault:
            raise Unavailable(self.fault)
        if url == ISSUER + CONFIGURATION:
            return Fetched(dump({"issuer": self.issuer, "jwks_uri": self.address}), None)
        assert url == KEYS
        return Fetched(dump({"keys": [key.as_dict(private=False) for key in self.keys]}), None)


class House:
    """Who reads tokens of ours and of the issuer, with a clock that is moved by hand."""

    def __init__(self, folder, engine, login, issuer=(), **entry):
        self.seconds = 0.0
        named = smart.entry("engineer", subjects=[{"issuer": ISSUER, "value": "client-7"}], **entry)
        path = folder / "partners.yaml"
        path.write_bytes(dump({"issuers": [ENTRY | dict(issuer)], "partners": [named]}))
        settings = smart.settings("sqlite://", path)
        file = registry.read(path)
        self.partners = registry.merge(file, {}).partners
        signing = authorization(settings, engine, self.partners, now).tokens.granting.signing
        issued = IssuedTokens(file.issuers(), self.partners, login, lambda: self.seconds)
        self.bearers = Bearers(signing, self.partners, smart.BASE, now, issued)

    def takes(self, token, certificate=None):
        try:
            return self.bearers.bearer(token, certificate)
        except Unauthenticated:
            return None


@pytest.fixture
def database_url(sqlite_url):
    """What is kept of our own keys is the same on both."""
    return sqlite_url


@pytest.fixture
def settings(database_url, tmp_path):
    return smart.settings(database_url, smart.registry(tmp_path))


@pytest.fixture
def login():
    return Login(EC, RSA, SMALL)


@pytest.fixture
def house(tmp_path, engine, login):
    return House(tmp_path, engine, login)


def token(key=EC, header=(), **changed):
    at = int(time.time())
    right = {"iss": ISSUER, "aud": "casebridge", "azp": "client-7", "sub": "x", "iat": at, "exp": at + 3600}
    said = {**right, "scope": "openid casebridge/events system/*.rs", **changed}
    algorithm = {"EC": {"P-256": "ES256", "P-384": "ES384"}, "RSA": {"": "RS256"}, "oct": {"": "HS256"}}
    own = {"alg": algorithm[key.key_type][key.as_dict().get("crv", "")], "typ": "at+jwt"}
    return signed(
        {name: value for name, value in said.items() if value is not None}, key, **own | dict(header)
    )


def test_a_token_of_the_issuer_is_the_partners_within_what_that_may_ask_for(house):
    bearer = house.takes(token())
    assert (bearer.partner.name, str(bearer.grant)) == ("engineer", "casebridge/events")
    assert house.takes(token(RSA)).partner.name == "engineer"
    assert house.takes(token(header={"typ": None}, aud=["x", "casebridge"])).partner.name == "engineer"
    for scope in ("openid", None, ["casebridge/events"], ""):
        assert not house.takes(token(scope=scope)).grant


BAD = {
    "none": lambda: token(header={"alg": "none"}),
    "without a signature": lambda: token().rpartition(".")[0] + ".",
    "HS with the public key": lambda: token(secret(dump(EC.as_dict(private=False))), header={"kid": "ec"}),
    "another's key": lambda: token(ECKey.generate_key("P-256", {"kid": "ec"})),
    "RS by the name of a key of EC": lambda: token(RSA, header={"kid": "ec"}),
    "a key that is too short": lambda: token(SMALL),
    "another aud": lambda: token(aud="elsewhere"),
    "no aud": lambda: token(aud=None),
    "another iss": lambda: token(iss="https://login.example/other"),
    "an iss that is no text": lambda: token(iss=[ISSUER]),
    "past": lambda: token(exp=int(time.time()) - 60),
    "no exp": lambda: token(exp=None),
    "exp as a float": lambda: token(exp=time.time() + 60),
    "exp as true": lambda: token(exp=True),
    "not yet": lambda: token(nbf=int(time.time()) + 600),
    "of the future": lambda: token(iat=int(time.time()) + 600),
    "nobody's": lambda: token(azp="client-8"),
    "without whose it is": lambda: token(azp=None),
    "an id token's typ": lambda: token(header={"typ": "logout+jwt"}),
    "crit": lambda: token(header={"crit": ["b64"], "b64": False}),
    "unknown kid": lambda: token(header={"kid": "other"}),
    "no kid": lambda: token(header={"kid": None}),
    "oversized": lambda: token(more="x" * 9_000),
    "for nothing that is known": lambda: token(purpose_of_use="nonsense"),
    "for what its partner may not": lambda: token(purpose_of_use=["TREAT"]),
    "for an emergency": lambda: token(purpose_of_use="BTG"),
    "for no list": lambda: token(purpose_of_use={"code": "HSYSADMIN"}),
    "for an empty list": lambda: token(purpose_of_use=[]),
    "for no code": lambda: token(purpose_of_use=[{"system": "urn:oid:2.16.840.1.113883.5.8"}]),
    "bound to a key": lambda: token(cnf={"jkt": "x"}),
    "bound to a certificate": lambda: token(cnf={"x5t#S256": "x"}),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_not_right_is_no_token(house, bad):
    assert house.takes(BAD[bad]()) is None


CODING = {"system": "urn:oid:2.16.840.1.113883.5.8", "code": "HSYSADMIN"}


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (None, {}),
        (None, {"purpose_of_use": "HSYSADMIN"}),
        (None, {"purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#HSYSADMIN"]}),
        ("https://login.example/purpose", {"https://login.example/purpose": ["HSYSADMIN"]}),
        ("extensions.ihe_iua.purpose_of_use", {"extensions": {"ihe_iua": {"purpose_of_use": [CODING]}}}),
    ],
)
def test_what_data_is_wanted_for_stands_in_the_claim_that_the_registry_names(
    tmp_path, engine, login, claim, said
):
    house = House(tmp_path, engine, login, issuer={"purpose_claim": claim} if claim else {})
    assert house.takes(token(**said)).purposes == ("HSYSADMIN",)


def test_a_token_that_is_bound_to_a_certificate_is_taken_with_it(house):
    assert house.takes(token(cnf={"x5t#S256": "x"}), "x") is not None
    assert house.takes(token(cnf={"x5t#S256": "x"}), "y") is None


def test_keys_are_kept_fetched_once_more_for_an_unknown_kid_and_given_up_when_they_are_old(house, login):
    for _ in range(5):
        assert house.takes(token(jti=str(time.time_ns()))) is not None
    assert len(login.asked) == 2
    login.keys = (NEW,)
    # who asks for a kid that is not there has them asked for, and not again and again
    assert house.takes(token(NEW)) is None
    house.seconds += PAUSE
    for number in range(5):
        assert house.takes(token(NEW, jti=str(number))) is not None
        assert house.takes(token(header={"kid": str(number)})) is None
    assert len(login.asked) == 4
    login.fault = "away"
    house.seconds += UNSAID
    assert house.takes(token(NEW, jti="late")) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("issuer", "https://login.example/other"),
        ("address", "http://login.example/keys"),
        ("address", "file:///etc/passwd"),
        ("address", "https://["),
        ("address", None),
    ],
)
def test_a_configuration_that_leads_elsewhere_is_not_followed(house, login, name, value):
    setattr(login, name, value)
    assert house.takes(token()) is None
    assert login.asked == [ISSUER + CONFIGURATION]


def test_who_is_registered_no_more_or_revoked_is_refused_at_once(house):
    text = token()
    assert house.takes(text) is not None
    partner = house.partners.pop("engineer")
    assert house.takes(text) is None
    house.partners["engineer"] = partner
    assert house.takes(text) is not None


def test_the_application_takes_it_and_the_keys_come_over_the_network(tmp_path, engine, mappings):
    with serving() as server:
        base = f"http://127.0.0.1:{server.server_port}"
        keys = [EC.as_dict(private=False)]
        server.document = dump({"issuer": base, "jwks_uri": f"{base}/keys", "keys": keys})
        issuer = {"issuer": base, "audience": "casebridge", "private_hosts": ["127.0.0.1"]}
        named = smart.entry("engineer", subjects=[{"issuer": base, "value": "x"}])
        del named["keys"]
        path = tmp_path / "partners.yaml"
        path.write_bytes(dump({"issuers": [issuer], "partners": [named]}))
        house = smart.House(smart.settings("sqlite://", path), engine, mappings)
        assert house.get("/events", token=token(iss=base)).status_code == 200
        assert house.get("/metrics", token=token(iss=base)).status_code == 403
        assert house.get("/events", token=token(iss=base, aud="x")).status_code == 401
        assert [asked[0] for asked in server.asked] == [CONFIGURATION, "/keys"]


@pytest.mark.parametrize(
    ("issuers", "subjects", "why"),
    [
        ([], [("https://login.example/realm", "a")], "issuer that /issuers lacks"),
        ([{**ENTRY, "issuer": "http://login.example"}], [], "wrong"),
        ([{**ENTRY, "issuer": "https://login.example?x"}], [], "wrong"),
        ([ENTRY], [(ISSUER, "a"), (ISSUER, "a")], "same subjects"),
    ],
)
def test_a_registry_that_names_issuers_wrongly_is_refused(tmp_path, issuers, subjects, why):
    entries = [
        {"name": f"p{number}", "kind": "insurer", "subjects": [{"issuer": issuer, "value": value}]}
        for number, (issuer, value) in enumerate(subjects)
    ]
    path = tmp_path / "partners.yaml"
    path.write_bytes(dump({"issuers": issuers, "partners": entries}))
    with pytest.raises(Misconfigured, match=why):
        registry.load(path)
