"""What becomes of messages, transactions, Encounters and ADT that others wrote, sent to the application.

The table `outcomes.md` beside this counts them; `CASEBRIDGE_WRITE_OUTCOMES=1` writes it anew.
"""

import os
import re
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from service.errors import CasebridgeError
from service.settings import Settings
from service.store.sql.engine import connect
from service.store.tables import inbox
from service.wire.json import parse
from service.wiring import serving
from tests.real.real_data import folder
from tests.web.sent import ER7, FHIR, outcomes

TABLE = Path(__file__).with_name("outcomes.md")
FOLDERS = ("da-vinci-alerts", "europe", "hl7-r4-examples", "hl7v2-adt", "medcom", "synthea")
ROUTES = {"message": "/fhir/$process-message", "transaction": "/fhir", "batch": "/fhir"}
REGISTRY = """
partners:
  - {name: mercy, kind: hospital}
  - {name: lakeside, kind: hospital, intake: {bases: ["https://lakeside.example/fhir"]}}
"""
# what is recorded in the future depends on when that is
TODAY = datetime(2026, 3, 1, tzinfo=UTC)
HEAD = """# What becomes of what others wrote

Written by `tests/real/test_outcomes.py`, which sends each file to the application as one hospital's, and an
Encounter alone as another's, whose own server's base URL the registry states. A batch of HL7 v2 counts each
of its messages. The files: {files}.

| folder | outcome | reason | times |
|---|---|---|---|
"""


@pytest.fixture
def engine(tmp_path, sqlite_url):
    engine = connect(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def client(tmp_path, engine, mappings):
    registry = tmp_path / "partners.yaml"
    registry.write_text(REGISTRY, encoding="utf-8")
    environment = {"CASEBRIDGE_AUTH": "off", "CASEBRIDGE_PARTNERS": str(registry)}
    return serving.application(Settings.from_env(environment), engine, mappings, lambda: TODAY).test_client()


def requests(name):
    """Each file of a folder that is for a door of hospitals: its path, route, media type and bytes."""
    for path in sorted(file for file in folder(name).rglob("*") if file.is_file()):
        raw = path.read_bytes()
        if name == "hl7v2-adt":
            if path.suffix not in {".csv", ".json", ".md"}:
                yield path, "/hl7v2", ER7, raw
        elif path.suffix == ".json" and (route := route_of(raw)) is not None:
            yield path, route, FHIR, raw


def route_of(raw):
    try:
        sent = parse(raw)
    except CasebridgeError:
        return None
    if not isinstance(sent, dict):
        return None
    if sent.get("resourceType") == "Encounter":
        return "/fhir/Encounter"
    return ROUTES.get(sent.get("type")) if sent.get("resourceType") == "Bundle" else None


def refusal(answer, kind):
    """Why a file was refused: the first reason that is told; one without a reason is none."""
    if kind == FHIR:
        return outcomes(answer)[0][3]
    return re.search(rb"\rERR(.)[^\r]*\1([^\r]+)\r", answer.data)[2].decode()


def test_everything_is_accepted_ignored_quarantined_or_refused_with_its_reason(client, engine):
    counted, known, files = Counter(), set(), sha256()
    for name in FOLDERS:
        for path, route, kind, raw in requests(name):
            files.update(f"{name}/{path.name} ".encode() + raw)
            sender = "lakeside" if route == "/fhir/Encounter" else "mercy"
            answer = client.post(route, data=raw, content_type=kind, headers={"Casebridge-Partner": sender})
            assert answer.status_code < 500, path
            with engine.connect() as connection:
                rows = connection.execute(select(inbox.c.id, inbox.c.state, inbox.c.reason)).all()
            became = [(state, reason) for id_, state, reason in rows if id_ not in known]
            known |= {id_ for id_, _, _ in rows}
            if answer.status_code >= 400:
                assert became == [], path
                became = [("refused", refusal(answer, kind))]
            assert all(reason for state, reason in became if state != "accepted"), path
            counted.update((name, *end) for end in became or [("answered as before", "")])
    lines = [f"| {' | '.join(end)} | {times} |" for end, times in sorted(counted.items())]
    digest = files.hexdigest()[:16]
    table = HEAD.format(files=digest) + "\n".join(lines) + "\n"
    if os.environ.get("CASEBRIDGE_WRITE_OUTCOMES"):
        TABLE.write_text(table, encoding="utf-8")
    page = TABLE.read_text(encoding="utf-8")
    # of other files the table says nothing: of those each outcome and its reason alone is looked at
    assert page == table or digest not in page
