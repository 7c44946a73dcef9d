"""Pages that are read while others write: what nobody changes is on one of them, once."""

import copy
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Semaphore
from urllib.parse import urlsplit

import pytest

from tests.flows import river

CASES = ("a", "b", "c")
STILL = ("walk", "read", "cook", "sleep")
MOVING = ("sing", "swim", "write")
DATES = ("2026-04-01", "2026-06-30", "2027-01-15")
# of as many pages somebody writes before the next
TURNS = 6
GOALS = "/fhir/Goal?_count=3"
# an order by what the writers change, by what they do not, and the orders of histories
PATHS = (
    GOALS,
    f"{GOALS}&_sort=_lastUpdated",
    f"{GOALS}&_sort=target-date",
    f"{GOALS}&_sort=-target-date,_id",
    f"{GOALS}&lifecycle-status:not=completed&_revinclude=CarePlan:goal",
    "/fhir?_type=CarePlan,Goal&_count=4",
    "/fhir/Goal/_history?_count=5",
    "/fhir/_history?_count=20",
)


def goal(id_, turn):
    return {
        "id": id_,
        "status": "active",
        "description": f"{id_} {turn}",
        "category": "physical",
        "target": {"due": DATES[turn % len(DATES)]},
    }


def case(name, turn):
    """A case of which some goals stay as they are, some change, and some come and go."""
    made = copy.deepcopy(river.CASE)
    made["identifiers"][0]["value"] = f"C-{name}"
    come = [f"new-{number}" for number in range(turn % 3)]
    goals = [goal(id_, at) for at, id_ in enumerate(STILL)]
    made["plan"]["goals"] = goals + [goal(id_, turn) for id_ in (*MOVING, *come)]
    return made


class Writers:
    """Threads that each change a case of its own, again and again, while somebody reads."""

    def __init__(self, house):
        self.house, self.wrote, self.may, self.over = house, Semaphore(0), Event(), Event()

    def write(self, name):
        client = self.house.app.test_client()
        path, headers = f"/api/cases/{name}", {"Casebridge-Partner": "cms"}
        for turn in itertools.count(1):
            self.may.wait()
            if self.over.is_set():
                return
            tag = client.get(path, headers=headers).headers["ETag"]
            answer = client.put(path, json=case(name, turn), headers={**headers, "If-Match": tag})
            assert answer.status_code == 200, answer.json
            self.wrote.release()

    def between(self, page):
        """Wait until somebody wrote, of the first pages; of what is written at last there would be no end."""
        if page < TURNS:
            self.may.set()
            assert self.wrote.acquire(timeout=240)
        else:
            self.may.clear()


@contextmanager
def writing(house):
    writers = Writers(house)
    with ThreadPoolExecutor(len(CASES)) as pool:
        running = [pool.submit(writers.write, name) for name in CASES]
        try:
            yield writers
        finally:
            writers.over.set()
            writers.may.set()
    for future in running:
        future.result()


def key(entry):
    resource = entry["resource"]
    return resource["resourceType"], resource["id"], resource["meta"]["versionId"]


def read(house, url, between=lambda page: None):
    """All that the pages of an address hold, when something happens after each of them."""
    keys, number = [], 0
    while url:
        page = house.get(url).json
        keys += [key(entry) for entry in page["entry"] if entry.get("search", {}).get("mode") != "include"]
        links = {link["relation"]: urlsplit(link["url"]) for link in page["link"]}
        url = f"{links['next'].path}?{links['next'].query}" if "next" in links else None
        between(number)
        number += 1
    return keys


@pytest.fixture
def filled(house):
    for path, document in river.STORY[:3]:
        assert house.put(path, document).status_code == 201
    for name in CASES:
        assert house.put(f"/api/cases/{name}", case(name, 0)).status_code == 201
    return house


def test_each_page_goes_on_where_the_one_before_ended_whatever_is_written(filled):
    before = {path: read(filled, path) for path in PATHS}
    with writing(filled) as writers:
        during = {path: read(filled, path, writers.between) for path in PATHS}
    after = {path: read(filled, path) for path in PATHS}
    for path in PATHS:
        still = set(before[path]) & set(after[path])
        assert len(still) >= len(CASES) * len(STILL), path
        assert set(after[path]) - still, path
        seen = [reference for reference in during[path] if reference in still]
        assert sorted(seen) == sorted(still), path
