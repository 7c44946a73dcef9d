"""The mappings as pages to read: elements with their source, rule and terminology, and the code tables."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from service.mapping.catalogue import Catalogue
from service.mapping.compiler.templates import (
    Block,
    Items,
    Literal,
    MappingTemplate,
    Markup,
    Object,
    Template,
    TextLeaf,
    Value,
    terms,
)
from service.mapping.compiler.trace import reach
from service.mapping.language.checks import TERMINOLOGY
from service.mapping.language.expression_nodes import ExpressionNode, Filtered, Lookup, children, reads
from service.mapping.terminology.concepts import CodeSystem, ConceptMap
from service.values.access.scope import RETURNED
from service.wire.yaml import Mark

Row = tuple[str, ...]
_CODES: Final = "terminology.md"


def pages(catalogue: Catalogue, *others: Catalogue) -> dict[str, str]:
    """Give the pages by file name: one a mapping, the code tables, and an index.

    `others` hold other mappings over the same code tables, as the inbound ones.
    """
    catalogues = (catalogue, *others)
    projectors = [projector for one in catalogues for projector in one.projectors.values()]
    documents = [document for projector in projectors for document, _ in projector.steps]
    by_name = {f"{document.name}.md": _page(document) for document in documents}
    return {"README.md": _index(catalogue, documents)} | by_name | {_CODES: _terminology(catalogue)}


def coverage(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Give each field of each source with the elements that are made of it or decided by it."""
    targets_of: dict[str, tuple[str, ...]] = {}
    for source in catalogue.world.sources:
        targets_of |= reach(catalogue.world, source, catalogue.traces)
    return targets_of


def returned_fields(inbound: Catalogue) -> dict[str, tuple[str, ...]]:
    """Give each field of a case that partners can put back, with the elements that it is read of."""
    types = {type_.lower(): type_ for type_ in RETURNED}
    elements_of: dict[str, tuple[str, ...]] = {}
    for mapping in (mapping for mapping in inbound.mappings if mapping.source in types):
        for path, sources in mapping.lineage.items():
            paths = [source.partition(".resource")[0].removeprefix(mapping.source) for source in sources]
            read = dict.fromkeys(f"{types[mapping.source]}{path_read}" for path_read in paths)
            elements_of[f"case{path.removeprefix(mapping.target)}"] = tuple(read)
    return elements_of


def _index(catalogue: Catalogue, documents: Sequence[MappingTemplate]) -> str:
    rows = [
        (f"[{document.name}]({document.name}.md)", document.target, document.source, _at(document.mark))
        for document in documents
    ]
    fields = coverage(catalogue)
    silent = [f"`{path}`" for path, targets in fields.items() if not targets]
    lines = [
        f"# The mappings of the view `{catalogue.view}`",
        f"Version `{catalogue.version[:12]}`. [Code systems and concept maps]({_CODES}).",
        _table(("mapping", "makes", "from", "stands at"), rows),
        f"{len(fields) - len(silent)} of {len(fields)} fields reach a resource."
        + (f" Nothing reads {', '.join(silent)}." if silent else ""),
    ]
    for url, missing in catalogue.unclaimed.items():
        elements = ", ".join(f"`{unmade.element}` ({unmade.mark})" for unmade in missing)
        held = f"is not claimed: nothing makes {elements}" if missing else "is claimed where it is met"
        lines.append(f"`{url}` {held}.")
    return _joined_text(lines)


def _page(document: MappingTemplate) -> str:
    loop, when = document.written
    lines = [
        f"# {document.name}",
        f"Makes `{document.target}` of a {document.source}; {_at(document.mark)}.",
    ]
    lines += [f"One for each `{loop}`."] if loop else []
    lines += [f"Made where `{when}` holds."] if when else []
    lines += [f"Claims where it is met: {', '.join(document.claims)}."] if document.claims else []
    if document.withdraw:
        lines.append(
            f"When the fact is no longer so, its last version takes on `{_plain(document.withdraw)}`."
        )
    if document.names:
        names = [(f"`{name}`", f"`{_cell(text)}`") for name, text in document.names]
        lines += ["## Names", _table(("name", "is"), names)]
    rows = list(_rows(document.make, document.target, ()))
    lines += ["## Elements", _table(("element", "made of", "rule", "codes", "line"), rows)]
    return _joined_text(lines)


def _rows(template: Template, target: str, around: tuple[str, ...]) -> Iterator[Row]:
    """The leaves of a template, each with the conditions and loops around it."""
    match template:
        case Object(entries=entries):
            for key, entry in entries:
                yield from _rows(entry, f"{target}.{key}", around)
        case Items(items=items):
            for item in items:
                yield from _rows(item, target, around)
        case Block(make=make, written=(loop, test)):
            conditions = (
                *((f"for each `{_cell(loop)}`",) if loop else ()),
                *((f"if `{_cell(test)}`",) if test else ()),
            )
            yield from _rows(make, target, (*around, *conditions))
        case Literal(value=value, mark=mark):
            if value is not None:
                yield _row(target, (), f"`{_cell(str(value))}`", around, mark)
        case Value(text=text, mark=mark) | TextLeaf(text=text, mark=mark):
            yield _row(target, terms(template), f"`{_cell(text)}`", around, mark)
        case Markup(mark=mark):
            yield _row(target, terms(template), "narrative", around, mark)


def _row(
    target: str, of_leaf: Iterable[ExpressionNode], rule: str, around: tuple[str, ...], mark: Mark | None
) -> Row:
    expressions = list(of_leaf)
    sources = sorted({path for term in expressions for path in reads(term)})
    names = dict.fromkeys(
        expression.arguments[0]
        for expression in _all(expressions)
        if isinstance(expression, Filtered) and expression.name in TERMINOLOGY
    )
    codes = ", ".join(f"[{name}]({_CODES}#{name})" for name in names)
    made_of = ", ".join(f"`{path}`" for path in sources)
    return (f"`{target}`", made_of, ", ".join([*around, rule]), codes, _at(mark) if mark else "")


def _all(expressions: Iterable[ExpressionNode]) -> Iterator[ExpressionNode]:
    for term in expressions:
        yield term
        yield from _all(children(term))
        if isinstance(term, Lookup) and term.base.value is not None:
            yield from _all([term.base.value])


def _terminology(catalogue: Catalogue) -> str:
    lines = ["# Code systems and concept maps"]
    names = dict.fromkeys([*catalogue.codesystems, *catalogue.concept_maps])
    for name in sorted(names):
        lines.append(f"## {name}")
        if name in catalogue.codesystems:
            lines += _codesystem(catalogue.codesystems[name])
        if name in catalogue.concept_maps:
            lines += _concept_map(catalogue.concept_maps[name])
    return _joined_text(lines)


def _codesystem(system: CodeSystem) -> list[str]:
    spoken = sorted({language for designations in system.designations.values() for language in designations})
    rows = [
        (
            f"`{code}`",
            _cell(display),
            *(_cell(system.designations[code].get(column, "")) for column in spoken),
        )
        for code, display in system.displays.items()
    ]
    return [f"Code system `{system.url}`.", _table(("code", "display", *spoken), rows)]


def _concept_map(concept_map: ConceptMap) -> list[str]:
    lines = []
    for group in concept_map.groups:
        rows = [
            (
                f"`{code}`",
                ", ".join(
                    f"`{coding['code']}` {_cell(coding.get('display', ''))}".strip() for coding in codings
                ),
            )
            for code, codings in group.elements.items()
        ]
        rest = f" Other codes: `{_plain(group.unmapped)}`." if group.unmapped else ""
        head = f"Mapped to `{group.target}`." if group.target else "Mapped."
        lines += [f"{head}{rest}", _table(("code", "becomes"), rows)]
    return lines


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _joined_text(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"


def _at(mark: Mark) -> str:
    return f"{mark.file}:{mark.line}"


def _plain(value: dict[str, Any]) -> str:
    return ", ".join(f"{key}: {item}" for key, item in value.items() if item != "")


def _cell(text: str) -> str:
    """Text as a table of Markdown can hold it."""
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'")
