"""FHIR that others wrote becomes the Discharges a reader of it would expect."""

import json

import pytest

from service.settings import Settings
from service.wire.contracts.load import load as load_contract
from service.wire.fhir.sent.incoming import stays
from service.wire.json import parse
from service.wiring import compiled
from tests.real.real_data import folder

# what MedCom's file names say: AN annuls, STIN and STAA start, STOR and SLOR lead on leave and back
MEDCOM = {
    "AN_STIN": "cancel-admit",
    "AN_STAA": "cancel-admit",
    "AN_STOR": "return",
    "AN_SLOR": "leave",
    "AN_SLHJ": "cancel-discharge",
    "STIN": "admit",
    "STAA": "admit",
    "STOR": "leave",
    "SLOR": "return",
    "SLHJ": "discharge",
    "MORS": "death",
}


@pytest.fixture(scope="module")
def understand():
    projector = compiled.inbound(Settings.from_env({})).projector("fhir")

    def read(path):
        made = [result for root in stays(parse(path.read_bytes())) for result in projector.run(root)]
        return [load_contract("discharge", result.resource) for result in made]

    return read


def test_a_medcom_notification_is_the_event_that_its_name_says(understand):
    paths = list(folder("medcom").rglob("HospitalNotification_Ex_*.json"))
    assert paths
    for path in paths:
        says = next((event for name, event in MEDCOM.items() if name in path.name), "admit")
        (discharge,) = understand(path)
        assert discharge["event"] == says, path.name
        assert discharge["patient"]["identifiers"], path.name
        assert discharge["stay"]["identifiers"], path.name


def test_medcom_notifications_of_a_stay_follow_each_other_as_its_events_did(understand):
    by_stay = {}
    for path in folder("medcom").rglob("HospitalNotification_Ex_*.json"):
        (discharge,) = understand(path)
        by_stay.setdefault(str(discharge["stay"]["identifiers"][0]), []).append(discharge)
    several = [
        sorted(discharges, key=lambda one: one["recorded"])
        for discharges in by_stay.values()
        if len(discharges) > 1
    ]
    assert several
    for events in several:
        assert events[0]["event"] == "admit"
        assert all(event["event"] != "admit" for event in events[2:])


def test_a_da_vinci_notification_is_an_admission_with_its_diagnosis(understand):
    paths = list(folder("da-vinci-alerts").rglob("admit-notification*.json"))
    assert paths
    for path in paths:
        (discharge,) = understand(path)
        assert (discharge["event"], discharge["stay"]["kind"]) == ("admit", "emergency")
        assert discharge["stay"]["conditions"][0]["code"]["display"]


def test_every_encounter_of_a_transaction_is_a_stay(understand):
    paths = [path for path in folder("synthea").rglob("*.json") if b'"Encounter"' in path.read_bytes()]
    assert paths
    for path in paths:
        bundle = json.loads(path.read_bytes())
        sent = [entry["resource"]["resourceType"] for entry in bundle["entry"]].count("Encounter")
        assert len(understand(path)) == sent > 0
