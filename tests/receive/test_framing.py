"""Frames are found in whatever pieces they arrive."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.receive.mllp.framing import HEAD, Frame, Framer, Oversized, frame_of

LIMIT = 40


def fed(*pieces: bytes, limit: int = LIMIT) -> tuple[list[Frame | Oversized], Framer]:
    framer = Framer(limit)
    return [frame for piece in pieces for frame in framer.feed(piece)], framer


def test_a_message_in_a_frame_is_found():
    assert fed(frame_of(b"MSH|1"))[0] == [Frame(b"MSH|1")]


def test_two_messages_in_one_piece_are_two():
    frames, framer = fed(frame_of(b"one") + frame_of(b"two"))
    assert frames == [Frame(b"one"), Frame(b"two")]
    assert framer.garbage == 0


def test_a_frame_without_its_last_cr_is_whole_when_another_begins_or_nothing_comes():
    frames, framer = fed(b"\x0bone\x1c\x0btwo\x1c")
    assert (frames, framer.pending) == ([Frame(b"one")], True)
    assert framer.settle() == [Frame(b"two")]
    assert (framer.settle(), framer.pending, framer.inside) == ([], False, False)


def test_a_separator_inside_a_value_is_a_character():
    frames, framer = fed(frame_of(b"MSH|a\x1cb\x1c\x1c|c") + frame_of(b"two"))
    assert frames == [Frame(b"MSH|a\x1cb\x1c\x1c|c"), Frame(b"two")]
    assert framer.garbage == 0
    frames, framer = fed(b"\x0bone\x1c")
    assert framer.feed(b"|two\x1c") == []
    assert framer.feed(b"\r") == [Frame(b"one\x1c|two")]


def test_what_stands_between_frames_is_counted_and_ignored():
    frames, framer = fed(b"GET / HTTP/1.1\r\n" + frame_of(b"one") + b"x\n" + frame_of(b"two") + b"yz")
    assert frames == [Frame(b"one"), Frame(b"two")]
    assert framer.garbage == 14 + 1 + 2


def test_a_frame_that_begins_anew_gives_up_its_beginning():
    frames, framer = fed(b"\x0bMSH|cut o\x0bMSH|whole\x1c\r")
    assert frames == [Frame(b"MSH|whole")]
    assert framer.garbage == len(b"MSH|cut o\x0b")


def test_a_vertical_tab_in_a_text_is_a_character():
    assert fed(frame_of(b"MSH|one\x0btwo"))[0] == [Frame(b"MSH|one\x0btwo")]


def test_a_frame_that_has_begun_is_known_to_be_open():
    assert fed(b"\x0bMSH")[1].inside
    assert not fed(b"\x0bMSH\x1c\r")[1].inside


def test_a_frame_may_have_just_the_limit():
    assert fed(frame_of(b"a" * LIMIT))[0] == [Frame(b"a" * LIMIT)]
    assert fed(frame_of(b"a" * (LIMIT + 1)))[0] == [Oversized(b"a" * LIMIT)]


def test_an_oversized_frame_is_told_once_and_nothing_after_it_is_kept():
    frames, framer = fed(b"\x0b" + b"a" * 10_000, b"b" * 1_000_000, frame_of(b"x"), limit=5_000)
    assert frames == [Oversized(b"a" * HEAD)]
    assert framer.held == 0


def test_a_frame_is_not_searched_twice_as_it_grows():
    framer = Framer(1_000_000)
    framer.feed(b"\x0b" + b"a" * 1_000)
    assert framer._searched == 999  # the last byte could have been FS


PARTS = st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"MSH|", b"a", b"b" * 30, frame_of(b"MSH|x")])


@given(st.lists(PARTS, max_size=30).map(b"".join), st.data())
def test_any_split_gives_the_frames_of_the_whole(stream, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole, framer = fed(stream)
    split, other = fed(*pieces)
    assert split == whole
    assert (other.garbage, other.inside) == (framer.garbage, framer.inside)


# what no frame can hold as it is: FS before what ends it, and VT where a message begins anew
ENDS = re.compile(rb"\x1c[\r\n\x0b]|\x0b")


@given(st.lists(st.binary(max_size=LIMIT).filter(lambda body: not ENDS.search(body)), max_size=5))
def test_byte_by_byte_gives_what_was_framed(bodies):
    stream = b"".join(map(frame_of, bodies))
    assert fed(*(stream[at : at + 1] for at in range(len(stream))))[0] == [Frame(body) for body in bodies]


@pytest.mark.parametrize("limit", [1, 3, HEAD + 1])
@given(st.binary(max_size=80))
def test_no_bytes_disturb_the_framer(limit, stream):
    frames, framer = fed(stream, limit=limit)
    assert all(len(frame.body if isinstance(frame, Frame) else frame.head) <= limit for frame in frames)
    assert framer.held <= len(stream)
