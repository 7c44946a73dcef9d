"""A search parameter with its text as a criterion, by its kind and modifier; what is not known is refused.

https://hl7.org/fhir/R4/search.html#ptypes
"""

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.errors import Malformed
from service.values.criteria import HasNoTerm, HasTerm, HasText, InRange, Plain, Says
from service.values.scope import SHARED
from service.wire.fhir.definitions.r4 import definitions
from service.wire.fhir.search import terms
from service.wire.fhir.search.dates import span
from service.wire.fhir.search.escapes import alternatives, parts, plain
from service.wire.fhir.search.numbers import prefix_and_date, quantity
from service.wire.fhir.search.parameters import Parameter, parameters_of
from service.wire.fhir.search.paths import Path
from service.wire.fhir.search.texts import normal
from service.wire.parameters import shown

# what is searched for by each kind with a modifier; `:missing` goes with all, `:Type` with references
MODIFIERS: Final = {
    "token": ("not",),
    "reference": ("identifier",),
    "string": ("exact", "contains"),
    "date": (),
    "quantity": (),
    "uri": (),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A parameter of a type as it is asked: with which modifier, for what; `base` is our own address.

    `kept` are the types that a reference may be to where R4 allows any.
    """

    type: str
    parameter: Parameter
    modifier: str
    text: str
    base: str
    kept: Sequence[str]

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.parameter.name

    def paths(self) -> Iterator[tuple[str, Path]]:
        """Give the paths, each with its name among those of all types."""
        for path in self.parameter.paths:
            yield f"{self.type}.{path.text}", path


class Unknown(Malformed):
    """A parameter is not known: who prefers so is answered without it."""


def criterion(
    type_: str, name: str, text: str, base: str, kept: Sequence[str], also: Sequence[str] = ()
) -> Plain:
    """Return what a parameter of a type asks, its modifier in the name.

    `base` and `kept` are as in `Asked`; `also` are what else might have stood there.

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
    return criterion_of(Asked(type_, known[base_name], modifier, text, base, kept))


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


def refuse_modifier(asked: Asked) -> None:
    """Raise Malformed: the modifier is not known for this kind of parameter."""
    known = [f":{modifier}" for modifier in (*MODIFIERS[asked.parameter.kind], "missing")]
    known += [":Type"] if asked.parameter.kind == "reference" else []
    raise Malformed(
        f":{shown(asked.modifier)} is not searched by here; of a {asked.parameter.kind} known are "
        f"{', '.join(known)}.",
        where=asked.name,
    )


def _token(asked: Asked) -> Plain:
    if asked.modifier not in {"", "not"}:
        refuse_modifier(asked)
    found: dict[str, None] = {}
    for value in alternatives(asked.text, asked.name):
        pieces = parts(value)
        if len(pieces) > 2 or not any(pieces):
            raise Malformed("Write code, |code, system|code or system|.", where=asked.name)
        for name, path in asked.paths():
            found |= dict.fromkeys(_token_terms(name, path, pieces))
    if asked.modifier == "not":
        return HasNoTerm(tuple(found))
    is_narrow = any("Identifier" in path.types for path in asked.parameter.paths)
    return HasTerm(tuple(found), is_narrow and not any(term.endswith("|") for term in found))


def _token_terms(name: str, path: Path, pieces: list[str]) -> Iterator[str]:
    if len(pieces) == 1:
        yield terms.plain(name, pieces[0])
        return
    system, code = pieces
    if path.types.isdisjoint({"CodeableConcept", "Coding", "Identifier"}):
        # a code has the system of its binding, which is not written; a contact or a truth has none
        if (code and not system) or (code in path.codes.get(system, ())):
            yield terms.plain(name, code)
        elif not code:
            yield from (terms.plain(name, each) for each in sorted(path.codes.get(system, ())))
    else:
        yield terms.pair(name, system, code) if code else terms.of_system(name, system)


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
        for target in _targets(asked, plain(value), [only] if only else targets or asked.kept)
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
    relative = text.removeprefix(f"{asked.base}/").partition("/_history/")[0]
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
    "token": _token,
    "reference": _reference,
    "date": _date,
    "string": _string,
    "quantity": _quantity,
    "uri": _uri,
}
