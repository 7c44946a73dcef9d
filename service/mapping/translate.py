"""Loads a folder of mappings into a catalogue, and runs the projections it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

from service.errors import Issue, Misconfigured, Rejected
from service.mapping.compile import Compiled, compile_document
from service.mapping.concepts import CodeSystem, ConceptMap, Terminology, Unmapped
from service.mapping.documents import Reader
from service.mapping.runtime import TooMuch
from service.mapping.schema import JSONSchema, World, nearest
from service.mapping.source import Findings, Place, Wrong, documents, files
from service.mapping.templates import Document
from service.mapping.terms import reads
from service.mapping.trace import Paths, Trace, lineage, trace, unread
from service.mapping.vocabulary import load_terminology

_FAILURES = (
    Unmapped,
    TooMuch,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    ArithmeticError,
    NameError,
)


class MappingError(Rejected):
    """A valid document cannot be mapped; says the mapping's file and line, target and source path."""

    title = "Content cannot be mapped"

    def __init__(self, what: str, *, place: Place, target: str, source: str) -> None:
        """Take what is wrong and the three places."""
        self.place = place
        self.target = target
        self.source = source
        where = f"{place}, target {target}" + (f", source {source}" if source else "")
        super().__init__(what, issues=[Issue(what, where, "processing")])


@dataclass(frozen=True, slots=True)
class Made:
    """A resource as a mapping made it."""

    resource: dict[str, Any]
    mapping: str
    target: str


@dataclass(frozen=True, slots=True)
class MappingInfo:
    """One mapping of the catalogue; `text` is the generated Python, for debugging."""

    name: str
    target: str
    source: str
    file: str
    line: int
    withdraw: dict[str, Any]
    lineage: Paths
    conditions: Paths
    text: str


@dataclass(frozen=True, slots=True)
class Projector:
    """All mappings of one source, in file order."""

    source: str
    steps: tuple[tuple[Document, Compiled], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its mappings."""
        return tuple(document.name for document, _ in self.steps)

    def run(self, roots: Mapping[str, Any]) -> list[Made]:
        """Make all resources of a source: `roots` are its documents by name, links being what they lead to.

        Raises:
            MappingError: a code without a target, or a value of another kind than its schema says.
        """
        made: list[Made] = []
        given = dict(roots)
        for document, compiled in self.steps:
            resources: list[Any] = []
            try:
                compiled.project(given, resources)
            except _FAILURES as error:
                raise _explain(error, document, compiled) from None  # a cause may quote the source
            made += [Made(resource, document.name, document.target) for resource in resources]
        return made


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything a folder of mappings holds, checked and compiled."""

    view: str
    version: str
    mappings: tuple[MappingInfo, ...]
    terminology: Terminology
    projectors: dict[str, Projector]
    world: World
    traces: tuple[Trace, ...] = field(repr=False)

    @property
    def codesystems(self) -> dict[str, CodeSystem]:
        """The code systems by name."""
        return self.terminology.codesystems

    @property
    def concept_maps(self) -> dict[str, ConceptMap]:
        """The concept maps by name."""
        return self.terminology.concept_maps

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

    def withdrawal(self, target: str) -> dict[str, Any]:
        """What a resource of a type takes on when its fact is no longer so; None removes a key."""
        found: dict[str, Any] = {}
        for mapping in self.mappings:
            if mapping.target == target:
                found |= mapping.withdraw
        return found

    def unread(self, source_name: str) -> list[str]:
        """The paths of a source that no mapping reads."""
        return unread(self.world, source_name, self.traces)


def load(
    folder: Path,
    *,
    sources: Mapping[str, Mapping[str, JSONSchema]],
    links: Mapping[str, JSONSchema],
    view: str = "default",
    overlays: Sequence[str] = (),
) -> Catalogue:
    """Read, check and compile a folder of mappings.

    Args:
        folder: holds `outbound/`, `codesystems/` and `concepts/`.
        sources: of each source its root names and their JSON Schemas.
        links: the schema of what each kind of `x-link` leads to.
        view: the name of the view this catalogue makes.
        overlays: names of overlays; none are taken yet.

    Raises:
        Misconfigured: with everything that is wrong, each with file, line and column.
    """
    if overlays:
        raise Misconfigured(
            "overlays are not taken yet; leave the list of overlays empty", where=", ".join(overlays)
        )
    findings, texts = Findings(), dict[str, str]()
    world = World(sources, links)
    terminology = load_terminology(folder, findings, texts)
    read = _documents(folder, world, terminology, findings, texts)
    findings.settle()
    compiled: list[tuple[Document, Compiled]] = []
    for document in read:
        try:
            compiled.append((document, compile_document(document, terminology)))
        except Wrong as wrong:
            findings.add(wrong)
    findings.settle()
    return _catalogue(view, world, terminology, compiled, texts)


def _documents(
    folder: Path, world: World, terminology: Terminology, findings: Findings, texts: dict[str, str]
) -> list[Document]:
    found: dict[str, Document] = {}
    for file, _, text in files(folder / "outbound", findings):
        texts[file] = text
        for document in _read(text, file, world, terminology, findings):
            if document.name in found:
                first = found[document.name].place
                what = f"`{document.name}` is made at {first} too; give this one a `name` of its own"
                findings.add(Wrong(what, document.place))
            found.setdefault(document.name, document)
            _check_withdrawal(document, found, findings)
    return list(found.values())


def _read(text: str, file: str, world: World, terminology: Terminology, findings: Findings) -> list[Document]:
    try:
        read = (Reader(world, terminology, findings).document(node) for node in documents(text, file))
        return [document for document in read if document is not None]
    except Wrong as wrong:
        findings.add(wrong)
        return []


def _check_withdrawal(document: Document, found: dict[str, Document], findings: Findings) -> None:
    for other in found.values():
        differs = document.withdraw and other.withdraw and document.withdraw != other.withdraw
        if other.target == document.target and differs:
            what = f"`{document.target}` is withdrawn otherwise at {other.place}; say it once"
            findings.add(Wrong(what, document.place))


def _catalogue(
    view: str,
    world: World,
    terminology: Terminology,
    compiled: list[tuple[Document, Compiled]],
    texts: dict[str, str],
) -> Catalogue:
    traces = tuple(trace(document) for document, _ in compiled)
    mappings = tuple(
        _info(document, made, found) for (document, made), found in zip(compiled, traces, strict=True)
    )
    projectors = {
        source: Projector(source, tuple(each for each in compiled if each[0].source == source))
        for source in world.sources
    }
    digest = sha256()
    for file, text in sorted(texts.items()):
        digest.update(f"{len(file)}:{file}{len(text)}:{text}".encode())
    return Catalogue(view, digest.hexdigest(), mappings, terminology, projectors, world, traces)


def _info(document: Document, made: Compiled, found: Trace) -> MappingInfo:
    conditions = {target: tuple(sources) for target, sources in found.tests.items()}
    place = document.place
    return MappingInfo(
        document.name,
        document.target,
        document.source,
        place.file,
        place.line,
        document.withdraw,
        lineage(found),
        conditions,
        made.text,
    )


def _explain(error: Exception, document: Document, compiled: Compiled) -> MappingError:
    number = _line(error.__traceback__, compiled)
    info = compiled.lines[number - 1]
    source = ", ".join(sorted(reads(info.term))) if info.term is not None else ""
    return MappingError(
        _spoken(error), place=info.place, target=info.target or document.target, source=source
    )


def _line(traceback: TracebackType | None, compiled: Compiled) -> int:
    """The line of the generated text that an error comes through."""
    code = getattr(compiled.project, "__code__", None)
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            return traceback.tb_lineno
        traceback = traceback.tb_next
    return 1


def _spoken(error: Exception) -> str:
    """What went wrong, without any value of the source: of codes only the map is named."""
    if isinstance(error, Unmapped):
        what = f"the code has no target in `{error.name}`"
        return f"{what}; map it, or say with `unmapped` what becomes of such codes"
    if isinstance(error, TooMuch):
        return "loops over independent lists took over a million turns; loop over parts of one another"
    if isinstance(error, KeyError):
        return "an item has no `id`, or its owner no `uuid`; both are needed for a resource id"
    return "the source has another kind of value here than its schema says"
