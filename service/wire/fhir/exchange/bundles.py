"""Whether a transaction or batch can be taken: its requests, its identities, what its references lead to.

https://hl7.org/fhir/R4/http.html#transaction · https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any, Final
from urllib.parse import unquote

from service.errors import Issue, Rejected, TooLarge, first_issues
from service.values.identifiers.numbers import OF_SYSTEMS, is_personal, type_of_any
from service.values.identifiers.placeholders import names_nobody
from service.wire.fhir.references import literals
from service.wire.json import LIMIT, dump

Json = dict[str, Any]
USED: Final = frozenset(
    {
        "Condition",
        "Coverage",
        "Encounter",
        "Location",
        "Organization",
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "Provenance",
        "RelatedPerson",
    }
)
"""The types that tell something of a stay; of others nothing is kept but the message they came in."""
_UPDATED: Final = re.compile(r"(?P<type>[A-Z][A-Za-z]+)(/[A-Za-z0-9.-]{1,64}|\?.+)\Z")
MOST_APART: Final = LIMIT
_PASSING: Final = frozenset({"secondary", "temp", "old"})


def check_transaction(bundle: Json) -> None:
    """Raise Rejected with the FHIRPath of each entry that keeps a transaction from being taken whole."""
    entries = _entries(bundle)
    if issues := first_issues(chain(_requests(entries), _overlaps(entries), _dangling(entries))):
        raise Rejected("Nothing of the transaction was done.", issues=issues)


def _requests(entries: list[Json]) -> Iterator[Issue]:
    for index, entry in enumerate(entries):
        yield from request_issues(entry, index)


def request_issues(entry: Json, index: int) -> Iterator[Issue]:
    """Give what is wrong with the request of an entry."""
    place = f"Bundle.entry[{index}].request"
    request, resource = entry.get("request") or {}, entry.get("resource") or {}
    method, url = request.get("method"), request.get("url")
    if method not in ("POST", "PUT"):  # not a set: a list cannot be looked up in one
        what = "Only POST and PUT are taken in a Bundle." if method else "Every entry needs a request."
        yield Issue(what, f"{place}.method", "not-supported" if method else "required")
    elif not resource:
        yield Issue(f"A {method} needs its resource.", f"Bundle.entry[{index}].resource", "required")
    elif method == "PUT" and not (isinstance(url, str) and _UPDATED.match(url)):
        yield Issue("A PUT needs Type/id, or Type?identifier=system|value.", f"{place}.url", "value")
    elif isinstance(url, str) and re.split(r"[/?]", url)[0] != resource.get("resourceType"):
        yield Issue("The url names another type than the resource is of.", f"{place}.url", "value")
    elif isinstance(url, str) and method == "PUT" and "?" in url and type_of(entry) in USED:
        criteria = conditional(url)
        if criteria is None:
            yield Issue("Name one identifier: identifier=system|value.", f"{place}.url", "value")
        elif not is_named(resource, criteria):
            what = (
                f"None of these is the identifier that {place}.url names; send the one that it is known by."
            )
            yield Issue(what, f"Bundle.entry[{index}].resource.identifier", "value")


def apart(bundle: Json) -> dict[int, list[int]]:
    """Return, by the number of each Encounter of a batch, that and those of the entries it leads to.

    Other Encounters are left out.

    Raises:
        TooLarge: what stands once in the batch would come to `MOST_APART` bytes and more, a stay at a time.
    """
    entries = _entries(bundle)
    names: dict[Any, int | None] = {}
    for number, entry in enumerate(entries):
        for name in _known_as(entry):
            # what several have leads to none of them
            names[name] = number if names.get(name, number) == number else None
    encounters = {number for number, entry in enumerate(entries) if type_of(entry) == "Encounter"}
    leads = [_leads(entry, names) - encounters for entry in entries]
    sizes = [len(dump(entry)) for entry in entries]
    entries_of: dict[int, list[int]] = {}
    size = 0
    for encounter in sorted(encounters):
        wanted, waiting = {encounter}, [encounter]
        while waiting:
            news = leads[waiting.pop()] - wanted
            wanted |= news
            waiting += news
            size += sum(sizes[entry] for entry in news)
            if size > MOST_APART:
                what = f"What its stays lead to comes to over {MOST_APART} bytes; send it in parts."
                raise TooLarge(what, where="Bundle.entry")
        entries_of[encounter] = sorted(wanted)
    return entries_of


def _leads(entry: Json, names: dict[Any, int | None]) -> set[int]:
    resource = entry.get("resource")
    literal = (conditional(reference) or reference for _, reference in literals(resource, ""))
    numbers = (names.get(name) for name in (*literal, *_logical(resource)))
    return {number for number in numbers if number is not None}


def _known_as(entry: Json) -> Iterator[Any]:
    """Give what other entries may call an entry's resource by: literally, by criteria, or by number."""
    yield from _names(entry)
    if type_of(entry) in USED:
        identifiers = entry["resource"].get("identifier")
        for identifier in identifiers if isinstance(identifiers, list) else ():
            if (pair := _pair(identifier)) is not None and not names_nobody(pair[1]):
                yield type_of(entry), *pair
                yield pair


def _logical(node: Any) -> Iterator[tuple[str, str]]:
    """Give the identifiers of References below a node that are these alone."""
    below = node if isinstance(node, list) else node.values() if isinstance(node, dict) else ()
    if isinstance(node, dict) and "reference" not in node and (pair := _pair(node.get("identifier"))):
        yield pair
    for child in below:
        yield from _logical(child)


def _pair(identifier: Any) -> tuple[str, str] | None:
    if not isinstance(identifier, dict):
        return None
    system, value = identifier.get("system"), identifier.get("value")
    return (system, value) if isinstance(system, str) and isinstance(value, str) else None


def bundle_of_entries(bundle: Json, indices: Collection[int]) -> Json:
    """Return a Bundle with some of its entries, without the names of the whole."""
    about = {key: value for key, value in bundle.items() if key not in {"entry", "id", "identifier"}}
    return {**about, "entry": [bundle["entry"][index] for index in indices]}


def unused_entries(bundle: Json) -> list[tuple[int, str]]:
    """Return the entries of types of which nothing is kept, each with its type."""
    types = [(index, type_of(entry)) for index, entry in enumerate(_entries(bundle))]
    return [(index, type_) for index, type_ in types if type_ not in USED]


def conditional(url: str) -> tuple[str, str, str] | None:
    """Return (type, system, value) of `Type?identifier=system|value`, or None when it is no such url."""
    type_, mark, query = url.partition("?")
    name, equals, value = query.partition("=")
    if not mark or not equals or name != "identifier" or "&" in value:
        return None
    system, bar, rest = unquote(value).partition("|")
    return (type_, system, rest) if bar and rest else None


def is_named(resource: Json, criteria: tuple[str, str, str]) -> bool:
    """Return whether a resource has the identifier that criteria name, as `conditional` returns them.

    What does not match its own criteria would be made anew each time that it is sent.
    """
    element = resource.get("identifier")
    identifiers = (
        [identifier for identifier in element if isinstance(identifier, dict)]
        if isinstance(element, list)
        else []
    )
    return any(
        (identifier.get("system", ""), identifier.get("value")) == criteria[1:] for identifier in identifiers
    )


def _overlaps(entries: list[Json]) -> Iterator[Issue]:
    seen: dict[Any, int] = {}
    for index, entry in enumerate(entries):
        mine = set(_identities(entry))
        twins = [seen[one] for one in mine if one in seen]
        if twins:
            what = f"The same {type_of(entry)} as Bundle.entry[{min(twins)}]; name each thing once."
            yield Issue(what, f"Bundle.entry[{index}]", "duplicate")
        seen.update(dict.fromkeys(mine, index))


def _identities(entry: Json) -> Iterator[Any]:
    request, type_ = entry.get("request") or {}, type_of(entry)
    for url in (request.get("ifNoneExist"), request.get("url") if request.get("method") == "PUT" else None):
        if isinstance(url, str):
            whole = url if "?" in url or "/" in url else f"{type_}?{url}"
            yield conditional(whole) or whole
    if type_ in {"Encounter", "Patient"}:
        element = (entry.get("resource") or {}).get("identifier")
        identifiers = (
            [identifier for identifier in element if isinstance(identifier, dict)]
            if isinstance(element, list)
            else []
        )
        mine = [identifier for identifier in identifiers if _is_ones_own(type_, identifier)]
        # a stay is known by its first visit number; others it may share
        for identifier in mine[:1] if type_ == "Encounter" else mine:
            yield type_, identifier.get("system", ""), identifier["value"]


def _is_ones_own(type_: str, identifier: Json) -> bool:
    """Whether an identifier names one stay, or one person; an account or an insurance may be that of two."""
    use, system, value = identifier.get("use", ""), identifier.get("system", ""), identifier.get("value")
    # what is no text is told of when the resource is checked
    if not (isinstance(use, str) and isinstance(system, str) and isinstance(value, str)):
        return False
    kind = type_of_any(_names_of_type(identifier.get("type"))) or OF_SYSTEMS.get(system)
    is_own = is_personal(kind) if type_ == "Patient" else kind in {None, "VN"}
    return is_own and use not in _PASSING and not names_nobody(value)


def _names_of_type(concept: Any) -> Iterator[str]:
    if isinstance(concept, dict):
        codings = concept.get("coding")
        parts = [
            coding for coding in (codings if isinstance(codings, list) else []) if isinstance(coding, dict)
        ]
        texts = [*(coding.get("code") for coding in parts), *(coding.get("display") for coding in parts)]
        yield from (text for text in (*texts, concept.get("text")) if isinstance(text, str))


def _dangling(entries: list[Json]) -> Iterator[Issue]:
    names: Collection[str] = {name for entry in entries for name in _names(entry)}
    for index, entry in enumerate(entries):
        if type_of(entry) in USED:
            for place, reference in literals(entry.get("resource"), f"Bundle.entry[{index}].resource"):
                if reference.startswith(("urn:uuid:", "urn:oid:")) and reference not in names:
                    what = "No entry has this fullUrl; send what is referred to, or refer by identifier."
                    yield Issue(what, place, "not-found")


def _names(entry: Json) -> Iterator[str]:
    resource = entry.get("resource") or {}
    if isinstance(entry.get("fullUrl"), str):
        yield entry["fullUrl"]
    if "id" in resource:
        yield f"{resource.get('resourceType')}/{resource['id']}"


def is_part(encounter: Json, url: str = "") -> bool:
    """Whether an Encounter, whose fullUrl is `url`, is a part of another: that one is the stay."""
    whole = encounter.get("partOf")
    if not isinstance(whole, dict) or not (whole.get("reference") or whole.get("identifier")):
        return False
    # senders name themselves, or what contains them
    own = {"#", f"Encounter/{encounter.get('id')}", url or "#"}
    return whole.get("resource") is not encounter and whole.get("reference") not in own


def type_of(entry: Json) -> str:
    """Return the type of an entry's resource, or nothing."""
    resource = entry.get("resource") or {}
    return str(resource.get("resourceType", "")) if isinstance(resource, dict) else ""


def _entries(bundle: Json) -> list[Json]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Rejected("A list of entries is wanted.", where="Bundle.entry")
    return entries
