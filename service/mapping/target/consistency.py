"""What mappings together make: each type they refer to, and one way of withdrawing each."""

from collections.abc import Iterator

from service.mapping.compiler.templates import MappingTemplate, everything
from service.mapping.files.findings import Findings, nearest
from service.mapping.language.expression_nodes import IDENTITIES, Filtered
from service.mapping.layers.stack import Removed
from service.wire.yaml import InvalidYaml, Mark


def check_withdrawals(documents: list[MappingTemplate], findings: Findings) -> None:
    """Find mappings of one type that withdraw it in different ways."""
    first: dict[str, MappingTemplate] = {}
    for document in (document for document in documents if document.withdraw):
        other = first.setdefault(document.target, document)
        if document.withdraw != other.withdraw:
            what = f"`{document.target}` is withdrawn otherwise at {other.mark}; say it once"
            findings.add(InvalidYaml(what, document.mark))


def check_removed(gone: Removed, documents: list[MappingTemplate], findings: Findings) -> None:
    """Find references to resources that an overlay has nothing make any more."""
    if any(document.target == gone.target for document in documents):
        return
    for type_, mark in _identified_types(documents):
        if type_ == gone.target:
            what = f"with this nothing makes `{gone.target}`, yet {mark} refers to it; remove that too"
            findings.add(InvalidYaml(what, gone.mark))


def check_identities(documents: list[MappingTemplate], findings: Findings) -> None:
    """Find ids of and references to what no mapping makes: they would lead nowhere."""
    targets = {document.target for document in documents}
    for type_, mark in _identified_types(documents):
        if type_ not in targets:
            close = nearest(type_, sorted(targets))
            meant = f"; did you mean `{close}`?" if close else "; add its mapping, or leave it out"
            findings.add(InvalidYaml(f"nothing makes `{type_}`{meant}", mark))


def _identified_types(documents: list[MappingTemplate]) -> Iterator[tuple[str, Mark]]:
    """Give the types whose ids mappings make or refer to, each with its place."""
    for document in documents:
        for term in everything(document):
            type_and_member = isinstance(term, Filtered) and term.name in IDENTITIES and term.arguments[0]
            if isinstance(term, Filtered) and type_and_member:
                yield type_and_member.partition(".")[0], term.mark
