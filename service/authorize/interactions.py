"""Which scope a route needs: a right of ours, or an interaction with a type of FHIR."""

from collections.abc import Mapping
from typing import Any, Final

from service.access.policy import RESOURCES
from service.access.smart_scopes import EVERY, SUBSCRIPTION, Grant, check_right
from service.errors import Unscoped
from service.wire.fhir.definitions.r4 import definitions

EXPORTS: Final = ("/$export", "/$davinci-data-export")
_SEARCHES: Final = frozenset(
    {"_search", "<type_>", "$member-match", "$bulk-member-match", "$provider-member-match"}
)
_OF_TYPES: Final = (["_history"], ["$everything"])


def check(grant: Grant, right: str, method: str, rule: str, arguments: Mapping[str, Any]) -> str:
    """Raise Unscoped unless a grant covers a route: its right, and below /fhir its interaction.

    `rule` is the route's, `arguments` are what stands in its places. Returns the letter of the interaction,
    nothing where it is none of FHIR; a bulk export is a search, and what it gives is read along with it.
    """
    if right != RESOURCES:
        check_right(grant.rights, right)
        return ""
    if any(export in rule for export in EXPORTS):
        # the types it is of are those that it asks for: what it gives of each is searched for and read
        if not _allows_both(grant):
            raise Unscoped("This partner was not granted system/*.rs.", "system/*.rs")
        return "s"
    type_, letter = _interaction(method, rule, arguments)
    if not grant.allows(type_, letter):
        scope = f"system/{type_ if type_ in definitions().resources else EVERY}.{letter}"
        raise Unscoped(f"This partner was not granted {scope}.", scope)
    return letter


def _allows_both(grant: Grant) -> bool:
    """Tell whether some type may be searched for and read."""
    types = {type_ for type_, _, _ in grant.interactions}
    return any(grant.allows(type_, "r") and grant.allows(type_, "s") for type_ in types)


def _interaction(method: str, rule: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Return the type that a route below /fhir is about, and the letter of its interaction.

    A read, a vread, the history of one and an operation on terminology are all `r`; the history of a type or
    of the system, and what is of all patients, is `s`. How subscriptions stand is `r`.
    """
    _, _, *places = rule.split("/")
    type_ = str(arguments.get("type_", "".join(places[:1])))
    if method == "PUT":
        return type_, "u"
    if type_ == SUBSCRIPTION and method in {"POST", "DELETE"} and places[1:] in ([], ["<id_>"]):
        return type_, "c" if method == "POST" else "d"
    # a search of the system is one of every type
    if len(places) < 2 or places[-1] in _SEARCHES or places[1:] in _OF_TYPES:
        return type_, "s"
    return type_, "r"
