"""Who is erased is nowhere: in no table and no file of the database, whatever came in and became of it."""

import json
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sqlalchemy import func, make_url, select, text, update

from service.flows.case import erasure
from service.store.tables import inbox, metadata
from tests.web.export.exporting import path_of
from tests.web.members import matching
from tests.web.sent import ER7, FHIR, Mercy, a03, encounter, entry, message, transaction

# every one of these is of the person alone
NUMBER = "CANARY-4711"
CANARIES = (b"CANARY", b"Kanarienvogel", b"Canaryname")
VISITS = (f"CANARY-V{number}" for number in count(1))


def person(**more):
    known = {"system": "urn:example:persons", "value": NUMBER}
    name = [{"family": "Canaryname", "text": "Kanarienvogel"}]
    return {"resourceType": "Patient", "id": "p", "identifier": [known], "name": name, **more}


def stay(**more):
    visit = {"system": "urn:example:visits", "value": next(VISITS)}
    return encounter(identifier=[visit], contained=[person()], **more)


def hl7v2(number, *, msh="", **more):
    raw = a03(f"MSG-{number}", person=NUMBER, visit=next(VISITS), **more).replace(
        b"Rider^River", b"Canaryname"
    )
    return raw.replace(b"ADT^A03", msh.encode()) if msh else raw


def unread():
    """Messages of which nothing tells whom they are about, but the number that stands in them."""
    yield (
        "/fhir/Encounter",
        FHIR,
        encounter(
            identifier=[{"value": "CANARY-V0"}],
            subject={"identifier": {"value": NUMBER}, "display": "Canaryname"},
        ),
    )
    nobody = {key: value for key, value in encounter().items() if key not in {"subject", "contained"}}
    note = {"url": "urn:example:note", "valueString": f"Canaryname, who is {NUMBER}."}
    yield "/fhir/Encounter", FHIR, {**nobody, "extension": [note]}
    yield "/hl7v2", ER7, a03("MSG-91", person="").replace(b"DG1|", f"ZPI|1|{NUMBER}^^^X\rDG1|".encode())
    yield "/hl7v2", ER7, hl7v2(92, msh="ADT^A60")
    yield "/hl7v2", ER7, hl7v2(93, msh11="T")
    # somebody else's, that names the person beside
    other = a03("MSG-94", person="R-94", visit="V-94")
    yield "/hl7v2", ER7, other.replace(b"DG1|", f"ZNK|1|{NUMBER}^Canaryname\rDG1|".encode())


def in_bundles():
    stay_, patient = stay(id="e1"), person(id="a1")
    entries = [entry(stay_, method="POST", url="Encounter"), entry(patient, method="POST", url="Patient")]
    sent = transaction()
    yield "/fhir", {**sent, "entry": entries}
    yield "/fhir", {**sent, "type": "batch", "entry": entries}
    bundle = message("m9")
    yield (
        "/fhir/$process-message",
        {**bundle, "entry": [bundle["entry"][0], *(entry(resource) for resource in (stay_, patient))]},
    )


def everything(house):
    """Bring the person in by every way and into every state."""
    mercy = Mercy(house)

    def send(path, kind, body, **headers):
        answer = mercy.send(path, body, kind=kind, **headers)
        assert answer.status_code in {200, 201, 202}, answer.data
        return answer

    send("/fhir/Encounter", FHIR, stay(), If_None_Exist=f"identifier=urn:example:visits|{NUMBER}")
    send("/hl7v2", ER7, hl7v2(1))
    for path, body in in_bundles():
        send(path, FHIR, body)
    for path, kind, body in unread():
        send(path, kind, body)
    waits = house.get("/api/quarantine", partner=None).json["items"]
    assert len(waits) >= 3
    edited = json.dumps(stay()).encode()
    for wait, words in zip(waits, (("body",), ("body", "replay"), ("discard",)), strict=False):
        for word in words:
            method = "PUT" if word == "body" else "POST"
            path = f"/api/quarantine/{wait['id']}/{word}"
            assert house.ask(method, path, partner=None, data=edited).status_code == 200
    taken_over(house)
    looked_for(house)
    submitted(house)


def taken_over(house):
    """A case system takes the person over, and corrects a number that it had wrong."""
    wrong = {"system": "urn:example:clients", "value": "CANARY-OLD"}
    known = [{"system": "urn:example:persons", "value": NUMBER}, wrong]
    client = {"names": [{"family": "Canaryname"}], "identifiers": known}
    first = house.put("/api/clients/bird", client)
    named = encounter(identifier=[{"value": "x"}], subject={"display": "CANARY-OLD"})
    assert Mercy(house).send("/fhir/Encounter", named).status_code == 202
    seen = {"If-Match": first.headers["ETag"]}.items()
    corrected = {**client, "identifiers": known[:1]}
    assert house.put("/api/clients/bird", corrected, headers=seen).status_code == 200
    plan = {"title": "Canaryname's plan", "status": "active"}
    case = {"client": "bird", "status": "active", "plan": plan}
    assert house.put("/api/cases/nest", case).status_code == 201


def looked_for(house):
    """Ask for the person by name and number, which is recorded with the question."""
    for path in (
        "/fhir/Patient?family=Canaryname",
        f"/fhir/Patient?identifier=urn:example:persons|{NUMBER}",
        f"/api/clients?identifier=urn:example:persons|{NUMBER}",
    ):
        answer = house.get(path)
        assert answer.status_code == 200
        assert b"Canaryname" in answer.data


def submitted(house):
    """Have the person matched, who is found, and not found by another birth date and number."""
    wrong = [{"system": "urn:example:persons", "value": "CANARY-OLD"}]
    sent = [person(gender="female"), person(id="q", identifier=wrong)]
    asked = matching.many(*(matching.bundle(MemberPatient=member) for member in sent))
    answer = matching.begin(house, asked, partner="mercy")
    assert answer.status_code == 202, answer.json
    assert house.get(path_of(answer.headers["Content-Location"]), partner="mercy").status_code == 200


def erase(house):
    """Erase the person with their cases, as an operator does."""
    everybody = house.get("/api/clients", partner=None).json["items"]
    for uuid in (person["uuid"] for person in everybody if "CANARY" in json.dumps(person)):
        cases = house.get(f"/api/cases?client={uuid}", partner=None).json["items"]
        for path in (*(f"cases/{case['uuid']}" for case in cases), f"clients/{uuid}"):
            answer = house.ask("DELETE", f"/api/{path}", partner=None)
            assert answer.status_code == 204, answer.data


def canary_places(engine):
    """Where a canary still is: tables with their columns, and files of SQLite."""
    places = []
    with engine.connect() as connection:
        for table in metadata.tables.values():
            for row in connection.execute(select(table)).mappings():
                for name, value in row.items():
                    raw = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    if any(canary in raw for canary in CANARIES):
                        places.append(f"{table.name}.{name}")
    for path in files(engine):
        places += [path.name for canary in CANARIES if canary in path.read_bytes()]
    return sorted(set(places))


def files(engine):
    """The files of a database; of PostgreSQL after what docs/erasure.md has an operator do."""
    if engine.dialect.name == "sqlite":
        database = Path(make_url(engine.url).database)
        return list(database.parent.glob(f"{database.name}*"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in ("VACUUM (FULL)", "CHECKPOINT"):
            connection.execute(text(statement))
        where = "SELECT current_setting('data_directory'), oid FROM pg_database"
        folder, number = connection.execute(text(f"{where} WHERE datname = current_database()")).one()
    base = Path(folder) / "base" / str(number)
    return [path for path in base.iterdir() if path.is_file()] if base.exists() else []


def test_who_is_erased_is_nowhere(house, engine, numbered, monkeypatch):
    monkeypatch.setattr(erasure, "PAGE", 2)
    everything(house)
    numbered()
    with engine.begin() as connection:
        # all but the youngest came long ago
        long_ago = datetime(2026, 1, 1, tzinfo=UTC)
        youngest = select(func.max(inbox.c.arrived)).scalar_subquery()
        connection.execute(update(inbox).where(inbox.c.arrived < youngest).values(arrived=long_ago))
    before = canary_places(engine)
    assert {"document.body", "inbox.raw", "inbox.edited", "resource.body", "revision.body"} <= set(before)
    assert "matched_member.sent" in before
    # files of SQLite, or those that PostgreSQL numbers
    assert [place for place in before if ".db" in place or place[0].isdigit()]
    erase(house)
    assert canary_places(engine) == []
    # what is of others is there
    (other,) = house.get("/api/clients", partner=None).json["items"]
    (case,) = house.get("/api/cases", partner=None).json["items"]
    assert case["document"]["client"] == other["uuid"]
