"""Our reader finds what python-hl7 finds, wherever both can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.read import read
from tests.wire import hl7v2_oracle as oracle

PLAIN = "AZaz09\"'-./_éЖ漢"
DELIMITERS = st.sampled_from(["|^~\\&", "#*+!%", "$^&/~", "|^~\\&#", "^~|\\&", "|§~\\&"])
# none that begins or ends a message or a batch
NAMES = st.from_regex(r"[A-LN-Z][A-Z][A-RT-Z0-9]", fullmatch=True)


@st.composite
def messages(draw: st.DrawFn) -> str:
    marks = draw(DELIMITERS)
    leaf = st.text([character for character in PLAIN if character not in marks], max_size=6)

    def joined(mark: str, part: st.SearchStrategy[str], most: int) -> st.SearchStrategy[str]:
        return st.lists(part, min_size=1, max_size=most).map(mark.join)

    field = joined(marks[2], joined(marks[1], joined(marks[4], leaf, 3), 4), 3)
    fields = joined(marks[0], field, 8)
    lines = draw(st.lists(st.tuples(NAMES, fields).map(marks[0].join), max_size=6))
    # python-hl7 takes MSH-2 with nothing after it for the last field
    header = marks[0].join([f"MSH{marks[0]}{marks[1:]}", draw(fields), "A"])
    return "\r".join([header, *lines])


@given(messages())
def test_made_messages_have_the_same_parts(text):
    (message,) = read(text.encode()).items
    assert isinstance(message, Message)
    trees = [[segment.tree(number) for number in range(len(segment.fields))] for segment in message.segments]
    assert trees == oracle.trees(text)


@pytest.mark.parametrize(
    "sent",
    [
        r"\F\ \S\ \T\ \R\ \E\ ",
        r"a\E\F\E\b",
        r"\X414243\ ",
        r"\.br\x",
        r"\.sp3\x",
        r"\.sk4\x",
        r"\.fi\x\.nf\ ",
    ],
)
def test_escape_sequences_mean_the_same(sent):
    text = f"MSH|^~\\&|A\rNTE|1||{sent}x"
    (message,) = read(text.encode()).items
    theirs = oracle.unescape(f"{sent}x", text)
    # theirs breaks lines with CR
    assert message.first("NTE").value(3) == theirs.replace("\r", "\n")
