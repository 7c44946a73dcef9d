"""Runs compiled mappings over a source; what fails says where in the mapping, the target and the source."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from service.errors import Issue, Rejected
from service.mapping.compiler.compile import Compiled
from service.mapping.compiler.dependence import Dependence
from service.mapping.compiler.templates import MappingTemplate
from service.mapping.language.expression_nodes import ExpressionNode, reads, translates
from service.mapping.language.profiles import Profiles, claim
from service.mapping.language.runtime import TooMuch
from service.mapping.terminology.concepts import Unmapped
from service.wire.yaml import Mark

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

    def __init__(self, what: str, *, mark: Mark, target: str, source: str, code: str = "processing") -> None:
        """Take what is wrong, the three places, and FHIR's IssueType."""
        self.mark = mark
        self.target = target
        self.source = source
        where = f"{mark}, target {target}" + (f", source {source}" if source else "")
        super().__init__(what, issues=[Issue(what, where, code)])


@dataclass(frozen=True, slots=True)
class MadeResource:
    """A resource as a mapping made it."""

    resource: dict[str, Any]
    mapping: str
    target: str


@dataclass(frozen=True, slots=True)
class Projector:
    """All mappings of one source, in file order; `dependences` are what they depend on, by their names."""

    source: str
    steps: tuple[tuple[MappingTemplate, Compiled], ...]
    profiles: Profiles
    dependences: Mapping[str, Dependence]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its mappings."""
        return tuple(document.name for document, _ in self.steps)

    @property
    def targets(self) -> frozenset[str]:
        """The types that its mappings make."""
        return frozenset(document.target for document, _ in self.steps)

    def touched(self, changed: Collection[str]) -> "Projector":
        """Return the mappings that may make something else of a source in which paths have changed.

        A path has two steps, like `case.team`, or three where the second leads to an object, like
        `case.plan.goals`. All that make a type are among them when one is.
        """
        names = {name for name, dependence in self.dependences.items() if dependence.is_touched(changed)}
        targets = {document.target for document, _ in self.steps if document.name in names}
        return replace(self, steps=tuple(step for step in self.steps if step[0].target in targets))

    def run(self, roots: Mapping[str, Any]) -> list[MadeResource]:
        """Make all resources of a source: `roots` are its documents by name, links being what they lead to.

        Raises:
            MappingError: a code without a target, a value of another kind than its schema says, or a resource
                made twice.
        """
        all_made: list[MadeResource] = []
        sources = dict(roots)
        for document, compiled in self.steps:
            resources: list[Any] = []
            try:
                compiled.project(sources, resources)
            except _FAILURES as error:
                raise _explain(error, document, compiled) from None  # a cause may quote the source
            for resource in resources if document.claims else ():
                claim(resource, document.claims, self.profiles)
            all_made += [MadeResource(resource, document.name, document.target) for resource in resources]
        ids = [made_resource.resource.get("id") for made_resource in all_made]
        if len(set(ids)) < len(ids):
            _once(all_made, {document.name: document for document, _ in self.steps})
        return all_made


def _once(all_made: list[MadeResource], documents: dict[str, MappingTemplate]) -> None:
    """Refuse a resource that is made twice: an overlay may add a mapping, or items share an id."""
    seen: set[tuple[str, str]] = set()
    for made_resource in all_made:
        key = (made_resource.resource.get("resourceType", ""), made_resource.resource.get("id", ""))
        if key in seen and key[1]:
            what = "another mapping or another item makes this resource too; give it an id of its own"
            mark = documents[made_resource.mapping].mark
            raise MappingError(what, mark=mark, target=f"{made_resource.target}.id", source="")
        seen.add(key)


def _explain(error: Exception, document: MappingTemplate, compiled: Compiled) -> MappingError:
    number = _line(error.__traceback__, compiled)
    info = compiled.lines[number - 1]
    source = ", ".join(sorted(_sources(error, info.term))) if info.term is not None else ""
    return MappingError(
        _error_text(error),
        mark=info.mark,
        target=info.target or document.target,
        source=source,
        code="code-invalid" if isinstance(error, Unmapped) else "processing",
    )


def _sources(error: Exception, term: ExpressionNode) -> set[str]:
    """The source paths of a term that cannot be made: of a code that is not known, where that is."""
    return (translates(term, error.name) if isinstance(error, Unmapped) else set()) or reads(term)


def _line(traceback: TracebackType | None, compiled: Compiled) -> int:
    """The line of the generated text that an error comes through."""
    code = getattr(compiled.project, "__code__", None)
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            return traceback.tb_lineno
        traceback = traceback.tb_next
    return 1


def _error_text(error: Exception) -> str:
    """What went wrong, without any value of the source: of codes only the map is named."""
    if isinstance(error, Unmapped):
        what = f"the code has no target in `{error.name}`"
        return f"{what}; map it, or say with `unmapped` what becomes of such codes"
    if isinstance(error, TooMuch):
        return "loops over independent lists took over a million turns; loop over parts of one another"
    if isinstance(error, KeyError):
        return "an item has no `id`, or its owner no `uuid`; both are needed for a resource id"
    return "the source has another kind of value here than its schema says"
