"""Any bytes become messages, or a reason why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Malformed, TooLarge, Unsupported
from service.wire.hl7v2.er7.error_locations import ErrorLocation
from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.parse import SEGMENTS
from service.wire.hl7v2.er7.read import UnreadableMessage, acknowledges, read

MSH = b"MSH|^~\\&|ADT|HOSP|CB|CB|20240131||ADT^A03^ADT_A03|17|P|2.5"
PID = b"PID|1||4711^^^HOSP&1.2.3&ISO^MR~12^^^TOWN^PI||Doe^Jane"
PV1 = b"PV1|1|I"
PLAIN = b"\r".join((MSH, PID, PV1)) + b"\r"


def one(raw: bytes, **options) -> Message:
    (item,) = read(raw, **options).items
    assert isinstance(item, Message), item.error
    return item


def refused(raw: bytes, **options) -> UnreadableMessage:
    (item,) = read(raw, **options).items
    assert isinstance(item, UnreadableMessage)
    return item


def test_values_are_found_by_the_numbers_of_the_standard():
    pid = one(PLAIN).first("PID")
    assert pid.value(3) == "4711"
    assert pid.value(3, 4, 2) == "1.2.3"
    assert pid.value(3, 5, repetition=2) == "PI"
    assert pid.value(5, 2) == "Jane"
    assert pid.value(99) == pid.value(5, 9) == pid.value(3, repetition=3) == pid.value(3, 0) == ""


def test_msh_1_and_2_are_fields_themselves():
    message = one(PLAIN)
    assert message.segments[0].fields[:4] == ["MSH", "|", "^~\\&", "ADT"]
    assert message.segments[0].tree(2) == [[["^~\\&"]]]
    header = message.header
    assert (header.application, header.facility) == ("ADT", "HOSP")
    assert (header.code, header.trigger, header.control_id) == ("ADT", "A03", "17")
    assert (header.processing, header.version) == ("P", "2.5")


def test_the_sender_chooses_the_delimiters():
    message = one(b"MSH#*+!%#A#B##########\rPID#1##7*8%9+6!S!5\r")
    assert message.first("PID").tree(3) == [[["7"], ["8", "9"]], [["6*5"]]]


def test_encoding_characters_that_are_left_out_part_nothing():
    message = one(b"MSH|^~|A\rPID|1||7\\F\\&8\r")
    assert message.first("PID").value(3) == "7\\F\\&8"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_segments_end_with_any_line_end(end):
    message = one(PLAIN.replace(b"\r", end))
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "PV1"]


def test_a_line_feed_inside_a_value_is_kept_where_cr_ends_segments():
    message = one(MSH + b"\rNTE|1||one\ntwo\rPV1|1\n")
    assert message.first("NTE").value(3) == "one\ntwo"


def test_mixed_line_ends_part_segments_all_the_same():
    message = one(MSH + b"\r\n" + PID + b"\n" + PV1 + b"\r")
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "PV1"]


def test_the_bytes_are_given_back_as_they_came():
    raw = b"\xef\xbb\xbf" + PLAIN
    message = one(raw)
    assert message.raw == raw
    assert message.text.encode() == PLAIN


def test_framing_and_blank_lines_around_a_message_do_no_harm():
    assert one(b"\x0b" + PLAIN + b"\x1c\r").raw == PLAIN
    assert one(b"\n\n" + PLAIN + b"\n\n").header.control_id == "17"


def test_a_capture_of_several_frames_is_parted():
    frame = b"\x0b" + PLAIN + b"\x1c\r"
    assert [item.raw for item in read(frame * 3).items] == [PLAIN] * 3


def test_custom_and_repeated_segments_are_read_wherever_they_stand():
    message = one(MSH + b"\rZPD|a\r" + PID + b"\rIN1|1\rIN1|2\rZ01|b\r")
    assert [segment.name for segment in message.segments] == ["MSH", "ZPD", "PID", "IN1", "IN1", "Z01"]
    assert [insurance.value(1) for insurance in message.all("IN1")] == ["1", "2"]


@pytest.mark.parametrize(
    ("raw", "where", "what"),
    [
        (b"", "", "empty"),
        (b"\r\n\x0b\x1c", "", "empty"),
        (b"hello", "", "no MSH"),
        (PID + b"\r" + PV1, "", "no MSH"),
        (b"MSH", "MSH-1", "No field separator"),
        (b"MSH |^~\\&|A", "MSH-1", "No field separator"),
        (b"MSH|", "MSH-2", "Not four encoding characters"),
        (b"MSH||A", "MSH-2", "Not four encoding characters"),
        (b"MSH|^~\\&#+|A", "MSH-2", "Not four encoding characters"),
        (b"MSH|abcd|A", "MSH-2", "Not four encoding characters"),
        (b"MSH|^~^&|A", "MSH-2", "stands twice"),
        (MSH + b"\rpid|1", "line 2", "No segment"),
        (MSH + b"\rPID^1", "line 2", "No segment"),
        (MSH + b"\r|1", "line 2", "No segment"),
        (MSH + b"\rPID|1||a\x00b", "PID-3", "NUL"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(raw, where, what):
    error = refused(raw).error
    assert isinstance(error, Malformed)
    assert error.issues[0].where == where
    assert what in error.issues[0].what


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b" \r\n"])
def test_xml_is_refused_unread(start):
    raw = start + b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd"><ADT_A01/>'
    error = refused(raw).error
    assert isinstance(error, Unsupported)
    assert "XML" in str(error)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-32-le"])
def test_utf_16_and_utf_32_are_refused_with_the_reason(codec):
    error = refused(PLAIN.decode().encode(codec)).error
    assert isinstance(error, Unsupported)
    assert "UTF-16" in str(error)


def test_a_message_over_the_limit_is_refused_with_its_header():
    item = refused(MSH + b"\rOBX|1|ED|||" + b"A" * 10_000_000)
    assert isinstance(item.error, TooLarge)
    assert item.header.control_id == "17"
    assert isinstance(refused(PLAIN, limit=10).error, TooLarge)


def test_a_message_of_nothing_but_separators_is_refused():
    assert isinstance(refused(MSH + b"\rPID" + b"|" * 300_000).error, TooLarge)
    assert isinstance(refused(MSH + b"\rPID|" + b"~&" * 150_000).error, TooLarge)
    assert isinstance(refused((MSH + b"\r") * 10_001).error, TooLarge)


def test_a_batch_gives_its_messages():
    raw = b"FHS|^~\\&|A|B\rBHS|^~\\&|A|B|||20240131||||b7\r" + PLAIN + PLAIN + b"BTS|2\rFTS|1\r"
    batch = read(raw)
    assert [item.raw for item in batch.items] == [PLAIN, PLAIN]
    assert batch.envelope.segment.name == "FHS"
    assert batch.issues == ()


def test_messages_without_an_envelope_are_parted():
    batch = read(PLAIN + b"\xef\xbb\xbf" + PLAIN + b"\r\n" + PLAIN)
    assert [isinstance(item, Message) for item in batch.items] == [True, True, True]
    assert batch.envelope is None


def test_a_bad_message_does_not_take_the_others_with_it():
    batch = read(PLAIN + MSH + b"\rPID|1||\xff\r" + b"MSH|^^|\r" + PLAIN)
    first, charset, delimiters, last = batch.items
    assert first.raw == last.raw == PLAIN
    assert (charset.error.issues[0].where, charset.header.control_id) == ("PID-3", "17")
    assert delimiters.error.issues[0].where == "MSH-2"


def test_segments_outside_of_messages_are_told():
    batch = read(b"EVN|A03\r" + PLAIN + b"BTS|1\rPID|9\r")
    assert [type(item) for item in batch.items] == [UnreadableMessage, Message, UnreadableMessage]


def test_trailers_that_announce_other_than_came_are_told():
    batch = read(b"FHS|^~\\&|\rBHS|^~\\&|\r" + PLAIN + b"BTS|3\rFTS|2\r")
    assert [issue.where for issue in batch.issues] == ["BTS-1", "FTS-1"]
    assert "announces 3 messages, 1 came" in batch.issues[0].what


def test_no_value_of_the_message_stands_in_an_error():
    batch = read(MSH + b"\rPID|1||0101900101^^^Doe\xff\r" + MSH + b"\rDoe^Jane|x\r" + b"MSHx\rMSH|Doe|Jane\r")
    assert all(isinstance(item, UnreadableMessage) for item in batch.items)
    assert not any(
        secret in str(item.error) for item in batch.items for secret in ("Doe", "Jane", "0101900101")
    )


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw):
    for item in read(raw).items:
        assert isinstance(item, Message | UnreadableMessage)


@given(st.lists(st.sampled_from([*b"\r\n|^~\\&\x0b\x1c\x00\xef\xbb\xbf\xffA1 ", MSH, PID, b"BTS|1", b"MSH"])))
def test_any_mixture_of_what_messages_are_made_of_is_read_or_refused(parts):
    raw = b"".join(part if isinstance(part, bytes) else bytes([part]) for part in parts)
    batch = read(raw)
    assert batch.items or batch.envelope or batch.issues or b"TS" in raw or b"HS" in raw
    for item in batch.items:
        if isinstance(item, Message):
            assert item.raw in raw
            assert all(segment.text in item.text for segment in item.segments)


names = st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True)


@given(
    st.builds(ErrorLocation, names, *[st.integers(1, 99)] * 3)
    | st.builds(ErrorLocation, names, *[st.integers(1, 99)] * 4)
    | st.builds(ErrorLocation, names, *[st.integers(1, 99)] * 5)
)
def test_a_place_is_read_as_it_was_written(place):
    assert ErrorLocation.parse(str(place)) == place


@pytest.mark.parametrize("text", ["", "line 3", "/case/plan", "PV1-", "Patient.name[0]", "pv1-45"])
def test_what_is_no_place_in_a_message_is_none(text):
    assert ErrorLocation.parse(text) is None


SAYS = b"MSH|^~\\&|A|B|C|D|20260101||%s|1|P|2.5\r"
MSA = b"MSA|AA|1\r"


@pytest.mark.parametrize(
    ("raw", "is_one"),
    [
        (SAYS % b"ACK" + MSA, True),
        (SAYS % b"ACK^A03^ACK" + MSA, True),
        (SAYS % b"ACK", True),
        (SAYS % b"MCF", True),
        (SAYS % b"ADT^A03" + MSA, True),
        (SAYS % b"" + b"MSA|AE|1\r", True),
        (SAYS.replace(b"\r", b"\n") % b"" + b"MSA|AE|1\n", True),
        (SAYS.replace(b"|", b"#") % b"ADT#A03" + b"MSA#AA#1\r", True),
        (b"BHS|^~\\&\r" + (SAYS % b"ACK" + MSA) * 2 + b"BTS|2\r", True),
        (b"BHS|^~\\&||||||||||B1\r" + b"BTS|0\r", True),
        (SAYS % b"ACK" + b"\x00" + MSA, True),
        (SAYS % b"ADT^A03" + b"PID|1\r", False),
        (SAYS % b"ADT^A03" + b"NTE|1||MSA\r", False),
        (SAYS % b"ADT^ACK", False),
        (b"BHS|^~\\&\r" + (SAYS % b"ACK" + MSA) + SAYS % b"ADT^A03" + b"BTS|2\r", False),
        (b"BHS|^~\\&||||||||B1\r" + b"BTS|0\r", False),
        (b"hello", False),
        (b"MSA|AA|1\r", False),
        (b"", False),
    ],
)
def test_what_only_acknowledges_is_told_from_what_says_something(raw, is_one):
    assert acknowledges(raw) is is_one


def test_more_segments_than_any_message_needs_are_not_read():
    """Each would take a thousand times its bytes."""
    begins = b"MSH|^~\\&|A|B|C|D|20260302||ADT^A03|1|P|2.5\r"
    (taken,) = read(begins + b"PID|\r" * (SEGMENTS - 1)).items
    (refused,) = read(begins + b"PID|\r" * SEGMENTS).items
    assert isinstance(taken, Message)
    assert isinstance(refused.error, TooLarge)
