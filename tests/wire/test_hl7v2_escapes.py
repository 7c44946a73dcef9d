r"""Escape sequences stand for what the standard says, and what nobody can read stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.wire.hl7v2.er7.delimiters import DEFAULT, Delimiters
from service.wire.hl7v2.er7.escapes import decode, encode

OTHERS = Delimiters("#", "*", "+", "!", "%")


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"one\.br\two", "one\ntwo"),
        (r"one\.sp2\two", "one\n\ntwo"),
        (r"one\.sp+2\two\.sk3\x", "one\n\ntwo   x"),
        (r"\.in+4\\.ti-2\text\.fi\\.nf\\.ce\x", "text\nx"),
        (r"\H\important\N\ rest", "important rest"),
        (r"\X48616C6C6F\ \X0D0A\.", "Hallo \r\n."),
        (r"\XC3A9\t\XE9\t", "ét\\XE9\\t"),
    ],
)
def test_sequences_stand_for_text(sent, meant):
    assert decode(sent, DEFAULT, "utf-8") == meant


@pytest.mark.parametrize(
    "sent",
    [
        r"\C2842\ \M244F\ \Z01\ ",
        r"\X00\ \XFF\ \X4\ \XGG\ ",
        r"C:\temp\new",
        r"a \ b",
        r"\\",
        r"\.sp999\ ",
        r"\.xx\ \Q\ ",
        r"\P\ ",
    ],
)
def test_what_cannot_be_said_in_text_stays_as_sent(sent):
    assert decode(sent, DEFAULT, "utf-8") == sent


def test_a_blank_that_does_not_break_is_text():
    assert decode(r"a\XA0\b", DEFAULT, "cp1252") == "a\u00a0b"


def test_hexadecimal_data_is_in_the_messages_character_set():
    assert decode(r"\XE5\ ", DEFAULT, "iso8859-1") == "å "


def test_the_senders_own_delimiters_are_meant():
    assert decode("a!F!b!S!c!E!", OTHERS, "utf-8") == "a#b*c!"


def test_truncation_is_a_delimiter_where_one_is_declared():
    assert decode(r"\P\ ", Delimiters(truncation="#"), "utf-8") == "# "


@given(st.text())
def test_any_text_is_decoded(text):
    decode(text, DEFAULT, "utf-8")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.sampled_from([DEFAULT, OTHERS]))
def test_what_was_encoded_is_decoded_to_the_same(text, delimiters):
    encoded = encode(text, delimiters)
    assert not any(mark in encoded for mark in delimiters.separators)
    assert decode(encoded, delimiters, "utf-8") == text


@given(st.text(), st.sampled_from([DEFAULT, OTHERS, Delimiters(escape="", subcomponent="")]))
def test_an_encoded_text_never_ends_a_field_or_a_segment(text, delimiters):
    assert not any(
        mark in encode(text, delimiters) for mark in (*delimiters.separators, "\r", "\n", "\x0b", "\x1c")
    )
