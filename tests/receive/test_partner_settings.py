"""Each hospital writes in its own way, and its registry entry says how: what comes of it is the same stay."""

import pytest

from service.access.registry import load
from service.receive.discharge.hl7v2 import Hl7v2Reception
from service.receive.mllp.senders import over_mllp
from service.settings import Settings
from service.store.store import SqlStore
from service.values.access.scope import Scope
from service.values.inbound.senders import Sender
from service.wire.hl7v2.er7.read import read
from service.wiring import rooms

REGISTRY = """partners:
  - name: plain
    kind: hospital
    intake: {senders: [{facility: PLAIN, addresses: [10.0.0.0/8]}]}
  - name: zoned
    kind: hospital
    intake: {senders: [{facility: ZONED, addresses: [10.0.0.0/8]}], time_zone: Etc/UTC}
  - name: own
    kind: hospital
    intake:
      senders: [{facility: OWN, addresses: [10.0.0.0/8]}]
      time_zone: Europe/Helsinki
      charset: 8859/1
      authorities: [{name: HOSP, uri: "urn:oid:1.2.246.10.1"}, {name: VISITS, uri: "urn:example:visits"}]
      admission_time: [PV1-42]
      discharge_time: [PV1-43, PV1-45, MSH-7]
"""


@pytest.fixture
def house(tmp_path, database_url, mappings):
    """Sends a message and returns its answer, and the documents that there are then."""
    (tmp_path / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    environment = {
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_PARTNERS": str(tmp_path / "partners.yaml"),
    }
    settings = Settings.from_env(environment)
    engine = rooms.database(settings)
    store = SqlStore(engine)
    taken = rooms.receiving(settings, store, rooms.projecting(settings, mappings))
    handle = over_mllp(Hl7v2Reception(taken, rooms.now), load(settings.partners).values())

    def send(raw):
        (said,) = handle(raw, Sender("10.1.2.3")).answers
        (answer,) = read(said).items
        return answer, *(store.documents(Scope(everything=True), kind) for kind in ("client", "case"))

    yield send
    engine.dispose()


def sent(facility, pv1, *, msh18="", trigger="A03", at="20260716120000"):
    """A stay of somebody with a letter in the name that is no ASCII, in Latin-1."""
    fields = {2: "I", 19: "V-1^^^VISITS", **pv1}
    stay = "|".join(fields.get(number, "") for number in range(1, max(fields) + 1))
    return (
        f"MSH|^~\\&|ADT|{facility}|||{at}||ADT^{trigger}|{at}|P|2.5||||||{msh18}\rEVN|{trigger}|{at}\r"
        f"PID|1||4711^^^HOSP^MR||Sj\xf6berg^\xc5sa\rPV1|{stay}\r"
    ).encode("latin-1")


def test_a_hospital_of_which_all_is_said_is_read_by_its_entry(house):
    answer, (client,), (case,) = house(sent("OWN", {42: "20260710080000", 43: "20260715143000"}))
    assert answer.first("MSA").value(1) == "AA"
    assert client.body["names"][0] == {"family": "Sjöberg", "given": ["Åsa"]}
    assert client.body["identifiers"][0] == {"system": "urn:oid:1.2.246.10.1", "type": "MR", "value": "4711"}
    (stay,) = case.received["stays"]
    assert stay["identifiers"] == [{"system": "urn:example:visits", "type": "VN", "value": "V-1"}]
    # Helsinki's summer time
    assert stay["period"] == {"start": "2026-07-10T08:00:00+03:00", "end": "2026-07-15T14:30:00+03:00"}


def test_the_same_bytes_of_a_hospital_of_which_nothing_is_said_are_no_utf_8(house):
    answer, clients, _ = house(sent("PLAIN", {44: "20260710080000"}))
    assert (answer.first("MSA").value(1), answer.first("ERR").raw(2)) == ("AE", "PID^1^5")
    assert clients == []


def test_a_set_that_nobody_knows_is_told_and_read_as_the_entry_says(house):
    pv1 = {42: "20260710080000", 43: "20260715143000"}
    answer, (client,), _ = house(sent("OWN", pv1, msh18="FIN"))
    assert answer.first("MSA").value(1) == "AA"
    err = answer.first("ERR")
    assert (err.raw(2), err.value(3), err.value(4)) == ("MSH^1^18", "103", "W")
    assert client.body["names"][0] == {"family": "Sjöberg", "given": ["Åsa"]}
    refused, *_ = house(sent("PLAIN", pv1, msh18="FIN"))
    assert (refused.first("MSA").value(1), refused.first("ERR").raw(2)) == ("AE", "MSH^1^18")


def test_what_msh_18_names_is_read_as_it_says(house):
    pv1 = {44: "20260710080000", 45: "20260715143000"}
    answer, (client,), (case,) = house(sent("PLAIN", pv1, msh18="8859/1"))
    assert answer.first("MSA").value(1) == "AA"
    assert client.body["names"][0]["family"] == "Sjöberg"
    assert client.body["identifiers"][0]["system"] == "urn:casebridge:authority:plain:HOSP"
    (stay,) = case.received["stays"]
    assert stay["period"] == {"start": "2026-07-10T08:00:00+00:00", "end": "2026-07-15T14:30:00+00:00"}


@pytest.mark.parametrize(
    ("pv1", "end", "warned"),
    [
        ({44: "20260710080000"}, "2026-07-16T12:00:00+00:00", ""),
        ({44: "20260710080000", 45: "20260709"}, "2026-07-16T12:00:00+00:00", "PV1^1^45"),
        ({44: "20260710080000", 45: "20270715143000"}, "2026-07-16T12:00:00+00:00", "PV1^1^45"),
        ({44: "20260710080000", 45: "20260230"}, "2026-07-16T12:00:00+00:00", "PV1^1^45"),
    ],
)
def test_a_discharge_that_cannot_be_is_told_and_the_next_field_taken(house, pv1, end, warned):
    answer, _, (case,) = house(sent("ZONED", pv1, msh18="8859/1"))
    assert case.received["stays"][0]["period"]["end"] == end
    assert answer.first("MSA").value(1) == "AA"
    warnings = [(segment.raw(2), segment.value(4)) for segment in answer.segments if segment.name == "ERR"]
    assert warnings == ([(warned, "W")] if warned else [])


def test_an_update_tells_of_the_end_by_the_stays_own_fields(house):
    house(sent("OWN", {42: "20260710080000", 43: "20260715143000"}))
    update = {42: "20260710080000", 43: "20260715150000"}
    _, _, (case,) = house(sent("OWN", update, trigger="A08", at="20260717120000"))
    assert case.received["stays"][0]["period"]["end"] == "2026-07-15T15:00:00+03:00"
    _, _, (case,) = house(sent("OWN", {42: "20260710080000"}, trigger="A08", at="20260718120000"))
    assert case.received["stays"][0]["period"]["end"] == "2026-07-15T15:00:00+03:00"
