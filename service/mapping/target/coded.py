"""Where the target lists its codes, a concept map gives none but those."""

from collections.abc import Iterator

from service.mapping.compiler.templates import MappingTemplate
from service.mapping.files.findings import nearest
from service.mapping.language.checks import giver
from service.mapping.language.expression_nodes import Filtered
from service.mapping.language.types import LIST, Shape, World
from service.mapping.target.required import leaves, sides
from service.mapping.target.targets import Targets
from service.mapping.terminology.concepts import Terminology, Unmapped
from service.wire.yaml import InvalidYaml


def miscoded_targets(
    document: MappingTemplate, terminology: Terminology, targets: Targets
) -> Iterator[InvalidYaml]:
    """Find the codes of concept maps that a document would put where its target has no such code."""
    for target, leaf in leaves(document.make, document.target):
        filters = [side for side in sides(leaf) if isinstance(side, Filtered)]
        asked = [term for term in filters if term.name in {"concept", "translate"}]
        codes = _codes(target, targets) if asked else ()
        for term in asked if codes else ():
            yield from _strange(term, terminology, target, codes)


def _codes(target: str, targets: Targets) -> tuple[str, ...]:
    """The codes that an element may hold; empty where it is open."""
    type_, *keys = target.split(".")
    shape: Shape | None = World({"": {"": targets[type_]}}, {}).root("", "")
    for key in keys:
        shape = shape.get(key) if shape is not None else None
        shape = shape.item() if shape is not None and shape.kind == LIST else shape
    return shape.codes if shape is not None else ()


def _strange(
    term: Filtered, terminology: Terminology, target: str, target_codes: tuple[str, ...]
) -> Iterator[InvalidYaml]:
    name = term.arguments[0]
    give = giver(terminology, term.name, name)
    for code in term.subject.shape.codes or dict.fromkeys(terminology.codes(name)):
        try:
            target_code = give(code)
        except (Unmapped, ValueError):  # told by those who read the leaf, or found when such a code comes
            continue
        if target_code is not None and target_code not in target_codes:
            close = nearest(target_code, list(target_codes)) or ", ".join(target_codes)
            what = f"`{target}` has no code `{target_code}`, which `{name}` gives for `{code}`"
            mark = next(terminology.marks(term.name, name, code), term.mark)
            yield InvalidYaml(f"{what}; did you mean `{close}`?", mark)
