"""Reads code systems and concept maps from YAML files (https://hl7.org/fhir/R4/conceptmap.html)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from service.mapping.files.findings import nearest
from service.mapping.files.nodes import as_map, check_keys
from service.mapping.layers.stack import Layers
from service.mapping.terminology.concepts import CodeSystem, Coding, ConceptMap, Group, Terminology, coding_of
from service.wire.yaml import InvalidYaml, Mark, Node, Scalar, Sequence, plain

_NO_TARGET = ("unmatched", "disjoint")
_EQUIVALENCES = (
    "relatedto",
    "equivalent",
    "equal",
    "wider",
    "subsumes",
    "narrower",
    "specializes",
    "inexact",
    *_NO_TARGET,
)
# those that R4 wants a reason for: https://hl7.org/fhir/R4/conceptmap.html#invs (cmd-1)
_EXPLAINED = ("narrower", "inexact")
# what others call it, where the nearest word would mean the opposite
_MEANT = {"broader": "wider"}
_MODES = ("provided", "fixed", "other-map")


_HEAD = (
    *("resourceType", "id", "meta", "language", "text", "extension", "url", "identifier", "version", "name"),
    *("title", "status", "experimental", "date", "publisher", "contact", "description", "useContext"),
    *("jurisdiction", "purpose", "copyright"),
)
_CODESYSTEM = (
    *_HEAD,
    *("caseSensitive", "valueSet", "hierarchyMeaning", "compositional", "versionNeeded", "content"),
    *("supplements", "count", "filter", "property", "concept"),
)
_CONCEPT = ("code", "display", "definition", "designation", "property", "concept")
_MAP = (*_HEAD, "sourceUri", "sourceCanonical", "targetUri", "targetCanonical", "group")
_GROUP = ("source", "sourceVersion", "target", "targetVersion", "element", "unmapped")
_TARGET = ("code", "display", "equivalence", "comment", "dependsOn", "product")


def load_terminology(layers: Layers) -> Terminology:
    """Read `codesystems/` and `concepts/`, as the overlays leave them; the names are those of the files."""
    terminology, findings = Terminology(), layers.findings
    for name, node in layers.terminology("codesystems").items():
        try:
            terminology.codesystems[name] = _codesystem(name, _Part(node, node.mark))
        except InvalidYaml as wrong:
            findings.add(wrong)
    for name, node in layers.terminology("concepts").items():
        try:
            part = _Part(node, node.mark)
            terminology.concept_maps[name] = _concept_map(name, part)
            if name in terminology.codesystems:
                _of_ours(part, terminology.codesystems[name])
        except InvalidYaml as wrong:
            findings.add(wrong)
    terminology.check(findings)
    return terminology


@dataclass(frozen=True, slots=True)
class _Part:
    """A node that is read by name, with errors that say where."""

    node: Node
    mark: Mark

    def only(self, keys: tuple[str, ...], what: str) -> None:
        """Refuse what R4 does not have here: misspelt, it would say nothing."""
        check_keys(as_map(self.node), keys, what)

    def text(self, key: str, *choices: str) -> str:
        node = self._entries().get(key)
        if not isinstance(node, Scalar) or not isinstance(node.value, str) or not node.value:
            raise InvalidYaml(
                f"`{key}` is needed here, as text (quote it)", node.mark if node else self.node.mark
            )
        if choices and node.value not in choices:
            hint = _MEANT.get(node.value) or nearest(node.value, list(choices)) or " or ".join(choices)
            raise InvalidYaml(f"`{node.value}` is no {key}; did you mean `{hint}`?", node.mark)
        return node.value

    def option(self, key: str, *choices: str) -> str:
        return self.text(key, *choices) if key in self._entries() else ""

    def parts(self, key: str) -> list["_Part"]:
        node = self._entries().get(key, Sequence((), self.node.mark))
        if not isinstance(node, Sequence):
            raise InvalidYaml(f"`{key}` is a list", node.mark)
        return [_Part(item, item.mark) for item in node.items]

    def part(self, key: str) -> "_Part | None":
        node = self._entries().get(key)
        return _Part(node, node.mark) if node is not None else None

    def _entries(self) -> dict[str, Node]:
        return as_map(self.node).entries


def _codesystem(name: str, part: _Part) -> CodeSystem:
    part.text("resourceType", "CodeSystem")
    part.only(_CODESYSTEM, "a CodeSystem")
    system = CodeSystem(name, part.text("url"), {}, {}, plain(part.node))
    _concepts(part, system)
    return system


def _concepts(part: _Part, system: CodeSystem) -> None:
    for concept in part.parts("concept"):
        concept.only(_CONCEPT, "a concept")
        code = concept.text("code")
        if code in system.displays:
            raise InvalidYaml(f"`{code}` stands here twice; keep one", concept.mark)
        system.displays[code], system.marks[code] = concept.text("display"), concept.mark
        words = system.designations[code] = {}
        for designation in concept.parts("designation"):
            designation.only(("language", "use", "value"), "a designation")
            if (language := designation.text("language")) in words:
                raise InvalidYaml(f"`{language}` stands here twice; keep one", designation.mark)
            words[language] = designation.text("value")
        _concepts(concept, system)


def _concept_map(name: str, part: _Part) -> ConceptMap:
    part.text("resourceType", "ConceptMap")
    part.only(_MAP, "a ConceptMap")
    groups = tuple(_group(group) for group in part.parts("group"))
    return ConceptMap(name, part.option("url"), groups, plain(part.node))


def _of_ours(part: _Part, system: CodeSystem) -> None:
    """Where a map has the name of a code system, its codes are those."""
    for element in (element for group in part.parts("group") for element in group.parts("element")):
        element.text("code", *system.displays)


def _group(part: _Part) -> Group:
    part.only(_GROUP, "a group")
    source, target = part.option("source"), part.option("target")
    elements: dict[str, tuple[Coding, ...]] = {}
    marks: dict[str, Mark] = {}
    for element in part.parts("element"):
        element.only(("code", "display", "target"), "an element")
        code = element.text("code")
        if code in elements:
            raise InvalidYaml(f"`{code}` stands here twice; list its targets under one", element.mark)
        elements[code], marks[code] = tuple(_targets(element.parts("target"), target)), element.mark
    unmapped = part.part("unmapped")
    policy = {} if unmapped is None else _policy(unmapped)
    return Group(source, target, elements, policy, unmapped.mark if unmapped else part.mark, marks)


def _targets(parts: Iterable[_Part], system: str) -> Iterator[Coding]:
    for part in parts:
        part.only(_TARGET, "a target")
        if part.option("equivalence", *_EQUIVALENCES) == "":
            what = "`equivalence` is needed here: how the target stands to the code"
            raise InvalidYaml(f"{what}; write `relatedto` where no more is known", part.mark)
        if part.text("equivalence") in _EXPLAINED and part.option("comment") == "":
            what = f"an equivalence of `{part.text('equivalence')}` needs a `comment`"
            raise InvalidYaml(f"{what}: say what its code leaves out, or why it does not match", part.mark)
        if part.text("equivalence") not in _NO_TARGET:
            yield coding_of(system, part.text("code"), part.option("display"))


def _policy(part: _Part) -> dict[str, str]:
    part.only(("mode", "code", "display", "url"), "`unmapped`")
    mode = part.text("mode", *_MODES)
    needed = {"fixed": ["code"], "other-map": ["url"]}.get(mode, [])
    policy = {"mode": mode} | {key: part.text(key) for key in needed}
    return policy | ({"display": part.option("display")} if mode == "fixed" else {})
