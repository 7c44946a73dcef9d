"""Every kind of answer that the service gives in FHIR: to what hospitals send, and to what is asked for."""

from collections.abc import Iterator
from copy import deepcopy

from tests.flows import river
from tests.web.sent import FHIR, Mercy, encounter, message, transaction

MEDCOM = "http://medcomfhir.dk/ig/hospitalnotification/StructureDefinition"
BASE = "https://mercy.example/fhir"


def answers(house) -> Iterator[tuple[str, dict]]:
    """Give each answer by what it is; nothing but the service's own doors is asked."""
    mercy = Mercy(house)
    for name, answer in (*_messages(mercy), *_bundles(mercy), *_stays(mercy), *_asked(house)):
        assert answer.mimetype == FHIR, (name, answer.status_code, answer.mimetype)
        yield f"{name}: {answer.status_code}", answer.json


def medcom(id_, *, full_urls=True, **more):
    """A message as MedCom has it: organisations and a history with narratives, which refer to each other."""
    sent = message(id_, **more)
    header = sent["entry"][0]["resource"]
    header |= {
        "meta": {"profile": [f"{MEDCOM}/medcom-hospitalNotification-messageHeader"]},
        "sender": {"reference": "Organization/mercy"},
        "destination": [
            {"endpoint": "https://cb.example/fhir", "receiver": {"reference": "Organization/casebridge"}}
        ],
    }
    sent["entry"][0]["fullUrl"] = f"{BASE}/MessageHeader/{id_}"
    answers_ = [
        _organization("mercy"),
        _organization("casebridge"),
        _provenance("p1", "MessageHeader/before", who={"reference": "Practitioner/nobody"}),
        _provenance("p2", f"MessageHeader/{id_}", who={"reference": "Organization/mercy"}),
    ]
    for answer in answers_:
        url = f"{BASE}/{answer['resourceType']}/{answer['id']}"
        sent["entry"].append({"resource": answer, **({"fullUrl": url} if full_urls else {})})
    return sent


def _organization(id_):
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><a href="Organization-x.html">x</a></div>'
    return {
        "resourceType": "Organization",
        "id": id_,
        "text": {"status": "generated", "div": div},
        "identifier": [{"system": "https://www.gs1.org/gln", "value": "5790000000001"}],
        "name": id_,
        "partOf": {"reference": "Organization/region"},
    }


def _provenance(id_, target, who):
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{target}.html">x</a></div>'
    return {
        "resourceType": "Provenance",
        "id": id_,
        "text": {"status": "generated", "div": div},
        "target": [{"reference": target}],
        "recorded": "2026-02-27T15:00:00Z",
        "agent": [{"who": who}],
        "entity": [
            {"role": "source", "what": {"reference": "urn:uuid:24d01288-ad36-4af2-96a8-fd1432dadee1"}}
        ],
    }


def _messages(mercy):
    yield "a message", mercy.message(message())
    yield "the same message", mercy.message(message())
    yield "a message for quarantine", mercy.message(_nobodys(message("m2")))
    yield "a message within Parameters", mercy.message(_parameters(message("m3")))
    yield "MedCom's", mercy.message(medcom("m4"))
    yield "MedCom's without fullUrls", mercy.message(medcom("m5", full_urls=False))
    yield "MedCom's for quarantine", mercy.message(_nobodys(medcom("m6")))
    for form in (message, medcom):
        name = form.__name__
        for index, element, value in BROKEN:
            sent = form(f"m-{element}"[:60])
            sent["entry"][index]["resource"][element] = value
            yield f"{name} with {element} {value!r}", mercy.message(sent)
        sent = form("m9")
        del sent["entry"][0]["resource"]["id"]
        yield f"{name} without an id", mercy.message(sent)
        sent = form("m10")
        del sent["entry"][0]["resource"]["eventCoding"]
        yield f"{name} without an event", mercy.message(sent)
        yield f"{name} without its header", mercy.message({**form("m11"), "entry": form("m11")["entry"][1:]})
    sent = medcom("m12")
    sent["entry"][-1]["resource"]["recorded"] = "yesterday"
    yield "MedCom's with a broken history", mercy.message(sent)
    sent = medcom("m13")
    sent["entry"].append(deepcopy(sent["entry"][-1]))
    yield "MedCom's with an entry twice", mercy.message(sent)
    yield "a message that is no message", mercy.message(transaction())
    yield "no JSON", mercy.message(b"{")
    yield "XML", mercy.message(b"<Bundle/>", kind="application/fhir+xml")
    yield "what is compressed", mercy.message(b"\x1f\x8b", Content_Encoding="gzip")
    yield "async to nowhere", mercy.send("/fhir/$process-message?async=true", message("m14"))


# what a sender gets wrong: entry, element, value
BROKEN = (
    (1, "status", ["finished"]),
    (1, "status", "over"),
    (1, "bogus", True),
    (0, "id", "not an id"),
    (0, "id", 7),
    (0, "eventCoding", "discharge"),
    (0, "eventUri", "urn:example:two-events"),
    (0, "source", "mercy"),
    (0, "source", {"endpoint": 7}),
    (0, "destination", "casebridge"),
    (0, "destination", [{"endpoint": ["x"]}]),
    (0, "sender", {"reference": "nowhere"}),
    (0, "focus", [{"reference": "urn:uuid:00000000-0000-4000-8000-0000000000ff"}]),
)


def _nobodys(sent):
    """The message, of a patient who cannot be told."""
    for entry in sent["entry"]:
        if entry["resource"]["resourceType"] == "Patient":
            del entry["resource"]["identifier"]
    return sent


def _parameters(sent):
    return {"resourceType": "Parameters", "parameter": [{"name": "content", "resource": sent}]}


def _bundles(mercy):
    for kind in ("transaction", "batch"):
        yield f"a {kind}", mercy.send("/fhir", transaction(kind))
        yield f"a {kind} for quarantine", mercy.send("/fhir", _nobodys(transaction(kind)))
        yield f"an empty {kind}", mercy.send("/fhir", {"resourceType": "Bundle", "type": kind, "entry": []})
        yield f"a {kind} of nothing", mercy.send("/fhir", {"resourceType": "Bundle", "type": kind})
        asked = {"request": {"method": "DELETE", "url": "Patient/1"}}
        yield f"a {kind} that deletes", mercy.send("/fhir", transaction(kind, asked))
        yield f"a {kind} with an entry that asks for nothing", mercy.send("/fhir", transaction(kind, {}))
        broken = transaction(kind)
        broken["entry"][0]["resource"]["status"] = "over"
        yield f"a {kind} with a broken stay", mercy.send("/fhir", broken)
    yield "a collection", mercy.send("/fhir", {"resourceType": "Bundle", "type": "collection"})


def _stays(mercy):
    visit = [{"system": "urn:example:visits", "value": "V-9"}]
    yield "a stay", mercy.send("/fhir/Encounter", encounter(identifier=visit))
    yield "a stay again", mercy.send("/fhir/Encounter", encounter(identifier=visit))
    yield "a broken stay", mercy.send("/fhir/Encounter", encounter(status="over"))
    yield "a stay of nobody", mercy.send("/fhir/Encounter", encounter(subject={"display": "Somebody"}))
    path = "/fhir/Encounter?identifier=urn:example:visits|V-9"
    yield "an update", mercy.send(path, encounter(identifier=visit), method="PUT")
    stale = mercy.send(path, encounter(identifier=visit), method="PUT", If_Match='W/"99"')
    yield "an update that is stale", stale
    yield "another resource", mercy.send("/fhir/Encounter", {"resourceType": "Patient"})


PATHS = (
    *("Nothing", "Nothing/1", "CarePlan/none", "CarePlan?bogus=1", "CarePlan?_lastUpdated=soon"),
    *("Goal?_count=x", "CodeSystem/none", "CodeSystem?url:below=x", "CodeSystem/$lookup?code=a", "metadata"),
    *("metadata?mode=bogus", "metadata?mode=terminology", "CarePlan?_format=xml", "CodeSystem", "ValueSet"),
    *("ConceptMap", "OperationDefinition", "SearchParameter", "StructureDefinition"),
    *("_history", "CarePlan/_history"),
)


def _asked(house):
    for path, document in river.STORY:
        assert house.put(path, document).status_code == 201
    plan = house.one("CarePlan")
    yield "a resource", house.get(f"/fhir/CarePlan/{plan['id']}")
    yield "its history", house.get(f"/fhir/CarePlan/{plan['id']}/_history")
    yield "a search", house.get("/fhir/CarePlan?_include=*&_revinclude=Provenance:target")
    yield "a search that finds nothing", house.get("/fhir/CarePlan?_id=none")
    yield "a search for a number", house.get("/fhir/CarePlan?_summary=count")
    yield "a search of a page", house.get("/fhir/Goal?_count=1")
    for path in PATHS:
        yield f"GET {path}", house.get(f"/fhir/{path}")
    yield "a stranger's", house.get("/fhir/CarePlan", partner="stranger")
    yield "an engineer's", house.get("/fhir/CarePlan", partner="engineer")
    yield "a deletion", house.ask("DELETE", f"/fhir/CarePlan/{plan['id']}")
    yield "a plan put back broken", house.put(f"/fhir/CarePlan/{plan['id']}", {**plan, "status": "over"})
    yield "a plan put back", house.put(f"/fhir/CarePlan/{plan['id']}", plan)
