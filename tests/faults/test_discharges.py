"""Kill -9 of the server, the MLLP process and the database while hospitals send discharges."""

import json
import os
import random
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.values.kept.service_part import SERVICE
from tests.faults import checks
from tests.faults.house import STEPPING, until
from tests.faults.senders import CutOff, OverFhir, OverMllp

SENDERS = 3
KILLS = {"server": 7, "mllp": 7, "database": 6}
AGAIN = 5
CASES = "SELECT body FROM document WHERE kind = 'case'"
INBOX = "SELECT form, state, raw, reason, arrived FROM inbox"
DISCHARGED = "SELECT body FROM outbox WHERE routing_key = 'case.discharged'"


def again(server):
    """Kill a server and start it again."""
    server.kill9()
    server.start()


def killing(action, times, done, chance):
    """Do it so many times, each at a random moment after something more was answered; tell how much was."""
    killed = []
    for _ in range(times):
        before = done()
        until(lambda before=before: done() > before, "nothing more was answered", 120)
        time.sleep(chance.uniform(0, 0.4))
        killed.append(done())
        action()
    return killed


@pytest.mark.parametrize(
    ("times", "clinics"),
    [
        pytest.param(1, {}, id="20 kills"),
        pytest.param(10, STEPPING, id="200 kills, stepping clocks", marks=pytest.mark.soak),
    ],
    indirect=["clinics"],
)
def test_every_discharge_that_was_answered_is_in_a_case_or_in_quarantine_once(
    clinics, killable_postgres, times
):
    seed = int(os.environ.get("CASEBRIDGE_FAULTS_SEED", time.time_ns() % 1_000_000))
    print(f"CASEBRIDGE_FAULTS_SEED={seed}")
    actions = {
        "server": clinics.kill_server,
        "mllp": clinics.kill_mllp,
        "database": lambda: again(killable_postgres),
    }
    clinics.await_server()
    by_fhir = [OverFhir(number, clinics.url) for number in range(SENDERS)]
    by_mllp = [OverMllp(number, clinics.mllp_port) for number in range(SENDERS)]
    senders = [*by_fhir, *by_mllp]
    heard = {"server": by_fhir, "mllp": by_mllp, "database": senders}

    def done(name):
        return sum(len(sender.answered) for sender in heard[name])

    cut_off = CutOff(clinics.url)
    for sender in (*senders, cut_off):
        sender.start()
    try:
        with ThreadPoolExecutor() as pool:
            futures = {
                name: pool.submit(
                    killing,
                    actions[name],
                    times * count,
                    lambda name=name: done(name),
                    random.Random(f"{seed} {name}"),
                )
                for name, count in KILLS.items()
            }
            killed = {name: future.result() for name, future in futures.items()}
    finally:
        for sender in (*senders, cut_off):
            sender.stop()
        for sender in (*senders, cut_off):
            sender.join()
        for sender in senders:
            sender.close()
    print(f"killed after {killed} answers; they said {[sender.words for sender in senders]}")

    waiting = answered_discharges_are_the_stored_ones(clinics, senders)
    answers_are_the_same_again(senders, waiting)
    failures_were_told_as_such(by_fhir, by_mllp)
    checks.versions_have_one_message_each(clinics)
    checks.what_is_later_says_so(clinics)
    assert cut_off.sent > times


def answered_discharges_are_the_stored_ones(clinics, senders):
    """Each message is in the inbox once; each stay in one case, or waits; and what is there was answered.

    Returns the visits that wait in quarantine.
    """
    sent = Counter((sender.way, discharge.visit) for sender in senders for discharge, _ in sender.answered)
    inbox = [
        (form, state, visit_of(bytes(raw)), reason, at)
        for form, state, raw, reason, at in clinics.rows(INBOX)
    ]
    assert Counter(({"fhir": "fhir", "hl7v2": "mllp"}[form], visit) for form, _, visit, *_ in inbox) == sent
    assert set(sent.values()) == {1}
    waiting = {visit for _, state, visit, *_ in inbox if state == "quarantined"}
    cases = [json.loads(bytes(body))[SERVICE]["received"] for (body,) in clinics.rows(CASES)]
    stays = Counter(stay["identifiers"][0]["value"] for case in cases for stay in case["stays"])
    assert set(stays.values()) == {1}
    assert stays.keys() | waiting == {visit for _, visit in sent}
    both = stays.keys() & waiting
    assert not both, [row for row in inbox if row[2] in both]
    assert waiting
    told_stays = [json.loads(bytes(body))["data"]["stay"] for (body,) in clinics.rows(DISCHARGED)]
    assert len(told_stays) == len(set(told_stays)) == len(stays)
    return waiting


def visit_of(raw):
    """The visit number that a message tells, in either form."""
    return re.search(rb"V-\d+-\w+-\d+", raw)[0].decode()


def answers_are_the_same_again(senders, waiting):
    """What is sent once more gets the answer that it got; what waits is tried anew, and answered anew."""
    for sender in senders:
        used = [(discharge, said) for discharge, said in sender.answered if discharge.visit not in waiting]
        for discharge, said in used[-AGAIN:]:
            assert sender.send(discharge) == said
        sender.close()


def failures_were_told_as_such(by_fhir, by_mllp):
    """What was killed is away for a while; nothing is a bug, and no discharge was refused for good."""
    assert {word for sender in by_fhir for word in sender.words} <= {"none", "200", "202", "503"}
    assert {word for sender in by_mllp for word in sender.words} <= {"none", "AA", "AR"}
