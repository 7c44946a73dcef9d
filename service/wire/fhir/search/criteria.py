"""A search parameter with its text as a criterion, by its kind and modifier; what is not known is refused.

https://hl7.org/fhir/R4/search.html#ptypes
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from service.errors import Malformed
from service.values.access.scope import SHARED
from service.values.criteria import HasTerm, HasText, InRange, Plain, Says
from service.wire.fhir.definitions.r4 import definitions
from service.wire.fhir.search.asked import Asked, Ours, refuse_modifier
from service.wire.fhir.search.forms import terms
from service.wire.fhir.search.forms.dates import span
from service.wire.fhir.search.forms.escapes import alternatives, parts, plain
from service.wire.fhir.search.forms.numbers import prefix_and_date, quantity
from service.wire.fhir.search.forms.texts import normal
from service.wire.fhir.search.parameters import parameters_of
from service.wire.fhir.search.tokens import token
from service.wire.parameters import shown


class Unknown(Malformed):
    """A parameter is not known: who prefers so is answered without it."""


def criterion(type_: str, name: str, text: str, ours: Ours, also: Sequence[str] = ()) -> Plain:
    """Return what a parameter of a type asks, its modifier in the name; `also` might have stood there.

    Raises:
        Unknown: it is no parameter of the type; names it, and the nearest that is.
        Malformed: as `criterion_of`.
    """
    base_name, _, modifier = name.partition(":")
    known = parameters_of(type_)
    if base_name not in known:
        names = sorted({*known, *also})
        nearest = difflib.get_close_matches(base_name, names, 1)
        hint = f"; did you mean {nearest[0]}?" if nearest else "."
        what = f"Not a search parameter of {type_}{hint} Known are {', '.join(names)}."
        raise Unknown(what, where=shown(base_name))
    return criterion_of(Asked(type_, known[base_name], modifier, text, ours))


def criterion_of(asked: Asked) -> Plain:
    """Return what a parameter asks of a resource.

    Raises:
        Malformed: the modifier is not known, or the value is none of the kind; names the parameter.
    """
    if asked.modifier == "missing":
        if asked.text not in {"true", "false"}:
            raise Malformed("Write :missing=true or :missing=false.", where=asked.name)
        return Says(asked.parameter.bit, something=asked.text == "false")
    return _BY_KIND[asked.parameter.kind](asked)


def _reference(asked: Asked) -> Plain:
    targets = sorted(asked.parameter.targets)
    if asked.modifier == "identifier":
        # which type it is to has to be known where the parameter is of one alone
        about = f":identifier:{asked.parameter.only}" if asked.parameter.only else ":identifier"
        found = [
            term
            for value in alternatives(asked.text, asked.name)
            for name, _ in asked.paths()
            for term in _identifier_terms(asked, f"{name}{about}", parts(value))
        ]
        return HasTerm(tuple(found), bool(targets) and SHARED.isdisjoint(targets))
    only = asked.modifier
    if only and (only not in definitions().resources or asked.parameter.kind != "reference"):
        refuse_modifier(asked)
    named = {
        target
        for value in alternatives(asked.text, asked.name)
        for target in _targets(asked, plain(value), [only] if only else targets or asked.ours.kept)
    }
    if only or asked.parameter.targets:
        of = {only} if only else asked.parameter.targets
        named = {target for target in named if ":" in target or target.partition("/")[0] in of}
    found = [terms.to(name, target) for name, _ in asked.paths() for target in sorted(named)]
    # many refer to an organization
    return HasTerm(tuple(found), SHARED.isdisjoint(target.partition("/")[0] for target in named))


def _identifier_terms(asked: Asked, name: str, pieces: list[str]) -> Iterator[str]:
    if len(pieces) > 2 or not any(pieces):
        raise Malformed("Write value, |value, system|value or system|.", where=asked.name)
    if len(pieces) == 1:
        yield terms.plain(name, pieces[0])
    else:
        yield terms.pair(name, *pieces) if pieces[1] else terms.of_system(name, pieces[0])


def _targets(asked: Asked, text: str, types: Sequence[str]) -> list[str]:
    """Return what a reference may be to: `Type/id` of ours, or an address elsewhere."""
    if any("canonical" in path.types for path in asked.parameter.paths):
        return [text]
    relative = text.removeprefix(f"{asked.ours.base}/").partition("/_history/")[0]
    if ":" in relative:
        return [relative]
    type_, id_ = type_and_id(asked.name, relative)
    return [relative] if type_ else [f"{each}/{id_}" for each in types]


def type_and_id(name: str, relative: str) -> tuple[str, str]:
    """Return (type or '', id) of a relative reference; raises Malformed, which names the parameter."""
    type_, _, id_ = relative.rpartition("/")
    if not id_ or "/" in type_ or (type_ and type_ not in definitions().resources):
        raise Malformed("Not a reference; write Type/id, the id alone, or an address.", where=name)
    return type_, id_


def _date(asked: Asked) -> Plain:
    if asked.modifier:
        refuse_modifier(asked)
    found = []
    for value in alternatives(asked.text, asked.name):
        prefix, date = prefix_and_date(asked.name, value)
        found += [(name, prefix, *span(date)) for name, _ in asked.paths()]
    return InRange(tuple(found))


def _string(asked: Asked) -> Plain:
    if asked.modifier not in {"", "exact", "contains"}:
        refuse_modifier(asked)
    texts = [plain(value) for value in alternatives(asked.text, asked.name)]
    if asked.modifier == "exact":
        found = tuple(terms.exact(name, text) for text in texts for name, _ in asked.paths())
        return HasTerm(found, is_narrow=True)
    return HasText(tuple((name, asked.modifier, normal(text)) for text in texts for name, _ in asked.paths()))


def _quantity(asked: Asked) -> Plain:
    if asked.modifier:
        refuse_modifier(asked)
    values = alternatives(asked.text, asked.name)
    return InRange(tuple(quantity(asked.name, name, value) for value in values for name, _ in asked.paths()))


def _uri(asked: Asked) -> Plain:
    if asked.modifier:
        refuse_modifier(asked)
    values = [plain(value) for value in alternatives(asked.text, asked.name)]
    return HasTerm(tuple(terms.plain(name, value) for value in values for name, _ in asked.paths()))


_BY_KIND: Final[dict[str, Callable[[Asked], Plain]]] = {
    "token": token,
    "reference": _reference,
    "date": _date,
    "string": _string,
    "quantity": _quantity,
    "uri": _uri,
}
