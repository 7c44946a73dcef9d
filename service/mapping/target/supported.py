"""Which profiles a stack of mappings may claim: those of which it can make every must-support.

An instance leaves out what it has no value for; whoever claims the profile must be able to say it where there
is one: https://hl7.org/fhir/us/core/STU6.1/must-support.html. Decided once, when the mappings are loaded.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from service.mapping.compiler.templates import MappingTemplate
from service.mapping.language.expression_nodes import Constant
from service.mapping.language.profiles import ProfileCheck, Profiles
from service.mapping.layers.merge import EXTENDS
from service.mapping.layers.stack import Layers
from service.mapping.target.capable import Step, can_make
from service.mapping.terminology.concepts import Terminology
from service.wire.yaml import Mapping, Mark, Node, Scalar


@dataclass(frozen=True, slots=True)
class UnmadeElement:
    """An element that a profile wants supported and nothing makes; what took it away, or else the mapping.

    Of a choice it is all of them, with `or` between.
    """

    element: str
    mark: Mark


# by the url of each profile that mappings name, what keeps them from claiming it; nothing, where they may
Unclaimed = dict[str, tuple[UnmadeElement, ...]]


@dataclass(frozen=True, slots=True)
class Support:
    """Finds what a stack of mappings cannot make.

    `layers` are what the mappings were read of, `words` their code systems and concept maps; `read` reads a
    mapping as a layer left it.
    """

    layers: Layers
    words: Terminology
    read: Callable[[Mapping], MappingTemplate | None]

    def missing(
        self, profile: ProfileCheck, claiming: Sequence[MappingTemplate]
    ) -> tuple[UnmadeElement, ...]:
        """Give the elements that a profile wants supported and that no mapping that claims it can make."""
        missing = [path for path in profile.supported if not self._is_made(path, profile, claiming)]
        names = {path: path for path in missing}
        for choice in profile.choices:
            left = [[path for path in missing if _is_within(path, one)] for one in choice]
            for path in (path for some in left for path in some):
                names[path] = " or ".join(choice) if all(left) else ""
        marks: dict[str, Mark | None] = {}
        for path in missing:
            name = names[path]
            marks[name] = marks.get(name) or self._removing_mark(path, profile, claiming)
        return tuple(UnmadeElement(name, at or claiming[0].mark) for name, at in marks.items() if name)

    def _is_made(self, element: str, profile: ProfileCheck, by: Sequence[MappingTemplate]) -> bool:
        steps = list(_steps(element, profile))
        return any(can_make(document.make, steps, self.words) for document in by if not _is_never(document))

    def _removing_mark(
        self, element: str, profile: ProfileCheck, claiming: Sequence[MappingTemplate]
    ) -> Mark | None:
        """Find where an overlay took an element away: the last with which it is not made any more."""
        names = [document.name for document in claiming]
        above = ""
        for folder, stage in zip(reversed(self.layers.folders), reversed(self.layers.stages), strict=True):
            read = (self.read(stage[name]) for name in names if name in stage)
            if self._is_made(element, profile, [document for document in read if document is not None]):
                return self._overlay_place(element, names, above)
            above = folder
        return None

    def _overlay_place(self, element: str, names: Sequence[str], folder: str) -> Mark | None:
        """Return where the mappings of an overlay speak of an element, or of what it stands in."""
        keys = [step.partition(":")[0] for step in element.split(".")[1:]]
        for _, node in self.layers.written:
            base = node.entries.get(EXTENDS)
            if node.mark.file.startswith(f"{folder}/") and isinstance(base, Scalar) and base.value in names:
                return _deepest(node.entries.get("make"), keys, node.mark)
        return None


def hold_back(
    read: Sequence[MappingTemplate], profiles: Profiles, support: Support
) -> tuple[list[MappingTemplate], Unclaimed]:
    """Give mappings without the claims that they cannot hold, and for each claim what it wants in vain."""
    missing: Unclaimed = {}
    for url in dict.fromkeys(url for document in read for url in document.claims):
        claiming = [document for document in read if url in document.claims]
        missing[url] = support.missing(profiles.profiles()[url], claiming)
    held = [tuple(url for url in document.claims if not missing[url]) for document in read]
    return [replace(document, claims=urls) for document, urls in zip(read, held, strict=True)], missing


def _is_never(document: MappingTemplate) -> bool:
    return isinstance(document.when, Constant) and not document.when.value


def _steps(element: str, profile: ProfileCheck) -> Iterator[Step]:
    """The steps from a resource to an element."""
    names = element.split(".")
    for count, name in enumerate(names[1:], start=2):
        yield name.partition(":")[0], profile.slice_patterns.get(".".join(names[:count]))


def _is_within(element: str, other: str) -> bool:
    return element == other or element.startswith((f"{other}.", f"{other}:"))


def _deepest(node: Node | None, keys: Sequence[str], mark: Mark) -> Mark:
    """Return the place of the last of some keys that stand below each other."""
    if not isinstance(node, Mapping):
        return mark
    for key, below in node.entries.items():
        if key.startswith("$"):
            mark = _deepest(below, keys, mark)
        elif keys and key == keys[0]:
            mark = _deepest(below, keys[1:], node.keys[key])
    return mark
