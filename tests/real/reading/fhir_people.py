"""What a reader of R4 looks for of diagnoses, doctors, next of kin and coverages."""

from collections.abc import Iterator
from dataclasses import replace

from tests.real.reading import fhir_types
from tests.real.reading.bundle import Found, Json, Sent, codes, has_code, is_over
from tests.real.reading.codes import KIN
from tests.real.reading.er7 import nobody
from tests.real.reading.fact import Fact, digits, of, plain

PAIRED = frozenset({"kin.telecom", "kin.relationship"})


def diagnoses(sent: Sent, stay: Found) -> Iterator[Fact]:
    """Give the diagnoses that an Encounter names, and the Conditions that name it."""
    named = []
    for diagnosis_, where in stay.list("diagnosis"):
        end = sent.end(diagnosis_.get("condition"), stay)
        if end is None:
            if text := plain(diagnosis_.get("condition", {}).get("display", "")):
                yield Fact("diagnosis.text", text, f"{where}.condition")
            continue
        if end.type == "Condition":
            named.append(end.where)
            yield from condition(end)
            yield from _place(diagnosis_, end, where)
    for condition_ in sent.of("Condition"):
        about = sent.end(condition_.resource.get("encounter"), condition_)
        if about is not None and about.where == stay.where and condition_.where not in named:
            yield from condition(condition_)


def _place(use_of: Json, end: Found, where: str) -> Iterator[Fact]:
    """Give the use and the rank of a diagnosis among those of the stay."""
    for known in codes(end.resource.get("code"))[:1]:
        if has_code(end.resource.get("verificationStatus"), "entered-in-error"):
            return
        for use in codes(use_of.get("use"))[:1]:
            yield Fact("diagnosis.use", f"{plain(known)}={plain(use)}", f"{where}.use")
        if "rank" in use_of:
            yield Fact("diagnosis.rank", f"{plain(known)}={use_of['rank']}", f"{where}.rank")


def condition(one: Found) -> Iterator[Fact]:
    """Give what a Condition says; entered in error, it must not be there."""
    resource = one.resource
    verification, clinical = codes(resource.get("verificationStatus")), codes(resource.get("clinicalStatus"))
    wanted = "entered-in-error" not in verification
    known = [plain(code) for code in codes(resource.get("code"))]
    for index, coded in enumerate(known):
        kind = "diagnosis.code" if resource["code"].get("coding") else "diagnosis.text"
        yield Fact(kind if index == 0 else f"{kind} (another coding)", coded, one.at("code"), wanted=wanted)
    if not (wanted and known):
        return
    for status in verification:
        if status != "confirmed":
            yield Fact("diagnosis.verification", f"{known[0]}={plain(status)}", one.at("verificationStatus"))
    for status in clinical:
        yield Fact("diagnosis.clinical", f"{known[0]}={plain(status)}", one.at("clinicalStatus"))
    for element, kind in (("onset", "onset"), ("abatement", "abatement")):
        name = f"{element}DateTime"
        yield from of(known[0], fhir_types.time(f"diagnosis.{kind}.date", resource.get(name), one.at(name)))
    recorded = fhir_types.time(
        "diagnosis.recorded.date", resource.get("recordedDate"), one.at("recordedDate")
    )
    yield from of(known[0], recorded)
    if resource["code"].get("coding") and (text := resource["code"].get("text")):
        yield Fact("diagnosis.text", plain(text), one.at("code.text"))


def doctors(sent: Sent, stay: Found, today: str) -> Iterator[Fact]:
    """Give the practitioners that take part in a stay."""
    for participant, where in stay.list("participant"):
        roles = [code for type_ in participant.get("type", []) for code in codes(type_)]
        if not is_over(participant.get("period"), today) or stay.resource.get("status") == "finished":
            yield from _doctor(sent, participant.get("individual"), stay, where, roles)


def _doctor(
    sent: Sent, reference: Json | None, within: Found, where: str, roles: list[str]
) -> Iterator[Fact]:
    end = sent.end(reference, within)
    wanted = True
    if end is not None and end.type == "PractitionerRole":
        wanted = end.resource.get("active", True)
        role, reference = end, end.resource.get("practitioner")
        end = sent.end(reference, role)
    if end is not None and end.type != "Practitioner":
        return
    resource = end.resource if end else {}
    numbers = [*resource.get("identifier", []), (reference or {}).get("identifier", {})]
    numbers = [number["value"] for number in numbers if number.get("value")]
    for number in numbers:
        yield Fact("doctor.identifier", plain(number), where, wanted=wanted and not nobody(number))
    names = [plain(name.get("family") or name.get("text", "")) for name in resource.get("name", [])[:1]]
    names = names or [plain((reference or {}).get("display", ""))]
    if names[0]:
        yield Fact("doctor.name", names[0], where, wanted=wanted)
    who = names[0] or next((plain(number) for number in numbers if not nobody(number)), "")
    if who and roles and wanted:
        first, *rest = (f"{who}={plain(role)}" for role in roles)
        yield Fact("doctor.role", first, f"{where}.type", tuple(rest))
    if not who and reference and reference.get("reference"):
        yield Fact("doctor.name that leads nowhere", reference["reference"], where)
    for telecom in resource.get("telecom", []):
        if wanted and telecom.get("value"):
            yield Fact("doctor.telecom", digits(telecom["value"]), where)


def around(sent: Sent, patient: Found, today: str) -> Iterator[Fact]:
    """Give who and what stands around a patient: doctors, kin, contacts, coverages, problems."""
    for doctor, where in patient.list("generalPractitioner"):
        yield from _doctor(sent, doctor, patient, where, [])
    for related_person in sent.of("RelatedPerson"):
        if _is_of(sent, related_person, "patient", patient):
            ended = related_person.resource.get("active") is False or is_over(
                related_person.resource.get("period"), today
            )
            facts = list(_relative(related_person, today))
            yield from (
                (replace(fact, wanted=False) for fact in facts if fact.kind == "kin.name") if ended else facts
            )
    for contact, where in patient.list("contact"):
        if not is_over(contact.get("period"), today):
            one = Found(contact, where, patient.inside)
            yield from _relative(one, today)
            if "name" not in contact:
                yield from fhir_types.name_of(
                    sent, "kin.name", contact.get("organization"), one, "organization"
                )
    for cover in sent.of("Coverage"):
        if _is_of(sent, cover, "beneficiary", patient):
            yield from coverage(sent, cover)
    for condition_ in sent.of("Condition"):
        if "encounter" not in condition_.resource and _is_of(sent, condition_, "subject", patient):
            yield from condition(condition_)


def _is_of(sent: Sent, one: Found, element: str, patient: Found) -> bool:
    end = sent.end(one.resource.get(element), one)
    return end is not None and end.where == patient.where


def _relative(one: Found, today: str) -> Iterator[Fact]:
    said = list(fhir_types.person(one, "kin", today))
    who = next((fact.value for fact in said if fact.kind == "kin.name"), "")
    yield from of(who, (fact for fact in (*said, *_relationship(one)) if fact.kind in PAIRED))
    yield from (fact for fact in said if fact.kind not in PAIRED)


def _relationship(one: Found) -> Iterator[Fact]:
    for index, concept in enumerate(one.resource.get("relationship", [])):
        said = [plain(code) for code in codes(concept)]
        words = [plain(coding.get("display", "")) for coding in concept.get("coding", [])] + [
            plain(concept.get("text", ""))
        ]
        others = [*said[1:], *words, *(near for code in (*said, *words) for near in KIN.get(code, ()))]
        if said:
            yield Fact(
                "kin.relationship", said[0], one.at(f"relationship[{index}]"), tuple(filter(None, others))
            )


def coverage(sent: Sent, one: Found) -> Iterator[Fact]:
    """Give what a Coverage says; entered in error, it must not be there."""
    wanted = one.resource.get("status") != "entered-in-error"
    for payor, where in one.list("payor"):
        end = sent.end(payor, one)
        if end is not None and end.type != "Organization":
            continue
        numbers = [*(end.resource.get("identifier", []) if end else []), payor.get("identifier", {})]
        for number in numbers:
            for fact in fhir_types.identifier("coverage.payer.identifier", number, where):
                yield replace(fact, wanted=wanted and fact.wanted)
        for fact in fhir_types.name_of(
            sent, "coverage.payer", payor, one, where.removeprefix(f"{one.where}.")
        ):
            yield replace(fact, wanted=wanted)
            yield from of(fact.value, _insurance(one)) if wanted else ()


def _insurance(one: Found) -> Iterator[Fact]:
    resource = one.resource
    yield Fact("coverage.status", resource.get("status", ""), one.at("status"))
    numbers = [
        resource.get("subscriberId"),
        *(identifier.get("value") for identifier in resource.get("identifier", [])),
    ]
    for number in filter(None, numbers):
        yield Fact("coverage.subscriber", plain(number), one.at("subscriberId"))
    for class_, where in one.list("class"):
        for kind in codes(class_.get("type"))[:1]:
            if kind in {"group", "plan"}:
                yield Fact(f"coverage.{kind}", plain(class_.get("value", "")), f"{where}.value")
    for edge in ("start", "end"):
        yield from fhir_types.time(
            f"coverage.{edge}", resource.get("period", {}).get(edge), one.at(f"period.{edge}")
        )
    for code in codes(resource.get("relationship"))[:1]:
        yield Fact("coverage.relationship", plain(code), one.at("relationship"))
