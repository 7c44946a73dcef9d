"""JSON is read strictly and written exactly."""

import json
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Malformed, TooLarge
from service.wire.json import canonical, copy_of, dump, parse, reread

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


@given(VALUES)
def test_what_is_dumped_is_reread_as_it_is_parsed(value):
    again = reread(dump(value))
    assert again == value
    assert repr(again) == repr(parse(dump(value)))


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
        (b'{"\\ud800": 1}', "/?"),
        (b'{"a": [1, 99999999999999999999]}', "/a/1"),
        (b'{"a": {"b": -9223372036854775809}}', "/a/b"),
        (b'{"a": 1e99999999999999999999}', "/a"),
        (b'{"a": 1e-129}', "/a"),
        (b'{"a": NaN}', "/a"),
        (b'{"a": "\\ud83d x"}', "/a"),
        (b'{"a": 1, "b": {"c": 1, "d": 2, "c": 3}}', "/b/c"),
        (b'"\xff"', "byte 1"),
        (b'\xef\xbb\xbf"\xff"', "byte 4"),
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


def test_a_byte_order_mark_before_a_text_is_ignored():
    assert parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
    with pytest.raises(Malformed):
        parse(b"\xef\xbb\xbf\xef\xbb\xbf{}")


def test_brackets_in_text_do_not_nest():
    assert parse(json.dumps("[" * 500 + '\\"').encode()) == "[" * 500 + '\\"'


def test_a_text_over_the_limit_is_too_large():
    with pytest.raises(TooLarge):
        parse(b'"' + b"x" * 20 + b'"', limit=20)


def test_every_fault_is_told_up_to_a_limit():
    with pytest.raises(Malformed) as caught:
        parse(b'{"a": NaN, "b": "\\u0000", "a": 1}')
    assert [issue.where for issue in caught.value.issues] == ["/a", "/a", "/b"]
    with pytest.raises(Malformed) as caught:
        parse(b"[" + b"NaN," * 1000 + b"1]")
    assert len(caught.value.issues) == 20


def test_pairs_of_surrogates_and_escaped_backslashes_are_read():
    assert parse(b'["\\ud83d\\ude00", "\\\\u0000"]') == ["\N{GRINNING FACE}", "\\u0000"]


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_64_bit_integer_is_read_and_written(number):
    assert parse(dump(number)) == number


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_no_digit_of_a_decimal_is_lost(number):
    if abs(number.as_tuple().exponent) <= 40:
        written = dump([number])
        assert str(json.loads(written, parse_float=Decimal, parse_int=Decimal)[0]) == str(number)


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), object()])
def test_what_json_cannot_say_is_not_written(number):
    with pytest.raises(TypeError):
        dump([number])


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw):
    try:
        value = parse(raw)
    except Malformed:
        return
    assert parse(dump(value)) == value


def test_a_wide_and_broken_text_is_refused_quickly():
    started = time.process_time()
    with pytest.raises(Malformed) as caught:
        parse(b'{"a": [' + b"1," * 900_000 + b"NaN]}")
    assert caught.value.issues[0].where == "/a/900000"
    assert time.process_time() - started < 10


@pytest.mark.parametrize("rest", [b"oops", b"[" * 5_000, b"[" * 5_000 + b"]" * 5_000 + b"]", b""])
def test_what_is_no_json_behind_something_to_refuse_is_refused(rest):
    with pytest.raises(Malformed):
        parse(b'[{"a": 1, "a": 2}, ' + rest)


@pytest.mark.parametrize("part", [b"{},", b"[],", b'{"a":0},', b"0,", b'"",'])
def test_more_values_than_any_document_needs_are_not_read(part):
    with pytest.raises(TooLarge, match="values"):
        parse(b"[" + part * 1_000_001 + b"0]")


def test_instants_and_identifiers_are_written():
    zone = timezone(timedelta(hours=2))
    instant = datetime(2024, 5, 1, 10, tzinfo=zone)
    assert dump([instant, instant.date(), UUID(int=1)]) == (
        b'["2024-05-01T10:00:00+02:00","2024-05-01","00000000-0000-0000-0000-000000000001"]'
    )


@pytest.mark.parametrize("key", [b"0101900101", b"Ann Example", b"a" * 65])
def test_a_key_that_may_be_a_value_is_masked(key):
    with pytest.raises(Malformed) as caught:
        parse(b'{"' + key + b'": "\\u0000"}')
    assert caught.value.issues[0].where == "/?"


def test_an_odd_key_is_not_quoted_in_the_error():
    with pytest.raises(Malformed) as caught:
        parse(b'{"Ann Example 1": {"a": 1, "a": 2}}')
    assert "Ann" not in str(caught.value)


def test_canonical_bytes_do_not_depend_on_the_order_of_keys():
    assert canonical({"b": 1, "a": {"d": 1, "c": 2}}) == canonical({"a": {"c": 2, "d": 1}, "b": 1})


def test_a_copy_is_equal_and_what_is_changed_in_it_stays_as_it_was():
    raw = b'{"a":[{"b":[1.50,"x",null]},true],"c":{}}'
    value = parse(raw)
    copy = copy_of(value)
    assert dump(copy) == raw
    copy["c"]["d"] = copy["a"][0]["b"][0] = 1
    copy["a"].append(2)
    copy["a"][0]["b"].append(3)
    assert dump(value) == raw
