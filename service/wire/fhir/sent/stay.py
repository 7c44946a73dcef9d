"""Reads an Encounter: its class, current location, reasons and diagnoses; and the patient's insurances.

https://hl7.org/fhir/R4/encounter.html · https://hl7.org/fhir/R4/condition.html
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from service.wire.fhir.sent.people import led_to, named, number, numbers, place
from service.wire.fhir.sent.resolve import RESTFUL, VERSION

Json = dict[str, Any]
WRONG: Final = "entered-in-error"
_OLDEST: Final = datetime.min.replace(tzinfo=UTC)
_HL7: Final = ("http://hl7.org/", "http://terminology.hl7.org/", "urn:oid:2.16.840.1.113883.")
_NOT_YET: Final = frozenset({"planned", "reserved"})
_BCP47: Final = "urn:ietf:bcp:47"
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
# in another system only what looks like a tag: a sender's own `SPANISH` is none
_SHORT: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_DIAGNOSIS: Final = "encounter-diagnosis"


def class_(encounter: Json) -> Json:
    """Return of which class a stay is; of one letter in a system that is not HL7's its words alone.

    A sender's own `R` is not that of table 0004; a mnemonic such as `IMP` is nothing else anywhere.
    """
    coding: Json = encounter.get("class", {})
    system, code = coding.get("system", ""), coding.get("code", "")
    if len(code) == 1 and system and not system.startswith(_HL7):
        return {name: coding[name] for name in ("display",) if name in coding}
    return coding


def location(encounter: Json) -> Json:
    """Return the current of a stay's locations, or of a stay that is over the last: as `people.place`.

    It is the active one; else the one that has not ended, else the one that began last. Where nobody is yet
    counts only when there is no other.
    """
    locations = [item for item in encounter.get("location", []) if item.get("location")]
    occupied = [item for item in locations if item.get("status") not in _NOT_YET] or locations
    if not occupied:
        return {}
    last = max(enumerate(occupied), key=lambda pair: (*_lateness(pair[1]), pair[0]))[1]
    return place(last["location"])


def _lateness(item: Json) -> tuple[bool, bool, bool, datetime]:
    status, period = item.get("status"), item.get("period", {})
    return (
        status == "active",
        status != "completed",
        "end" not in period,
        _first_instant(period.get("end") or period.get("start") or ""),
    )


def _first_instant(value: str) -> datetime:
    """Return an instant, or the first one of a day."""
    return instant(value if "T" in value else f"{value}T00:00:00Z")


def instant(value: Any) -> datetime:
    """Return an instant; what is none is as old as can be."""
    try:
        moment = datetime.fromisoformat(str(value or ""))
    except ValueError:
        return _OLDEST
    return moment if moment.tzinfo is not None else _OLDEST


def diagnoses(encounter: Json, conditions: Sequence[Json]) -> tuple[list[Json], list[Json]]:
    """Return the diagnoses of a stay, and those that are taken back (entered in error).

    Args:
        encounter: the stay; its diagnoses may lead to Procedures, which are none.
        conditions: what else was sent that tells of the stay or its patient.

    Returns:
        For each `condition` (a Condition), and `use` and `rank` where the stay gives them; `abated` where
        anything says that it is over, a date, an age or words (con-4). A Condition that
        is not sent is the words that its Reference has. One that is only the reason is no diagnosis. Of those
        taken back stands here what nothing of the same use replaces.
    """
    candidates = [
        {**{key: diagnosis[key] for key in ("use", "rank") if key in diagnosis}, "condition": condition}
        for diagnosis in encounter.get("diagnosis", [])
        if (condition := condition_of(diagnosis.get("condition", {})))
    ]
    referenced = [candidate["condition"] for candidate in candidates]
    reasons = [reference.get("resource") for reference in encounter.get("reasonReference", [])]
    candidates += [
        {"condition": condition}
        for condition in conditions
        if not any(condition is one for one in referenced)
        and (not any(condition is one for one in reasons) or _DIAGNOSIS in codes(condition.get("category")))
    ]
    entries = [
        candidate
        for candidate in candidates
        if says(candidate["condition"].get("code")) and not is_anothers(candidate["condition"], encounter)
    ]
    entries = [{**entry, "abated": True} if _has_abated(entry["condition"]) else entry for entry in entries]
    current = [entry for entry in entries if not is_wrong(entry["condition"])]
    uses = [codes(entry.get("use")) for entry in current]
    return current, [e for e in entries if is_wrong(e["condition"]) and codes(e.get("use")) not in uses]


def _has_abated(condition: Json) -> bool:
    return any(name.startswith("abatement") and value is not None for name, value in condition.items())


def condition_of(reference: Json) -> Json | None:
    """Return the Condition that a Reference is to; of one that is not sent its words."""
    condition: Json | None = reference.get("resource")
    if condition is not None:
        return condition if condition.get("resourceType") == "Condition" else None
    literal = str(reference.get("reference", ""))
    is_other = reference.get("type", "Condition") != "Condition" or (
        "/" in literal and "Condition/" not in literal and not literal.startswith("urn:")
    )
    return {"code": {"text": reference["display"]}} if reference.get("display") and not is_other else None


def is_wrong(condition: Json) -> bool:
    """Whether a Condition was entered in error."""
    return WRONG in codes(condition.get("verificationStatus"))


def is_anothers(condition: Json, encounter: Json) -> bool:
    """Whether a Condition is certainly of somebody else than a stay: by who was sent, by number, by name.

    Who is told of by a number here and by a name there may be one person.
    """
    one, other = condition.get("subject", {}), encounter.get("subject", {})
    sent = [reference["resource"] for reference in (one, other) if "resource" in reference]
    if len(sent) == 2 and sent[0] is sent[1]:
        return False
    ours, theirs = (numbers(e["resource"]) if "resource" in e else number(e) for e in (one, other))
    if ours and theirs:
        mine, others = ({(e["system"], e["value"]) for e in identifiers} for identifiers in (ours, theirs))
        is_comparable = len(sent) == 2 or bool({e[0] for e in mine} & {e[0] for e in others})
        return is_comparable and mine.isdisjoint(others)
    called = [name for name in (_reference_name(one), _reference_name(other)) if name]
    return len(called) == 2 and called[0] != called[1]


def _reference_name(reference: Json) -> str:
    """Return as what a Reference names its target on a server, as `Type/id`; of one that is sent its own.

    What is contained has none.
    """
    literal, resource = str(reference.get("reference", "")), reference.get("resource", {})
    if resource and "id" in resource and not literal.startswith("#"):
        return f"{resource['resourceType']}/{resource['id']}"
    match = RESTFUL.match(VERSION.sub("", literal))
    return match["relative"] if match is not None else ""


def reasons(encounter: Json) -> list[Json]:
    """Return why somebody came, as concepts: reasonCode, and the codes that reasonReference leads to."""
    concepts = [concept for concept in encounter.get("reasonCode", []) if says(concept)]
    for reference in encounter.get("reasonReference", []):
        condition = led_to(reference, "Condition")
        code = condition.get("code") or _code_of(reference.get("resource", {}))
        if says(code) and not is_wrong(condition) and not is_anothers(condition, encounter):
            concepts.append(code)
        elif "resource" not in reference and reference.get("display"):
            concepts.append({"text": reference["display"]})
    return concepts


def _code_of(resource: Json) -> Json:
    """Return the code of a resource other than a Condition, as far as it is valid R4: it was not checked."""
    code = resource.get("code")
    concept = code if isinstance(code, dict) else {}
    codings = concept.get("coding")
    members = {
        "coding": [
            {key: one[key] for key in ("system", "code", "display") if isinstance(one.get(key), str)}
            for one in (codings if isinstance(codings, list) else [])
            if isinstance(one, dict)
        ],
        "text": concept.get("text") if isinstance(concept.get("text"), str) else None,
    }
    return {key: member for key, member in members.items() if member}


def policies(coverages: Sequence[Json]) -> list[Json]:
    """Return a patient's insurances, those entered in error left out.

    Returns:
        For each `coverage`, and as far as they are told `payer` (as `named`, and never a person),
        `member` (the Identifier of type MB), `group` and `plan` (of Coverage.class).
    """
    insurances = []
    for coverage in coverages:
        payers = [named(one) for one in coverage.get("payor", []) if is_payer(one)]
        payer = next((one for one in payers if one), None)
        if payer is None or coverage.get("status") == WRONG:
            continue
        classes = coverage.get("class", [])
        parts = {
            "member": next((e for e in coverage.get("identifier", []) if "MB" in codes(e.get("type"))), None),
            "group": next((e for e in classes if "group" in codes(e.get("type"))), None),
            "plan": next((e for e in classes if "plan" in codes(e.get("type"))), None),
        }
        extra = {key: one for key, one in parts.items() if one is not None}
        insurances.append({"coverage": coverage, "payer": payer, **extra})
    return insurances


def is_payer(reference: Json) -> bool:
    """Whether a payor may be an insurer: it is an Organization, or its type is not given."""
    type_: str = reference.get("resource", {}).get("resourceType", "Organization")
    return type_ == "Organization"


def spoken_language(patient: Json) -> Json:
    """Return the language to speak to a patient in, of the preferred or else of the first, as a Coding.

    A tag of BCP 47, or what may be one, is its code; what another code or the words say is its display.
    """
    communications = patient.get("communication", [])
    preferred = [one for one in communications if one.get("preferred") is True]
    for group in (preferred, communications):
        languages = [communication.get("language", {}) for communication in group]
        for coding in (*map(_tag, languages), *map(_words, languages)):
            if coding:
                return coding
    return {}


def _tag(language: Json) -> Json:
    codings = [coding for coding in language.get("coding", []) if "code" in coding and _is_tag(coding)]
    codings.sort(key=lambda coding: coding.get("system") != _BCP47)
    return {"code": codings[0]["code"]} if codings else {}


def _words(language: Json) -> Json:
    codings = language.get("coding", [])
    words = (language.get("text"), *(coding.get(name) for name in ("display", "code") for coding in codings))
    return next(({"display": text} for text in words if text), {})


def _is_tag(coding: Json) -> bool:
    pattern = _LANGUAGE if coding.get("system") == _BCP47 else _SHORT
    return pattern.fullmatch(coding["code"]) is not None


def says(concept: Json | None) -> bool:
    """Whether a CodeableConcept has a code or words."""
    if not concept:
        return False
    codings = concept.get("coding", [])
    return bool(concept.get("text")) or any(coding.get("code") or coding.get("display") for coding in codings)


def codes(concepts: Any) -> list[str]:
    """Return the codes of a CodeableConcept, or of a list of them."""
    concept_list = concepts if isinstance(concepts, list) else [concepts] if concepts else []
    return [
        coding["code"] for concept in concept_list for coding in concept.get("coding", []) if "code" in coding
    ]
