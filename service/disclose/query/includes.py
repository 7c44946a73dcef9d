"""What comes with results: https://hl7.org/fhir/R4/search.html#revinclude."""

from collections.abc import Sequence

from service.errors import Malformed, Unscoped
from service.values.criteria import Include, RevInclude
from service.wire.fhir.search.parameters import Parameter, parameters_of, searched_types


def included(types: tuple[str, ...], readable: Sequence[str], name: str, text: str) -> Include:
    """Return what `_include=CarePlan:care-team` asks, with the type that it leads to or without.

    Raises:
        Malformed: it is `*` or repeated, or names no reference of what is searched.
        Unscoped: it leads to nothing that may be read.
    """
    type_, parameter, target = _parsed(name, text)
    if type_ not in types:
        raise Malformed(f"Begin it with what is searched: {', '.join(types[:3])}.", where="_include")
    leads_to = _targets(parameter, target) or tuple(readable)
    targets = tuple(each for each in leads_to if each in readable)
    if not targets:
        wanted = f"system/{leads_to[0] if len(leads_to) == 1 else '*'}.r"
        raise Unscoped("It leads to nothing that this partner may read.", wanted)
    return Include(type_, tuple(path.text for path in parameter.paths), targets)


def reverse_included(types: tuple[str, ...], may_come: Sequence[str], name: str, text: str) -> RevInclude:
    """Return what `_revinclude=Provenance:target` asks, of types that may be read and searched.

    Raises as `included`.
    """
    type_, parameter, target = _parsed(name, text)
    if type_ not in may_come:
        raise Unscoped(f"This partner may not read and search {type_}.", f"system/{type_}.rs")
    if parameter.targets and parameter.targets.isdisjoint(types):
        raise Malformed("This refers to nothing that is searched here.", where="_revinclude")
    return RevInclude(type_, tuple(path.text for path in parameter.paths), _targets(parameter, target))


def _parsed(name: str, text: str) -> tuple[str, Parameter, str]:
    base, _, modifier = name.partition(":")
    if modifier:
        raise Malformed("What is included includes nothing more; ask for that by itself.", where=base)
    pieces = text.split(":")
    if "*" in pieces or len(pieces) not in {2, 3}:
        raise Malformed("Write Type:parameter, or Type:parameter:Type; * is not supported.", where=base)
    type_, code, *target = pieces
    if type_ not in searched_types():
        raise Malformed("Begin it with a type that is kept here.", where=base)
    parameter = parameters_of(type_).get(code)
    if parameter is None or parameter.kind != "reference":
        known = [each for each, of in parameters_of(type_).items() if of.kind == "reference"]
        raise Malformed(f"Not a reference; of this type are: {', '.join(known) or 'none'}.", where=base)
    if target and target[0] not in (parameter.targets or searched_types()):
        raise Malformed(f"{type_}:{code} leads to no such type.", where=base)
    return type_, parameter, target[0] if target else ""


def _targets(parameter: Parameter, only: str) -> tuple[str, ...]:
    return (only,) if only else tuple(sorted(parameter.targets))
