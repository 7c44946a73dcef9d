"""A partner pulls a case as one document, for people to read and file: `EpisodeOfCare/$document`.

https://hl7.org/fhir/R4/documents.html
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from service.errors import NotFound
from service.flows.pull.everything import Everything
from service.flows.pull.localise import Localisation
from service.mapping.catalogue import Catalogue
from service.mapping.compiler.projector import MadeResource
from service.mapping.language.localise import Interpreter
from service.values.access.scope import Scope
from service.values.ids import resource_id
from service.values.kept.resources import EverythingQuery, StoredResource
from service.wire.fhir.reading import lead
from service.wire.json import canonical, dump, reread

Json = dict[str, Any]
EPISODE: Final = "EpisodeOfCare"
SUBJECT: Final = "Patient"
_SOURCE: Final = "episode"
# as it stands in what we write, which is compact; within a text the quotes would be escaped
_REFERENCE: Final = re.compile(rb'"reference":"(\w+/[A-Za-z0-9.-]{1,64})[/"]')
_VERSION: Final = re.compile(rb'"reference":"(\w+/[A-Za-z0-9.-]{1,64})/_history/(\d+)"')


@dataclass(frozen=True, slots=True)
class DocumentBundle:
    """A document Bundle, and the resources that stand in it."""

    body: bytes
    resources: tuple[StoredResource, ...]


@dataclass(frozen=True, slots=True)
class EpisodeDocuments:
    """The story of `$document`: by view what a document consists of, and what is told of that in a language.

    The same state gives the same bytes: nothing in them tells when they were asked for.
    """

    everything: Everything
    localisation: Localisation
    mappings: Mapping[str, Catalogue]
    interpreters: Mapping[str, Interpreter]
    base: str

    def document(self, scope: Scope, id_: str, readable: Sequence[str], language: str) -> DocumentBundle:
        """Return an episode of care as a document, made of `readable` types in the scope.

        Raises NotFound where there is no such episode, or not whose it is; Gone after erasure.
        """
        asked = EverythingQuery(EPISODE, id_, tuple(readable), tuple(readable))
        stored = self.everything.whole(scope, asked)
        if all(each.type != SUBJECT for each in stored):
            raise NotFound("A document says whose it is, and there is no such Patient for you.")
        told = {_key(each): self.localisation.tell(scope.view, each, language) for each in stored}
        at = max(each.last_updated for each in stored).isoformat(timespec="milliseconds")
        composition = self._composition(scope.view, told, id_, language, at)
        within = _reachable(composition, told)
        entries = [_entry(f"urn:uuid:{composition['id']}", dump(_absolute(composition, within, self.base)))]
        entries += [_entry(f"{self.base}/{key}", each.body) for key, each in within.items()]
        return DocumentBundle(_bundle(id_, at, entries, within.values()), tuple(within.values()))

    def _composition(
        self, view: str, told: Mapping[str, StoredResource], id_: str, language: str, at: str
    ) -> Json:
        """Return the Composition with its sections, in the language."""
        resources = {key: reread(each.body) for key, each in told.items()}
        lead(resources)
        roots: Json = {"episode": resources[f"{EPISODE}/{id_}"], "composition": _known_by(id_, language, at)}
        for type_ in self.mappings[view].world.sources[_SOURCE].keys() - roots.keys():
            roots[type_] = []
        for resource in _arranged(resources, told):
            if not _is_withdrawn(resource):
                roots[resource["resourceType"]].append(resource)
        made = self.mappings[view].projector(_SOURCE).run(roots)
        composition: Json = self.interpreters[view].tell(_whole(made), language)
        return composition


def _key(stored: StoredResource) -> str:
    return f"{stored.type}/{stored.id}"


def _known_by(id_: str, language: str, at: str) -> Json:
    """Return what a document of an episode is known by: in each language it is one of its own."""
    return {
        "id": resource_id(id_, "Composition", language),
        "identifier": resource_id(id_, "Composition", ""),
        "date": at,
    }


def _whole(made: Sequence[MadeResource]) -> Json:
    """Return the Composition with those of its sections that have entries; raises NotFound without one."""
    composition = next((each.resource for each in made if each.target == "Composition"), None)
    if composition is None:
        raise NotFound("No mapping says what a document consists of; write mappings/compositions.")
    sections = [
        each.resource for each in made if each.target == "Composition.section" and "entry" in each.resource
    ]
    return {**composition, **({"section": sections} if sections else {})}


def _arranged(resources: Mapping[str, Json], told: Mapping[str, StoredResource]) -> list[Json]:
    """Return resources as they are read one after the other: by when they are, else as the plan has them."""
    plans = b"".join(each.body for each in told.values() if each.type == "CarePlan")
    places = {key: place for place, key in enumerate(dict.fromkeys(_references(plans)))}

    def order(key: str) -> tuple[str, int]:
        resource = resources[key]
        starts = resource.get("start") or resource.get("occurrenceDateTime")
        start = resource.get("period", {}).get("start") if told[key].type == "Encounter" else starts
        return start or "", places.get(key, len(places))

    return [resources[key] for key in sorted(resources, key=order)]


def _is_withdrawn(resource: Json) -> bool:
    """Return whether a resource says of itself that it is not so; a stay that was cancelled never was."""
    if (resource["resourceType"], resource.get("status")) == ("Encounter", "cancelled"):
        return True
    verified = resource.get("verificationStatus", {}).get("coding", ())
    statuses = [
        resource.get("status"),
        resource.get("lifecycleStatus"),
        *(one.get("code") for one in verified),
    ]
    return "entered-in-error" in statuses


def _reachable(composition: Json, told: Mapping[str, StoredResource]) -> dict[str, StoredResource]:
    """Return what a Composition leads to, step by step, with the roles of who is there.

    And the Provenances of these very versions.
    """
    found = _led_to(told.keys() & _references(dump(composition)), told)
    # nothing refers to a role, and the Composition tells where somebody works by it
    found = _led_to(found | _roles_of(found, told), told)
    there = {key: told[key] for key in found}
    found |= {key for key, each in told.items() if _is_of(each, there)}
    return {key: each for key, each in told.items() if key in found}


def _led_to(first: set[str], told: Mapping[str, StoredResource]) -> set[str]:
    """Return resources and what they refer to, step by step."""
    waiting, found = first, set[str]()
    while waiting:
        found |= waiting
        waiting = {key for each in waiting for key in _references(told[each].body)} & told.keys() - found
    return found


def _roles_of(found: set[str], told: Mapping[str, StoredResource]) -> set[str]:
    """Return the roles that refer to some of these."""
    roles = (key for key, each in told.items() if each.type == "PractitionerRole")
    return {key for key in roles if not found.isdisjoint(_references(told[key].body))}


def _is_of(stored: StoredResource, within: Mapping[str, StoredResource]) -> bool:
    """Return whether a Provenance tells of what is there, and of no other version of that."""
    if stored.type != "Provenance":
        return False
    targets = ((of.decode(), int(version)) for of, version in _VERSION.findall(stored.body))
    versions = [within[of].version == version for of, version in targets if of in within]
    return bool(versions) and all(versions)


def _references(body: bytes) -> list[str]:
    """Return the `Type/id` of what written resources refer to, in the order of mention."""
    return [key.decode() for key in _REFERENCE.findall(body)]


def _absolute(node: Any, within: Collection[str], base: str) -> Any:
    """Return what refers with addresses; what leads out of the document refers to nothing."""
    if isinstance(node, list):
        items = [_absolute(item, within, base) for item in node]
        return [item for item in items if item != {}]
    if not isinstance(node, dict):
        return node
    pairs = {key: _absolute(value, within, base) for key, value in node.items()}
    if isinstance(literal := pairs.get("reference"), str):
        pairs |= {"reference": f"{base}/{literal}" if literal in within else None}
    return {key: value for key, value in pairs.items() if value not in (None, {}, [])}


def _bundle(id_: str, at: str, entries: Sequence[bytes], within: Iterable[StoredResource]) -> bytes:
    """Return the document Bundle, known by what stands in it, with the labels of all that does."""
    content = b",".join(entries)
    value = resource_id(id_, "Bundle", sha256(content).hexdigest())
    labels = {
        canonical(label): label
        for each in within
        if b'"security":' in each.body
        for label in reread(each.body).get("meta", {}).get("security", ())
    }
    head: Json = {"resourceType": "Bundle"}
    head |= {"meta": {"security": [labels[key] for key in sorted(labels)]}} if labels else {}
    head |= {
        "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{value}"},
        "type": "document",
        "timestamp": at,
    }
    return dump(head)[:-1] + b',"entry":[' + content + b"]}"


def _entry(url: str, body: bytes) -> bytes:
    return b'{"fullUrl":' + dump(url) + b',"resource":' + body + b"}"
