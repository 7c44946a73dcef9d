"""The token endpoint gives a token for a client assertion that is right, and for no other."""

import json
import subprocess
import sys
import time
from base64 import b64encode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import SimpleNamespace

import pytest
from cryptography.fernet import Fernet
from joserfc.jwk import ECKey, RSAKey

from service.access import compact, registry
from service.cli.access import smart_client
from service.errors import Misconfigured
from service.settings import Settings
from service.wire.json import dump
from service.wiring.access.authorization import authorization
from service.wiring.access.signing import rotate_signing_key
from service.wiring.rooms import now
from tests.access.made import secret, signed
from tests.web import smart

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
OWN = ECKey.import_key(smart.KEYS["northern"])
STRANGER = ECKey.generate_key("P-384", {"kid": OWN.kid})


@pytest.fixture
def settings(tmp_path, database_url):
    narrow = smart.entry("southern", scopes=["system/CarePlan.rs"])
    entries = [smart.entry(name) for name in smart.KINDS if name != "southern"]
    return smart.settings(database_url, smart.registry(tmp_path, *entries, narrow))


@pytest.fixture
def house(settings, engine, mappings):
    return smart.House(settings, engine, mappings)


def claims(**changed):
    at = int(time.time())
    right = {
        "iss": "northern",
        "sub": "northern",
        "aud": smart.TOKEN,
        "exp": at + 60,
        "jti": f"j{time.time_ns()}",
    }
    return {name: value for name, value in (right | changed).items() if value is not None}


def refused(answer, error="invalid_client"):
    """The description of an error of the token endpoint."""
    assert (answer.status_code, answer.mimetype) == (400, "application/json")
    assert answer.json["error"] == error
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json["error_description"]) <= {chr(code) for code in range(0x20, 0x7F)} - {'"', "\\"}
    return answer.json["error_description"]


def test_a_token_is_given_with_what_was_granted(house):
    answer = house.grant("northern", "system/CarePlan.rs system/Patient.read")
    assert answer.status_code == 200
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    body = answer.json
    assert (body["token_type"], body["expires_in"]) == ("bearer", 300)
    assert body["scope"] == "system/CarePlan.rs system/Patient.rs"
    assert house.get("/fhir/CarePlan", token=body["access_token"]).status_code == 200


def test_what_a_client_looks_for_first_is_there(house):
    answer = house.client.get("/fhir/.well-known/smart-configuration", headers={"Accept": "text/html"})
    assert answer.mimetype == "application/json"
    assert answer.json["token_endpoint"] == smart.TOKEN
    assert answer.json["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert "client-confidential-asymmetric" in answer.json["capabilities"]
    (key,) = house.client.get("/oauth2/jwks").json["keys"]
    assert (key["kty"], key["crv"], key["alg"], "d" in key) == ("EC", "P-384", "ES384", False)


def test_a_key_of_rsa_is_as_good(tmp_path, database_url, engine, mappings):
    rsa = RSAKey.generate_key(2048, {"kid": "rsa"})
    both = {"keys": [rsa.as_dict(private=False), OWN.as_dict(private=False)]}
    path = smart.registry(tmp_path, smart.entry("northern", keys=both))
    house = smart.House(smart.settings(database_url, path), engine, mappings)
    assert house.grant("northern", key=rsa.as_dict(private=True)).status_code == 200
    assert house.grant("northern").status_code == 200


@pytest.mark.parametrize(
    ("partner", "asked", "granted"),
    [
        ("northern", None, "system/*.rs system/Subscription.cud"),
        ("northern", "system/*.cruds", "system/*.rs system/Subscription.cud"),
        ("northern", "system/CarePlan.cruds casebridge/erase casebridge/administer", "system/CarePlan.rs"),
        ("southern", None, "system/CarePlan.rs"),
        ("southern", "system/*.*", "system/CarePlan.rs"),
        ("engineer", "casebridge/events system/*.rs", "casebridge/events"),
    ],
)
def test_no_more_is_granted_than_the_kind_and_the_registry_allow(house, partner, asked, granted):
    assert house.grant(partner, asked).json["scope"] == granted


@pytest.mark.parametrize(
    ("partner", "asked", "named"),
    [
        ("northern", "casebridge/erase", "this client may ask for: system/*.rs"),
        ("southern", "system/Patient.rs", "this client may ask for: system/CarePlan.rs"),
        ("northern", "system/Careplan.rs", "Scope 1 is not known"),
        ("northern", "system/CarePlan.rs openid", "Scope 2 is not known"),
        ("northern", "system/CarePlan.rs?colour=red", "Scope 1: colour: Not a search parameter"),
        ("northern", 'system/CarePlan.rs "\\\x00', "Scope 2"),
    ],
)
def test_scopes_that_cannot_be_had_are_an_invalid_scope(house, partner, asked, named):
    assert named in refused(house.grant(partner, asked), "invalid_scope")


@pytest.mark.parametrize(
    ("changed", "error", "named"),
    [
        ({"grant_type": None}, "invalid_request", "grant_type"),
        ({"grant_type": ""}, "invalid_request", "grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type", "client_credentials"),
        ({"client_assertion_type": None}, "invalid_request", ASSERTION),
        ({"client_assertion_type": "jwt-bearer"}, "invalid_request", ASSERTION),
        ({"client_assertion": None}, "invalid_request", "client_assertion"),
        ({"client_assertion": "x"}, "invalid_client", "three parts"),
        ({"client_id": "southern"}, "invalid_request", "client_id"),
        ({"padding": "x" * 40_000}, "invalid_request", "bytes"),
    ],
    ids=str,
)
def test_a_request_that_is_none_is_told_what_was_expected(house, changed, error, named):
    assert named in refused(house.client.post("/oauth2/token", data=house.form("northern", **changed)), error)


def test_what_nobody_knows_is_not_heeded(house):
    form = house.form("northern", client_id="northern", audience="x")
    assert house.client.post("/oauth2/token", data=form).status_code == 200


@pytest.mark.parametrize("name", ["grant_type", "client_assertion", "scope", "unknown"])
def test_a_parameter_that_stands_twice_is_refused(house, name):
    form = house.form("northern", "system/CarePlan.rs", unknown="x")
    pairs = [*form.items(), (name, form[name])]
    answer = house.client.post(
        "/oauth2/token", data={key: [v for k, v in pairs if k == key] for key, _ in pairs}
    )
    assert "twice" in refused(answer, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        {"json": {"grant_type": "client_credentials"}},
        {"data": b"grant_type=\xff", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"a=1&" * 60, "content_type": "application/x-www-form-urlencoded"},
        {"data": {"grant_type": "client_credentials"}, "query_string": "client_id=x"},
    ],
    ids=["JSON", "bytes", "many", "in the address"],
)
def test_a_body_that_is_no_form_is_an_invalid_request(house, body):
    refused(house.client.post("/oauth2/token", **body), "invalid_request")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (lambda: signed(claims(), OWN, alg="none"), "header alg"),
        (lambda: signed(claims(), secret(dump(OWN.as_dict(private=False)).decode())), "header alg"),
        (lambda: signed(claims(aud="http://127.0.0.1:8080"), OWN), f"aud: expected {smart.TOKEN}, exactly"),
        (lambda: signed(claims(sub="southern"), OWN), "claim sub"),
        (lambda: signed(claims(exp=int(time.time()) + 3600), OWN), "claim exp: expected at most 300"),
        (lambda: signed(claims(exp=None), OWN), "claim exp"),
        (lambda: signed(claims(exp=time.time() + 60.5), OWN), "claim exp: expected whole seconds"),
        (lambda: signed(claims(exp=int(time.time()) - 60), OWN), "claim exp: it is past"),
        (lambda: signed(claims(nbf=int(time.time()) + 120), OWN), "claim nbf: it is in the future"),
        (lambda: signed(claims(jti=None), OWN), "claim jti"),
        (lambda: signed(claims(jti="x" * 256), OWN), "claim jti"),
        (lambda: signed(claims(), OWN, kid=None), "header kid"),
    ],
    ids=[
        "none",
        "HS384",
        "aud",
        "sub",
        "long",
        "endless",
        "float",
        "past",
        "nbf",
        "no jti",
        "long jti",
        "no kid",
    ],
)
def test_an_assertion_that_is_wrong_by_itself_is_told_how(house, text, named):
    answer = house.client.post("/oauth2/token", data=house.form("northern", client_assertion=text()))
    assert named in refused(answer)


def test_who_is_not_proven_is_not_told_whether_the_client_is_known(house):
    """Nor which of its keys are."""
    other = RSAKey.generate_key(2048, {"kid": OWN.kid})
    answers = [
        house.client.post("/oauth2/token", data=house.form("northern", client_assertion=text)).json
        for text in (
            signed(claims(), STRANGER),
            signed(claims(), other),
            signed(claims(), OWN, kid="unknown"),
            signed(claims(iss="nobody", sub="nobody"), OWN),
            signed(claims(iss="local", sub="local"), OWN),
            signed(claims(iss="southern", sub="southern"), OWN),
            signed(claims(), OWN, jku="https://elsewhere.example/jwks"),
            signed(claims(), OWN)[:-8] + "AAAAAAAA",
        )
    ]
    assert len(answers) == 8
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["error"] == "invalid_client"


def test_an_assertion_is_used_once_by_whatever_process(house, settings, engine, mappings):
    form = house.form("northern")
    assert house.client.post("/oauth2/token", data=form).status_code == 200
    for other in (house, smart.House(settings, engine, mappings)):
        assert "used before" in refused(other.client.post("/oauth2/token", data=form))


def test_a_process_whose_clock_is_behind_takes_no_assertion_that_another_forgot(settings, engine, mappings):
    began = datetime.now(UTC)
    passed = timedelta()
    behind = smart.House(settings, engine, mappings, now=lambda: began + passed)
    ahead = smart.House(settings, engine, mappings, now=lambda: began + passed + timedelta(seconds=20))
    form = behind.form("northern")
    assert behind.client.post("/oauth2/token", data=form).status_code == 200
    passed = timedelta(seconds=smart_client.LIFETIME + 15)
    at = int((began + passed).timestamp())
    later = signed(
        claims(iss="southern", sub="southern", exp=at + 60), ECKey.import_key(smart.KEYS["southern"])
    )
    answer = ahead.client.post("/oauth2/token", data=ahead.form("southern", client_assertion=later))
    assert answer.status_code == 200
    assert "used before" in refused(behind.client.post("/oauth2/token", data=form))


REPLAY = """
import json, sys
from datetime import UTC, datetime
from service.access import compact, registry
from service.errors import Ungranted
from service.settings import Settings
from service.wiring.access.authorization import authorization
from service.wiring.rooms import database

settings = Settings.from_env()
engine = database(settings)
who = authorization(settings, engine, registry.load(settings.partners), lambda: datetime.now(UTC))
forms = json.load(sys.stdin)
told = []
for form in forms:
    try:
        who.tokens.granting.grant(form.items())
        told.append("granted")
    except Ungranted as refused:
        told.append("used before" if "used before" in str(refused) else str(refused))
print(json.dumps(told))
engine.dispose()
"""


def test_of_four_processes_that_are_shown_an_assertion_one_gives_a_token_and_none_after_them(house, settings):
    forms = [house.form("northern") for _ in range(10)]
    environment = {
        "CASEBRIDGE_DATABASE_URL": settings.database_url,
        "CASEBRIDGE_PARTNERS": str(settings.partners),
        "CASEBRIDGE_SECRET_FILE": str(settings.secret_file),
    }

    def run(_):
        done = subprocess.run(
            [sys.executable, "-c", REPLAY],
            input=json.dumps(forms),
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        # the lines before are its log
        return json.loads(done.stdout.splitlines()[-1])

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(run, range(4)))
    for answers in zip(*outcomes, strict=True):
        assert sorted(answers) == ["granted", *["used before"] * 3]
    assert run(0) == ["used before"] * 10


def test_the_purpose_of_use_comes_into_the_token(house, settings, engine):
    said = {"hl7-b2b": {"version": "1", "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#ELIGVER"]}}
    text = signed(claims(extensions=said), OWN)
    answer = house.client.post("/oauth2/token", data=house.form("northern", client_assertion=text))
    who = authorization(settings, engine, registry.load(settings.partners), now)
    shown = SimpleNamespace(
        headers={"Authorization": f"Bearer {answer.json['access_token']}"}, remote_addr="127.0.0.1"
    )
    assert who.caller(shown).purposes == ("ELIGVER",)
    said["hl7-b2b"]["purpose_of_use"] = ["TREAT"]
    text = signed(claims(extensions=said), OWN)
    answer = house.client.post("/oauth2/token", data=house.form("northern", client_assertion=text))
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert "purpose_of_use: expected codes" in answer.json["error_description"]
    assert "HPAYMT" in answer.json["error_description"]


CERTIFICATE = b"what a proxy says is a certificate"
SHOWN = {"Client-Cert": f":{b64encode(CERTIFICATE).decode()}:"}
OTHER = {"Client-Cert": f":{b64encode(b'another').decode()}:"}


def test_a_token_is_bound_to_the_certificate_that_a_proxy_of_ours_saw(settings, engine, mappings):
    environment = {
        f"CASEBRIDGE_{name.upper()}": str(getattr(settings, name)) for name in ("database_url", "partners")
    }
    environment |= {
        "CASEBRIDGE_SECRET_FILE": str(settings.secret_file),
        "CASEBRIDGE_TLS_PROXIES": "10.9.0.0/16",
    }
    house = smart.House(Settings.from_env(environment), engine, mappings)
    through = {"REMOTE_ADDR": "10.9.0.1"}

    def shown(token, headers, environ):
        return house.get("/events", token=token, headers=headers, environ_base=environ).status_code

    def grant(headers, environ):
        answer = house.client.post(
            "/oauth2/token", data=house.form("engineer"), headers=headers, environ_base=environ
        )
        assert answer.status_code == 200
        return answer.json["access_token"]

    bound = grant(SHOWN, through)
    assert shown(bound, SHOWN, through) == 200
    assert shown(bound, OTHER, through) == 401
    assert shown(bound, {}, through) == 401
    assert shown(bound, SHOWN, {"REMOTE_ADDR": "10.8.0.1"}) == 401
    claimed = grant(SHOWN, {"REMOTE_ADDR": "10.8.0.1"})
    assert shown(claimed, {}, through) == 200
    assert (
        house.get("/events", token=bound, headers={"Client-Cert": "x"}, environ_base=through).status_code
        == 400
    )
    thumbprint = urlsafe_b64encode(sha256(CERTIFICATE).digest()).decode().rstrip("=")
    assert compact.read(bound).claims["cnf"] == {"x5t#S256": thumbprint}


def test_with_another_secret_nothing_is_served_until_a_key_is_made_with_it(settings, engine, mappings):
    assert smart.House(settings, engine, mappings).grant("northern").status_code == 200
    settings.secret_file.write_bytes(Fernet.generate_key())
    with pytest.raises(Misconfigured, match="casebridge keys rotate"):
        smart.House(settings, engine, mappings)
    rotate_signing_key(settings)
    assert smart.House(settings, engine, mappings).grant("northern").status_code == 200


def test_with_authentication_off_there_are_no_tokens(settings, engine, mappings):
    off = Settings.from_env({"CASEBRIDGE_AUTH": "off", "CASEBRIDGE_DATABASE_URL": settings.database_url})
    client = smart.House(off, engine, mappings).client
    for answer in (
        client.post("/oauth2/token", data={}),
        client.get("/oauth2/jwks"),
        client.get("/fhir/.well-known/smart-configuration"),
    ):
        assert answer.status_code == 404
    assert "security" not in client.get("/fhir/metadata").json["rest"][0]
    assert client.get("/events", headers={"Authorization": "Bearer x"}).status_code == 200
