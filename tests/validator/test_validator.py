"""HL7's validator finds no error in anything the service tells, and no warning without a reason.

The reasons stand in warnings.md, by kind and place.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.validator import hl7, told

WARNINGS = Path(__file__).with_name("warnings.md")
# severity, kind, place, reason
ROW = re.compile(r"\| `(error|warning)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
# `Bundle.entry[3].resource/*Goal/ID*/.target[0]` and `Goal.target[0]` are one place
OUTER = re.compile(r".*/\*(\w+)/[^*]*\*/")
CHOICE = re.compile(r"\[\d+\]|\.ofType\(\w+\)|\.value$")
VALUE = re.compile(r"'[^']*'|\S*(?:://|urn:)\S*|\(.*|\d+|\bnull\b")


@pytest.fixture(scope="module")
def said(tmp_path_factory, mappings):
    """Everything the validator says but information."""
    if missing := hl7.missing():
        pytest.skip(f"HL7's validator needs {' and '.join(missing)}, which are not here")
    hl7.build()
    folder = tmp_path_factory.mktemp("told")
    resources = [*told.rivers(folder), *told.answered(folder, mappings), *told.golden(), *told.documents()]
    assert len(resources) > 800
    messages = hl7.validate(resources, told.definitions(resources))
    return [message for message in messages if message.severity != "information"]


def kind(message):
    """What a message tells of: its id, or what it says without what it says it of."""
    return message.kind.rpartition("#")[2] or " ".join(VALUE.sub("…", message.what).split())[:60].strip()


def place(message):
    """The element, without where it stands in a list or Bundle."""
    return (
        CHOICE.sub("", OUTER.sub(r"\1", message.where)) or message.name.rpartition(" ")[2].partition("/")[0]
    )


def reasons():
    """The rows of warnings.md: (severity, kind, place)."""
    rows = ROW.findall(WARNINGS.read_text(encoding="utf-8"))
    return {(severity, kind.strip(" `"), where.strip(" `")) for severity, kind, where, _ in rows}


@pytest.mark.soak
def test_there_is_no_error_and_each_warning_has_its_reason(said):
    known = reasons()
    counts = Counter((message.severity, kind(message), place(message)) for message in said)
    named = {one for one in counts for row in known if row == one or row == (*one[:2], "anywhere")}
    example = {
        (message.severity, kind(message), place(message)): (message.name, message.what) for message in said
    }
    assert [(*one, counts[one], *example[one]) for one in sorted(counts.keys() - named)] == []


@pytest.mark.soak
def test_each_reason_is_of_a_warning_that_there_is(said):
    reasons_ = {(message.severity, kind(message), place(message)) for message in said}
    reasons_ |= {(message.severity, kind(message), "anywhere") for message in said}
    assert reasons() - reasons_ == set()
