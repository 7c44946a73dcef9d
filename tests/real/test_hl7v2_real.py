"""Every message others wrote is read as python-hl7 reads it, or refused with a reason."""

import csv
import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from service.wire.hl7v2.er7 import escapes
from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.read import Batch, UnreadableMessage, read
from service.wire.hl7v2.json_schema import schema
from service.wire.hl7v2.view import TIMES, to_json
from tests.real.real_data import folder
from tests.wire import hl7v2_oracle as oracle

pytestmark = pytest.mark.real

# What is no message, or cannot be told apart: a guide to a grammar, uuencoded sounds, the wrapped lines of a
# page of documentation, MSH-2 with one backslash too many, and batches whose messages lost their MSH.
REFUSED = {
    "hapi-hl7v2/guide.txt",
    "hapi-hl7v2/uuencoded.txt",
    "hapi-hl7v2/uuencoded_escaped.txt",
    "biztalk-docs/sft-in-hl7-messages_0_OTHER.hl7",
    "zato/php_14_obx_leading_empty_component.hl7",
    "python-hl7/samples_07_OTHER.hl7",
    "python-hl7/samples_10_OTHER.hl7",
}


@cache
def index() -> dict[str, dict[str, str]]:
    with (folder("hl7v2-adt") / "INDEX.csv").open(encoding="utf-8", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


@cache
def batches() -> dict[str, Batch]:
    return {path: read((folder("hl7v2-adt") / path).read_bytes()) for path in index()}


def messages() -> list[tuple[str, Message]]:
    return [
        (path, item) for path, batch in batches().items() for item in batch.items if isinstance(item, Message)
    ]


def test_every_file_is_read_to_its_messages_or_refused_with_a_reason():
    wrong = []
    for path, batch in batches().items():
        broken = [item for item in batch.items if isinstance(item, UnreadableMessage)]
        outcome = f"{len(batch.items) - len(broken)} read" + "".join(f"; {item.error}" for item in broken)
        print(f"{path:75} {outcome}")
        read_whole = not broken and len(batch.items) == int(index()[path]["messages"])
        if read_whole == (path in REFUSED):
            wrong.append((path, outcome))
    assert wrong == []


def test_the_header_says_what_the_index_says():
    for path, batch in batches().items():
        row, item = index()[path], batch.items[0]
        if path in REFUSED or item.header.segment.delimiters.field != "|":
            continue
        assert item.header.segment.raw(9) == row["type"]
        assert item.header.segment.raw(12) == row["version"]
        assert item.header.segment.raw(18) == row["msh18"]


def test_python_hl7_finds_the_same_parts():
    compared = 0
    for path, message in messages():
        if message.delimiters.subcomponent == "":
            # python-hl7 puts the usual characters in place of those that MSH-2 leaves out
            continue
        theirs = oracle.trees("\r".join(segment.text for segment in message.segments))
        assert len(theirs) == len(message.segments), path
        for segment, fields in zip(message.segments, theirs, strict=True):
            ours = [segment.tree(number) for number in range(len(segment.fields))]
            assert _meant(ours, str) == _meant(fields, partial(_decoded, message)), path
        compared += 1
    assert compared > 250


def _meant(fields: list[oracle.Tree], read_text: Callable[[str], str]) -> list[list[list[list[str]]]]:
    """Fields without what python-hl7 strips: blanks at the end of the message, an empty field after MSH-2."""
    components = [[[[read_text(text).rstrip() for text in c] for c in r] for r in f] for f in fields]
    while components[-1] == [[[""]]]:
        components.pop()
    return components


def _decoded(message: Message, text: str) -> str:
    return escapes.decode(text, message.delimiters, message.charset)


def test_no_character_is_lost_or_made_up():
    for path, message in messages():
        mark = b"\xef\xbb\xbf" if index()[path]["bom"] and message.raw.startswith(b"\xef") else b""
        assert mark + message.text.encode(message.charset) == message.raw, path


def test_non_ascii_names_are_read_in_their_character_set():
    texts = {path: message.text for path, message in messages()}
    assert "Leppänen" in texts["zato-live-by-country/fi_sectra_radiology_A03_utf8.hl7"]
    assert "ΠΑΠΑΔΟΠΟΥΛΟΣ" in texts["zato/python_08_adt_a03_insurance.hl7"]
    declared = [
        message
        for path, message in messages()
        if index()[path]["bytes_encoding"] == "not-utf-8" and message.header.segment.raw(18)
    ]
    assert {message.charset for message in declared} == {"cp1252", "iso8859-15"}
    assert not any("�" in message.text for message in declared)


def test_every_view_keeps_to_the_schema():
    validator = jsonschema.Draft202012Validator(schema())
    zone = ZoneInfo("Europe/Copenhagen")
    places = {}
    for path, message in messages():
        view = to_json(message, zone)
        assert list(validator.iter_errors(view.json)) == [], path
        assert json.loads(json.dumps(view.json)) == view.json
        places |= {path: [issue.where for issue in view.issues]} if view.issues else {}
    assert places["zato/python_08_adt_a03_insurance.hl7"] == ["PV1-45"]
    assert places["linuxforhealth/HL7MergeFHIRConversionTest_00_ADT_A34.hl7"] == ["EVN-2"]
    assert len(places) < 12


def test_the_fields_that_are_times_are_those_of_hl7s_own_sheets():
    sheets = folder("definitions/hl7v2-to-fhir/csv")
    for name, numbers in TIMES.items():
        listed = _times(sheets, name)
        if listed:
            assert set(numbers) <= listed, name


def _times(sheets: Path, name: str) -> set[int]:
    """The numbers of the fields that a segment's sheets say are dates or times."""
    numbers = set()
    for path in sheets.glob(f"segments__*{name}*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                number = row[1].strip().removeprefix(f"{name}-")
                if len(row) > 3 and number.isdigit() and row[3].strip() in {"TS", "DTM", "DT"}:
                    numbers.add(int(number))
    return numbers
