"""Exports while clients are merged and parted again, and while a partner is revoked."""

import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from service.access import registry
from service.flows.authorization.registered import Registered
from service.flows.authorization.registering import Registering
from service.store import tables as t
from service.store.partners.registered import SqlPartners
from tests.flows import river
from tests.web import smart
from tests.web.export.exporting import Exporter, path_of
from tests.web.sent import Mercy

TYPES = ("Patient", "EpisodeOfCare", "CarePlan", "Goal")
NAMES = ("ash", "birch", "cedar", "elm")
ROUNDS = 6


def put(house, name):
    numbers = [{"system": "urn:example:persons", "value": name}]
    assert house.put(f"/api/clients/{name}", {**river.CLIENT, "identifiers": numbers}).status_code == 201
    case = {**river.CASE, "client": name, "identifiers": numbers}
    assert house.put(f"/api/cases/{name}", case).status_code == 201


def merge(house, one, into, number):
    message = (
        f"MSH|^~\\&|ADT|MERCY|||20260301150000+0000||ADT^A40|M-{number}|P|2.5\r"
        f"EVN|A40|20260301150000+0000\r"
        f"PID|1||{into}^^^&urn:example:persons&URI\r"
        f"MRG|{one}^^^&urn:example:persons&URI\r"
    )
    answer = Mercy(house).hl7v2(message.encode())
    assert b"MSA|AA" in answer.data, answer.data


def took(exporter, manifest):
    """What a client of exports has of one: versions by reference, and what is gone."""
    found, gone = {}, exporter.deleted(manifest)
    for file in manifest["output"]:
        lines = exporter.some(file)
        these = {f"{line['resourceType']}/{line['id']}": line["meta"]["versionId"] for line in lines}
        assert len(these) == len(lines)
        assert not these.keys() & found.keys()
        found |= these
    return found, gone


def visible(engine):
    """By the tables alone: what an insurer's members have, whom nobody keeps out."""
    r, m = t.resource.c, t.membership.c
    today = datetime.now(UTC).date().isoformat()
    members = select(m.client).where(m.value == "northern", m.start <= today, m.end >= today)
    rows = select(r.type, r.id, r.version).where(r.type.in_(TYPES), r.client.in_(members))
    with engine.connect() as connection:
        return {f"{type_}/{id_}": str(version) for type_, id_, version in connection.execute(rows)}


def test_exports_raced_by_merges_come_to_the_state(rivers_house):
    for name in NAMES:
        put(rivers_house, name)
    failed, stop = [], threading.Event()

    def merging():
        house, number = type(rivers_house)(rivers_house.app, rivers_house.engine), 0
        try:
            while not stop.is_set():
                for one, into in zip(NAMES[::2], NAMES[1::2], strict=True):
                    number += 1
                    merge(house, one, into, number)
                for one in NAMES[::2]:
                    assert house.ask("POST", f"/api/clients/{one}/unmerge").status_code == 200
        except Exception as exc:  # noqa: BLE001 - it is told below
            failed.append(exc)

    exporter, collected, since = Exporter(rivers_house, partner="northern"), {}, ""
    thread = threading.Thread(target=merging)
    thread.start()
    try:
        for turn in range(ROUNDS):
            if turn == ROUNDS - 1:
                stop.set()
                thread.join()
            manifest = exporter.manifest(f"/fhir/$export?_type={','.join(TYPES)}{since}")
            found, gone = took(exporter, manifest)
            collected = {name: version for name, version in collected.items() if name not in gone} | found
            since = f"&_since={manifest['transactionTime']}"
    finally:
        stop.set()
        thread.join()
    assert failed == []
    assert collected == visible(rivers_house.engine)


class Desk:
    """An application, and an operator's command beside it that registers its insurer."""

    def __init__(self, tmp_path, database_url, engine, mappings):
        settings = smart.settings(database_url, smart.registry(tmp_path, smart.entry("cms")))
        file, table = registry.read(settings.partners), SqlPartners(engine)
        self.operator = Registering(file, table, lambda: datetime.now(UTC))
        self.known = Registered(file, table)
        self.operator.register(smart.entry("northern"))
        self.known.refresh()
        self.house = smart.House(settings, engine, mappings, partners=self.known)

    def revoke(self):
        self.operator.revoke("northern")
        self.known.refresh()


@pytest.fixture
def desk(tmp_path, database_url, engine, mappings):
    return Desk(tmp_path, database_url, engine, mappings)


def test_who_is_revoked_in_the_midst_gets_nothing_more_and_what_they_got_is_on_record(desk, engine):
    for path, document in river.STORY:
        assert desk.house.ask("PUT", path, partner="cms", json=document).status_code == 201
    token = desk.house.token("northern")
    exporter = Exporter(desk.house, token=token)
    status = exporter.begun()
    paths = [status, *(path_of(file["url"]) for file in exporter.wait(status)["output"])]
    revoked, answers, failed = threading.Event(), [], []
    several = threading.Barrier(4)

    def fetching():
        client = desk.house.app.test_client()
        try:
            several.wait(60)
            for turn in range(1_000):
                is_over = revoked.is_set()
                answer = client.get(paths[turn % len(paths)], headers={"Authorization": f"Bearer {token}"})
                answers.append((is_over, answer.status_code, bool(turn % len(paths))))
                if is_over:
                    return
        except Exception as exc:  # noqa: BLE001 - it is told below
            failed.append(exc)

    threads = [threading.Thread(target=fetching) for _ in range(3)]
    for thread in threads:
        thread.start()
    several.wait(60)
    desk.revoke()
    revoked.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert {status for is_over, status, _ in answers if is_over} == {401}
    assert {status for _, status, _ in answers} <= {200, 401}
    parts = sum(status == 200 and is_part for _, status, is_part in answers)
    c = t.audit.c
    recorded = select(func.count()).where(
        c.partner == "northern", c.interaction == "operation", c.status == 200
    )
    with engine.connect() as connection:
        assert connection.execute(recorded).scalar_one() == parts
    assert exporter.begin().status_code == 401
