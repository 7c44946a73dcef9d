"""What a hospital sends of River's stay, by each way in, and how what became of it is read."""

import json

PERSON = {"system": "urn:example:persons", "value": "R-1"}
VISIT = {"system": "urn:example:visits", "value": "V-1"}
FHIR = "application/fhir+json"
ER7 = "x-application/hl7-v2+er7"
SNOMED = "http://snomed.info/sct"


def encounter(**more):
    """A stay that has ended, with its patient contained."""
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "meta": {"lastUpdated": "2026-02-27T15:00:00Z"},
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "identifier": [VISIT],
        "subject": {"reference": "#p"},
        "period": {"start": "2026-02-20T09:00:00+01:00", "end": "2026-02-27T14:00:00+01:00"},
        "contained": [{"resourceType": "Patient", "id": "p", "identifier": [PERSON]}],
        **more,
    }


def entry(resource, **request):
    """An entry of a Bundle, under an urn:uuid made of the resource's id."""
    name = f"urn:uuid:00000000-0000-4000-8000-{resource['id']:>012}"
    return {"fullUrl": name, "resource": resource, **({"request": request} if request else {})}


def parts(subject="urn:uuid:00000000-0000-4000-8000-0000000000a1"):
    """A stay, its patient and a diagnosis, as resources that refer to each other."""
    stay = encounter(subject={"reference": subject}, id="e1")
    del stay["contained"]
    stay["diagnosis"] = [{"condition": {"reference": "urn:uuid:00000000-0000-4000-8000-0000000000c1"}}]
    patient = {
        "resourceType": "Patient",
        "id": "a1",
        "identifier": [PERSON],
        "name": [{"family": "Rider", "given": ["River"]}],
    }
    brain = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": subject},
        "code": {"coding": [{"system": SNOMED, "code": "127295002"}], "text": "Traumatic brain injury"},
    }
    return stay, patient, brain


def message(id_="m1", **more):
    """A message of a discharge."""
    header = {
        "resourceType": "MessageHeader",
        "id": id_,
        "eventCoding": {"system": "urn:example:events", "code": "discharge"},
        "source": {"endpoint": "https://mercy.example/fhir"},
        "focus": [{"reference": "urn:uuid:00000000-0000-4000-8000-0000000000e1"}],
    }
    entries = [entry(resource) for resource in (header, *parts())]
    return {
        "resourceType": "Bundle",
        "id": f"b-{id_}",
        "type": "message",
        "timestamp": "2026-02-27T15:00:00Z",
        "entry": entries,
        **more,
    }


def transaction(kind="transaction", *more):
    """A transaction, or batch, of the same stay."""
    entries = [entry(part, method="POST", url=part["resourceType"]) for part in parts()]
    return {"resourceType": "Bundle", "type": kind, "entry": [*entries, *more]}


def a03(control_id="MSG-1", trigger="A03", *, msh11="P", person="R-1", visit="V-1", more=""):
    """The same discharge as HL7 v2: the authorities are the URIs of the identifiers."""
    return (
        f"MSH|^~\\&|ADT|MERCY|CB|CLOUD|20260227150000+0000||ADT^{trigger}|{control_id}|{msh11}|2.5\r"
        f"EVN|{trigger}|20260227150000+0000\r"
        f"PID|1||{person}^^^&urn:example:persons&URI||Rider^River||19900501|O\r"
        f"PV1|1|I|W^1^1||||||||||||||||{visit}^^^&urn:example:visits&URI|||||||||||||||||01||||||||"
        "20260220090000+0100|20260227140000+0100\r"
        f"DG1|1||127295002^Traumatic brain injury^SCT\r{more}"
    ).encode()


def outcomes(answer):
    """The issues that an answer tells, as (severity, code, place, text)."""
    answers_, waiting = [], [json.loads(answer.data)]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, dict) and node.get("resourceType") == "OperationOutcome":
            answers_ += [
                (issue["severity"], issue["code"], issue.get("expression", [""])[0], issue["details"]["text"])
                for issue in node["issue"]
            ]
        elif isinstance(node, dict):
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
    return answers_


class Mercy:
    """The hospital mercy, or another, sending to a house."""

    def __init__(self, house, name="mercy"):
        self.house = house
        self.name = name

    def send(self, path, body, *, kind=FHIR, method="POST", **headers):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.house.ask(
            method, path, partner=self.name, data=raw, content_type=kind, headers=named.items()
        )

    def message(self, body, **headers):
        return self.send("/fhir/$process-message", body, **headers)

    def hl7v2(self, raw, **options):
        return self.send("/hl7v2", raw, **{"kind": ER7, **options})

    def cases(self):
        return self.house.get("/api/cases", partner=None).json["items"]


def one_case(mercy):
    (case,) = mercy.cases()
    return case
