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
    found = hl7.validate(resources, told.definitions(resources))
    return [each for each in found if each.severity != "information"]


def kind(each):
    """What a message tells of: its id, or what it says without what it says it of."""
    return each.kind.rpartition("#")[2] or " ".join(VALUE.sub("…", each.what).split())[:60].strip()


def place(each):
    """The element, without where it stands in a list or Bundle."""
    return CHOICE.sub("", OUTER.sub(r"\1", each.where)) or each.name.rpartition(" ")[2].partition("/")[0]


def reasons():
    """The rows of warnings.md: (severity, kind, place)."""
    rows = ROW.findall(WARNINGS.read_text(encoding="utf-8"))
    return {(severity, kind.strip(" `"), where.strip(" `")) for severity, kind, where, _ in rows}


@pytest.mark.soak
def test_there_is_no_error_and_each_warning_has_its_reason(said):
    known = reasons()
    found = Counter((each.severity, kind(each), place(each)) for each in said)
    named = {one for one in found for row in known if row == one or row == (*one[:2], "anywhere")}
    example = {(each.severity, kind(each), place(each)): (each.name, each.what) for each in said}
    assert [(*one, found[one], *example[one]) for one in sorted(found.keys() - named)] == []


@pytest.mark.soak
def test_each_reason_is_of_a_warning_that_there_is(said):
    found = {(each.severity, kind(each), place(each)) for each in said}
    found |= {(each.severity, kind(each), "anywhere") for each in said}
    assert reasons() - found == set()
