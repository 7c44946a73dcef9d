"""What a reader finds in what others wrote is in the case that came of it, or is told of, or is explained.

The table `facts.md` beside this counts it; `CASEBRIDGE_WRITE_OUTCOMES=1` writes it anew.
"""

import ast
import os
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest

from tests.real.reading import differences, er7
from tests.real.reading.files import files
from tests.real.reading.house import House
from tests.real.reading.table import table as table_of
from tests.real.real_data import folder

TABLE = Path(__file__).with_name("facts.md")
FOLDERS = ("da-vinci-alerts", "europe", "hl7-r4-examples", "hl7v2-adt", "medcom", "synthea")
# of a kind of fact, the differences that are right, and why they are
EXPLAINED = (
    (
        "stay.status",
        lambda seen: "_MORS_" in seen.file,
        "MedCom tells the death while the stay is in progress; a death ends the stay.",
    ),
    ("stay.end", lambda seen: "_MORS_" in seen.file, "A death ends the stay, at the time of the death."),
    (
        "coverage.status",
        lambda seen: seen.fact.value.endswith("=active"),
        "A hospital's word of an insurance is unverified, and served as draft until a case system says it.",
    ),
    (
        "doctor.identifier",
        lambda seen: seen.verdict == "invented" and seen.file.endswith(".json"),
        "The number stands in a conditional reference, which names the doctor by it.",
    ),
    (
        "patient.identifier of what is put aside as no-patient",
        lambda _: True,
        "Of a kind that names no person (an account, Medicare): it finds nobody, so the message waits.",
    ),
    (
        "stay.destination",
        lambda seen: "PV1-37" in seen.fact.where or seen.verdict == "invented",
        "DLD-1 is a code with its words in a subcomponent: the words are served.",
    ),
    *(
        (
            kind,
            lambda seen: seen.fact.where.startswith("ROL-"),
            "A role that follows PR1 is one in the procedure, of which nothing is kept but the message.",
        )
        for kind in (
            *("doctor.given", "doctor.identifier", "doctor.name", "doctor.role", "doctor.telecom"),
            "doctor.telecom.system",
        )
    ),
    *(
        (
            kind,
            lambda seen: seen.file in {"adt-a08__base.hl7", "SegmentUtilTest_04_ADT_A08.hl7"},
            "An update without a visit number: the answer says at PV1-19 that its stay was not used.",
        )
        for kind in ("doctor.given", "doctor.identifier", "doctor.name", "doctor.role", "stay.location")
    ),
    (
        "stay.identifier",
        lambda seen: (
            seen.verdict == "invented" and seen.file in {"NewPipeParserTest_11_ADT_A17.hl7", "ADT-A47-02.hl7"}
        ),
        "It came with the plain admission that was sent before, which has the file's PID.",
    ),
    (
        "patient.name.partner",
        lambda _: True,
        "The surname of a partner (FN-5) is no name of the person; the message keeps it.",
    ),
    (
        "stay.facility",
        lambda _: True,
        "The facility of a place (PL-4) is said only where nothing else of the place is.",
    ),
    (
        "patient.gender",
        lambda seen: seen.verdict == "invented",
        "A code of PID-8 that nobody knows is `unknown`, and told of.",
    ),
    *(
        (
            kind,
            lambda seen: seen.file == "NewPipeParserTest_17_ADT_A14.hl7",
            "Three times one digit is a short number; from five on it is a placeholder.",
        )
        for kind in ("found by a placeholder", "patient.identifier")
    ),
    (
        "coverage.plan",
        lambda seen: seen.fact.where.startswith("IN1-35"),
        "Where both are sent IN1-2 is the plan.",
    ),
    (
        "patient.address.line",
        lambda seen: seen.file.startswith("ExtendedMinLowerLayerProtocolTest_00"),
        "The escape character of MSH-2 and a letter of the street both were lost to U+FFFD before.",
    ),
)


@pytest.fixture
def house(tmp_path, mappings):
    house = House(tmp_path, mappings)
    yield house
    house.engine.dispose()


def outcomes_of(house, name, path, route, kind, raw):
    """What became of each message of a file, and the facts of each."""
    if name != "hl7v2-adt":
        return [differences.of_fhir(house, path.name, raw, route, kind)]
    return [differences.of_v2(house, path.name, message) for message in er7.messages(raw)]


def test_each_fact_that_a_reader_finds_is_served_or_told_of_or_listed(house):
    read, ends, digest = {}, Counter(), sha256()
    for name in FOLDERS:
        read[name] = []
        for path, route, kind, raw in files(folder(name)):
            digest.update(f"{name}/{path.name} ".encode() + raw)
            for became, seen in outcomes_of(house, name, path, route, kind, raw):
                ends.update((name, *end) for end in became)
                read[name] += seen
    of_these = digest.hexdigest()[:16]
    table = table_of(of_these, read, ends, EXPLAINED)
    if os.environ.get("CASEBRIDGE_WRITE_OUTCOMES"):
        TABLE.write_text(table, encoding="utf-8")
    page = TABLE.read_text(encoding="utf-8")
    # of other files the table says nothing: of those most that is looked for is there
    assert page == table or of_these not in page
    verdicts = Counter(one.verdict for seen in read.values() for one in seen)
    assert verdicts["found"] + verdicts["told"] > verdicts.total() / 2


def test_the_reading_uses_none_of_our_own():
    """Only what sends and asks knows the service; and it knows no reader of what is sent."""
    for path in Path(differences.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        ours = {name for name in names if name.partition(".")[0] == "service"}
        assert path.name == "house.py" or not ours, path
        assert not {module for module in ours if module.startswith(("service.wire", "service.mapping"))}, path
