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
    for each, where in stay.list("diagnosis"):
        end = sent.end(each.get("condition"), stay)
        if end is None:
            if text := plain(each.get("condition", {}).get("display", "")):
                yield Fact("diagnosis.text", text, f"{where}.condition")
            continue
        if end.type == "Condition":
            named.append(end.where)
            yield from condition(end)
            yield from _place(each, end, where)
    for each in sent.of("Condition"):
        about = sent.end(each.resource.get("encounter"), each)
        if about is not None and about.where == stay.where and each.where not in named:
            yield from condition(each)


def _place(each: Json, end: Found, where: str) -> Iterator[Fact]:
    """Give the use and the rank of a diagnosis among those of the stay."""
    for known in codes(end.resource.get("code"))[:1]:
        if has_code(end.resource.get("verificationStatus"), "entered-in-error"):
            return
        for use in codes(each.get("use"))[:1]:
            yield Fact("diagnosis.use", f"{plain(known)}={plain(use)}", f"{where}.use")
        if "rank" in each:
            yield Fact("diagnosis.rank", f"{plain(known)}={each['rank']}", f"{where}.rank")


def condition(one: Found) -> Iterator[Fact]:
    """Give what a Condition says; entered in error, it must not be there."""
    told = one.resource
    verification, clinical = codes(told.get("verificationStatus")), codes(told.get("clinicalStatus"))
    wanted = "entered-in-error" not in verification
    known = [plain(code) for code in codes(told.get("code"))]
    for index, each in enumerate(known):
        kind = "diagnosis.code" if told["code"].get("coding") else "diagnosis.text"
        yield Fact(kind if index == 0 else f"{kind} (another coding)", each, one.at("code"), wanted=wanted)
    if not (wanted and known):
        return
    for each in verification:
        if each != "confirmed":
            yield Fact("diagnosis.verification", f"{known[0]}={plain(each)}", one.at("verificationStatus"))
    for each in clinical:
        yield Fact("diagnosis.clinical", f"{known[0]}={plain(each)}", one.at("clinicalStatus"))
    for element, kind in (("onset", "onset"), ("abatement", "abatement")):
        name = f"{element}DateTime"
        yield from of(known[0], fhir_types.time(f"diagnosis.{kind}.date", told.get(name), one.at(name)))
    recorded = fhir_types.time("diagnosis.recorded.date", told.get("recordedDate"), one.at("recordedDate"))
    yield from of(known[0], recorded)
    if told["code"].get("coding") and (text := told["code"].get("text")):
        yield Fact("diagnosis.text", plain(text), one.at("code.text"))


def doctors(sent: Sent, stay: Found, today: str) -> Iterator[Fact]:
    """Give the practitioners that take part in a stay."""
    for each, where in stay.list("participant"):
        roles = [code for type_ in each.get("type", []) for code in codes(type_)]
        if not is_over(each.get("period"), today) or stay.resource.get("status") == "finished":
            yield from _doctor(sent, each.get("individual"), stay, where, roles)


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
    told = end.resource if end else {}
    numbers = [*told.get("identifier", []), (reference or {}).get("identifier", {})]
    numbers = [each["value"] for each in numbers if each.get("value")]
    for number in numbers:
        yield Fact("doctor.identifier", plain(number), where, wanted=wanted and not nobody(number))
    names = [plain(each.get("family") or each.get("text", "")) for each in told.get("name", [])[:1]]
    names = names or [plain((reference or {}).get("display", ""))]
    if names[0]:
        yield Fact("doctor.name", names[0], where, wanted=wanted)
    who = names[0] or next((plain(each) for each in numbers if not nobody(each)), "")
    if who and roles and wanted:
        first, *rest = (f"{who}={plain(each)}" for each in roles)
        yield Fact("doctor.role", first, f"{where}.type", tuple(rest))
    if not who and reference and reference.get("reference"):
        yield Fact("doctor.name that leads nowhere", reference["reference"], where)
    for each in told.get("telecom", []):
        if wanted and each.get("value"):
            yield Fact("doctor.telecom", digits(each["value"]), where)


def around(sent: Sent, patient: Found, today: str) -> Iterator[Fact]:
    """Give who and what stands around a patient: doctors, kin, contacts, coverages, problems."""
    for each, where in patient.list("generalPractitioner"):
        yield from _doctor(sent, each, patient, where, [])
    for each in sent.of("RelatedPerson"):
        if _is_of(sent, each, "patient", patient):
            ended = each.resource.get("active") is False or is_over(each.resource.get("period"), today)
            found = list(_relative(each, today))
            yield from (
                (replace(fact, wanted=False) for fact in found if fact.kind == "kin.name") if ended else found
            )
    for each, where in patient.list("contact"):
        if not is_over(each.get("period"), today):
            one = Found(each, where, patient.inside)
            yield from _relative(one, today)
            if "name" not in each:
                yield from fhir_types.name_of(sent, "kin.name", each.get("organization"), one, "organization")
    for each in sent.of("Coverage"):
        if _is_of(sent, each, "beneficiary", patient):
            yield from coverage(sent, each)
    for each in sent.of("Condition"):
        if "encounter" not in each.resource and _is_of(sent, each, "subject", patient):
            yield from condition(each)


def _is_of(sent: Sent, one: Found, element: str, patient: Found) -> bool:
    end = sent.end(one.resource.get(element), one)
    return end is not None and end.where == patient.where


def _relative(one: Found, today: str) -> Iterator[Fact]:
    said = list(fhir_types.person(one, "kin", today))
    who = next((each.value for each in said if each.kind == "kin.name"), "")
    yield from of(who, (each for each in (*said, *_relationship(one)) if each.kind in PAIRED))
    yield from (each for each in said if each.kind not in PAIRED)


def _relationship(one: Found) -> Iterator[Fact]:
    for index, each in enumerate(one.resource.get("relationship", [])):
        said = [plain(code) for code in codes(each)]
        words = [plain(coding.get("display", "")) for coding in each.get("coding", [])] + [
            plain(each.get("text", ""))
        ]
        others = [*said[1:], *words, *(near for code in (*said, *words) for near in KIN.get(code, ()))]
        if said:
            yield Fact(
                "kin.relationship", said[0], one.at(f"relationship[{index}]"), tuple(filter(None, others))
            )


def coverage(sent: Sent, one: Found) -> Iterator[Fact]:
    """Give what a Coverage says; entered in error, it must not be there."""
    wanted = one.resource.get("status") != "entered-in-error"
    for each, where in one.list("payor"):
        end = sent.end(each, one)
        if end is not None and end.type != "Organization":
            continue
        numbers = [*(end.resource.get("identifier", []) if end else []), each.get("identifier", {})]
        for number in numbers:
            for fact in fhir_types.identifier("coverage.payer.identifier", number, where):
                yield replace(fact, wanted=wanted and fact.wanted)
        for fact in fhir_types.name_of(
            sent, "coverage.payer", each, one, where.removeprefix(f"{one.where}.")
        ):
            yield replace(fact, wanted=wanted)
            yield from of(fact.value, _insurance(one)) if wanted else ()


def _insurance(one: Found) -> Iterator[Fact]:
    told = one.resource
    yield Fact("coverage.status", told.get("status", ""), one.at("status"))
    numbers = [told.get("subscriberId"), *(each.get("value") for each in told.get("identifier", []))]
    for number in filter(None, numbers):
        yield Fact("coverage.subscriber", plain(number), one.at("subscriberId"))
    for each, where in one.list("class"):
        for kind in codes(each.get("type"))[:1]:
            if kind in {"group", "plan"}:
                yield Fact(f"coverage.{kind}", plain(each.get("value", "")), f"{where}.value")
    for edge in ("start", "end"):
        yield from fhir_types.time(
            f"coverage.{edge}", told.get("period", {}).get(edge), one.at(f"period.{edge}")
        )
    for code in codes(told.get("relationship"))[:1]:
        yield Fact("coverage.relationship", plain(code), one.at("relationship"))
