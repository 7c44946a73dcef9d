"""HL7 v2 that others wrote becomes the Discharge its trigger says."""

import pytest

from service.settings import Settings
from service.values.inbound.intake import IntakeSettings
from service.wire.contracts.load import load as load_contract
from service.wire.hl7v2 import incoming
from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.read import read
from service.wiring import compiled
from tests.real.real_data import folder

EVENTS = {
    "A01": "admit",
    "A02": "transfer",
    "A03": "discharge",
    "A04": "register",
    "A05": "plan",
    "A06": "change-class",
    "A07": "change-class",
    "A08": "update",
    "A11": "cancel-admit",
    "A12": "cancel-transfer",
    "A13": "cancel-discharge",
    "A14": "plan",
    "A17": "transfer",
    "A21": "leave",
    "A22": "return",
    "A27": "cancel-admit",
    "A28": "update",
    "A31": "update",
    "A38": "cancel-admit",
    "A52": "return",
    "A53": "leave",
    "A54": "update",
    "A55": "update",
    **dict.fromkeys(("A18", "A30", "A34", "A36", "A39", "A40", "A46", "A47"), "merge"),
}


@pytest.fixture(scope="module")
def projector():
    return compiled.inbound(Settings.from_env({})).projector("hl7v2")


def adt():
    """Every ADT message with its trigger and the name of its file."""
    for path in sorted(file for file in folder("hl7v2-adt").rglob("*") if file.is_file()):
        for message in read(path.read_bytes()).items:
            if isinstance(message, Message) and path.suffix != ".csv":
                head = incoming.patients(message, "partner", IntakeSettings())[0][0]["message"]["MSH"]
                kind = head.get("f9", {})
                if kind.get("c1") == "ADT" and kind.get("c2"):
                    yield path.name, kind["c2"], message


def test_each_message_is_the_event_of_its_trigger(projector):
    seen = set()
    for name, trigger, message in adt():
        for roots in incoming.patients(message, "partner", IntakeSettings())[0]:
            made = projector.run(roots)
            events = [load_contract("discharge", result.resource)["event"] for result in made]
            assert events == ([EVENTS[trigger]] if trigger in EVENTS else []), name
            seen.add(trigger)
    assert {"A01", "A02", "A03", "A08", "A11", "A13", "A40"} <= seen
