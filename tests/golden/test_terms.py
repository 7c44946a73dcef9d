"""Every code a mapping can emit is known, and named in every language."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from service.mapping.catalogue import load
from service.mapping.layers.stack import overlays
from service.wire.contracts.documents import case, client, directory, parts, plan
from service.wire.contracts.published.json_schemas import links, sources
from service.wire.contracts.published.json_schemas import schema as described
from service.wire.fhir.definitions import profiles
from service.wire.fhir.definitions.r4 import definitions

MAPPINGS = Path(__file__).parents[2] / "mappings"
FOLDER = MAPPINGS / "codesystems"
BASE = "https://casebridge.org/fhir/CodeSystem/"
LANGUAGES = {"da", "sv", "fi", "de", "ru"}


def schema(source: str, *path: str) -> tuple[str, ...]:
    """The codes a contract takes at a path."""
    schema = sources()[source][source] if source in sources() else described(source)
    for step in path:
        schema = schema.get("items", schema)["properties"][step]
    return tuple(schema["enum"])


def spoken(system: str) -> tuple[str, ...]:
    """The codes that mappings name themselves where they show a concept of a code system."""
    named = re.compile(rf"'([\w-]+)' \| display\('{system}'\)")
    return tuple(code for path in MAPPINGS.rglob("*.yaml") for code in named.findall(path.read_text("utf-8")))


def r4_codes(*paths: str) -> tuple[str, ...]:
    """The codes that R4 binds elements to."""
    types = (path.rpartition(".") for path in paths)
    with_names = ((element, name) for type_, _, name in types for element in definitions()[type_].elements)
    return tuple(
        code
        for element, name in with_names
        if name in element.json_names()
        for listed in element.codes.values()
        for code in listed
    )


CODES = {
    "care-model": case.CARE_MODELS,
    "case-status": case.STATUSES,
    "targeted-group": case.TARGETED_GROUPS,
    "case-role": case.TEAM_ROLES,
    "service-kind": plan.SERVICE_KINDS,
    "service-setting": plan.SETTINGS,
    "profession": directory.PROFESSIONS,
    "organization-kind": directory.ORGANIZATION_KINDS,
    "relationship": client.RELATIONSHIPS,
    # what a stack of overlays needs said that is not known
    "policy-relationship": (*client.POLICY_RELATIONSHIPS, "unknown"),
    "stay-role": parts.CONTACT_ROLES,
    "coverage-kind": schema("client", "coverages", "kind"),
    "goal-category": schema("case", "plan", "goals", "category"),
    "finding-domain": schema("case", "assessments", "needs", "domain"),
    "check-in-medium": schema("case", "plan", "check_ins", "medium"),
    "medication-source": schema("case", "medications", "source"),
    "closure-reason": schema("case", "closure", "reason"),
    "finding-kind": ("need", "strength", "resource"),
    "observation-kind": ("assessment", "necessity"),
    "necessity-decision": schema("case", "plan", "services", "necessity", "decision"),
    "authorization-status": schema("case", "plan", "services", "authorization", "status"),
    "adjudication-kind": ("authorization",),
    "episode-type": ("case-management",),
    "goal-priority": schema("case", "plan", "goals", "priority"),
    "service-status": schema("case", "plan", "services", "status"),
    "check-in-status": schema("case", "plan", "check_ins", "status"),
    "stay-kind": schema("discharge", "stay", "kind"),
    "list-action": schema("discharge", "stay", "conditions", "action"),
    "stay-event": schema("discharge", "event"),
    "stay-diagnosis": schema("discharge", "stay", "conditions", "kind"),
    "processing": schema("discharge", "processing"),
    "certificate": ("CCM",),
    "appointment-state": schema("case", "plan", "appointments", "status"),
    "goal-progress": plan.ACHIEVEMENT,
    "schedule-unit": schema("case", "plan", "services", "schedule", "unit"),
    "phrase": spoken("phrase"),
    "r4-word": (
        *r4_codes("ServiceRequest.status", "Appointment.status", "Goal.lifecycleStatus", "Encounter.status"),
        *r4_codes("EpisodeOfCare.status", "CarePlan.status", "MedicationStatement.status"),
        *r4_codes("CommunicationRequest.status", "Timing.repeat.periodUnit"),
        *("active", "recurrence", "relapse", "inactive", "remission", "resolved"),
        *("unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error"),
    ),
}


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def gaps(system: dict) -> Iterator[str]:
    """Name what is missing in a code system's concepts."""
    for concept in system["concept"]:
        named = {
            designation["language"]: designation["value"] for designation in concept.get("designation", [])
        }
        missing = sorted(tongue for tongue in LANGUAGES if not str(named.get(tongue) or "").strip())
        if not concept.get("display"):
            missing.insert(0, "en")
        for language in missing:
            yield f"{system['id']}/{concept['code']}: {language}"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_concept_is_named_in_every_language(path):
    assert list(gaps(read(path))) == []


def test_every_concept_of_every_overlay_is_named_in_every_language():
    for stack in [(), *((overlay,) for overlay in overlays(FOLDER.parent))]:
        catalogue = load(FOLDER.parent, sources=sources(), links=links(), overlays=stack, profiles=profiles)
        for system in catalogue.codesystems.values():
            for code, designations in system.designations.items():
                assert set(designations) >= LANGUAGES, (stack, system.name, code)


def test_a_concept_without_a_language_is_found():
    concept = {"code": "a", "display": "a", "designation": [{"language": "da", "value": "a"}]}
    assert list(gaps({"id": "x", "concept": [concept]})) == [
        f"x/a: {language}" for language in ("de", "fi", "ru", "sv")
    ]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_code_system_is_called_after_its_file_and_holds_the_contracts_codes(path):
    system = read(path)
    assert (system["id"], system["url"]) == (path.stem, BASE + path.stem)
    codes = [concept["code"] for concept in system["concept"]]
    assert len(set(codes)) == len(codes)
    assert set(codes) == set(CODES[path.stem])


def test_each_list_of_codes_has_its_code_system():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(CODES)
