"""The reading that decides: what it makes of a message, and when it knows a fact again."""

from types import SimpleNamespace

import pytest

from tests.real.reading import differences, fhir, v2
from tests.real.reading.bundle import Sent
from tests.real.reading.er7 import Message, messages, nobody
from tests.real.reading.fact import Fact, facts_invented, moment, stands
from tests.real.reading.found import facts_served
from tests.real.reading.house import fields_in_notes
from tests.real.reading.probes import in_original_mode
from tests.web import sent


def segment(name, **fields):
    """A segment of its fields by number: f3 is the third."""
    numbers = {int(field[1:]): value for field, value in fields.items()}
    return "|".join([name, *(numbers.get(number, "") for number in range(1, max(numbers) + 1))]) + "\r"


A03 = (
    "MSH|^~\\&|ADT|MERCY|||20260227150000||ADT^A03|1|P|2.5.1\r"
    "EVN|A03|20260227150000\r"
    + segment(
        "PID",
        f3="P-7^^^WARDS^MR~UNKNOWN",
        f5="von Ahn&von&Ahn^Ivy^Q^Jr^Dr",
        f7="19900501",
        f8="F",
        f11="Kanalvej&Kanalvej&7^^Ribe^^6760^DK",
        f13="^PRN^PH^ivy@example.org^45^22^334455^9",
        f15="DAN",
        f18="A-1",
    )
    + segment("PD1", f4="W13^Okafor^Uma")
    + segment(
        "PV1",
        f2="I",
        f3="W2^202^B",
        f7="7^Elm^Max",
        f19="V-1^^^WARDS",
        f36="20",
        f44="20260220090000",
        f45="202602271",
    )
    + segment("DG1", f3="F32.1^Depression^I10", f5="20260220", f6="F", f15="1")
    + segment("DG1", f3="F20^Other^I10", f21="D")
    + segment("NK1", f2="Ash^Bo", f3="SPO", f6="+45 44 556677", f8="20200101", f9="20210101")
    + segment("NK1", f2="Elm^Kai", f3="SPO", f5="^^CP^^^^22113344")
    + segment("IN1", f2="GOLD", f3="PAY-1", f4="Beta Care", f12="20260101", f36="S-9")
)
IS_THERE = {
    ("patient.identifier", "p-7", True),
    ("patient.identifier", "unknown", False),
    ("patient.name.family", "von ahn", True),
    ("patient.name.suffix", "jr", True),
    ("patient.birth_date", "19900501", True),
    ("patient.address.line", "7", True),
    ("patient.telecom", "ivy@example.org", True),
    ("patient.telecom", "4522334455", True),
    ("patient.telecom.extension", "45223344559", True),
    ("patient.language", "dan", True),
    ("stay.identifier", "v-1", True),
    ("stay.identifier", "a-1", True),
    ("stay.class", "imp", True),
    ("stay.status", "finished", True),
    ("stay.start", "20260220090000", True),
    ("stay.end that cannot be read", "202602271", True),
    ("stay.disposition", "20", True),
    ("stay.location", "202", True),
    ("doctor.role", "okafor=pcp", True),
    ("doctor.role", "elm=atnd", True),
    ("diagnosis.code", "f32.1", True),
    ("diagnosis.use", "f32.1=dd", True),
    ("diagnosis.rank", "f32.1=1", True),
    ("diagnosis.system", "f32.1=http://hl7.org/fhir/sid/icd-10", True),
    ("diagnosis.code", "f20", False),
    ("kin.name", "ash", False),
    ("kin.telecom", "elm=22113344", True),
    ("coverage.subscriber", "beta care=s-9", True),
    ("coverage.start", "beta care=20260101", True),
}


def test_a_message_says_what_hl7_says_it_says():
    read = {(fact.kind, fact.value, fact.wanted) for fact in v2.facts(Message(A03.encode()))}
    assert IS_THERE - read == set()


def test_a_bundle_says_what_r4_says_it_says():
    document = sent.message()
    document["entry"][3]["resource"]["verificationStatus"] = {"coding": [{"code": "refuted"}]}
    read = {(fact.kind, fact.value) for fact in fhir.facts(Sent(sent.json.dumps(document).encode()), "2030")}
    assert {
        ("stay.class", "imp"),
        ("stay.end", "20260227140000+0100"),
        ("patient.name.family", "rider"),
        ("diagnosis.code", "127295002"),
        ("diagnosis.verification", "127295002=refuted"),
    } <= read


@pytest.mark.parametrize(
    ("kind", "value", "there", "is_known"),
    [
        ("stay.start", "20260220090000", "20260220090000+0100", True),
        ("stay.start", "20260220090000+0000", "20260220100000+0100", True),
        ("stay.start", "20260220090000+0000", "20260220090000+0100", False),
        ("stay.start", "20260220", "20260220090000+0100", True),
        ("patient.birth_date", "19900501", "19900502", False),
        ("patient.telecom", "22334455", "4522334455", True),
        ("patient.telecom", "4522334455", "22334455", False),
        ("patient.telecom", "ivy@example.org", "ivy@example.org", True),
        ("stay.location", "w2", "w2 202 b", True),
        ("stay.location", "2", "w2 202 b", False),
        ("doctor.role", "elm=atnd", "max elm=atnd", True),
        ("doctor.role", "elm=atnd", "max elm=con", False),
        ("coverage.start", "beta care=20260101", "beta care=20260101", True),
        ("coverage.start", "beta care=20260101", "alpha=20260101", False),
        ("patient.identifier", "7", "77", False),
    ],
)
def test_a_fact_is_known_again(kind, value, there, is_known):
    assert stands(Fact(kind, value, ""), {kind: {there}}) == is_known


def test_what_nobody_sent_is_invented():
    facts = {Fact("patient.gender", "female", "PID-8")}
    assert facts_invented(facts, {"patient.gender": {"female"}}) == []
    assert facts_invented(facts, {"patient.gender": {"male"}}) == [("patient.gender", "male")]
    assert facts_invented(set(), {"stay.class": {"imp"}}) == [("stay.class", "imp")]


@pytest.mark.parametrize(
    ("noted", "verdict"),
    [
        (set(), "missing"),
        ({"PV1-14"}, "told"),
        ({"PV1-14.1"}, "told"),
        ({"PV1-14.2"}, "missing"),
        ({"PV1-1"}, "missing"),
    ],
)
def test_a_note_tells_of_its_field_alone(noted, verdict):
    assert differences.verdict(Fact("stay.location", "x", "PV1-14.1"), {}, noted) == verdict


@pytest.mark.parametrize(
    ("noted", "verdict"),
    [
        ("Bundle.entry[3].resource.type", "told"),
        ("Bundle.entry[3].resource.ofType(Encounter).type[0]", "told"),
        ("Bundle.entry[3].resource", "told"),
        ("Encounter.type", "told"),
        ("Bundle.entry[4].resource.type", "missing"),
        ("Encounter.class", "missing"),
    ],
)
def test_a_note_tells_of_its_element_alone(noted, verdict):
    fact = Fact("stay.type", "x", "Bundle.entry[3].resource.ofType(Encounter).type[0].text")
    assert differences.verdict(fact, {}, {noted}) == verdict


@pytest.mark.parametrize(
    ("err", "fields"),
    [
        ("ERR||PV1^1^14|0|I", {"PV1-14"}),
        ("ERR||PID^1^5^1^6|0|I", {"PID-5.6"}),
        ("ERR|PID^1^5~NK1^2^6|", {"PID-5", "NK1-6"}),
        ("ERR||PID^1^5|0|I||||Not used here: PV1-14, PV1-18.2.", {"PID-5", "PV1-14", "PV1-18.2"}),
    ],
)
def test_the_fields_of_an_acknowledgement_are_those_of_its_err(err, fields):
    answer = SimpleNamespace(data=f"MSH|^~\\&|CB|||\rMSA|AA|1\r{err}\r".encode())
    assert fields_in_notes(answer) == fields


def test_who_asks_for_accept_acknowledgements_is_answered_at_once():
    sent_as = b"MSH|^~\\&|A|||||||1|P|2.5|||AL|NE||UNICODE UTF-8\rPID|1||7\r"
    assert in_original_mode(sent_as) == sent_as.replace(b"AL|NE", b"|")
    assert in_original_mode(A03.encode()) == A03.encode()


def test_what_must_not_be_there_is_not_excused_by_a_note():
    fact = Fact("diagnosis.code", "f20", "DG1-3.1", wanted=False)
    assert differences.verdict(fact, {"diagnosis.code": {"f20"}}, {"DG1-3"}) == "there"
    assert differences.verdict(fact, {}, set()) == "found"


@pytest.mark.parametrize(
    ("value", "is_nobody"),
    [
        *((text, True) for text in ("UNKNOWN", "N/A", "TBD", "XXX-XX-XXXX", "123-45-6789", "0000", "-")),
        *((text, False) for text in ("P-7", "1234", "10", "5551234", "123456780", "X7")),
    ],
)
def test_a_placeholder_is_nobodys(value, is_nobody):
    assert nobody(value) == is_nobody


def test_each_message_of_a_batch_is_read_alone():
    batch = "FHS|^~\\&|\rBHS|^~\\&|\r" + A03 + A03 + "BTS|2\rFTS|1\r"
    assert [Message(message).trigger for message in messages(batch.encode())] == ["A03", "A03"]


@pytest.mark.parametrize(
    ("sent_as", "text"),
    [
        (r"O\T\Neil", "O&Neil"),
        (r"a\S\b\R\c\F\d\E\e", r"a^b~c|d\e"),
        (r"S\XC3B8\ren", "Søren"),
        (r"4\5 re", r"4\5 re"),
        (r"x\\T\ y", r"x\\T\ y"),
    ],
)
def test_escapes_are_undone(sent_as, text):
    pid = Message(("MSH|^~\\&|A\rPID|||" + sent_as + "\r").encode()).first("PID")
    assert pid.text(3) == text


@pytest.mark.parametrize("text", ["20261301", "2026022", "soon", "20260227250000", ""])
def test_what_is_no_time_is_none(text):
    assert moment(text) is None


def test_what_is_withdrawn_is_not_served():
    gone = {"resourceType": "Condition", "id": "1", "code": {"text": "x"}}
    gone["verificationStatus"] = {"coding": [{"code": "entered-in-error"}]}
    assert facts_served([gone]) == {}
