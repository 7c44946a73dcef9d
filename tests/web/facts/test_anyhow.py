"""By any way in, twice, late or at once: the case is that of the ordered sequence, once.

The doors are the real ones: FHIR messages, transactions and Encounters alone, HL7 v2 over HTTP and over MLLP.
"""

import json
import socket
import threading
from itertools import count
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from service.access import registry
from service.cases.hospital.discharge import moment
from service.receive.discharge.hl7v2 import Hl7v2Reception
from service.receive.mllp.framing import frame_of
from service.receive.mllp.senders import over_mllp, partners_by_sender
from service.receive.mllp.server import MllpServer
from service.settings import Settings
from service.store.store import SqlStore
from service.values.inbound.inbox import InboundMessage
from service.wiring import rooms
from tests.flows.charts import chart
from tests.flows.conftest import House
from tests.web.conftest import REGISTRY
from tests.web.sent import ER7, FHIR, SNOMED, encounter, entry, message

RUNS = count()
TRIES = 50
# a visit is one person's; Q turns out to be P
VISITS = {"V-1": "P", "V-2": "Q", "V-3": "P"}
TRIGGERS = ("A01", "A02", "A03", "A04", "A08", "A11", "A13", "A21", "A22")
STATUSES = ("planned", "arrived", "in-progress", "onleave", "finished", "cancelled", "entered-in-error")
BY_HL7V2 = st.sampled_from(["hl7v2", "mllp"])
BY_FHIR = st.sampled_from(["message", "transaction", "create", "update"])
CODES = ("127295002", "71620000")  # without words: of two the stay whose key comes first has its way
SAID = {
    "visit": st.sampled_from(sorted(VISITS)),
    "minute": st.integers(0, 59),
    "kind": st.sampled_from(["I", "O", "E"]),
    "name": st.sampled_from(["", "Rider", "Walker"]),
    "gender": st.sampled_from(["", "female", "male", "other"]),
    "code": st.sampled_from(["", *CODES]),
    "end": st.integers(11, 13),
}
TOLD = st.one_of(
    st.fixed_dictionaries({"way": BY_HL7V2, "what": st.sampled_from(TRIGGERS), **SAID}),
    st.fixed_dictionaries({"way": BY_FHIR, "what": st.sampled_from(STATUSES), **SAID}),
)
CLASSES = {"I": "IMP", "O": "AMB", "E": "EMER"}
SEXES = {"": "", "female": "F", "male": "M", "other": "O"}
TEMPLATE = (
    "MSH|^~\\&|ADT|MERCY|CB|CLOUD|20260110{time}00+0000||ADT^{what}|{key}|P|2.5\r"
    "EVN|{what}|20260110{time}00+0000\r"
    "PID|1||{person}^^^&{persons}&URI||{name}|||{sex}\r"
)
MERGED = "MRG|Q^^^&{persons}&URI\r"
STAYED = (
    "PV1|1|{kind}|W^1^1||||||||||||||||{visit}^^^&{visits}&URI" + "|" * 25 + "20260109090000+0100|{end}\r"
)


class Doors:
    """A house with its doors, a hospital that sends to them, and who reads what is stored."""

    def __init__(self, app, settings, engine, mappings, port):
        self.app, self.port = app, port
        store = SqlStore(engine)
        projection = rooms.projecting(settings, mappings)
        self.taken = rooms.receiving(settings, store, projection)
        self.mercy = registry.load(settings.partners)["mercy"]
        self.house = House(engine, projection)

    def moment(self, said, raw):
        """When the event of a message was said."""
        form, kind = ("fhir", FHIR) if said["way"] not in {"hl7v2", "mllp"} else ("hl7v2", ER7)
        inbound = InboundMessage(raw, kind, form, "http", ("x",), "x")
        (discharge,) = self.taken.understand(self.mercy, inbound).discharges
        return moment(discharge["event"], discharge["recorded"])

    def send(self, said, raw, visit):
        """Send until it is taken; what is refused or waits fails the test."""
        for _ in range(TRIES):
            if said["way"] == "mllp":
                answer = self._framed(raw)
                if b"\rMSA|AR|" not in answer:
                    assert b"\rMSA|AA|" in answer, answer
                    assert b"quarantine" not in answer, answer
                    return
            else:
                answer = self._asked(said["way"], raw, visit)
                if answer.status_code != 503:
                    assert answer.status_code in {200, 201}, answer.data
                    assert b"quarantine" not in answer.data
                    return
        raise AssertionError("it is still not taken")

    def _asked(self, way, raw, visit):
        named = urlencode({"identifier": f"{visit['system']}|{visit['value']}"})
        method, path, kind = {
            "message": ("POST", "/fhir/$process-message", FHIR),
            "transaction": ("POST", "/fhir", FHIR),
            "create": ("POST", "/fhir/Encounter", FHIR),
            "update": ("PUT", f"/fhir/Encounter?{named}", FHIR),
            "hl7v2": ("POST", "/hl7v2", ER7),
        }[way]
        headers = {"Casebridge-Partner": "mercy"}
        client = self.app.test_client()
        return client.open(path, method=method, data=raw, content_type=kind, headers=headers)

    def _framed(self, raw):
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(frame_of(raw))
            received = b""
            while not received.endswith(b"\x1c\r"):
                received += connection.recv(65_536)
        return received


class Anyhow(RuleBasedStateMachine):
    """Sends a hospital's messages as they come; at the end the same are sent of others, in order, once."""

    doors: Doors
    sent = Bundle("sent")

    @initialize()
    def begin(self):
        self.run = next(RUNS)
        self.messages = {}

    def identifier(self, system, value, where):
        return {"system": f"urn:example:{system}:{self.run}:{where}", "value": value}

    def raw(self, key, where):
        """A message as it is sent to one of the two worlds."""
        said, named = self.messages[key], f"{self.run}-{key}-{where}"
        if said["way"] in {"hl7v2", "mllp"}:
            return self.hl7v2(said, named, where)
        return json.dumps(self.fhir(said, named, where)).encode()

    def hl7v2(self, said, named, where):
        merge = said["what"] == "A40"
        fields = {
            **said,
            "key": named,
            "time": f"10{said['minute']:02}",
            "person": "P" if merge else VISITS[said["visit"]],
            "persons": f"urn:example:persons:{self.run}:{where}",
            "visits": f"urn:example:visits:{self.run}:{where}",
            "sex": SEXES[said["gender"]],
            "end": f"202601{said['end']}140000+0100" if said["what"] == "A03" else "",
        }
        text = TEMPLATE + (MERGED if merge else STAYED)
        if said["code"]:
            text += f"DG1|1||{said['code']}^^SCT\r"
        return text.format(**fields).encode()

    def fhir(self, said, named, where):
        stay, patient, condition = self.resources(said, where)
        if said["way"] in {"create", "update"}:
            patient["id"] = "p"
            stay |= {"subject": {"reference": "#p"}, "contained": [patient]}
            return stay
        resources = [stay, patient]
        if said["code"]:
            stay["diagnosis"] = [{"condition": {"reference": entry(condition)["fullUrl"]}}]
            resources.append(condition)
        if said["way"] == "message":
            sent = message(named)
            del sent["entry"][0]["resource"]["eventCoding"]["system"]
            return {**sent, "entry": [sent["entry"][0], *map(entry, resources)]}
        entries = [entry(resource, method="POST", url=resource["resourceType"]) for resource in resources]
        return {"resourceType": "Bundle", "id": f"b-{named}", "type": "transaction", "entry": entries}

    def resources(self, said, where):
        subject = "urn:uuid:00000000-0000-4000-8000-0000000000a1"
        period = {"start": "2026-01-09T09:00:00+01:00"}
        if said["what"] == "finished":
            period["end"] = f"2026-01-{said['end']}T14:00:00+01:00"
        stay = encounter(
            status=said["what"],
            identifier=[self.identifier("visits", said["visit"], where)],
            subject={"reference": subject},
            meta={"lastUpdated": f"2026-01-10T10:{said['minute']:02}:00Z"},
            period=period,
        )
        stay["class"] = {**stay["class"], "code": CLASSES[said["kind"]]}
        del stay["contained"]
        patient = {
            "resourceType": "Patient",
            "id": "a1",
            "identifier": [self.identifier("persons", VISITS[said["visit"]], where)],
            **({"name": [{"family": said["name"]}]} if said["name"] else {}),
            **({"gender": said["gender"]} if said["gender"] else {}),
        }
        condition = {
            "resourceType": "Condition",
            "id": "c1",
            "subject": {"reference": subject},
            "code": {"coding": [{"system": SNOMED, "code": said["code"]}]},
        }
        return stay, patient, condition

    def send(self, key, where="anyhow"):
        said = self.messages[key]
        visit = self.identifier("visits", said.get("visit", ""), where)
        self.doors.send(said, self.raw(key, where), visit)

    def new(self, said):
        key = len(self.messages)
        self.messages[key] = said
        return key

    @rule(target=sent, said=TOLD)
    def tell(self, said):
        key = self.new(said)
        self.send(key)
        return key

    @rule(target=sent, way=BY_HL7V2, minute=st.integers(0, 59))
    def merge(self, way, minute):
        key = self.new(
            {"way": way, "what": "A40", "minute": minute, "name": "", "gender": "", "code": "", "end": 0}
        )
        self.send(key)
        return key

    @rule(key=sent)
    def duplicate(self, key):
        self.send(key)

    @rule(many=st.lists(TOLD, min_size=2, max_size=3), again=sent)
    def at_once(self, many, again):
        keys = [self.new(sending) for sending in many]
        failed = []

        def send(key):
            try:
                self.send(key)
            except BaseException as exc:  # noqa: BLE001  told below
                failed.append(exc)

        threads = [threading.Thread(target=send, args=(key,)) for key in (*keys, keys[0], again)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []

    def teardown(self):
        messages = getattr(self, "messages", {})
        order = {key: self.doors.moment(said, self.raw(key, "x")) for key, said in messages.items()}
        for key in sorted(messages, key=lambda key: (order[key], str(messages[key]))):
            self.send(key, "ordered")
        merged = any(sent_message["what"] == "A40" for sent_message in messages.values())
        for person in ("P",) if merged else ("P", "Q"):
            anyhow, ordered = (
                chart(self.doors.house, self.identifier("persons", person, where))
                for where in ("anyhow", "ordered")
            )
            assert anyhow == ordered


@pytest.fixture
def settings(tmp_path, database_url):
    (tmp_path / "partners.yaml").write_text(
        REGISTRY.replace(
            "{name: mercy, kind: hospital}",
            "{name: mercy, kind: hospital, intake: "
            "{senders: [{application: ADT, facility: MERCY, addresses: [127.0.0.1]}]}}",
        ),
        encoding="utf-8",
    )
    environment = {
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": database_url,
        "CASEBRIDGE_PARTNERS": str(tmp_path / "partners.yaml"),
    }
    return Settings.from_env(environment)


@pytest.fixture
def doors(app, settings, engine, mappings):
    """The doors, MLLP's on a port of its own."""
    store = SqlStore(engine)
    taken = rooms.receiving(settings, store, rooms.projecting(settings, mappings))
    partners = tuple(registry.load(settings.partners).values())
    handler = over_mllp(Hl7v2Reception(taken, rooms.now), partners)
    server = MllpServer("127.0.0.1", 0, handler, partners_by_sender(partners))
    stop = threading.Event()
    serving = threading.Thread(target=server.run, args=(stop,))
    serving.start()
    assert server.listening.wait(30)
    yield Doors(app, settings, engine, mappings, server.port)
    stop.set()
    serving.join()


def play(doors, examples, steps):
    how = hypothesis_settings(
        phases=(Phase.explicit, Phase.reuse, Phase.generate),  # what threads did is not shrunk in a minute
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(type("Machine", (Anyhow,), {"doors": doors}), settings=how)


def test_by_any_way_in_the_case_is_that_of_the_ordered_sequence_once(doors):
    play(doors, 12, 8)


@pytest.mark.soak
def test_by_any_way_in_the_case_is_that_of_the_ordered_sequence_once_for_longer(doors):
    play(doors, 200, 20)
