"""Chains and reverse chains, one deep: https://hl7.org/fhir/R4/search.html#chaining."""

from service.errors import Malformed, Unscoped
from service.values.criteria import ReferredToBy, RefersTo
from service.wire.fhir.search.asked import Asked, Ours
from service.wire.fhir.search.criteria import criterion_of
from service.wire.fhir.search.parameters import Parameter, parameters_of, searched_types
from service.wire.parameters import shown


def chained(type_: str, ours: Ours, name: str, text: str) -> RefersTo:
    """Return what a chain asks: `patient.family=x`, or `subject:Patient.family=x`.

    Raises:
        Malformed: it is deeper, or what it leads through or to is not known.
        Unscoped: what it leads to may not be searched.
    """
    through, _, rest = name.partition(".")
    reference, _, only = through.partition(":")
    if "." in rest:
        raise Malformed(
            "Chains are followed one deep here; search for what lies between first.", where=shown(name)
        )
    parameter = _reference(type_, reference)
    far, _, modifier = rest.partition(":")
    types = [
        each
        for each in searched_types()
        if only in {"", each} and (not parameter.targets or each in parameter.targets)
    ]
    meant = [each for each in types if far in parameters_of(each)]
    if not meant:
        to = " or ".join(types) or "nothing that is kept"
        raise Malformed(f"This leads to {to}; that is not searched by {shown(far)}.", where=shown(reference))
    known = [each for each in meant if each in ours.kept]
    if not known:
        raise Unscoped(f"This partner may not search {meant[0]}.", f"system/{meant[0]}.s")
    if len(known) > 1:
        raise Malformed(
            f"This leads to {', '.join(known)}; say which, as in {reference}:{known[0]}.{far}.",
            where=shown(reference),
        )
    asked = Asked(known[0], parameters_of(known[0])[far], modifier, text, ours)
    return RefersTo(_paths(type_, parameter), (known[0],), criterion_of(asked))


def reverse_chained(type_: str, ours: Ours, name: str, text: str) -> ReferredToBy:
    """Return what `_has:Provenance:target:agent=x` asks.

    Raises:
        Malformed: it is deeper, or a type or parameter in it is not known.
        Unscoped: the type may not be searched.
    """
    pieces = name.split(":")[1:]
    if len(pieces) not in {3, 4} or "_has" in pieces or "." in name:
        raise Malformed("Write _has:Type:reference:parameter=value, one deep.", where="_has")
    by, reference, far, *modifier = pieces
    if by not in searched_types():
        raise Malformed("Nothing of this type is kept here.", where="_has")
    if by not in ours.kept:
        raise Unscoped(f"This partner may not search {by}.", f"system/{by}.s")
    parameter = _reference(by, reference)
    if parameter.targets and type_ not in parameter.targets:
        raise Malformed(f"{by}:{reference} refers to no {type_}.", where="_has")
    known = parameters_of(by)
    if far not in known:
        raise Malformed(f"{by} is not searched by {shown(far)}.", where="_has")
    asked = Asked(by, known[far], "".join(modifier), text, ours)
    return ReferredToBy(by, _paths(by, parameter), criterion_of(asked))


def _reference(type_: str, name: str) -> Parameter:
    parameter = parameters_of(type_).get(name)
    if parameter is None or parameter.kind != "reference":
        names = ", ".join(each for each, of in parameters_of(type_).items() if of.kind == "reference")
        raise Malformed(f"Not a reference of {type_}; these are: {names}.", where=shown(name))
    return parameter


def _paths(type_: str, parameter: Parameter) -> tuple[str, ...]:
    return tuple(f"{type_}.{path.text}" for path in parameter.paths)
