"""The data types of R4 as facts, and a person's elements.

https://hl7.org/fhir/R4/datatypes.html
"""

from collections.abc import Iterator

from tests.real.reading.bundle import Found, Json, Sent, codes, is_over
from tests.real.reading.er7 import nobody
from tests.real.reading.fact import Fact, digits, moment, plain


def person(one: Found, kind: str, today: str) -> Iterator[Fact]:
    """Give what a Patient, RelatedPerson or contact says of a person; what is old is not looked for."""
    for number, where in one.list("identifier"):
        if kind == "patient":
            yield from identifier(f"{kind}.identifier", number, where)
    names = one.resource.get("name", [])
    for name_, where in _now([names] if isinstance(names, dict) else names, one.at("name"), today):
        yield from name(f"{kind}.name" if kind == "patient" else kind, name_, where)
    current = [where for _, where in _now(one.resource.get("telecom", []), one.at("telecom"), today)]
    for contact, where in one.list("telecom"):
        if value := contact.get("value"):
            yield Fact(f"{kind}.telecom", digits(value), where, may=where not in current)
            if where in current and contact.get("system"):
                yield Fact(
                    f"{kind}.telecom.system", f"{digits(value)}={contact['system']}", f"{where}.system"
                )
    homes = one.resource.get("address", [])
    for home, where in _now([homes] if isinstance(homes, dict) else homes, one.at("address"), today):
        yield from address(f"{kind}.address", home, where)
    if kind == "patient":
        if sex := one.resource.get("gender"):
            yield Fact("patient.gender", sex, one.at("gender"))
        yield from time("patient.birth_date", one.resource.get("birthDate"), one.at("birthDate"))
        yield from _language(one)


def _language(one: Found) -> Iterator[Fact]:
    spoken = list(one.list("communication"))
    preferred = [language for language in spoken if language[0].get("preferred")] or (
        spoken if len(spoken) == 1 else []
    )
    for language, where in preferred:
        for code in codes(language.get("language"))[:1]:
            yield Fact("patient.language", plain(code), where, (plain(code).split("-")[0],))


def name(kind: str, said: Json, where: str) -> Iterator[Fact]:
    """Give a HumanName's parts, its text where it has none."""
    of_patient = kind == "patient.name"
    if family := said.get("family"):
        yield Fact(f"{kind}.family" if of_patient else f"{kind}.name", plain(family), f"{where}.family")
    elif (text := said.get("text")) and "given" not in said:
        yield Fact(f"{kind}.family" if of_patient else f"{kind}.name", plain(text), f"{where}.text")
    for part in ("given", *(("prefix", "suffix") if of_patient else ())):
        for word in said.get(part) or []:
            if word:
                yield Fact(f"{kind}.{part}", plain(word), f"{where}.{part}")


def address(kind: str, said: Json, where: str) -> Iterator[Fact]:
    """Give an Address' parts, its text where it has no lines."""
    lines = [line for line in said.get("line", []) if line]
    for line in lines or ([said["text"]] if said.get("text") and "city" not in said else []):
        yield Fact(f"{kind}.line", plain(line), f"{where}.line")
    for element, part in {
        "city": "city",
        "state": "state",
        "postalCode": "postal_code",
        "country": "country",
    }.items():
        if text := said.get(element):
            yield Fact(f"{kind}.{part}", plain(text), f"{where}.{element}")


def identifier(kind: str, number: Json, where: str) -> Iterator[Fact]:
    """Give a number; one that is nobody's must not be there."""
    if value := number.get("value"):
        yield Fact(kind, plain(value), where, wanted=not nobody(value))


def concept(kind: str, said: Json | None, where: str) -> Iterator[Fact]:
    """Give every code of a CodeableConcept, and its words."""
    for index, code in enumerate(codes(said)):
        yield Fact(kind if index == 0 else f"{kind} (another coding)", plain(code), where)
    if said and said.get("coding") and (text := plain(said.get("text", ""))):
        displays = (plain(coding.get("display", "")) for coding in said["coding"])
        yield Fact(
            f"{kind} (text)", text, f"{where}.text", tuple(display for display in displays if display == text)
        )


def name_of(sent: Sent, kind: str, reference: Json | None, of: Found, path: str) -> Iterator[Fact]:
    """Give what the end of a reference is called; its identifier or the reference's words if that is away."""
    if not reference:
        return
    end = sent.end(reference, of)
    numbers = [number.get("value", "") for number in (end.resource.get("identifier", []) if end else [])]
    numbers.append(reference.get("identifier", {}).get("value", ""))
    said = [end.resource.get("name", "") if end else "", reference.get("display", ""), *numbers]
    first, *rest = [plain(text) for text in said if isinstance(text, str) and text] or [""]
    if first:
        yield Fact(kind, first, of.at(path), tuple(rest))
    elif end is None and reference.get("reference"):
        # nobody can know it: that is to be told
        yield Fact(f"{kind} that leads nowhere", reference["reference"], of.at(path))


def time(kind: str, text: str | None, where: str) -> Iterator[Fact]:
    """Give a time; what is none must be told."""
    if text:
        when = moment(text)
        yield Fact(kind, when, where) if when else Fact(f"{kind} that cannot be read", text, where)


def _now(members: list[Json], where: str, today: str) -> Iterator[tuple[Json, str]]:
    for index, member in enumerate(members):
        if member and member.get("use") != "old" and not is_over(member.get("period"), today):
            yield member, f"{where}[{index}]"
