"""A partner's keys are public, of the algorithms that are taken, and named."""

import pytest
from joserfc.jwk import ECKey, OctKey

from service.access.keys import jwks, new_private_jwk, public_key, public_part
from service.access.registry import load
from service.errors import Misconfigured, Rejected
from service.wire.json import dump
from tests.access.made import ECDSA, RSA, public

EC = ECDSA.as_dict(private=False)


def test_a_key_has_the_algorithm_of_its_type_alone():
    assert (public(ECDSA).algorithm, public(RSA).algorithm) == ("ES384", "RS384")


@pytest.mark.parametrize(
    "jwk",
    [
        ECDSA.as_dict(private=True),
        OctKey.generate_key(256, {"kid": "a"}).as_dict(),
        RSA.as_dict(private=False) | {"n": RSA.as_dict()["n"][:171]},
        ECKey.generate_key("P-256", {"kid": "a"}).as_dict(private=False),
        EC | {"alg": "ES256"},
        EC | {"use": "enc"},
        EC | {"kid": ""},
        EC | {"kid": "x" * 256},
        EC | {"x": "AAAA"},
        EC | {"x": 7},
        EC | {"kty": ["EC"]},
        {name: value for name, value in EC.items() if name != "y"},
        {name: value for name, value in EC.items() if name != "kid"},
        "key",
    ],
    ids=range(14),
)
def test_what_is_no_key_to_verify_with_is_refused(jwk):
    with pytest.raises(Rejected):
        public_key(jwk)


@pytest.mark.parametrize("document", [[], {}, {"keys": {}}, {"keys": [EC] * 51}])
def test_what_is_no_key_set_is_refused(document):
    with pytest.raises(Rejected, match="JWK Set"):
        jwks(document)


def test_a_new_key_of_ours_is_named_by_its_thumbprint_and_its_public_part_is_a_key():
    private = new_private_jwk()
    key = public_key(public_part(private))
    assert (key.kid, key.algorithm) == (private["kid"], "ES384")
    assert private["kid"] == ECKey.import_key(public_part(private)).thumbprint()


def registered(tmp_path, **entry):
    path = tmp_path / "partners.yaml"
    partner = {"name": "northern", "kind": "insurer", **entry}
    path.write_text(dump({"partners": [partner]}).decode(), encoding="utf-8")
    return load(path)["northern"].credentials


def test_the_registry_names_keys_or_where_they_are_and_what_may_be_asked_for(tmp_path):
    scopes = ["system/CarePlan.rs", "system/Patient.r"]
    credentials = registered(tmp_path, keys={"keys": [EC]}, scopes=scopes)
    assert (credentials.keys, credentials.scopes) == ((public(ECDSA),), " ".join(scopes))
    url = "http://ehr.internal:8443/jwks"
    credentials = registered(tmp_path, jwks_url=url, private_hosts=["ehr.internal"])
    assert (credentials.jwks_url, credentials.private_hosts) == (url, ("ehr.internal",))


@pytest.mark.parametrize(
    "entry",
    [
        {"keys": {"keys": []}},
        {"keys": {"keys": [EC, EC]}},
        {"keys": {"keys": [ECDSA.as_dict(private=True)]}},
        {"keys": [EC]},
        {"keys": {"keys": [EC]}, "jwks_url": "https://a.example/jwks"},
        {"jwks_url": "http://a.example/jwks"},
        {"jwks_url": "ftp://a.example/jwks", "private_hosts": ["a.example"]},
        {"jwks_url": "https://a:b@a.example/jwks"},
        {"jwks_url": "https://:b@a.example/jwks"},
        {"jwks_url": "https:///jwks"},
        {"jwks_url": "https://a.example:x/jwks"},
        {"jwks_url": "https://a.example/ jwks"},
        {"scopes": ["system/Careplan.rs"]},
        {"scopes": ["system/CarePlan.rs?colour=red"]},
        {"scopes": []},
        {"scopes": ["casebridge/erase"]},
        {"kind": "engineer", "scopes": ["system/*.rs"]},
        {"kind": "hospital", "intake": {"endpoints": ["http://127.0.0.1:8080/answers"]}},
        {"kind": "hospital", "intake": {"endpoints": ["https://a.example/answers#here"]}},
        {"kind": "hospital", "intake": {"endpoints": ["file:///etc/passwd"]}, "private_hosts": [""]},
    ],
)
def test_credentials_are_read_strictly(tmp_path, entry):
    with pytest.raises(Misconfigured, match="registry is wrong"):
        registered(tmp_path, **entry)


def test_an_endpoint_that_is_not_asked_is_named_by_its_place(tmp_path):
    endpoints = ["https://a.example/answers", "http://b.internal/answers", "http://c.internal/answers"]
    entry = {"kind": "hospital", "intake": {"endpoints": endpoints}, "private_hosts": ["b.internal"]}
    with pytest.raises(Misconfigured) as raised:
        registered(tmp_path, **entry)
    (issue,) = raised.value.issues
    assert issue.what.startswith("/partners/0/intake/endpoints/2: Write https://")
