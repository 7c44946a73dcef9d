"""The facts that stand in the resources that are served, by kind."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from tests.real.reading.bundle import is_over
from tests.real.reading.codes import PRIMARY
from tests.real.reading.fact import digits, moment, plain

Json = dict[str, Any]
DATES = {"onsetDateTime": "onset", "recordedDate": "recorded", "abatementDateTime": "abatement"}
# the parts of a name and the elements that they may stand in
PARTS = {
    "family": "family",
    "partner": "family",
    "given": "given",
    "middle": "given",
    "prefix": "prefix",
    "suffix": "suffix",
}
# what ended before it is no longer so
TODAY = "2030-01-01"


def facts_served(resources: list[Json]) -> dict[str, set[str]]:
    """Return, of what is served, the values of each kind of fact."""
    known = {f"{resource['resourceType']}/{resource['id']}": resource for resource in resources}
    values: dict[str, set[str]] = defaultdict(set)
    for resource in resources:
        reader = READERS.get(resource["resourceType"])
        for kind, value in reader(resource, known) if reader and not _is_withdrawn(resource) else ():
            if value:
                values[kind].add(value)
    return values


def words(concept: Json | None) -> list[str]:
    """Return each code, display and text of a CodeableConcept."""
    concept = concept or {}
    codings = concept.get("coding", [])
    said = [coding.get(name) for coding in codings for name in ("code", "display")]
    return [plain(text) for text in (*said, concept.get("text")) if text]


def name_part(name: Json, *elements: str) -> str:
    """Return some elements of a HumanName, and its text, as one text."""
    said: list[str] = []
    for element in elements:
        value = name.get(element, [])
        said += [value] if isinstance(value, str) else value
    if "family" in elements:
        # as extensions of it: own-name, partner-name and their prefixes
        said += [
            extension.get("valueString", "") for extension in name.get("_family", {}).get("extension", [])
        ]
    return plain(" ".join((*said, name.get("text", ""))))


def full_name(name: Json) -> str:
    """Return a HumanName's parts as one text."""
    return name_part(name, "prefix", "given", "family", "suffix")


def _is_withdrawn(resource: Json) -> bool:
    verification = resource.get("verificationStatus")
    return resource.get("status") == "entered-in-error" or "entered-in-error" in words(verification)


def _patient(patient: Json, known: dict[str, Json]) -> Iterator[tuple[str, str]]:
    if patient.get("active") is False:
        # somebody else by now
        return
    for identifier in patient.get("identifier", []):
        yield "patient.identifier", plain(identifier["value"])
        yield "patient.identifier.merged", plain(identifier["value"])
    yield from _person("patient", patient)
    yield "patient.gender", patient.get("gender", "")
    yield "patient.birth_date", moment(patient.get("birthDate", "")) or ""
    yield "patient.deceased", moment(patient.get("deceasedDateTime", "")) or ""
    if patient.get("deceasedDateTime") or patient.get("deceasedBoolean"):
        yield "patient.has_died", "true"
    for language in patient.get("communication", []):
        for said in words(language["language"]):
            yield "patient.language", said
            yield "patient.language", said.split("-")[0]
    for doctor in patient.get("generalPractitioner", []):
        yield from _participant(doctor, list(PRIMARY), known)


def _person(kind: str, person: Json) -> Iterator[tuple[str, str]]:
    for name in person.get("name", []):
        for part, element in PARTS.items():
            for which in ("name", "alias"):
                yield f"{kind}.{which}.{part}", name_part(name, element)
        yield f"{kind}.name", full_name(name)
        yield f"{kind}.given", full_name(name)
    for way in person.get("telecom", []):
        number = digits(way.get("value", ""))
        if kind == "kin":
            names = [full_name(name) for name in person.get("name", [])]
            yield from (("kin.telecom", f"{who}={number}") for who in names or [""])
        else:
            yield f"{kind}.telecom", number
        yield f"{kind}.telecom.extension", number
        yield f"{kind}.telecom.system", f"{number}={way.get('system', '')}"
    for place in person.get("address", []):
        text = plain(" ".join((*place.get("line", ()), place.get("text", ""))))
        yield f"{kind}.address.line", text
        for part in ("city", "state", "country", "district"):
            yield f"{kind}.address.{part}", plain(place.get(part, ""))
        yield f"{kind}.address.postal_code", plain(place.get("postalCode", ""))


def _relative(person: Json, _: dict[str, Json]) -> Iterator[tuple[str, str]]:
    if person.get("active") is False or is_over(person.get("period"), TODAY):
        return
    yield from _person("kin", person)
    related = [said for relationship in person.get("relationship", []) for said in words(relationship)]
    for who in [full_name(name) for name in person.get("name", [])] or [""]:
        yield from (("kin.relationship", f"{who}={said}") for said in related)


def _encounter(stay: Json, known: dict[str, Json]) -> Iterator[tuple[str, str]]:
    yield from (("stay.identifier", plain(identifier["value"])) for identifier in stay.get("identifier", []))
    yield "stay.status", stay["status"]
    class_ = plain(stay.get("class", {}).get("code", ""))
    # R4 wants one even where nobody said any
    yield "stay.class", "" if class_ in {"unk", "unknown", "ni", "nav", "nask"} else class_
    period, hospitalization = stay.get("period", {}), stay.get("hospitalization", {})
    yield "stay.start", moment(period.get("start", "")) or ""
    yield "stay.end", moment(period.get("end", "")) or ""
    yield from (("stay.type", said) for type_ in stay.get("type", []) for said in words(type_))
    yield from (("stay.reason", said) for reason in stay.get("reasonCode", []) for said in words(reason))
    for said in words(hospitalization.get("dischargeDisposition")):
        yield "stay.disposition", said
    yield from (("stay.destination", name) for name in _names(hospitalization.get("destination"), known))
    for location in stay.get("location", []):
        for said in _names(location["location"], known):
            yield "stay.location", said
            yield "stay.facility", said
    for said in _names(stay.get("serviceProvider"), known):
        yield "stay.hospital", said
        yield "stay.facility", said
    for participant in stay.get("participant", []):
        yield from _participant(
            participant.get("individual"), [w for t in participant.get("type", []) for w in words(t)], known
        )
    for diagnosis in stay.get("diagnosis", []):
        condition = known.get(diagnosis["condition"].get("reference", ""), {})
        if condition and not _is_withdrawn(condition):
            yield from _diagnosis(diagnosis, condition)


def _diagnosis(diagnosis: Json, condition: Json) -> Iterator[tuple[str, str]]:
    for whose in words(condition.get("code")):
        for use in words(diagnosis.get("use")):
            yield "diagnosis.use", f"{whose}={use}"
        for said in words(condition.get("verificationStatus")):
            yield "diagnosis.use", f"{whose}={said}"
        if "rank" in diagnosis:
            yield "diagnosis.rank", f"{whose}={diagnosis['rank']}"


def _condition(condition: Json, _: dict[str, Json]) -> Iterator[tuple[str, str]]:
    code = condition.get("code", {})
    for coding in code.get("coding", []):
        yield "diagnosis.code", plain(coding.get("code", ""))
        yield "diagnosis.system", f"{plain(coding.get('code', ''))}={coding.get('system', '')}"
    for whose in words(code):
        yield "diagnosis.text", whose
        for element, kind in (("clinicalStatus", "clinical"), ("verificationStatus", "verification")):
            yield from ((f"diagnosis.{kind}", f"{whose}={said}") for said in words(condition.get(element)))
        for element, kind in DATES.items():
            if when := moment(condition.get(element, "")):
                yield f"diagnosis.{kind}.date", f"{whose}={when}"
                # v2 has but one
                yield from [("diagnosis.date", f"{whose}={when}")] if kind != "abatement" else []


def _team(team: Json, known: dict[str, Json]) -> Iterator[tuple[str, str]]:
    for participant in team.get("participant", []):
        yield from _participant(
            participant.get("member"), [w for r in participant.get("role", []) for w in words(r)], known
        )


def _participant(who: Json | None, roles: list[str], known: dict[str, Json]) -> Iterator[tuple[str, str]]:
    ways: list[Json] = []
    person = known.get((who or {}).get("reference", ""), {})
    if person.get("resourceType") == "PractitionerRole":
        ways += person.get("telecom", [])
        roles = [*roles, *(said for code in person.get("code", []) for said in words(code))]
        who = person.get("practitioner")
        person = known.get((who or {}).get("reference", ""), {})
    if person.get("resourceType", "Practitioner") != "Practitioner":
        return
    names, numbers = _names(who, known), _numbers(who or {}, known)
    for name in names:
        yield "doctor.name", name
        yield "doctor.given", name
    yield from (("doctor.identifier", number) for number in numbers)
    for way in (*ways, *person.get("telecom", [])):
        number = digits(way.get("value", ""))
        yield "doctor.telecom", number
        yield "doctor.telecom.extension", number
        yield "doctor.telecom.system", f"{number}={way.get('system', '')}"
    yield from (("doctor.role", f"{who}={role}") for who in (*names, *numbers) for role in roles)


def _names(reference: Json | None, known: dict[str, Json]) -> list[str]:
    """What a reference's end is called there and in it, and its identifiers."""
    if not reference:
        return []
    end = known.get(reference.get("reference", ""), {})
    names = end.get("name", [])
    called = [plain(names)] if isinstance(names, str) else [full_name(name) for name in names]
    return [
        text for text in (plain(reference.get("display", "")), *called, *_numbers(reference, known)) if text
    ]


def _numbers(reference: Json, known: dict[str, Json]) -> list[str]:
    """The identifiers of a reference's end, and of the reference."""
    end = known.get(reference.get("reference", ""), {})
    numbers = [*end.get("identifier", []), reference.get("identifier", {})]
    return [plain(number["value"]) for number in numbers if number.get("value")]


def _coverage(coverage: Json, known: dict[str, Json]) -> Iterator[tuple[str, str]]:
    for payor in coverage.get("payor", []):
        yield from (("coverage.payer.identifier", number) for number in _numbers(payor, known))
        for payer in _names(payor, known):
            yield "coverage.payer", payer
            yield from (
                (f"coverage.{kind}", f"{payer}={said}") for kind, said in _insurance(coverage) if said
            )


def _insurance(coverage: Json) -> Iterator[tuple[str, str]]:
    yield "status", coverage.get("status", "")
    yield "subscriber", plain(coverage.get("subscriberId", ""))
    yield from (("subscriber", plain(identifier["value"])) for identifier in coverage.get("identifier", []))
    for class_ in coverage.get("class", []):
        kind = words(class_["type"])[0]
        yield kind, plain(class_.get("value", ""))
        yield f"{kind}.name", plain(class_.get("name", ""))
    for edge in ("start", "end"):
        yield edge, moment(coverage.get("period", {}).get(edge, "")) or ""
    yield from (("relationship", said) for said in words(coverage.get("relationship")))


READERS = {
    "Patient": _patient,
    "RelatedPerson": _relative,
    "Encounter": _encounter,
    "Condition": _condition,
    "CareTeam": _team,
    "Coverage": _coverage,
}
