"""JSON is read strictly and written exactly."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Malformed, TooLarge
from service.wire.json import canonical, dump, parse

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | TEXT
    | st.decimals(allow_nan=False, allow_infinity=False, places=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_dumped_is_parsed_again(value):
    assert parse(dump(value)) == value


def test_decimals_keep_their_digits():
    assert dump(parse(b'{"a":1.10,"b":1.0e2,"c":5}')) == b'{"a":1.10,"b":1.0E+2,"c":5}'
    assert parse(b"1.50") == Decimal("1.50")


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b'{"a": 1,}', "line 1, column 9"),
        (b'{"a":\n tru}', "line 2, column 2"),
        (b'{"p": [{"a": 1, "a": 1}]}', "/p/0/a"),
        (b'{"a": {"b": "x\\u0000"}}', "/a/b"),
        (b'["\\ud800"]', "/0"),
        (b'{"\\ud800": 1}', "/"),
        (b'"\xff"', "byte 1"),
        (b"\xef\xbb\xbf{}", "byte 0"),
        (b"[" * 100_000, "byte 100"),
        (b'{"a":' * 100_000, "byte 500"),
    ],
)
def test_what_is_malformed_is_refused_with_its_place(raw, place):
    with pytest.raises(Malformed) as caught:
        parse(raw)
    assert caught.value.issues[0].where == place


@pytest.mark.parametrize(
    "raw", [b"NaN", b"[Infinity]", b"9" * 5000, b"", b"\xed\xa0\x80", b"1 2", b"{'a': 1}"]
)
def test_what_is_not_json_is_refused(raw):
    with pytest.raises(Malformed):
        parse(raw)


def test_brackets_in_text_do_not_nest():
    assert parse(json.dumps("[" * 500 + '\\"').encode()) == "[" * 500 + '\\"'


def test_a_text_over_the_limit_is_too_large():
    with pytest.raises(TooLarge):
        parse(b'"' + b"x" * 20 + b'"', limit=20)


def test_an_odd_key_is_not_quoted_in_the_error():
    with pytest.raises(Malformed) as caught:
        parse(b'{"Ann Example 1": {"a": 1, "a": 2}}')
    assert "Ann" not in str(caught.value)


def test_canonical_bytes_do_not_depend_on_the_order_of_keys():
    assert canonical({"b": 1, "a": {"d": 1, "c": 2}}) == canonical({"a": {"c": 2, "d": 1}, "b": 1})
