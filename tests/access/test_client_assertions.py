"""A client assertion is taken as SMART has it, and what is wrong with another is said."""

from base64 import urlsafe_b64encode

import pytest

from service.access.client_assertions import read
from service.errors import Ungranted
from tests.access.made import AUDIENCE, ECDSA, NOW, RSA, claims, public, secret, signed


def refusal(text):
    with pytest.raises(Ungranted) as caught:
        read(text, AUDIENCE, NOW)
    return caught.value


@pytest.mark.parametrize("key", [ECDSA, RSA], ids=["ES384", "RS384"])
def test_either_algorithm_is_taken(key):
    assertion = read(signed(claims(), key), AUDIENCE, NOW)
    assert (assertion.client, assertion.kid, assertion.jti) == ("northern", key.kid, "j-1")
    assert assertion.expires == NOW + 60
    assert assertion.signed.is_signed_by(public(key))
    other = RSA if key is ECDSA else ECDSA
    assert not assertion.signed.is_signed_by(public(other))


@pytest.mark.parametrize("header", [{"x5c": ["x" * 2000]}, {"unknown": {"a": 1}}, {"typ": None}], ids=str)
def test_what_else_a_header_holds_is_not_heeded(header):
    assertion = read(signed(claims(), **header), AUDIENCE, NOW)
    assert assertion.signed.is_signed_by(public(ECDSA))


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": NOW + 330},
        {"exp": NOW - 29},
        {"nbf": NOW + 30, "iat": NOW + 30},
        {"aud": [AUDIENCE]},
        {"jti": "x" * 255},
        {"extensions": {}},
        {"whatever": [1.5]},
    ],
    ids=str,
)
def test_what_is_at_its_bound_is_taken(changed):
    assert read(signed(claims(**changed)), AUDIENCE, NOW).client == "northern"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"iss": None}, "claim iss"),
        ({"iss": 7, "sub": 7}, "claim iss"),
        ({"iss": "", "sub": ""}, "claim iss"),
        ({"sub": "southern"}, "claim sub: expected the same as iss"),
        ({"sub": None}, "claim sub"),
        ({"aud": None}, AUDIENCE),
        ({"aud": f"{AUDIENCE}/"}, AUDIENCE),
        ({"aud": "https://casebridge.example"}, AUDIENCE),
        ({"aud": [AUDIENCE, "https://other.example"]}, AUDIENCE),
        ({"exp": None}, "claim exp: expected an integer, at most 300"),
        ({"exp": NOW + 331}, "claim exp: expected at most 300"),
        ({"exp": NOW - 30}, f"claim exp: it is past; our clock says {NOW}"),
        ({"exp": NOW + 0.5}, "claim exp: expected whole seconds"),
        ({"exp": str(NOW + 60)}, "claim exp: expected whole seconds"),
        ({"exp": True}, "claim exp: expected whole seconds"),
        ({"exp": -1}, "claim exp: expected whole seconds"),
        ({"nbf": NOW + 31}, "claim nbf: it is in the future"),
        ({"iat": NOW + 31}, "claim iat: it is in the future"),
        ({"nbf": "now"}, "claim nbf: expected whole seconds"),
        ({"jti": None}, "claim jti: expected a text of 1 to 255"),
        ({"jti": ""}, "claim jti"),
        ({"jti": "x" * 256}, "claim jti"),
        ({"jti": 1}, "claim jti"),
    ],
    ids=str,
)
def test_a_claim_that_is_wrong_is_named_with_what_was_expected(changed, named):
    error = refusal(signed(claims(**changed)))
    assert error.error == "invalid_client"
    assert named in str(error)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (signed(claims(), alg="none"), "header alg: expected RS384 or ES384"),
        (signed(claims(), secret(str(public(ECDSA).jwk))), "header alg"),
        (signed(claims(), RSA, alg="RS256"), "header alg"),
        (signed(claims(), kid=None), "header kid"),
        (signed(claims(), kid=""), "header kid"),
        (signed(claims(), kid="x" * 256), "header kid"),
        (signed(claims(), typ="at+jwt"), "header typ"),
        ("", "three parts"),
        ("a.b", "three parts"),
        ("a.b.c.d", "three parts"),
        ("x" * 8001, "8000"),
        ("a!.e30.c", "base64url"),
        ("e30.W10.c", "JSON object"),
        (signed(b'{"iss":"northern","iss":"northern"}'), "stands twice"),
        (signed(b'{"iss":"\\u0000"}'), "claims /iss"),
    ],
    ids=range(15),
)
def test_what_is_wrong_with_the_form_is_named(text, named):
    error = refusal(text)
    assert error.error == "invalid_client"
    assert named in str(error)


def test_a_header_that_says_a_thing_twice_is_refused():
    header = urlsafe_b64encode(b'{"alg":"ES384","alg":"none","kid":"ec"}').decode().rstrip("=")
    assert "stands twice" in str(refusal(f"{header}.{signed(claims()).split('.', 1)[1]}"))


def test_an_extension_of_the_header_that_would_have_to_be_understood_is_refused():
    header = urlsafe_b64encode(b'{"alg":"ES384","kid":"ec","crit":["b64"],"b64":true}').decode().rstrip("=")
    assert "header crit" in str(refusal(f"{header}.{signed(claims()).split('.', 1)[1]}"))


@pytest.mark.parametrize(
    "break_",
    [
        lambda text: text[:-4] + ("AAAA" if not text.endswith("AAAA") else "BBBB"),
        lambda text: text.rpartition(".")[0] + ".",
        lambda text: ".".join(
            [text.split(".")[0], signed(claims(jti="j-2")).split(".")[1], text.split(".")[2]]
        ),
    ],
    ids=["changed", "none", "of other claims"],
)
def test_a_signature_that_is_not_of_these_claims_is_none(break_):
    assertion = read(break_(signed(claims())), AUDIENCE, NOW)
    assert not assertion.signed.is_signed_by(public(ECDSA))


def test_the_purposes_of_use_are_read_where_they_are_said():
    said = {"hl7-b2b": {"version": "1", "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"]}}
    assertion = read(signed(claims(extensions=said)), AUDIENCE, NOW)
    assert assertion.purposes == ("urn:oid:2.16.840.1.113883.5.8#TREAT",)
    assert read(signed(claims()), AUDIENCE, NOW).purposes == ()


@pytest.mark.parametrize(
    "said",
    [
        [],
        {"hl7-b2b": []},
        {"hl7-b2b": {}},
        *({"hl7-b2b": {"purpose_of_use": purpose}} for purpose in ([], "TREAT", [7], [""])),
    ],
    ids=str,
)
def test_purposes_of_use_that_are_none_are_an_invalid_request(said):
    error = refusal(signed(claims(extensions=said)))
    assert (error.error, "extensions" in str(error)) == ("invalid_request", True)
