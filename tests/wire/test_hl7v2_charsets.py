"""Characters are what the sender meant, or the place that cannot be read is named."""

import pytest

from service.errors import Malformed, Misconfigured, Unsupported
from service.wire.hl7v2.er7.charsets import of_partner
from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.read import read


def message(declared: str, name: bytes, beside: str = "") -> bytes:
    msh = f"MSH|^~\\&|A|B|C|D|2024||ADT^A03|1|P|2.5|||||DEU|{declared}|{beside}".encode()
    return msh + b"\rPID|1||7||" + name + b"^J\r"


def family(raw: bytes, charset: str | None = None) -> str:
    (item,) = read(raw, charset=charset).items
    if not isinstance(item, Message):
        raise item.error
    return item.first("PID").value(5)


@pytest.mark.parametrize(
    ("declared", "codec", "name"),
    [
        ("ASCII", "ascii", "Jensen"),
        ("UNICODE UTF-8", "utf-8", "Лебедева"),
        ("UTF-8", "utf-8", "Leppänen"),
        ("UNICODE", "utf-8", "Leppänen"),
        ("8859/1", "latin-1", "Müller"),
        ("ISO-8859-1", "latin-1", "Müller"),
        ("8859/2", "iso8859-2", "Pszczółka"),
        ("8859/5", "iso8859-5", "Лебедева"),
        ("8859/15", "iso8859-15", "Škoda€"),
        ("8859/1~UNICODE UTF-8", "latin-1", "Müller"),
    ],
)
def test_msh_18_names_the_character_set(declared, codec, name):
    assert family(message(declared, name.encode(codec))) == name


def test_without_msh_18_the_partners_usual_set_is_taken():
    assert family(message("", "Sørensen".encode())) == "Sørensen"
    assert family(message("", "Sørensen".encode("latin-1")), of_partner("8859/1")) == "Sørensen"
    assert family(message("ASCII", "Sørensen".encode("latin-1")), of_partner("8859/1")) == "Sørensen"


def test_a_character_set_that_stands_in_msh_19_is_found():
    assert family(message("FIN", "Leppänen".encode(), "UTF-8"), of_partner("8859/1")) == "Leppänen"


def test_a_byte_order_mark_settles_it():
    raw = b"\xef\xbb\xbf" + message("8859/1", "Müller".encode())
    assert family(raw) == "Müller"


def test_utf_8_that_is_declared_8859_is_read_as_utf_8():
    assert family(message("8859/1", "ΠΑΠΑΔΟΠΟΥΛΟΣ".encode())) == "ΠΑΠΑΔΟΠΟΥΛΟΣ"
    assert family(message("8859/1", "Müller".encode())) == "Müller"
    assert family(message("8859/5", "Лебедева".encode())) == "Лебедева"


def test_a_declared_set_that_has_all_the_characters_is_believed():
    # these bytes are valid UTF-8 too, of other letters
    assert family(message("8859/2", "PSZCZÓŁKA".encode("iso8859-2"))) == "PSZCZÓŁKA"


def test_what_windows_adds_to_8859_1_is_read():
    assert family(message("8859/1", b"O\x92Brien \x80 M\xfcller")) == "O\u2019Brien \u20ac Müller"


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("UNICODE UTF-8", b"M\xfcller"),
        ("", b"M\xfcller"),
        ("ASCII", b"M\xfcller"),
        ("8859/1", b"M\x81ller"),
        ("8859/5", b"M\x81\xfc"),
    ],
)
def test_bytes_that_are_no_characters_are_an_error_that_names_the_field(declared, name):
    with pytest.raises(Malformed) as caught:
        family(message(declared, name))
    assert caught.value.issues[0].where == "PID-5"


def test_the_place_counts_segments_of_a_name_and_msh_from_its_separator():
    raw = message("", b"x") + b"DG1|1\rDG1|2||A\xff\r"
    assert read(raw).items[0].error.issues[0].where == "DG1[2]-3"
    assert read(message("", b"x").replace(b"|B|", b"|\xff|")).items[0].error.issues[0].where == "MSH-4"


@pytest.mark.parametrize(
    "declared",
    ["UNICODE UTF-16", "UNICODE UTF-32", "ISO IR87", "GB 18030-2000", "KS X 1001", "BIG-5"],
)
def test_sets_that_are_not_read_are_refused_with_the_remedy(declared):
    with pytest.raises(Unsupported) as caught:
        family(message(declared, b"Jensen"))
    assert caught.value.issues[0].where == "MSH-18"
    assert "send UNICODE UTF-8" in str(caught.value)


def test_an_unknown_set_does_no_harm_while_all_is_ascii():
    assert family(message("KLINGON", b"Jensen")) == "Jensen"
    with pytest.raises(Unsupported, match="table 0211"):
        family(message("KLINGON", b"M\xfcller"))


def test_an_unknown_set_is_overruled_by_the_one_that_the_partner_is_registered_with():
    raw = message("FIN", "Leppänen".encode("latin-1"))
    assert family(raw, of_partner("8859/1")) == "Leppänen"
    (item,) = read(raw, charset=of_partner("8859/1")).items
    assert [(note.where, note.code) for note in item.notes] == [("MSH-18", "code-invalid")]
    with pytest.raises(Malformed):
        family(raw, of_partner("UNICODE UTF-8"))
    with pytest.raises(Unsupported):
        family(message("UNICODE UTF-16", "Leppänen".encode("latin-1")), of_partner("8859/1"))


@pytest.mark.parametrize(("declared", "beside"), [("8859/1", ""), ("FIN", "8859/1"), ("", ""), ("ASCII", "")])
def test_what_is_read_as_declared_is_not_remarked_on(declared, beside):
    raw = message(declared, "Leppänen".encode("latin-1"), beside)
    assert read(raw, charset=of_partner("8859/1")).items[0].notes == ()


def test_a_partner_is_registered_with_a_set_that_is_read():
    assert of_partner("ASCII") == of_partner("UNICODE UTF-8") == "utf-8"
    assert of_partner("8859/15") == "iso8859-15"
    with pytest.raises(Misconfigured):
        of_partner("UNICODE UTF-16")
