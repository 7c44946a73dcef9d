"""A search parameter as it is asked, and what is known where it is read.

https://hl7.org/fhir/R4/search.html#modifiers
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from service.errors import Malformed
from service.wire.fhir.search.forms.codes import NO_CODES, Codes
from service.wire.fhir.search.parameters import Parameter
from service.wire.fhir.search.paths import Path
from service.wire.parameters import shown

# what is searched for by each kind with a modifier; `:missing` goes with all, `:Type` with references
MODIFIERS: Final = {
    "token": ("not", "text", "in", "not-in", "below", "above"),
    "reference": ("identifier",),
    "string": ("exact", "contains"),
    "date": (),
    "quantity": (),
    "uri": (),
}


@dataclass(frozen=True, slots=True)
class Ours:
    """What is known where a search is read: `base` is our own address, `codes` are those that are kept.

    `kept` are the types that a reference may be to where R4 allows any.
    """

    base: str
    kept: Sequence[str]
    codes: Codes = NO_CODES


@dataclass(frozen=True, slots=True)
class Asked:
    """A parameter of a type as it is asked: with which modifier, for what."""

    type: str
    parameter: Parameter
    modifier: str
    text: str
    ours: Ours

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self.parameter.name

    def paths(self) -> Iterator[tuple[str, Path]]:
        """Give the paths, each with its name among those of all types."""
        for path in self.parameter.paths:
            yield f"{self.type}.{path.text}", path


def refuse_modifier(asked: Asked) -> NoReturn:
    """Raise Malformed: the modifier is not known for this kind of parameter."""
    known = [f":{modifier}" for modifier in (*MODIFIERS[asked.parameter.kind], "missing")]
    known += [":Type"] if asked.parameter.kind == "reference" else []
    raise Malformed(
        f":{shown(asked.modifier)} is not searched by here; of a {asked.parameter.kind} known are "
        f"{', '.join(known)}.",
        where=asked.name,
    )
