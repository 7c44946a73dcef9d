"""Whatever comes twice, late, out of order or at once: the case is that of the ordered sequence, once."""

import threading
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from service.cases.hospital.discharge import moment
from service.values.inbound.pathways import Pathway, Proposal
from tests.flows.charts import chart
from tests.flows.conftest import House
from tests.flows.hospital import Hospital

PATHWAYS = (
    Pathway("everybody", (Proposal("call", "phone-check-in", 2, working=True),)),
    Pathway("brains", (Proposal("test", "neuropsychology", 14),), diagnoses=(("urn:icd", "S06"),)),
)
RUNS = count()
# a visit is one person's; Q turns out to be P
VISITS = {"V-1": "P", "V-2": "Q", "V-3": "P"}
EVENTS = (
    "plan",
    "register",
    "admit",
    "change-class",
    "transfer",
    "leave",
    "return",
    "update",
    "discharge",
    "death",
    "cancel-discharge",
    "cancel-admit",
)
CODES = st.sampled_from(["S06.2", "S72.0", "S42.2"])
STAYS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["inpatient", "outpatient", "emergency"]),
        "location": st.sampled_from(["Ward 1", "Ward 2"]),
        "destination": st.sampled_from(["Home", "Elsewhere"]),
        "conditions": st.lists(
            st.builds(
                lambda code, kind: {"code": {"system": "urn:icd", "code": code}, "kind": kind},
                CODES,
                st.sampled_from(["admission", "discharge"]),
            ),
            max_size=2,
        ),
    },
)
PERSONS = st.fixed_dictionaries(
    {},
    optional={
        "gender": st.sampled_from(["female", "male", "other"]),
        "names": st.sampled_from([[{"family": "Rider"}], [{"family": "Walker"}]]),
        "protected_identity": st.booleans(),
    },
)
MORE = st.fixed_dictionaries(
    {},
    optional={
        "contacts": st.sampled_from([[{"role": "attending", "names": [{"family": "Doctor"}]}]]),
        "coverages": st.sampled_from([[{"payer": {"name": "Northern"}}], [{"payer": {"name": "Southern"}}]]),
        "happened": st.integers(1, 9).map("2026-01-0{}".format),
        "cleared": st.sampled_from([["patient.gender"], []]),
    },
)


def at(minute):
    return f"2026-01-10T10:{minute:02}:00Z"


class Anyhow(RuleBasedStateMachine):
    """Sends a hospital's events as they come; at the end the same are sent to others, in order, once."""

    house: House
    hospital: Hospital
    sent = Bundle("sent")

    @initialize()
    def begin(self):
        self.run = next(RUNS)
        self.messages = {}
        self.minutes = set()

    def identifier(self, system, value, where):
        return {"system": f"urn:example:{system}:{self.run}:{where}", "value": value}

    def said(self, message, where):
        """A message as it is sent to the persons of one of the two worlds."""
        event, visit, minute, stay, person, more = message
        said = {"event": event, "recorded": at(minute), **more}
        if event == "merge":
            patient = {"identifiers": [self.identifier("persons", "P", where)]}
            patient["merged_from"] = [self.identifier("persons", "Q", where)]
            return {**said, "patient": patient}
        patient = {**person, "identifiers": [self.identifier("persons", VISITS[visit], where)]}
        cleared = [path for path in more.get("cleared", []) if path.partition(".")[2] not in person]
        stay = {**stay, "identifiers": [self.identifier("visits", visit, where)]}
        return {**said, "cleared": cleared, "patient": patient, "stay": stay}

    def send(self, key):
        outcome = self.hospital.send(self.said(self.messages[key], "anyhow"), f"{self.run}-{key}")
        assert outcome.state in {"accepted", "duplicate"}, outcome

    def new(self, message):
        key = len(self.messages)
        self.messages[key] = message
        return key

    @rule(
        target=sent,
        event=st.sampled_from(EVENTS),
        visit=st.sampled_from(sorted(VISITS)),
        minute=st.integers(0, 59),
        stay=STAYS,
        person=PERSONS,
        more=MORE,
    )
    def event(self, event, visit, minute, stay, person, more):
        key = self.new((event, visit, minute, stay, person, more))
        self.send(key)
        return key

    @rule(target=sent, minute=st.integers(0, 59))
    def merge(self, minute):
        key = self.new(("merge", None, minute, {}, {}, {}))
        self.send(key)
        return key

    @rule(key=sent)
    def duplicate(self, key):
        self.send(key)

    @rule(
        events=st.lists(
            st.tuples(
                st.sampled_from(EVENTS),
                st.sampled_from(sorted(VISITS)),
                st.integers(0, 59),
                STAYS,
                PERSONS,
                MORE,
            ),
            min_size=2,
            max_size=3,
        ),
        again=sent,
    )
    def at_once(self, events, again):
        keys = [self.new(event) for event in events]
        failed = []

        def send(key):
            try:
                self.send(key)
            except Exception as exc:  # noqa: BLE001  told below
                failed.append(exc)

        threads = [threading.Thread(target=send, args=(key,)) for key in (*keys, keys[0], again)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []

    def teardown(self):
        if not getattr(self, "messages", None):
            return
        ordered = sorted(
            self.messages.values(), key=lambda message: (moment(message[0], at(message[2])), str(message))
        )
        for number, message in enumerate(ordered):
            outcome = self.hospital.send(self.said(message, "ordered"), f"{self.run}-ordered-{number}")
            assert outcome.state == "accepted", outcome
        assert self.world("anyhow") == self.world("ordered")

    def world(self, where):
        """What is known of P and Q, and of the case nobody took over, without ids of ours."""
        merged = any(message[0] == "merge" for message in self.messages.values())
        return {person: self.chart(person, where) for person in ("P", "Q") if person == "P" or not merged}

    def chart(self, person, where):
        return chart(self.house, self.identifier("persons", person, where))


def machine(house, hospital):
    return type("Machine", (Anyhow,), {"house": house, "hospital": hospital})


def play(engine, projection, examples, steps):
    house = House(engine, projection)
    how = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine(house, Hospital(house, projection, PATHWAYS)), settings=how)


def test_the_case_is_that_of_the_ordered_sequence_once(engine, projection):
    play(engine, projection, 20, 10)


@pytest.mark.soak
def test_the_case_is_that_of_the_ordered_sequence_once_for_longer(engine, projection):
    play(engine, projection, 300, 20)
