"""What an Encounter comes to: where it is now, why, with which diagnoses; and the patient's insurances.

https://hl7.org/fhir/R4/encounter.html · https://hl7.org/fhir/R4/condition.html
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from service.wire.fhir.sent.people import led_to, named, number, numbers, place
from service.wire.fhir.sent.references import RESTFUL, VERSION

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
    told: Json = encounter.get("class", {})
    system, code = told.get("system", ""), told.get("code", "")
    if len(code) == 1 and system and not system.startswith(_HL7):
        return {name: told[name] for name in ("display",) if name in told}
    return told


def location(encounter: Json) -> Json:
    """Return the current of a stay's locations, or of a stay that is over the last: as `people.place`.

    It is the active one; else the one that has not ended, else the one that began last. Where nobody is yet
    counts only when there is no other.
    """
    given = [each for each in encounter.get("location", []) if each.get("location")]
    been = [each for each in given if each.get("status") not in _NOT_YET] or given
    if not been:
        return {}
    last = max(enumerate(been), key=lambda each: (*_lateness(each[1]), each[0]))[1]
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
        told = datetime.fromisoformat(str(value or ""))
    except ValueError:
        return _OLDEST
    return told if told.tzinfo is not None else _OLDEST


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
    found = [
        {**{key: each[key] for key in ("use", "rank") if key in each}, "condition": condition}
        for each in encounter.get("diagnosis", [])
        if (condition := condition_of(each.get("condition", {})))
    ]
    known = [each["condition"] for each in found]
    reasons = [each.get("resource") for each in encounter.get("reasonReference", [])]
    found += [
        {"condition": each}
        for each in conditions
        if not any(each is one for one in known)
        and (not any(each is one for one in reasons) or _DIAGNOSIS in codes(each.get("category")))
    ]
    told = [
        each
        for each in found
        if says(each["condition"].get("code")) and not is_anothers(each["condition"], encounter)
    ]
    told = [{**each, "abated": True} if _has_abated(each["condition"]) else each for each in told]
    kept = [each for each in told if not is_wrong(each["condition"])]
    uses = [codes(each.get("use")) for each in kept]
    return kept, [e for e in told if is_wrong(e["condition"]) and codes(e.get("use")) not in uses]


def _has_abated(condition: Json) -> bool:
    return any(name.startswith("abatement") and each is not None for name, each in condition.items())


def condition_of(reference: Json) -> Json | None:
    """Return the Condition that a Reference is to; of one that is not sent its words."""
    found: Json | None = reference.get("resource")
    if found is not None:
        return found if found.get("resourceType") == "Condition" else None
    literal = str(reference.get("reference", ""))
    is_other = reference.get("type", "Condition") != "Condition" or (
        "/" in literal and "Condition/" not in literal and not literal.startswith("urn:")
    )
    return {"code": {"text": reference["display"]}} if reference.get("display") and not is_other else None


def is_wrong(condition: Json) -> bool:
    """Whether a Condition is taken back."""
    return WRONG in codes(condition.get("verificationStatus"))


def is_anothers(condition: Json, encounter: Json) -> bool:
    """Whether a Condition is certainly of somebody else than a stay: by who was sent, by number, by name.

    Who is told of by a number here and by a name there may be one person.
    """
    one, other = condition.get("subject", {}), encounter.get("subject", {})
    sent = [each["resource"] for each in (one, other) if "resource" in each]
    if len(sent) == 2 and sent[0] is sent[1]:
        return False
    ours, theirs = (numbers(e["resource"]) if "resource" in e else number(e) for e in (one, other))
    if ours and theirs:
        mine, others = ({(e["system"], e["value"]) for e in each} for each in (ours, theirs))
        is_comparable = len(sent) == 2 or bool({e[0] for e in mine} & {e[0] for e in others})
        return is_comparable and mine.isdisjoint(others)
    called = [name for name in (_reference_name(one), _reference_name(other)) if name]
    return len(called) == 2 and called[0] != called[1]


def _reference_name(reference: Json) -> str:
    """Return as what a Reference names its target on a server, as `Type/id`; of one that is sent its own.

    What is contained has none.
    """
    literal, found = str(reference.get("reference", "")), reference.get("resource", {})
    if found and "id" in found and not literal.startswith("#"):
        return f"{found['resourceType']}/{found['id']}"
    named = RESTFUL.match(VERSION.sub("", literal))
    return named["relative"] if named is not None else ""


def reasons(encounter: Json) -> list[Json]:
    """Return why somebody came, as concepts: reasonCode, and the codes that reasonReference leads to."""
    found = [each for each in encounter.get("reasonCode", []) if says(each)]
    for each in encounter.get("reasonReference", []):
        condition = led_to(each, "Condition")
        code = condition.get("code") or _code_of(each.get("resource", {}))
        if says(code) and not is_wrong(condition) and not is_anothers(condition, encounter):
            found.append(code)
        elif "resource" not in each and each.get("display"):
            found.append({"text": each["display"]})
    return found


def _code_of(resource: Json) -> Json:
    """Return the code of what is no Condition, as far as it is as R4 has it: nobody has looked at that."""
    given = resource.get("code")
    concept = given if isinstance(given, dict) else {}
    codings = concept.get("coding")
    made = {
        "coding": [
            {key: one[key] for key in ("system", "code", "display") if isinstance(one.get(key), str)}
            for one in (codings if isinstance(codings, list) else [])
            if isinstance(one, dict)
        ],
        "text": concept.get("text") if isinstance(concept.get("text"), str) else None,
    }
    return {key: each for key, each in made.items() if each}


def policies(coverages: Sequence[Json]) -> list[Json]:
    """Return a patient's insurances, those entered in error left out.

    Returns:
        For each `coverage`, and as far as they are told `payer` (as `named`, and never a person),
        `member` (the Identifier of type MB), `group` and `plan` (of Coverage.class).
    """
    found = []
    for each in coverages:
        payers = [named(one) for one in each.get("payor", []) if is_payer(one)]
        payer = next((one for one in payers if one), None)
        if payer is None or each.get("status") == WRONG:
            continue
        classes = each.get("class", [])
        told = {
            "member": next((e for e in each.get("identifier", []) if "MB" in codes(e.get("type"))), None),
            "group": next((e for e in classes if "group" in codes(e.get("type"))), None),
            "plan": next((e for e in classes if "plan" in codes(e.get("type"))), None),
        }
        more = {key: one for key, one in told.items() if one is not None}
        found.append({"coverage": each, "payer": payer, **more})
    return found


def is_payer(reference: Json) -> bool:
    """Whether who pays may be an insurer: an organisation, or nothing says what it is."""
    type_: str = reference.get("resource", {}).get("resourceType", "Organization")
    return type_ == "Organization"


def spoken_language(patient: Json) -> Json:
    """Return the language to speak to a patient in, of the preferred or else of the first, as a Coding.

    A tag of BCP 47, or what may be one, is its code; what another code or the words say is its display.
    """
    given = patient.get("communication", [])
    for group in ([each for each in given if each.get("preferred") is True], given):
        languages = [each.get("language", {}) for each in group]
        for told in (*map(_tag, languages), *map(_words, languages)):
            if told:
                return told
    return {}


def _tag(language: Json) -> Json:
    codings = [each for each in language.get("coding", []) if "code" in each and _is_tag(each)]
    codings.sort(key=lambda each: each.get("system") != _BCP47)
    return {"code": codings[0]["code"]} if codings else {}


def _words(language: Json) -> Json:
    codings = language.get("coding", [])
    told = (language.get("text"), *(each.get(name) for name in ("display", "code") for each in codings))
    return next(({"display": each} for each in told if each), {})


def _is_tag(coding: Json) -> bool:
    pattern = _LANGUAGE if coding.get("system") == _BCP47 else _SHORT
    return pattern.fullmatch(coding["code"]) is not None


def says(concept: Json | None) -> bool:
    """Whether a CodeableConcept has a code or words."""
    if not concept:
        return False
    codings = concept.get("coding", [])
    return bool(concept.get("text")) or any(each.get("code") or each.get("display") for each in codings)


def codes(concepts: Any) -> list[str]:
    """Return the codes of a CodeableConcept, or of a list of them."""
    found = concepts if isinstance(concepts, list) else [concepts] if concepts else []
    return [coding["code"] for each in found for coding in each.get("coding", []) if "code" in coding]
