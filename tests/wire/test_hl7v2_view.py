"""A message seen as JSON, and times as FHIR has them."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Rejected
from service.mapping.language.types import World
from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.read import read
from service.wire.hl7v2.er7.times import to_fhir
from service.wire.hl7v2.json_schema import FIELDS, schema
from service.wire.hl7v2.view import TIMES, to_json

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
MSH = "MSH|^~\\&|ADT|HOSP|CB|CB|20240131||ADT^A03|17|P|2.5"


def view(*segments: str):
    (message,) = read("\r".join((MSH, *segments)).encode()).items
    return to_json(message, COPENHAGEN)


def test_fields_components_and_subcomponents_have_names():
    pid = view("PID|1||4711^^^HOSP&1.2.3&ISO^MR~12^^^TOWN").json["PID"]
    first = {"c1": "4711", "c4": "HOSP", "c4s2": "1.2.3", "c4s3": "ISO", "c5": "MR"}
    assert pid["f3"] == first
    assert pid["r3"] == [first, {"c1": "12", "c4": "TOWN"}]
    assert pid["f1"] == {"c1": "1"}


def test_what_is_not_told_or_blank_has_no_key():
    assert view("PID|||^^~ ||  ^ ^|x ").json["PID"] == {"f6": {"c1": "x"}, "r6": [{"c1": "x"}]}


def test_an_empty_first_repetition_is_not_made_up_for():
    pid = view("PID|||||||||||||~^NET^Internet").json["PID"]
    assert "f13" not in pid
    assert pid["r13"] == [{"c2": "NET", "c3": "Internet"}]


def test_nulls_are_listed_and_have_no_value():
    pid = view('PID|1||7~""||Doe^""^X~""^Y|""').json["PID"]
    assert pid["nulls"] == ["f3[1]", "f5.c2", "f5[1].c1", "f6"]
    assert "f6" not in pid
    assert pid["f5"] == {"c1": "Doe", "c3": "X", "family": "Doe", "given": ["X"]}


def test_nulls_are_known_where_nothing_parts_repetitions():
    (message,) = read(b'MSH|^|A\rPID|""|X^""\r').items
    assert to_json(message, COPENHAGEN).json["PID"] == {
        "f2": {"c1": "X"},
        "r2": [{"c1": "X"}],
        "nulls": ["f1", "f2.c2"],
    }


def test_escape_sequences_are_read():
    assert view("PID|1||||Smith \\T\\ Sons\\.br\\").json["PID"]["f5"]["c1"] == "Smith & Sons"
    assert view(r"NTE|1||a\.br\b").json["NTE"][0]["f3"]["c1"] == "a\nb"


def test_control_characters_are_left_out():
    assert view("NTE|1||a\x1b[1m\x7fb\tc\n").json["NTE"][0]["f3"] == {"c1": "a[1mb\tc"}


@given(st.text(max_size=60))
def test_any_text_is_shown(text):
    (item,) = read(f"{MSH}\rPID|1||{text}\rNTE|{text}^~&\\".encode("utf-8", "replace")).items
    if isinstance(item, Message):
        for note in to_json(item, COPENHAGEN).json["NTE"]:
            plain = "".join(value for field in note.get("r1", ()) for value in field.values())
            assert not any(ord(character) < 32 and character not in "\t\n\r" for character in plain)


def test_times_have_the_partners_offset():
    pv1 = view("PV1|1" + "|" * 43 + "202401311405|202407011405+0300").json["PV1"]
    assert pv1["f44"] == {"c1": "202401311405", "time": "2024-01-31T14:05:00+01:00"}
    assert pv1["f45"]["time"] == "2024-07-01T14:05:00+03:00"


def test_a_time_stamp_that_is_none_is_an_issue_that_names_the_field():
    result = view("PV1|1" + "|" * 43 + "20240131|201904714005700", "DG1|1||||yesterday", "DG1|2||||20240230")
    assert [issue.where for issue in result.issues] == ["PV1-45", "DG1-5", "DG1[2]-5"]
    assert "time" not in result.json["PV1"]["f45"]
    assert result.json["PV1"]["f44"]["time"] == "2024-01-31"


def test_times_where_a_location_should_be_are_shown_and_never_an_issue():
    result = view("PV1|1" + "|" * 41 + "20240131|WARD^1")
    assert result.json["PV1"]["f42"]["time"] == "2024-01-31"
    assert "time" not in result.json["PV1"]["f43"]
    assert result.issues == ()


def test_insurances_have_their_own_segments_inside():
    first_insurance = ("IN1|1", "IN2|a", "IN3|1", "IN3|2", "ROL|1")
    message = view("PID|1", *first_insurance, "IN1|2", "IN2|b", "IN1|3", "DG1|1", "ROL|9").json
    first, second, third = message["IN1"]
    assert first["IN2"]["f1"]["c1"] == "a"
    assert [segment["f1"]["c1"] for segment in first["IN3"]] == ["1", "2"]
    assert first["ROL"][0]["f1"]["c1"] == "1"
    assert second["IN2"]["f1"]["c1"] == "b"
    assert "IN2" not in third
    assert message["ROL"][0]["f1"]["c1"] == "9"


def test_a_merge_has_two_patients():
    message = view("EVN|A40", "PID|1||7", "MRG|8", "PID|2||9", "MRG|10").json
    assert [patient["PID"]["f3"]["c1"] for patient in message["patients"]] == ["7", "9"]
    assert [patient["MRG"]["f1"]["c1"] for patient in message["patients"]] == ["8", "10"]
    assert message["PID"] == message["patients"][0]["PID"]
    assert message["EVN"]["f1"]["c1"] == "A40"


def test_what_stands_before_the_first_pid_is_the_first_patients():
    message = view("ZPD|x", "PV1|1|I", "PID|1||7").json
    (patient,) = message["patients"]
    assert patient["PV1"]["f2"]["c1"] == "I"
    assert patient["other"]["ZPD"][0]["f1"]["c1"] == "x"


def test_segments_without_a_place_are_kept_among_the_others():
    twice = ("EVN|A03", "EVN|A08", "PID|1", "PV1|1", "PV1|2", "IN1|1", "IN2|a", "IN2|b")
    message = view(*twice, "ZBE|1", "ZBE|2", "ORC|1").json
    other = message["other"]
    assert [segment["f1"]["c1"] for segment in other["ZBE"]] == ["1", "2"]
    assert other["EVN"][0]["f1"]["c1"] == "A08"
    assert other["PV1"][0]["f1"]["c1"] == "2"
    assert other["IN2"][0]["f1"]["c1"] == "b"
    assert set(other) == {"EVN", "PV1", "ZBE", "ORC", "IN2"}


def test_the_schema_lets_mappings_name_what_is_there_and_nothing_else():
    shape = World({"v2": {"message": schema()}}, {}).root("v2", "message")

    def kind(path: str) -> str | None:
        node = shape
        for step in path.split("."):
            node = node.get(step) if node is not None else None
            while node is not None and node.kind == "list":
                node = node.item()
        return node.kind if node is not None else None

    for path in (
        "PV1.f44.c1",
        "PV1.f44.time",
        "PID.r3.c4s2",
        "IN1.IN2.f61.c1",
        "patients.MRG.f1.c1",
        "PID.nulls",
    ):
        assert kind(path) == "text", path
    assert kind("other.ZBE.f1.c1") == "any"
    for path in ("PVX", "PV1.f55", "PV1.f0", "PID.IN2", "PV1.x"):
        assert kind(path) is None, path


def test_every_field_that_is_a_time_is_a_field():
    assert all(max(numbers) <= FIELDS[name] for name, numbers in TIMES.items())


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2024", "2024"),
        ("202402", "2024-02"),
        ("20240229", "2024-02-29"),
        ("2024022913", "2024-02-29T13:00:00+01:00"),
        ("202407011305", "2024-07-01T13:05:00+02:00"),
        ("20240701130509", "2024-07-01T13:05:09+02:00"),
        ("20240701130509.1234", "2024-07-01T13:05:09.1234+02:00"),
        ("20240701130509-0430", "2024-07-01T13:05:09-04:30"),
        ("202407011305+0000", "2024-07-01T13:05:00+00:00"),
        ("20240701+0100", "2024-07-01"),
        ("20241027023000", "2024-10-27T02:30:00+02:00"),
        (" 20240701 ", "2024-07-01"),
        ("18900101000000", "1890-01-01T00:00:00+00:50"),
        ("20240701130509.123456789", "2024-07-01T13:05:09.123456+02:00"),
        ("20240701130509.123456Z", "2024-07-01T13:05:09.123456Z"),
        ("202407011305+02:00", "2024-07-01T13:05:00+02:00"),
        ("20161231235960Z", "2016-12-31T23:59:59Z"),
        ("20240101T12", "2024-01-01T12:00:00+01:00"),
        ("2024-07", "2024-07"),
        ("2024-07-01", "2024-07-01"),
        ("2024-07-01 13:05", "2024-07-01T13:05:00+02:00"),
        ("2024-07-01T13:05:60", "2024-07-01T13:05:59+02:00"),
        ("2024-07-01T13:05:09,5+02", "2024-07-01T13:05:09.5+02:00"),
        ("2024-07-01T13:05:09Z", "2024-07-01T13:05:09Z"),
        ("2024-07-01T13:05:09.1234567-0430", "2024-07-01T13:05:09.123456-04:30"),
    ],
)
def test_time_stamps_become_datetimes_as_precise_as_they_were(sent, meant):
    assert to_fhir(sent, COPENHAGEN, "EVN-2") == meant


@pytest.mark.parametrize(
    "sent",
    [
        *(
            "",
            "20230229",
            "20241301",
            "2024010124",
            "202401011260",
            "20240101120061",
            "202401012400",
            "2024-01-01T24:00:00",
            "2024-02-30",
            "2024-1-1",
            "2024-01-01T12",
            "2024-01-01T12:00+15:00",
            "2024-01-01T12:00:00.",
            "0000",
            "00000000",
            "202",
        ),
        *("20110613122406637", "2024010112+1500", "2024010112+0160", "202401-01"),
        "\u0662\u0660\u0662\u0664",
    ],
)
def test_what_is_no_time_is_an_error_that_names_the_field(sent):
    with pytest.raises(Rejected) as caught:
        to_fhir(sent, COPENHAGEN, "PV1-45")
    (issue,) = caught.value.issues
    assert (issue.where, issue.code) == ("PV1-45", "value")
    assert not sent or sent not in issue.what


@given(st.datetimes(), st.sampled_from(["", "Z", "+0100", "-04:30"]))
def test_iso_8601_says_what_the_standards_form_says(moment, offset):
    plain = moment.strftime("%Y%m%d%H%M%S.%f").rjust(21, "0")
    assert to_fhir(f"{moment.isoformat(timespec='microseconds')}{offset}", COPENHAGEN, "EVN-2") == to_fhir(
        f"{plain}{offset}", COPENHAGEN, "EVN-2"
    )


@given(st.text(st.sampled_from("0123456789.+-:TZ "), max_size=30))
def test_any_text_is_a_time_or_an_error(text):
    try:
        to_fhir(text, COPENHAGEN, "PV1-45")
    except Rejected:
        return
    assert text[:4].isdigit()
