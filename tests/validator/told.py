"""What the service tells in FHIR: River's story in six languages, answers, golden outputs, documents."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from service.cli.demo import command, story
from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.wiring import rooms, serving
from tests.golden import document
from tests.web.conftest import REGISTRY, House
from tests.web.doors.answers import answers

Resource = dict[str, Any]
GOLDEN = Path(__file__).parents[2] / "mappings" / "golden"
LANGUAGES = ("en", "da", "sv", "fi", "de", "ru")
PAGE = 200
HL7 = "http://hl7.org/fhir/StructureDefinition"
CONFORMANCE = ("CodeSystem", "ValueSet", "StructureDefinition", "OperationDefinition", "SearchParameter")
# extensions of others that are in no package the validator has: the types of their parts, or of their value
FOREIGN = (
    (f"{HL7}/individual-pronouns", {"value": "CodeableConcept"}),
    ("http://hl7.dk/fhir/core/StructureDefinition/dk-core-RegionalSubDivisionCodes", {"": "CodeableConcept"}),
    (
        "http://medcomfhir.dk/ig/messaging/StructureDefinition/medcom-messaging-destinationUseExtension",
        {"": "Coding"},
    ),
)


class Heard(story.House):
    """The service, with every FHIR answer that a party of the story got."""

    def __init__(self, house: story.House) -> None:
        """Take the service, and how its partners show who they are."""
        super().__init__(house.url, house.headers)
        object.__setattr__(self, "answers", [])

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Ask, and keep the answer."""
        answer = super().ask(method, path, **more)
        if answer.headers.get("Content-Type", "").startswith("application/fhir+json") and answer.content:
            self.answers.append((f"{method} {path}", answer.json()))
        return answer


def rivers(folder: Path) -> Iterator[tuple[str, Resource]]:
    """Play River's story on a server of its own; give each answer, and all it holds in six languages."""
    with command._server(folder, None) as house:
        heard = Heard(house)
        for _ in story.play(heard, story.Feed(house)):
            pass
        stated = heard.ask("GET", "/fhir/metadata").json()["rest"][0]["resource"]
        heard.ask("GET", "/fhir/metadata?mode=terminology")
        heard.ask("GET", "/fhir/Group", partner="northern")
        # a Group is its insurer's own, and found by nothing
        for stated_type in (stated_type for stated_type in stated if stated_type["type"] != "Group"):
            _all_of(heard, stated_type["type"], {one["code"] for one in stated_type["interaction"]})
        episode = heard.one("EpisodeOfCare")["id"]
        for language in LANGUAGES:
            asked = {"Accept-Language": language}
            heard.ask("GET", f"/fhir/EpisodeOfCare/{episode}/$document", partner="northern", headers=asked)
    yield from heard.answers


def _all_of(heard: Heard, type_: str, interactions: set[str]) -> None:
    """Search a type in each language, and read the history of each that there is."""
    for language in LANGUAGES if "search-type" in interactions else ():
        bundle = heard.ask(
            "GET", f"/fhir/{type_}?_count={PAGE}", headers={"Accept-Language": language}
        ).json()
        for entry in bundle.get("entry", []) if language == "en" and "vread" in interactions else ():
            heard.ask("GET", f"/fhir/{type_}/{entry['resource']['id']}/_history")


def answered(folder: Path, mappings: Any) -> Iterator[tuple[str, Resource]]:
    """Each kind of answer that the service gives, from one wired as the tests of its doors wire it."""
    (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    settings = Settings.from_env(
        {
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/answers.db",
            "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
        }
    )
    engine = rooms.database(settings)
    upgrade(engine)
    yield from answers(House(serving.application(settings, engine, mappings), engine))
    engine.dispose()


def golden() -> Iterator[tuple[str, Resource]]:
    """Each resource that a golden pair says comes out."""
    for path in sorted(GOLDEN.rglob("out*.json")):
        for example in json.loads(path.read_text(encoding="utf-8")):
            if "resourceType" in example:
                yield f"{path.relative_to(GOLDEN)} {example['resourceType']}/{example['id']}", example


def documents() -> Iterator[tuple[str, Resource]]:
    """The golden case as a document in each language, and as US Core has it."""
    for language in LANGUAGES:
        yield f"document {language}", document.bundle(language)
    yield "document us-core", document.bundle(overlays=("us-core",))


def definitions(resources: list[tuple[str, Resource]]) -> Iterator[Resource]:
    """What is needed beside R4: our own terminology and extensions as served, and extensions of others."""
    definitions_ = {}
    for _, resource in resources:
        for conformance in (entry.get("resource", {}) for entry in resource.get("entry", [])):
            if conformance.get("resourceType") in CONFORMANCE:
                definitions_[conformance["resourceType"], conformance["url"]] = conformance
    yield from definitions_.values()
    yield from (foreign(url, parts) for url, parts in FOREIGN)


def foreign(url: str, parts: dict[str, str]) -> Resource:
    """An extension of which no more is known than the types of what it holds."""
    elements = [element("Extension"), element("Extension.url", fixedUri=url)]
    for name, type_ in parts.items():
        if name:
            within = f"Extension.extension:{name}"
            elements.append(element(within, sliceName=name))
            elements.append(element(f"{within}.url", fixedUri=name))
            elements.append(element(f"{within}.value[x]", type=[{"code": type_}]))
        else:
            elements.append(element("Extension.value[x]", type=[{"code": type_}]))
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "name": url.rpartition("/")[2].replace("-", ""),
        "status": "active",
        "fhirVersion": "4.0.1",
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": "Element"}],
        "type": "Extension",
        "baseDefinition": f"{HL7}/Extension",
        "derivation": "constraint",
        "differential": {"element": elements},
    }


def element(id_: str, **said: Any) -> Resource:
    """An element of a differential."""
    return {"id": id_, "path": ".".join(word.partition(":")[0] for word in id_.split(".")), **said}
