"""What the filters on ids and codes need to be true at load: an owner, a table, a target for every code."""

from collections.abc import Callable
from typing import Any

from service.mapping.files.findings import nearest
from service.mapping.language.expression_nodes import Constant, ExpressionNode, Lookup
from service.mapping.language.fhirpath import compile_expression
from service.mapping.language.narrative import marked_display
from service.mapping.language.types import ANY, OBJECT
from service.mapping.terminology.concepts import Terminology, Unmapped
from service.wire.yaml import InvalidYaml, Mark

TERMINOLOGY = frozenset({"concept", "coding", "codeable", "display", "translate"})
MARKED = "display within $xhtml"


def check_identity(name: str, subject: ExpressionNode, mark: Mark) -> None:
    """An id needs a document with a UUID, and of an item its own id.

    Raises:
        InvalidYaml: the subject has none.
    """
    if not isinstance(subject, Lookup):
        raise InvalidYaml(f"`{name}` needs a path: something made has no identity", mark)
    if subject.owner is None:
        raise InvalidYaml(f"`{subject.path}` belongs to no document with a UUID; use the path itself", mark)
    shape = subject.shape
    if shape.kind == ANY:
        raise InvalidYaml(
            f"the schema of `{subject.path}` does not say what it is; an id needs text or an item", mark
        )
    if shape.kind == OBJECT and shape.owner != "self" and shape.get("id") is None:
        raise InvalidYaml(f"`{subject.path}` has no `id`; use a text of it as the key", mark)


def check_fhirpath(expression: str, mark: Mark) -> None:
    """An expression must be FHIRPath.

    Raises:
        InvalidYaml: it is not, or uses a function that is not known.
    """
    try:
        compile_expression(expression)
    except ValueError as error:
        raise InvalidYaml(f"`{expression}` is no FHIRPath; see http://hl7.org/fhirpath/N1/", mark) from error


def check_codes(words: Terminology, filter_name: str, name: str, subject: ExpressionNode, mark: Mark) -> None:
    """A table must be there, and say something about every code the source may send.

    Raises:
        InvalidYaml: there is no such table, or codes without a target or policy, or with too many.
    """
    kind, names = {
        "concept": ("ConceptMap", list(words.concept_maps)),
        "translate": ("ConceptMap", list(words.concept_maps)),
        "display": ("CodeSystem", list(words.codesystems)),
    }.get(filter_name, ("CodeSystem or ConceptMap", [*words.codesystems, *words.concept_maps]))
    if name not in names:
        close = nearest(name, names)
        raise InvalidYaml(
            f"there is no {kind} `{name}`" + (f"; did you mean `{close}`?" if close else ""), mark
        )
    constant = isinstance(subject, Constant) and isinstance(subject.value, str)
    coded = filter_name != "translate"
    codes = (_text(subject),) if constant else subject.shape.codes if coded else ()
    missing, several = _answers(giver(words, filter_name, name), codes)
    if missing:
        what = f"`{name}` says nothing about {_list_of_codes(missing)}"
        raise InvalidYaml(f"{what}; map the code, or say with `unmapped` what becomes of it", mark)
    if several:
        what = f"`{name}` has several targets for {_list_of_codes(several)} where one is needed"
        raise InvalidYaml(f"{what}; use `codeable`, or keep one target", mark)


def check_compared(field: ExpressionNode, other: ExpressionNode, mark: Mark) -> None:
    """A field of the source that lists its codes is compared with one of them: no other is ever equal.

    Raises:
        InvalidYaml: it is compared with a constant that is none of its codes.
    """
    # what a `let` makes of several has the codes of one of them alone
    if not isinstance(field, Lookup) or field.base.value is not None or not isinstance(other, Constant):
        return
    codes = list(field.shape.codes)
    for value in other.value if isinstance(other.value, list) else [other.value]:
        if codes and isinstance(value, str) and value not in codes:
            close = nearest(value, codes) or ", ".join(codes)
            raise InvalidYaml(f"`{field.path}` is never `{value}`; did you mean `{close}`?", mark)


def giver(words: Terminology, filter_name: str, name: str) -> Callable[[str], Any]:
    """The function that gives what a filter needs for a code; ValueError where one target is needed."""

    def one(code: str) -> Any:
        codings = words.targets(name, code)
        # groups of several code systems may say the same
        if len({coding["code"] for coding in codings}) > 1:
            raise ValueError(name)
        return codings[0]["code"] if codings else None

    def first(code: str) -> Any:
        codings = words.codings(name, code)
        if len(codings) > 1 and name not in words.codesystems:
            raise ValueError(name)
        return codings

    if filter_name in {"concept", "translate"}:
        return one
    if filter_name == "display":
        return lambda code: words.display(name, code)
    if filter_name == MARKED:
        return lambda code: marked_display(name, code, words.display(name, code))
    return first if filter_name == "coding" else lambda code: words.codings(name, code)


def spoken_kind(kind: str) -> str:
    """A kind as a message says it."""
    return {OBJECT: "an object", ANY: "something of many kinds"}.get(kind, f"a {kind}")


def _text(subject: ExpressionNode) -> str:
    return str(subject.value) if isinstance(subject, Constant) else ""


def _answers(give: Callable[[str], Any], codes: tuple[str, ...]) -> tuple[list[str], list[str]]:
    missing, several = [], []
    for code in codes:
        try:
            give(code)
        except Unmapped:
            missing.append(code)
        except ValueError:
            several.append(code)
    return missing, several


def _list_of_codes(codes: list[str]) -> str:
    return ", ".join(f"`{code}`" for code in codes)
