"""Under a load of everything a day brings, processes need no more memory at its end than after its start."""

import itertools
import os
import statistics
import threading
import time

import pytest
import requests

from tests.faults.house import Everybody
from tests.faults.senders import CutOff, OverFhir, OverMllp
from tests.flows import river

MINUTES = float(os.environ.get("CASEBRIDGE_LEAK_MINUTES", "20"))
EVERY = 5.0
GROWTH = 1.05


class Asking(threading.Thread):
    """Does one thing over and over, until told to stop; what is answered is not looked at."""

    def __init__(self, url, ask):
        super().__init__()
        self._url, self._ask, self._ended = url, ask, threading.Event()
        self.stop = self._ended.set

    def run(self):
        with requests.Session() as session:
            for number in itertools.count():
                if self._ended.wait(0.02):
                    return
                self._ask(session, self._url, number)


def read(session, url, number):
    session.get(f"{url}/fhir/CarePlan?_count=20", timeout=30)
    session.get(f"{url}/fhir/Patient?name=rider{number}", timeout=30)
    session.get(f"{url}/events?after={number}", timeout=30)


def write(session, url, number):
    case = {**river.CASE, "plan": {**river.CASE["plan"], "title": f"Title {number}"}}
    session.put(f"{url}/api/cases/c1", json=case, headers={"If-Match": "*"}, timeout=30)


def send_nonsense(session, url, number):
    session.put(f"{url}/api/clients/x", data=b'{"names": [' + b"{}," * 20_000 + b"{}]}", timeout=30)
    session.get(f"{url}/fhir/Nothing/{number}?no=parameter", timeout=30)


@pytest.fixture
def everybody(tmp_path, killable_postgres, killable_rabbitmq):
    name = f"casebridge_leaks_{time.time_ns()}"
    everybody = Everybody(tmp_path, killable_postgres.create_database(name), killable_rabbitmq.create_vhost())
    yield everybody
    everybody.close()
    killable_postgres.drop_database(name)


@pytest.mark.soak
def test_memory_is_flat_under_a_mixed_load(everybody):
    everybody.await_server()
    for path, body in (
        ("directory/organization/northern", river.INSURER),
        ("directory/practitioner/nurse", river.NURSE),
        ("clients/river", river.CLIENT),
        ("cases/c1", river.CASE),
    ):
        requests.put(f"{everybody.url}/api/{path}", json=body, timeout=30).raise_for_status()
    senders = [OverFhir(1, everybody.url), OverMllp(2, everybody.mllp_port)]
    others = [Asking(everybody.url, act) for act in (read, write, send_nonsense)]
    load = [*senders, *others, CutOff(everybody.url)]
    for thread in load:
        thread.start()
    measured = {name: [] for name in everybody.processes}
    try:
        ends = time.monotonic() + MINUTES * 60
        while time.monotonic() < ends:
            time.sleep(EVERY)
            for name, process in everybody.processes.items():
                measured[name].append(process.resident())
    finally:
        for thread in load:
            thread.stop()
        for thread in load:
            thread.join()
        for sender in senders:
            sender.close()
    assert all(len(sender.answered) > MINUTES for sender in senders)
    for name, numbers in measured.items():
        # what is filled once, as caches are, is filled in the first third
        tenth = max(len(numbers) // 10, 1)
        before = statistics.median(numbers[len(numbers) // 3 :][:tenth])
        after = statistics.median(numbers[-tenth:])
        print(f"{name}: {before / 1024:.0f} MiB, {after / 1024:.0f} MiB at the end")
        assert after <= before * GROWTH, name
