"""The inputs in `cases/`, that came out wrong once, and what came of them as the doors tell it."""

import json
from pathlib import Path

from service.values.ids import resource_id
from tests.web.sent import ER7, FHIR

CASES = Path(__file__).with_name("cases")
REGISTRY = CASES / "partners.yaml"


class Sent:
    """Sends a folder's files, in their order, and reads what came of them."""

    def __init__(self, house):
        self.house = house

    def folder(self, name, *files, partner="mercy"):
        return [
            self.file(path, partner)
            for path in sorted((CASES / name).iterdir())
            if not files or path.name in files
        ]

    def file(self, path, partner="mercy"):
        return self.fhir(path.read_bytes()) if path.suffix == ".json" else self.v2(path.read_bytes(), partner)

    def fhir(self, raw):
        path = "/fhir/$process-message" if json.loads(raw)["type"] == "message" else "/fhir"
        return self.house.ask("POST", path, partner="fhirhosp", data=raw, content_type=FHIR)

    def v2(self, raw, partner="mercy"):
        return self.house.ask("POST", "/hl7v2", partner=partner, data=raw, content_type=ER7)

    def get(self, path):
        return self.house.get(path, partner=None).json

    def all(self, type_):
        return [entry["resource"] for entry in self.get(f"/fhir/{type_}").get("entry", [])]

    def one(self, type_):
        (resource,) = self.all(type_)
        return resource

    def patient(self, value):
        entries = self.get(f"/fhir/Patient?identifier={value}").get("entry", [])
        return [entry["resource"] for entry in entries]

    def document(self, kind):
        """The one client or case."""
        (item,) = self.get(f"/api/{kind}")["items"]
        return self.get(f"/api/{kind}/{item['uuid']}")

    def received(self, kind):
        """What hospitals brought into the one client or case."""
        return self.document(kind)["received"]

    def stay(self):
        """The one stay of the one case."""
        (stay,) = self.received("cases")["stays"]
        return stay

    def stays(self, identifier):
        return [
            stay
            for case in self.get(f"/api/cases?identifier={identifier}")["items"]
            for stay in self.get(f"/api/cases/{case['uuid']}")["received"].get("stays", [])
        ]

    def parts(self, type_, name):
        """The resources of what was received under a name, of types that are not searched for."""
        kind = "clients" if name in {"related_persons", "coverages"} else "cases"
        owners = [item["uuid"] for item in self.get(f"/api/{kind}")["items"]]
        return [
            self.get(f"/fhir/{type_}/{resource_id(owner, type_, part['id'])}")
            for owner in owners
            for part in self.get(f"/api/{kind}/{owner}").get("received", {}).get(name, [])
        ]

    def encounters(self):
        return self.parts("Encounter", "stays")

    def people(self, encounter):
        """The Practitioners who take part in a stay."""
        return [
            self.get(f"/fhir/{participant['individual']['reference']}")
            for participant in encounter["participant"]
        ]


def values(resource):
    return {identifier["value"] for identifier in resource["identifier"]}
