"""FHIR that partners send, as inbound mappings read it: a stay at a time, references led to their targets.

References within a Bundle: https://hl7.org/fhir/R4/bundle.html#references
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from service.errors import Issue, Rejected, TooLarge
from service.wire.fhir.exchange.bundles import is_part
from service.wire.fhir.sent import stay
from service.wire.fhir.sent.facts import facts
from service.wire.fhir.sent.normalise import tidy_disposition
from service.wire.fhir.sent.related import ResourcesOfStay
from service.wire.fhir.sent.resolve import RESTFUL, VERSION, lead

Json = dict[str, Any]
LISTS: Final = {
    "conditions": "Condition",
    "coverages": "Coverage",
    "provenances": "Provenance",
    "related_persons": "RelatedPerson",
}
"""Which root of the source `fhir` holds which of the resources that tell of the same stay or patient."""
# what all stays come with, in all: a Coverage is read once more for each stay of its patient
MOST: Final = 20_000


def stays(sent: Json, bases: Sequence[str] = ()) -> list[Json]:
    """Return the roots of the source `fhir`, an item for each Encounter that was sent.

    Args:
        sent: a Bundle (message, transaction, batch, collection), or one Encounter.
        bases: the addresses of the sender's own FHIR server; names there are kept under the first.

    Returns:
        For each Encounter that is no part of another, `bundle` (without its entries), `header` (the
        MessageHeader or {}), `encounter`, `patient` ({} when it was not sent), `encounter_at` and
        `patient_at` (Identifiers: what the two are called on the sender's own server, {} when nothing says
        so), and lists: `conditions` (that its diagnoses do not name), `coverages`, `provenances` (newest
        first), `related_persons`; and `facts`, as `facts.facts`. A Reference that leads to something sent
        has it under `resource`; these lead around in circles, so follow them by name and never give one out
        whole.

    Raises:
        Rejected: two entries have one fullUrl, or an entry is no resource; with its FHIRPath.
        TooLarge: its stays come with too much, one with the other.
    """
    entries = _entries(sent)
    resources = [entry["resource"] for entry in entries if "resource" in entry]
    lead(entries)
    header = resources[0] if resources and resources[0].get("resourceType") == "MessageHeader" else {}
    bundle = {key: value for key, value in sent.items() if key != "entry"} if sent is not _only(sent) else {}
    encounters = _encounters(header, entries)
    entry_of = {id(entry["resource"]): entry for entry in entries if "resource" in entry}
    sent_beside = ResourcesOfStay(resources, LISTS.values())
    roots: list[Json] = []
    size = 0
    for encounter in encounters:
        tidy_disposition(encounter)
        beside = sent_beside.of(encounter, header)
        size += len(beside)
        if size > MOST:
            what = f"Its stays come with over {MOST} resources, each for itself; send it in parts."
            raise TooLarge(what, where="Bundle.entry")
        roots.append(
            {**_roots(encounter, bundle, header, beside), **_names_there(encounter, entry_of, bases)}
        )
    return roots


def _names_there(encounter: Json, entry_of: dict[int, Json], bases: Sequence[str]) -> Json:
    """Return what a stay and its patient are called on the sender's own server."""
    # what is contained has no name but in what contains it
    stay_in, subject = entry_of.get(id(encounter), {}), encounter.get("subject", {})
    patient_in = entry_of.get(id(subject.get("resource")))
    patient_names = [subject.get("reference", "")] if patient_in is None else _own_names(patient_in)
    return {
        "encounter_at": _there("Encounter", _own_names(stay_in), "", bases),
        "patient_at": _there("Patient", patient_names, stay_in.get("fullUrl", ""), bases),
    }


def _own_names(entry: Json) -> list[str]:
    """Return the literals that lead to an entry's resource on its sender's server, as far as it has a name.

    The id of what is POSTed, or has a `urn:uuid:` for its fullUrl, is a name within its Bundle alone: in the
    next one `Patient/p1` is somebody else. https://hl7.org/fhir/R4/bundle.html#bundle-unique
    """
    request, url = entry.get("request", {}), entry.get("fullUrl", "")
    if request.get("method") == "PUT":
        return [url, request.get("url", "")]
    resource = entry.get("resource", {})
    if url or not resource or request:
        return [url]
    return [f"{resource.get('resourceType')}/{resource.get('id', '')}"]


def _there(type_: str, literals: Sequence[str], url: str, bases: Sequence[str]) -> Json:
    """Return the first of some literal references that leads to a base, as an identifier.

    A relative one is relative to the base of the `url` of what it stands in, else to the sender's own.
    """
    within = RESTFUL.match(url)
    for literal in literals:
        match = RESTFUL.match(VERSION.sub("", literal))
        if match is None or not bases:
            continue
        base = match["base"] or (within["base"] if within else "") or f"{bases[0]}/"
        kind, _, id_ = match["relative"].partition("/")
        if kind == type_ and base.endswith("/") and base[:-1] in bases:
            return {"system": f"{bases[0]}/{type_}", "value": id_}
    return {}


def _only(sent: Json) -> Json | None:
    return sent if sent.get("resourceType") != "Bundle" else None


def _entries(sent: Json) -> list[Json]:
    if _only(sent) is not None:
        return [{"resource": sent}]
    entries: list[Json] = sent.get("entry", [])
    seen: dict[str, int] = {}
    issues = []
    for index, entry in enumerate(entries):
        resource, url = entry.get("resource"), entry.get("fullUrl")
        if resource is not None and not isinstance(resource.get("resourceType"), str):
            issues.append(Issue("Not a resource: it has no resourceType.", f"Bundle.entry[{index}].resource"))
        if url is not None and url in seen:
            what = f"The same fullUrl as Bundle.entry[{seen[url]}]; each entry needs its own (bdl-7)."
            issues.append(Issue(what, f"Bundle.entry[{index}].fullUrl", "duplicate"))
        elif url is not None:
            seen[url] = index
    if issues:
        raise Rejected("The Bundle cannot be read.", issues=issues)
    return entries


def _encounters(header: Json, entries: list[Json]) -> list[Json]:
    """Return what a message focuses on; without a focus on an Encounter, every Encounter that is written."""
    focus = [reference.get("resource", {}) for reference in header.get("focus", [])]
    encounters = [resource for resource in focus if resource.get("resourceType") == "Encounter"]
    if encounters:
        return [resource for resource in encounters if not is_part(resource)]
    written = [entry for entry in entries if entry.get("request", {}).get("method", "PUT") in {"POST", "PUT"}]
    resources = [entry.get("resource", {}) for entry in written]
    return [
        resource
        for resource in resources
        if resource.get("resourceType") == "Encounter" and not is_part(resource)
    ]


def _roots(encounter: Json, bundle: Json, header: Json, beside: list[Json]) -> Json:
    subject = encounter.get("subject", {}).get("resource", {})
    # a Group is nobody in particular, and whatever else it may be by mistake is none either
    patient = subject if subject.get("resourceType") == "Patient" else {}

    diagnosed = {
        id(diagnosis.get("condition", {}).get("resource")) for diagnosis in encounter.get("diagnosis", [])
    }
    roots: Json = {"bundle": bundle, "header": header, "encounter": encounter, "patient": patient}
    for name, type_ in LISTS.items():
        resources = [resource for resource in beside if resource.get("resourceType") == type_]
        roots[name] = [resource for resource in resources if id(resource) not in diagnosed]
    roots["provenances"].sort(key=_recorded_at, reverse=True)
    return {**roots, "facts": facts(roots)}


def _recorded_at(provenance: Json) -> datetime:
    """Return when a Provenance was recorded; what is no instant is as old as can be."""
    return stay.instant(provenance.get("recorded"))
