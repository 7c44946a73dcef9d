"""Reading one HL7 v2 message of 8.6 KB: all of it parted, escape sequences read.

Beside it stand what a mapping's view of it costs, and python-hl7, which parts it but leaves escape sequences.
"""

import gc
import itertools
import time
from collections.abc import Callable
from functools import partial
from zoneinfo import ZoneInfo

import hl7

from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.read import read
from service.wire.hl7v2.view import to_json
from tests.performance.lines import Entry, at_most, median, rounds, spread

SIZE = 8_600
ZONE = ZoneInfo("Europe/Copenhagen")
BUDGET_MS = 1.5
COUNT = 50


def message() -> bytes:
    """A discharge of that size: a patient with all fields filled, contacts, diagnoses, insurances."""
    person = "Example^River^Q^^^^L^^^^^^^^D"
    place = "12 Long Street&Long Street&12^Flat 3^Aarhus^^8000^DK^H^^Midtjylland"
    number = "4711^^^HOSP&1.2.208.176.1.2&ISO^MR^CLINIC&1.2.208.176.1.3&ISO^20200101^20301231"
    code = r"S06.2^Diffuse \T\ traumatic brain injury^I10^A^Local text^L"
    moment = "20240131140559+0100"
    insured = f"{number}|Insurer^L|{place}|||G1|||E1|20200101|20301231|||{person}|SEL|19800101"
    repeated = {
        "NK1": f"1|{person}|SPO^Spouse^HL70063|{place}|^PRN^PH^^45^^86123456|||20200101",
        "DG1": f"1||{code}||{moment}|F||||||||||{number.replace('MR', 'EN')}",
        "IN1": f"1|P1^Public^L|{insured}",
        "ROL": f"1|UC|AT^Attending^HL70443|{number[:20]}^{person}|{moment}|{moment}",
    }
    wishes = "|||AL|NE||UNICODE UTF-8"
    stay = f"1|I|W1^R2^B3^HOSP|R|||{number[:20]}^{person}|||MED|||||||||{number}"
    lines = [
        f"MSH|^~\\&|ADT^1.2.3^ISO|HOSP^1.2.4^ISO|CB|CB|{moment}||ADT^A03^ADT_A03|M17|P|2.5.1{wishes}",
        f"EVN|A03|{moment}|||{number[:8]}^{person}|{moment}",
        f"PID|1||{number}~{number}||{person}~{person}||19800101|O||2028-9^Asian^HL70005|{place}||^PRN^PH",
        f"PV1|{stay}{'|' * 17}01{'|' * 8}{moment}",
    ]
    for name, rest in itertools.cycle(repeated.items()):
        if sum(map(len, lines)) + len(lines) > SIZE - 150:
            break
        lines.append(f"{name}|{rest}")
    return "".join(f"{line}\r" for line in lines).encode()


def run(quick: bool, _servers: object) -> list[Entry]:
    """Measure the line; it is processor time, of which others on the machine take none."""
    number = 5 if quick else 11
    raw = message()
    text = raw.decode()
    ours, seen, theirs = rounds(
        "hl7v2",
        number,
        *(partial(_ms, way) for way in (lambda: parted(raw), lambda: shown(raw), lambda: hl7.parse(text))),
    )
    detail = (
        f"{spread(ours)} for {len(raw)} bytes; {spread(seen)} as JSON with its times;"
        f" python-hl7 {spread(theirs)}; {number} rounds of {COUNT}, processor time"
    )
    return [at_most("hl7v2.read", median(ours), "ms", BUDGET_MS, detail)]


def parted(raw: bytes) -> list[list[list[list[list[str]]]]]:
    """All values of the message, by segment, field, repetition, component and subcomponent."""
    (item,) = read(raw).items
    assert isinstance(item, Message)
    return [[segment.tree(number) for number in range(len(segment.fields))] for segment in item.segments]


def shown(raw: bytes) -> dict[str, object]:
    """The message as mappings read it."""
    (item,) = read(raw).items
    assert isinstance(item, Message)
    view = to_json(item, ZONE)
    assert not view.issues
    return view.json


def _ms(way: Callable[[], object]) -> float:
    # as in a process of ours, what was there before is no garbage, and is not looked through
    gc.collect()
    gc.freeze()
    began = time.process_time()
    for _ in range(COUNT):
        way()
    return (time.process_time() - began) / COUNT * 1e3
