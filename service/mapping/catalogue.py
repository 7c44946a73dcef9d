"""Loads a folder of mappings, with overlays on it, into a catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from service.errors import Misconfigured
from service.mapping.compiler.compile import Compiled, compile_document
from service.mapping.compiler.dependence import dependence
from service.mapping.compiler.explain import Explainer, Origin, explainer
from service.mapping.compiler.projector import MadeResource, Projector
from service.mapping.compiler.reader import Reader
from service.mapping.compiler.templates import MappingTemplate, everything
from service.mapping.compiler.trace import Paths, Trace, lineage, trace, unread_leaves
from service.mapping.files.findings import Findings, nearest
from service.mapping.language.checks import TERMINOLOGY
from service.mapping.language.expression_nodes import Filtered
from service.mapping.language.profiles import NoProfiles, Profiles, claim
from service.mapping.language.types import JSONSchema, World
from service.mapping.layers.stack import Layers, Removed
from service.mapping.target import removals
from service.mapping.target.coded import miscoded_targets
from service.mapping.target.consistency import check_identities, check_removed, check_withdrawals
from service.mapping.target.required import Required, untargeted_tables
from service.mapping.target.supported import Support, Unclaimed, hold_back
from service.mapping.target.targets import Targets, check
from service.mapping.terminology.concepts import CodeSystem, ConceptMap, Terminology
from service.mapping.terminology.vocabulary import load_terminology
from service.wire.yaml import InvalidYaml, Node


@dataclass(frozen=True, slots=True)
class MappingInfo:
    """One mapping of the catalogue; `text` is the generated Python, for debugging."""

    name: str
    target: str
    source: str
    file: str
    line: int
    claims: tuple[str, ...]
    withdraw: dict[str, Any]
    lineage: Paths
    conditions: Paths
    text: str


# what it holds refers to itself in so many ways that its text would fill the memory of the machine
@dataclass(frozen=True, slots=True, repr=False)
class Catalogue:
    """Everything a folder of mappings holds, checked and compiled.

    `unclaimed` tells of each profile that its mappings name what they cannot make and it wants supported.
    """

    view: str
    version: str
    mappings: tuple[MappingInfo, ...]
    terminology: Terminology
    projectors: dict[str, Projector]
    world: World
    profiles: Profiles
    unclaimed: Unclaimed
    removed: tuple[Removed, ...]
    traces: tuple[Trace, ...] = field(repr=False)
    explainers: dict[tuple[str, int], Explainer] = field(default_factory=dict, init=False, compare=False)

    @property
    def codesystems(self) -> dict[str, CodeSystem]:
        """The code systems by name."""
        return self.terminology.codesystems

    @property
    def concept_maps(self) -> dict[str, ConceptMap]:
        """The concept maps by name."""
        return self.terminology.concept_maps

    @property
    def words(self) -> dict[str, set[str]]:
        """By target path, the code systems whose displays may stand there as plain text."""
        systems_of: dict[str, set[str]] = {}
        for traced in self.traces:
            for target, systems in traced.words.items():
                systems_of.setdefault(target, set()).update(systems)
        return systems_of

    @property
    def asked(self) -> set[str]:
        """The code systems and concept maps that the mappings name, and the maps that other maps lead to."""
        steps = [step for projector in self.projectors.values() for step in projector.steps]
        terms = [term for document, _ in steps for term in everything(document)]
        tables = {
            str(term.arguments[0])
            for term in terms
            if isinstance(term, Filtered) and term.name in TERMINOLOGY
        }
        groups = [group for concept_map in self.concept_maps.values() for group in concept_map.groups]
        urls = {group.unmapped["url"] for group in groups if "url" in group.unmapped}
        return tables | {
            name for name, concept_map in self.concept_maps.items() if urls & {name, concept_map.url}
        }

    def projector(self, source_name: str) -> Projector:
        """The projector of a source.

        Raises:
            Misconfigured: there is no such source.
        """
        if source_name not in self.world.sources:
            close = nearest(source_name, list(self.world.sources))
            raise Misconfigured(
                f"there is no source `{source_name}`" + (f"; did you mean `{close}`?" if close else "")
            )
        return self.projectors[source_name]

    def explain(
        self, source_name: str, roots: Mapping[str, Any]
    ) -> list[tuple[MappingInfo, MadeResource, dict[str, Origin]]]:
        """Make all resources of a source, each with its mapping and the origins of its elements.

        Raises as `projector` and its `run`.
        """
        projector = self.projector(source_name)
        by_name = {mapping.name: mapping for mapping in self.mappings}
        with_origins: list[tuple[MappingInfo, MadeResource, dict[str, Origin]]] = []
        for number, step in enumerate(projector.steps):
            resources = replace(projector, steps=(step,)).run(roots)
            explanations = self._explainer(source_name, number, step[0]).run(roots) if resources else []
            pairs = zip(resources, explanations, strict=True)
            with_origins += [
                (by_name[resource.mapping], resource, explanation.origins) for resource, explanation in pairs
            ]
        return with_origins

    def _explainer(self, source_name: str, number: int, document: MappingTemplate) -> Explainer:
        """Return what explains a step of a source; to compile it takes longer than a hundred runs."""
        ready = self.explainers.get((source_name, number))
        if ready is None:
            ready = self.explainers[source_name, number] = explainer(document, self.terminology)
        return ready

    def withdrawn_resource(self, last: dict[str, Any]) -> dict[str, Any]:
        """What the last version of a resource becomes when its fact is no longer so."""
        target = last["resourceType"]
        resource: dict[str, Any] = last | self.withdrawal(target)
        resource = {key: value for key, value in resource.items() if value is not None}
        if claims := {url for mapping in self.mappings if mapping.target == target for url in mapping.claims}:
            claim(resource, sorted(claims), self.profiles)
        return resource

    def withdrawal(self, target: str) -> dict[str, Any]:
        """What a resource of a type takes on when its fact is no longer so; None removes a key."""
        merged: dict[str, Any] = {}
        for patch in (
            *(mapping.withdraw for mapping in self.removed if mapping.target == target),
            *(mapping.withdraw for mapping in self.mappings if mapping.target == target),
        ):
            merged |= patch
        return merged

    def unread_paths(self, source_name: str) -> list[str]:
        """The paths of a source that no mapping reads."""
        return unread_leaves(self.world, source_name, self.traces)


def load(
    folder: Path,
    *,
    sources: Mapping[str, Mapping[str, JSONSchema]],
    links: Mapping[str, JSONSchema],
    view: str = "default",
    overlays: Sequence[str] = (),
    told_by: str = "overlays",
    direction: str = "outbound",
    makes: Targets | None = None,
    profiles: Profiles | None = None,
    required: Required | None = None,
    terminology: Terminology | None = None,
) -> Catalogue:
    """Read, check and compile a folder of mappings.

    Args:
        folder: holds `outbound/`, `inbound/`, `codesystems/`, `concepts/` and `overlays/`.
        sources: of each source its root names and their JSON Schemas.
        links: the schema of what each kind of `x-link` leads to.
        view: the name of the view this catalogue makes.
        overlays: names of overlays, the lowest first; what one extends comes below it by itself.
        told_by: what names the overlays, for errors.
        direction: the folder of the mappings, `outbound` or `inbound`.
        makes: the JSON Schema of each type that mappings may make; without it what they make is not checked.
        profiles: what checks the profiles that mappings claim; without it they can claim none.
        required: tells of a target path by which names it goes if it is required; without it nothing is.
        terminology: that of the same layers, where somebody has read it already.

    Raises:
        Misconfigured: with everything that is wrong, each with file, line and column.
    """
    findings = Findings()
    layers = Layers(folder, findings, direction)
    layers.stack(overlays, told_by)
    world = World(sources, links)
    terminology = terminology or load_terminology(layers)
    nodes = layers.mappings()
    misspelt = [wrong for target, node in layers.written if makes for wrong in check(node, target, makes)]
    misspelt_places = {wrong.mark for wrong in misspelt}
    unmade = removals.check(layers.written, nodes, required)
    for wrong in (*misspelt, *(wrong for wrong in unmade if wrong.mark not in misspelt_places)):
        findings.add(wrong)
    checker = profiles or NoProfiles()

    def reading(node: Node, into: Findings) -> MappingTemplate | None:
        return Reader(world, terminology, into, checker).document(node)

    documents = (reading(node, findings) for node in nodes)
    read = [document for document in documents if document is not None]
    check_withdrawals(read, findings)
    for gone in layers.removed:
        check_removed(gone, read, findings)
    findings.settle()
    if makes:
        check_identities(read, findings)
    for wrong in (
        wrong for document in read if required for wrong in untargeted_tables(document, terminology, required)
    ):
        findings.add(wrong)
    for wrong in (
        wrong for document in read if makes for wrong in miscoded_targets(document, terminology, makes)
    ):
        findings.add(wrong)
    # a mapping may be wrong as a lower layer left it: the one above has put it right
    support = Support(layers, terminology, lambda node: reading(node, Findings()))
    read, unclaimed = hold_back(read, checker, support)
    compiled: list[tuple[MappingTemplate, Compiled]] = []
    for document in read:
        try:
            compiled.append((document, compile_document(document, terminology)))
        except InvalidYaml as wrong:
            findings.add(wrong)
    findings.settle()
    traces = tuple(trace(document) for document, _ in compiled)
    dependences = {
        document.name: dependence(document, traced, world)
        for (document, _), traced in zip(compiled, traces, strict=True)
    }
    return Catalogue(
        view=view,
        version=layers.version(),
        mappings=tuple(_info(*pair, traced) for pair, traced in zip(compiled, traces, strict=True)),
        terminology=terminology,
        projectors={
            name: Projector(
                name, tuple(pair for pair in compiled if pair[0].source == name), checker, dependences
            )
            for name in sources
        },
        world=world,
        profiles=checker,
        unclaimed=unclaimed,
        removed=tuple(layers.removed),
        traces=traces,
    )


def _info(document: MappingTemplate, compiled: Compiled, traced: Trace) -> MappingInfo:
    conditions = {target: tuple(sources) for target, sources in traced.tests.items()}
    mark = document.mark
    return MappingInfo(
        document.name,
        document.target,
        document.source,
        mark.file,
        mark.line,
        document.claims,
        document.withdraw,
        lineage(traced),
        conditions,
        compiled.text,
    )
