"""What a sender makes its writes depend on: If-None-Exist and If-Match, in headers and in entries.

https://hl7.org/fhir/R4/http.html#ccreate · https://hl7.org/fhir/R4/http.html#concurrency
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from service.errors import Issue, Malformed
from service.values.inbound.inbox import Preconditions
from service.wire.etags import versions
from service.wire.fhir.exchange.bundles import conditional

Json = dict[str, Any]
_CREATED: Final = frozenset({"Encounter", "Patient"})
_OF_READS: Final = ("ifNoneMatch", "ifModifiedSince")


def of_headers(if_none_exist: str | None, if_match: str | None) -> Preconditions | None:
    """Return the conditions of an Encounter that comes alone.

    Raises:
        Malformed: they are not such as are understood here.
        Stale: If-Match names translations alone.
    """
    if if_none_exist is not None:
        return Preconditions(
            new_stay=_pair("Encounter", if_none_exist, "If-None-Exist"), where="If-None-Exist"
        )
    if if_match is not None:
        return Preconditions(versions=versions(if_match, "If-Match"), where="If-Match")
    return None


def of_entries(sent: Json, roots: Sequence[Json]) -> list[Preconditions]:
    """Return the conditions of each stay (see `incoming.stays`) of a Bundle, by its requests.

    Raises:
        Malformed: as `issues` tells.
    """
    asked = {
        id(entry["resource"]): (f"Bundle.entry[{index}].request", entry["request"])
        for index, entry in enumerate(sent.get("entry", []))
        if "resource" in entry and entry.get("request", {}).keys() & {"ifNoneExist", "ifMatch"}
    }
    return [_of_stay(root, asked) for root in roots]


def issues(type_: str, request: Json, place: str) -> Iterator[Issue]:
    """Give what is wrong with the conditions of an entry's request: what is not heeded is refused."""
    method = request.get("method")
    for name in _OF_READS:
        if name in request and method != "GET":
            yield Issue("Only reads depend on this; leave it out.", f"{place}.{name}", "not-supported")
    if "ifMatch" in request and (type_, method) != ("Encounter", "PUT"):
        what = "Only the PUT of an Encounter can depend on its version."
        yield Issue(what, f"{place}.ifMatch", "not-supported")
    if "ifNoneExist" in request and method != "POST":
        yield Issue("Only a POST can depend on this.", f"{place}.ifNoneExist", "not-supported")
    try:
        _of_request(type_, request, place)
    except Malformed as wrong:
        yield from wrong.issues


def _of_stay(root: Json, asked: dict[int, tuple[str, Json]]) -> Preconditions:
    place, request = asked.get(id(root["encounter"]), ("", {}))
    there, of_patient = asked.get(id(root["patient"]), ("", {}))
    mine, person = _of_request("Encounter", request, place), _of_request("Patient", of_patient, there)
    return Preconditions(mine.new_stay, person.new_person, mine.versions, mine.where or person.where)


def _of_request(type_: str, request: Json, place: str) -> Preconditions:
    exist, match = request.get("ifNoneExist"), request.get("ifMatch")
    if type_ in _CREATED and exist is not None:
        where = f"{place}.ifNoneExist"
        pair = _pair(type_, exist, where)
        if type_ == "Patient":
            return Preconditions(new_person=pair, where=where)
        return Preconditions(new_stay=pair, where=where)
    if type_ == "Encounter" and match is not None:
        where = f"{place}.ifMatch"
        return Preconditions(versions=versions(str(match), where), where=where)
    return Preconditions()


def _pair(type_: str, criteria: Any, where: str) -> tuple[str, str]:
    query = criteria.rpartition("?")[2] if isinstance(criteria, str) else ""
    pair = conditional(f"{type_}?{query}")
    if pair is None:
        raise Malformed("Name one identifier: identifier=system|value.", where=where)
    return pair[1:]
