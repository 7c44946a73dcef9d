"""A token of ours says what was granted, and is no token when anything of it is changed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.access.access_tokens import AccessToken, issue, read
from service.access.keys import new_private_jwk, public_key, public_part
from service.values.access.credentials import SigningKey
from service.wire.json import dump, parse
from tests.access.made import ECDSA, NOW, secret, signed

ADDRESS = "https://casebridge.example"
JWK = new_private_jwk()
KEY = SigningKey(1, JWK["kid"], dump(JWK).decode(), datetime(2026, 3, 1, tzinfo=UTC))
PUBLIC = public_key(public_part(JWK))
TOKEN = AccessToken("t-1", "northern", "system/CarePlan.rs", NOW, NOW + 300, ("TREAT",), "thumb")


def taken(text, now=NOW):
    return read(text, {KEY.kid: PUBLIC}.get, ADDRESS, now)


def test_a_token_says_what_was_granted():
    assert taken(issue(KEY, ADDRESS, TOKEN)) == TOKEN
    plain = replace(TOKEN, purposes=(), certificate=None)
    assert taken(issue(KEY, ADDRESS, plain)) == plain


def test_a_token_has_the_header_and_claims_of_rfc_9068():
    from service.access.compact import read as parts

    said = parts(issue(KEY, ADDRESS, TOKEN))
    assert said.header == {"alg": "ES384", "typ": "at+jwt", "kid": KEY.kid}
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= said.claims.keys()
    assert said.claims["cnf"] == {"x5t#S256": "thumb"}


def test_a_token_ends():
    text = issue(KEY, ADDRESS, TOKEN)
    assert taken(text, NOW + 299) == TOKEN
    assert taken(text, NOW + 300) is None


def test_a_token_is_for_our_address_alone():
    assert taken(issue(KEY, "https://other.example", TOKEN)) is None


CLAIMS = {
    "iss": ADDRESS,
    "aud": ADDRESS,
    "sub": "northern",
    "client_id": "northern",
    "jti": "t-1",
    "iat": NOW,
    "exp": NOW + 300,
    "scope": "system/*.cruds",
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b.c",
        signed(CLAIMS, typ="at+jwt"),
        signed(CLAIMS, typ="at+jwt", kid=KEY.kid),
        signed(CLAIMS, typ="at+jwt", kid=None),
        signed(CLAIMS, typ="at+jwt", kid=KEY.kid, alg="none"),
        signed(CLAIMS, secret(PUBLIC.jwk), typ="at+jwt", kid=KEY.kid),
        issue(KEY, ADDRESS, TOKEN).rpartition(".")[0] + ".",
    ],
    ids=[
        "nothing",
        "no JSON",
        "another key",
        "another key by our kid",
        "no kid",
        "none",
        "HS384",
        "unsigned",
    ],
)
def test_what_is_not_signed_by_us_is_no_token(text):
    assert taken(text) is None


def test_a_client_assertion_signed_by_us_would_be_no_token():
    from joserfc.jwk import ECKey

    key = ECKey.import_key(parse(KEY.jwk.encode()))
    assert taken(signed(CLAIMS, key, kid=KEY.kid, typ="at+jwt")) is not None
    assert taken(signed(CLAIMS, key, kid=KEY.kid)) is None
    assert ECDSA.kid != KEY.kid
