"""What a reader of R4 looks for of the stays that a Bundle, or an Encounter alone, tells of.

https://hl7.org/fhir/R4/encounter.html
"""

from collections.abc import Iterator

from tests.real.reading import fhir_people, fhir_types
from tests.real.reading.bundle import Found, Sent, codes, has_code
from tests.real.reading.fact import Fact, plain

LIVE = ("planned", "arrived", "triaged", "in-progress", "onleave", "finished")
CLASSES = ("imp", "amb", "emer", "ss", "acute", "nonac", "hh", "vr", "fld", "obsenc", "prenc")


def facts(sent: Sent, today: str) -> Iterator[Fact]:
    """Give what is to be found of what was sent; what has ended before `today` is not looked for."""
    people: dict[str, Found] = {}
    for stay in stays(sent):
        subject = stay.resource.get("subject", {})
        yield from _names_there(stay)
        patient = sent.end(subject, stay)
        if patient is not None:
            people[patient.where] = patient
        elif value := subject.get("identifier", {}).get("value"):
            yield Fact("patient.identifier", plain(value), stay.at("subject.identifier"))
        if stay.resource.get("status") == "entered-in-error":
            # MedCom's word for a stay that was none
            yield from (Fact("stay.status", status, stay.at("status"), wanted=False) for status in LIVE)
            continue
        yield from stay_facts(sent, stay, today)
    for patient in people.values():
        yield from fhir_types.person(patient, "patient", today)
        yield from death(patient)
        yield from fhir_people.around(sent, patient, today)


def _names_there(stay: Found) -> Iterator[Fact]:
    """Give what a stay and its patient are called on the sender's own server: they may be known by it."""
    person = stay.resource.get("subject", {}).get("reference", "").rpartition("/")[2]
    for kind, name in (("patient.identifier", person), ("stay.identifier", stay.resource.get("id", ""))):
        yield Fact(kind, plain(name), stay.at("id"), may=True)


def stays(sent: Sent) -> list[Found]:
    """Return the stays: of a message what its header's focus is, else each that is no part of one."""
    stays_ = sent.of("Encounter")
    headers = sent.of("MessageHeader")
    if headers:
        ends = (sent.end(focus, headers[0]) for focus in headers[0].resource.get("focus", []))
        stays_ = [end for end in ends if end is not None and end.type == "Encounter"]
    return [stay for stay in stays_ if "partOf" not in stay.resource]


def stay_facts(sent: Sent, stay: Found, today: str) -> Iterator[Fact]:
    """Give the facts of one stay."""
    resource = stay.resource
    for number, where in stay.list("identifier"):
        yield from fhir_types.identifier("stay.identifier", number, where)
    for episode, where in stay.list("episodeOfCare"):
        # MedCom knows a stay by the hospital's episode of care
        yield from fhir_types.identifier("stay.identifier", episode.get("identifier", {}), where)
    status = resource.get("status", "")
    others = {"arrived": ("in-progress",), "triaged": ("in-progress", "arrived")}.get(status, ())
    yield Fact("stay.status", status, stay.at("status"), others)
    if code := plain(resource.get("class", {}).get("code", "")):
        yield Fact("stay.class", code, stay.at("class"))
    else:
        yield from (Fact("stay.class", class_, stay.at("class"), wanted=False) for class_ in CLASSES[:4])
    period = resource.get("period", {})
    yield from fhir_types.time("stay.start", period.get("start"), stay.at("period.start"))
    if status in {"finished", "cancelled"}:
        yield from fhir_types.time("stay.end", period.get("end"), stay.at("period.end"))
    for index, type_ in enumerate(resource.get("type", [])):
        yield from fhir_types.concept("stay.type", type_, stay.at(f"type[{index}]"))
    yield from _places(sent, stay)
    yield from _reasons(sent, stay)
    yield from fhir_people.diagnoses(sent, stay)
    yield from fhir_people.doctors(sent, stay, today)


def _places(sent: Sent, stay: Found) -> Iterator[Fact]:
    hospitalization = stay.resource.get("hospitalization", {})
    yield from fhir_types.concept(
        "stay.disposition",
        hospitalization.get("dischargeDisposition"),
        stay.at("hospitalization.dischargeDisposition"),
    )
    yield from fhir_types.name_of(
        sent, "stay.destination", hospitalization.get("destination"), stay, "hospitalization.destination"
    )
    yield from fhir_types.name_of(
        sent, "stay.hospital", stay.resource.get("serviceProvider"), stay, "serviceProvider"
    )
    places = list(stay.list("location"))
    now = [place for place in places if place[0].get("status") == "active"] or [
        place for place in places if "status" not in place[0] and "end" not in place[0].get("period", {})
    ]
    for stay_place, where in now or places[-1:]:
        yield from fhir_types.name_of(
            sent, "stay.location", stay_place.get("location"), stay, where.removeprefix(f"{stay.where}.")
        )


def _reasons(sent: Sent, stay: Found) -> Iterator[Fact]:
    diagnosed = {code for condition in sent.of("Condition") for code in codes(condition.resource.get("code"))}
    for reason, where in stay.list("reasonCode"):
        yield from fhir_types.concept("stay.reason", reason, where)
        for code in codes(reason):
            if code not in diagnosed:
                # why somebody came is no diagnosis
                yield Fact("diagnosis.code", plain(code), where, wanted=False)
    for reason, where in stay.list("reasonReference"):
        end = sent.end(reason, stay)
        if (
            end is not None
            and end.type == "Condition"
            and not has_code(end.resource.get("verificationStatus"), "entered-in-error")
        ):
            yield from fhir_types.concept("stay.reason", end.resource.get("code"), where)
        elif end is None and (text := plain(reason.get("display", ""))):
            yield Fact("stay.reason", text, where)


def death(patient: Found) -> Iterator[Fact]:
    """Give a death and its time."""
    yield from fhir_types.time(
        "patient.deceased", patient.resource.get("deceasedDateTime"), patient.at("deceasedDateTime")
    )
    if patient.resource.get("deceasedBoolean") or patient.resource.get("deceasedDateTime"):
        yield Fact("patient.has_died", "true", patient.at("deceasedBoolean"))
