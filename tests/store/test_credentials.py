"""Keys of ours are stored encrypted and retired in turn; an assertion is used once, whoever asks."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from service.errors import Conflict, Misconfigured
from service.store.partners.credentials import FORGOTTEN, SqlCredentials
from service.store.sql.engine import connect
from service.values.access.credentials import SigningKey
from tests.store.made import AT

SECRET = Fernet(Fernet.generate_key())
KEY = SigningKey(1, "a", '{"kid":"a","d":"the private part"}', AT)
PUBLIC = '{"kid":"a"}'
SOON = AT + timedelta(minutes=5)


@pytest.fixture
def credentials(engine):
    return SqlCredentials(engine, SECRET)


def test_a_key_comes_back_as_it_was_and_stands_nowhere_in_the_clear(engine, credentials):
    credentials.add_signing_key(KEY, PUBLIC, AT)
    assert credentials.signing_keys() == [KEY]
    with engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM signing_key"))
    assert b"the private part" not in b"".join(
        bytes(value) for value in row if isinstance(value, bytes | memoryview)
    )


def test_a_new_key_retires_the_one_before_which_loses_its_private_part(credentials):
    credentials.add_signing_key(KEY, PUBLIC, AT)
    second = replace(KEY, number=2, kid="b", created=SOON)
    credentials.add_signing_key(second, '{"kid":"b"}', AT)
    assert credentials.signing_keys() == [second, replace(KEY, jwk=PUBLIC, retired=SOON)]


def test_a_retired_key_is_deleted_when_it_is_over(credentials):
    credentials.add_signing_key(KEY, PUBLIC, AT)
    credentials.add_signing_key(replace(KEY, number=2), PUBLIC, AT)
    third = replace(KEY, number=3, created=SOON)
    credentials.add_signing_key(third, PUBLIC, SOON)
    assert [signing_key.number for signing_key in credentials.signing_keys()] == [3, 2]


def test_of_two_keys_with_one_number_the_first_is_kept(credentials):
    credentials.add_signing_key(KEY, PUBLIC, AT)
    with pytest.raises(Conflict):
        credentials.add_signing_key(replace(KEY, kid="b"), PUBLIC, AT)
    assert [signing_key.kid for signing_key in credentials.signing_keys()] == ["a"]


def test_keys_of_another_secret_are_told_by_the_setting(engine, credentials):
    credentials.add_signing_key(KEY, PUBLIC, AT)
    with pytest.raises(Misconfigured, match="CASEBRIDGE_SECRET_FILE"):
        SqlCredentials(engine, Fernet(Fernet.generate_key())).signing_keys()


def test_an_assertion_is_used_once_by_each_issuer(credentials):
    assert credentials.use_assertion("northern", "j", SOON, AT)
    assert not credentials.use_assertion("northern", "j", SOON, AT)
    assert credentials.use_assertion("southern", "j", SOON, AT)
    assert credentials.use_assertion("northern", "J", SOON, AT)
    assert credentials.use_assertion("northern", "x" * 255, SOON, AT)


def test_of_many_who_use_an_assertion_at_once_one_is_the_first(database_url, credentials):
    def use(_):
        engine = connect(database_url)
        try:
            return [
                SqlCredentials(engine, SECRET).use_assertion("n", f"j{number}", SOON, AT)
                for number in range(5)
            ]
        finally:
            engine.dispose()

    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(use, range(8)))
    assert [sum(column) for column in zip(*first, strict=True)] == [1] * 5


def test_what_is_past_is_forgotten_and_nothing_else(engine, credentials):
    for number in range(3):
        credentials.use_assertion("northern", f"past{number}", AT, AT)
    credentials.use_assertion("northern", "soon", SOON, AT)
    assert credentials.use_assertion("northern", "next", SOON, AT + timedelta(seconds=1))
    with engine.connect() as connection:
        left = connection.execute(text("SELECT jti FROM used_assertion ORDER BY jti")).scalars().all()
    assert (left, FORGOTTEN > 1) == (["next", "soon"], True)
