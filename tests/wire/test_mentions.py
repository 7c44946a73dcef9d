"""A number is found in bytes however they spell it, and within a longer one it is not there."""

import json

import pytest

from service.wire.mentions import names, spellings

NUMBER = "KÄ/4711^B"


@pytest.mark.parametrize(
    "raw",
    [
        f"PID|1||{NUMBER}^^^X\r".encode(),
        f"PID|1||{NUMBER}^^^X\r".encode("latin-1"),
        f"PID|1||{NUMBER}^^^X\r".encode("utf-16"),
        b"PID|1||K\xc3\x84/4711\\S\\B^^^X\r",
        json.dumps({"value": NUMBER}).encode(),
        json.dumps({"value": NUMBER}).replace("/", "\\/").encode(),
        json.dumps({"value": NUMBER}, ensure_ascii=False).encode(),
        b'{"url":"Patient?identifier=urn:x|K%C3%84%2F4711%5EB"}',
        f"who is {NUMBER}.".encode(),
    ],
)
def test_a_number_is_found_however_it_is_spelt(raw):
    assert names(raw, spellings([NUMBER]))


@pytest.mark.parametrize("raw", [b"123456", b"a12345", b"12345-6", b"_12345", b"2026123451"])
def test_a_part_of_a_longer_word_is_no_number(raw):
    assert not names(raw, spellings(["12345"]))
    assert names(raw + b"|12345|", spellings(["12345"]))


def test_what_is_too_short_to_be_told_apart_is_not_looked_for():
    assert spellings(["1234", "I"]) == []
