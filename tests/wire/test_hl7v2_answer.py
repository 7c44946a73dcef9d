"""A sender learns what became of its message, in the mode, delimiters and character set it uses."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import Denied, Issue, Malformed, NotFound, Stale, TooLarge, Unavailable, Unsupported
from service.wire.hl7v2.er7.answer import (
    acknowledgements_of,
    answer,
    application_answer,
    batch_answer,
    verdict_of,
)
from service.wire.hl7v2.er7.parse import header_of
from service.wire.hl7v2.er7.read import read

NOW = datetime(2024, 1, 31, 14, 5, 9, tzinfo=timezone(timedelta(hours=1)))
MSH = "MSH|^~\\&|ADT^1.2^ISO|HOSP|CB|CLOUD|20240131||ADT^A03^ADT_A03|M-17|P^T|2.5.1||||||UNICODE UTF-8\r"


def answered(raw: str | bytes, verdict="accept", issues=()):
    header = header_of(raw.encode() if isinstance(raw, str) else raw)
    answered_bytes = answer(header, verdict, issues, now=NOW, control_id="A1")
    return None if answered_bytes is None else answered_bytes.decode("latin-1").split("\r")[:-1]


def test_the_header_is_mirrored():
    msh, msa = answered(MSH)
    assert msh == (
        "MSH|^~\\&|CB|CLOUD|ADT^1.2^ISO|HOSP|20240131140509+0100||ACK^A03^ACK|A1|P^T|2.5.1||||||UNICODE UTF-8"
    )
    assert msa == "MSA|AA|M-17"


@pytest.mark.parametrize(("verdict", "code"), [("accept", "AA"), ("error", "AE"), ("reject", "AR")])
def test_original_mode_says_what_became_of_it(verdict, code):
    assert answered(MSH, verdict)[1] == f"MSA|{code}|M-17"


@pytest.mark.parametrize(
    ("accept", "application", "codes"),
    [
        ("AL", "NE", ("CA", "CE", "CR")),
        ("AL", "", ("CA", "CE", "CR")),
        ("AL", "AL", ("CA", "CE", "CR")),
        ("NE", "AL", ("AA", "AE", "AR")),
        ("", "AL", ("AA", "AE", "AR")),
        ("NE", "NE", (None, None, None)),
        ("ER", "NE", (None, "CE", "CR")),
        ("SU", "NE", ("CA", None, None)),
        ("ER", "SU", ("AA", "CE", "CR")),
        ('""', '""', (None, None, None)),
    ],
)
def test_enhanced_mode_answers_what_is_asked_for(accept, application, codes):
    raw = MSH.replace("2.5.1|||", f"2.5.1|||{accept}|{application}")
    answers = [answered(raw, verdict) for verdict in ("accept", "error", "reject")]
    assert tuple(lines and lines[1].split("|")[1] for lines in answers) == codes


@pytest.mark.parametrize(
    ("accept", "application", "codes"),
    [
        ("AL", "AL", ("AA", "AE", "AR")),
        ("SU", "ER", (None, "AE", "AR")),
        ("AL", "SU", ("AA", None, None)),
        ("AL", "NE", (None, None, None)),
        ("AL", "", (None, None, None)),
        ("NE", "AL", (None, None, None)),
        ("ER", "AL", (None, None, None)),
        ("", "", (None, None, None)),
    ],
)
def test_an_application_acknowledgement_follows_where_both_are_asked_for(accept, application, codes):
    header = header_of(MSH.replace("2.5.1|||", f"2.5.1|||{accept}|{application}").encode())
    issues = [Issue("Kept for a person to look at.", "PID-3", "not-found")]
    answers = [
        application_answer(header, verdict, issues, now=NOW, control_id="A2")
        for verdict in ("accept", "error", "reject")
    ]
    messages = [raw_answer and read(raw_answer).items[0] for raw_answer in answers]
    assert tuple(message and message.first("MSA").value(1) for message in messages) == codes
    assert {message.header.control_id for message in messages if message} <= {"A2"}
    whole = [
        sent_back for sent_back in (answer(header, "accept", now=NOW, control_id="A1"), *answers) if sent_back
    ]
    assert acknowledgements_of(b"".join(whole)) == whole


def test_each_issue_names_its_place_code_severity_and_text():
    issues = [
        Issue("There is no such date.", "PV1-45", "value"),
        Issue("No patient.", "PID", "required"),
        Issue("Unknown authority.", "PID[2]-3[2].4.1", "not-found"),
        Issue("Not now.", "", "transient"),
    ]
    assert answered(MSH, "error", issues)[2:] == [
        "ERR||PV1^1^45|102^Data type error^HL70357|E||||There is no such date.",
        "ERR||PID^1|101^Required field missing^HL70357|E||||No patient.",
        "ERR||PID^2^3^2^4^1|204^Unknown key identifier^HL70357|E||||Unknown authority.",
        "ERR|||207^Application internal error^HL70357|E||||Not now.",
    ]


def test_an_accepted_message_can_have_a_warning():
    _, msa, err = answered(MSH, "accept", [Issue("Kept for a person to look at.", "PID-3", "not-found")])
    assert msa == "MSA|AA|M-17"
    assert err.split("|")[4] == "W"


@pytest.mark.parametrize("verdict", ["accept", "error"])
def test_what_is_only_good_to_know_is_information(verdict):
    _, _, err = answered(MSH, verdict, [Issue("Not used here.", "PV1-14", "informational")])
    assert err == "ERR||PV1^1^14|0^Message accepted^HL70357|I||||Not used here."


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("", "200"),
        ("MSH-9", "200"),
        ("MSH-9.2", "201"),
        ("MSH-11", "202"),
        ("MSH-12", "203"),
        ("PID-3", "207"),
    ],
)
def test_what_is_not_supported_has_a_code_of_its_own(where, code):
    err = answered(MSH, "reject", [Issue("Not taken.", where, "not-supported")])[2]
    assert err.split("|")[3].startswith(f"{code}^")


def test_before_2_5_one_err_names_all_places_and_msa_has_the_text():
    issues = [Issue("No such date.", "PV1-45", "value"), Issue("No patient.", "PID", "required")]
    _, msa, err = answered(MSH.replace("2.5.1", "2.3"), "error", issues)
    assert msa == "MSA|AE|M-17|No such date."
    assert err == (
        "ERR|PV1^1^45^102&Data type error&HL70357~PID^1^^101&Required field missing&HL70357|PV1^1^45"
        "|102^Data type error^HL70357|E||||No such date."
    )


@pytest.mark.parametrize(
    ("kind", "version", "answered_kind"),
    [
        ("ADT^A03", "2.3", "ACK^A03"),
        ("ADT^A03", "2.4", "ACK^A03^ACK"),
        ("ADT^A03^ADT_A03", "2.3.1", "ACK^A03^ACK"),
        ("ADT", "2.5", "ACK"),
        ("", "", "ACK"),
    ],
)
def test_the_kind_of_answer_follows_the_version(kind, version, answered_kind):
    msh = answered(f"MSH|^~\\&|A|B|C|D|2024||{kind}|17|P|{version}")[0].split("|")
    assert msh[8] == answered_kind
    assert msh[11] == (version or "2.5.1")


@pytest.mark.parametrize(
    "raw", ["MSH|^~\\&|A", "MSH|^~\\&|A|B|C|D|2024||ADT", "MSH|^~\\&|A|B|C|D|2024||ADT^A03|17"]
)
def test_a_cut_off_header_is_answered_all_the_same(raw):
    msh, msa = answered(raw, "reject")
    assert msh.split("|")[4] == "A"
    assert msa.startswith("MSA|AR")


def test_without_a_header_the_answer_names_nothing():
    assert answered(b"hello", "error", [Issue("There is no MSH here.", "", "structure")]) == [
        "MSH|^~\\&|||||20240131140509+0100||ACK|A1|P|2.5.1",
        "MSA|AE",
        "ERR|||100^Segment sequence error^HL70357|E||||There is no MSH here.",
    ]


def test_the_senders_delimiters_are_used_and_text_cannot_break_them():
    lines = answered(
        "MSH$%*!+$A$B$C$D$2024$$ADT%A03$17$P$2.6\r", "error", [Issue("5$ or 10%", "PID-3", "value")]
    )
    assert lines[1] == "MSA$AE$17"
    assert lines[2] == "ERR$$PID%1%3$102%Data type error%HL70357$E$$$$5!F! or 10!S!"


def test_encoding_characters_that_name_one_twice_do_not_hide_the_control_id():
    msh, msa = answered("MSH|^~\\\\&|A|B|C|D|2024||ADT^A03|17|P|2.5\r", "error")
    assert msh.startswith("MSH|^~\\&|C|D|A|B|")
    assert msa == "MSA|AE|17"


def test_the_answer_is_in_the_messages_character_set():
    raw = MSH.replace("UNICODE UTF-8", "8859/15").replace("HOSP", "Žižkov").encode("iso8859-15")
    (item,) = read(raw).items
    assert "Žižkov".encode("iso8859-15") in answer(item.header, "accept", now=NOW, control_id="A1")


def test_bytes_of_a_set_that_is_not_read_go_back_as_they_came():
    raw = MSH.replace("UNICODE UTF-8", "BIG-5").encode().replace(b"HOSP", b"\xa4\xa4")
    (item,) = read(raw).items
    error_answer = answer(item.header, "error", item.error.issues, now=NOW, control_id="A1")
    assert b"\xa4\xa4" in error_answer
    assert b"BIG-5" not in error_answer


def test_no_control_character_is_mirrored():
    msh, msa = answered(MSH.replace("HOSP", "HO\x00S\x1cP").replace("M-17", "M\x0b-17"))
    assert msh.split("|")[5] == "HOSP"
    assert msa == "MSA|AA|M-17"


def test_an_answer_can_be_read_as_a_message():
    (item,) = read(
        answer(header_of(MSH.encode()), "error", [Issue("|^~\\&\r\n", "PID-3")], now=NOW, control_id="A1")
    ).items
    assert item.first("MSA").value(2) == "M-17"
    assert item.first("ERR").value(8) == "|^~\\&\n"
    assert item.first("ERR").value(2, 3) == "3"


MARKS = st.sampled_from([*'|^~\\&#!"\r\x0bA1 é\u20ac', "MSH|", "||AL|NE", "8859/5", "UTF-16"])


@given(st.lists(MARKS, max_size=40).map("".join), st.sampled_from(["accept", "error", "reject"]))
def test_whatever_the_header_is_the_answer_can_be_read(rest, verdict):
    for item in read(f"MSH{rest}".encode()).items:
        acknowledged = answer(
            item.header, verdict, [Issue("5 | ^ ~ \\ &", "PID-3.1")], now=NOW, control_id="A1"
        )
        if acknowledged is not None:
            (acknowledgement,) = read(acknowledged).items
            assert acknowledgement.header.control_id == "A1"
            if acknowledgement.delimiters.escape:
                assert acknowledgement.first("ERR").value(8) == "5 | ^ ~ \\ &"


def test_a_batch_is_answered_by_a_batch():
    envelope = header_of(MSH.encode())
    batch = read(b"BHS|^~\\&|ADT|HOSP|CB|CLOUD|2024||||B-9\r" + MSH.encode() + MSH.encode() + b"BTS|2\r")
    answers = [
        answer(item.header, "accept", now=NOW, control_id=f"A{n}") for n, item in enumerate(batch.items)
    ]
    raw = batch_answer(batch.envelope, answers, now=NOW, control_id="B1")
    assert raw.startswith(b"BHS|^~\\&|CB|CLOUD|ADT|HOSP|20240131140509+0100||||B1|B-9\r")
    read_back = read(raw)
    assert [item.first("MSA").value(2) for item in read_back.items] == ["M-17", "M-17"]
    assert read_back.issues == ()
    assert envelope is not None


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (Malformed("x"), "error"),
        (TooLarge("x"), "error"),
        (Unsupported("x", where="MSH-18"), "error"),
        (Unsupported("x", where="MSH-12"), "reject"),
        (Stale("x"), "error"),
        (Denied("x"), "reject"),
        (Unavailable("x"), "reject"),
        (NotFound("x"), "reject"),
    ],
)
def test_an_error_is_the_senders_to_mend_or_not(error, verdict):
    assert verdict_of(error) == verdict


def test_an_answer_lists_a_hundred_issues_and_a_batchs_a_few_and_both_count_the_rest():
    header = header_of(MSH.encode())
    many = [Issue(f"Wrong {number}.", "PID-3", "value") for number in range(1_000)]
    raw = answer(header, "error", many, now=NOW, control_id="1")
    texts = [segment.value(8) for segment in read(raw).items[0].all("ERR")]
    assert texts == [*(issue.what for issue in many[:100]), "And 900 more."]
    batch = batch_answer(None, [], many, now=NOW, control_id="1")
    assert batch.endswith(b"Wrong 4. And 995 more.\r")
