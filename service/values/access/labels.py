"""Security labels of resources: how sensitive they are, and which of them a partner may see.

https://hl7.org/fhir/R4/security-labels.html · https://terminology.hl7.org/ValueSet-v3-InformationSensitivityPolicy.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SENSITIVITY: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
# what stands with every label, the higher with the lower: V is restricted, too
LEVELS: Final = ("R", "V")
SENSITIVITIES: Final = ("PSY", "SUD", "ETH", "HIV", "SEX", "STD", "SDV", "GDIS")
# stored by their places: add at the end
_BITS: Final = {code: 1 << place for place, code in enumerate((*LEVELS, *SENSITIVITIES))}
EVERY: Final = sum(_BITS.values())
Coding = tuple[str, str]
# so many codings have their labels kept
KNOWN: Final = 10_000


def bits(codes: Iterable[str]) -> int:
    """Return labels as bits; those that nobody is kept from are none."""
    return sum(_BITS.get(code, 0) for code in set(codes))


def bits_of(resource: Mapping[str, Any]) -> int:
    """Return the labels that a resource bears as bits."""
    every = resource.get("meta", {}).get("security", ())
    return bits(label["code"] for label in every if label.get("system") in {CONFIDENTIALITY, SENSITIVITY})


def withheld_from(cleared: Iterable[str]) -> int:
    """Return which labels are withheld from who is cleared for some, as bits.

    Who is cleared for V is so for R, and who is for a kind of sensitive information for R.
    """
    names = set(cleared)
    implied = {"R"} if names else set()
    return EVERY & ~bits(names | implied)


# a union would be made for each node anew
_NODES: Final = (dict, list)


@dataclass(frozen=True, slots=True)
class Label:
    """A sensitivity and its confidentiality, and by which codes it is known: (system, beginnings)."""

    code: str
    confidentiality: str
    starts: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels by codes; `version` names them."""

    version: str = ""
    labels: tuple[Label, ...] = ()
    _by_system: dict[str, list[tuple[tuple[str, ...], Label]]] = field(default_factory=dict)
    _known: dict[Coding, tuple[Coding, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Put them by system."""
        for label in self.labels:
            for system, starts in label.starts:
                self._by_system.setdefault(system, []).append((starts, label))

    def of(self, resource: Any, told: Sequence[Coding] = ()) -> list[Coding]:
        """Return the labels, (system, code), of a resource: by its codings, and by those that it tells of."""
        if not self._by_system:
            return []
        return sorted({label for coding in (*_codings(resource), *told) for label in self._of(coding)})

    def _of(self, coding: Coding) -> tuple[Coding, ...]:
        """Return the labels by a coding; the same few codings come again and again."""
        known = self._known.get(coding)
        if known is None:
            system, code = coding
            labels = [label for starts, label in self._by_system.get(system, ()) if code.startswith(starts)]
            if len(self._known) >= KNOWN:
                self._known.clear()
            known = self._known[coding] = tuple(
                made
                for label in labels
                for made in ((SENSITIVITY, label.code), (CONFIDENTIALITY, label.confidentiality))
            )
        return known


def _codings(node: Any) -> Iterator[Coding]:
    """Give (system, code) of every coding at or below a node."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            if isinstance(node.get("code"), str) and "system" in node:
                yield node["system"], node["code"]
            waiting += [below for below in node.values() if isinstance(below, _NODES)]


UNLABELLED: Final = Labels()
