"""FHIRPath, for inbound mappings of FHIR (http://hl7.org/fhirpath/N1/), by fhirpathpy; compiled once."""

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def compile_expression(expression: str) -> Callable[[Any], list[Any]]:
    """Return what evaluates an expression on a resource and gives the list of what it finds.

    What references lead to (`resource`) is not there for it.

    Raises:
        ValueError: it is not FHIRPath, or uses a function that is not known.
    """
    # a parser generator's runtime: loaded only where a mapping asks for it
    from fhirpathpy import compile as compile_fhirpath
    from fhirpathpy.models import models

    try:
        # without a trace function trace() prints values
        evaluate: Any = compile_fhirpath(expression, models["r4"], {"traceFn": lambda *_: None})
        evaluate({"resourceType": "Basic"}, {})
    except Exception as exc:
        raise ValueError(expression) from exc
    # fhirpathpy writes into what it is given
    return lambda value: list(evaluate(_copy(value), {}))


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        leads = "reference" in value
        return {key: _copy(item) for key, item in value.items() if not (leads and key == "resource")}
    return [_copy(item) for item in value] if isinstance(value, list) else value


@cache
def members(expression: str) -> frozenset[str]:
    """Return the paths that an expression reads in what it is run on; "" is the whole of it.

    Example: of `class.where(type.text = 'plan').value` these are `class.type.text` and `class.value`.

    Raises:
        ValueError: it is not FHIRPath.
    """
    from fhirpathpy.parser import parse

    try:
        tree: Any = parse(expression)  # type: ignore[no-untyped-call]
    except Exception as exc:
        raise ValueError(expression) from exc
    read: set[str] = set()
    return frozenset(read | _found_paths(tree, frozenset({""}), read))


_INVOCATIONS = {"InvocationExpression", "TermExpression", "InvocationTerm", "ParenthesizedTerm"}
# what they give is of what they are called on
_PASSING = {"first", "last", "single", "tail", "skip", "take", "where", "ofType", "as", "distinct", "trace"}


def _found_paths(node: Any, within: frozenset[str], read: set[str]) -> frozenset[str]:
    """Return the paths of what a part of an expression finds, and put those into `read` that only decide."""
    kind, children = node.get("type", ""), node.get("children", [])
    if kind == "MemberInvocation":
        name = children[0]["terminalNodeText"][0].strip("`")
        # a resource's type before its elements leads nowhere
        return within if name[:1].isupper() else frozenset(f"{path}.{name}".lstrip(".") for path in within)
    if kind == "ThisInvocation":
        return within
    if kind == "FunctionInvocation":
        return _function_paths(children[0]["children"], within, read)
    if kind == "UnionExpression":
        return frozenset().union(*(_found_paths(child, within, read) for child in children))
    if kind in _INVOCATIONS or not kind:
        for child in children:
            within = _found_paths(child, within, read)
        return within
    for child in children:
        paths = _found_paths(child, within, read)
        read |= paths if kind != "IndexerExpression" else set()
        if kind == "IndexerExpression":
            return paths
    return frozenset()


def _function_paths(parts: Any, within: frozenset[str], read: set[str]) -> frozenset[str]:
    name = parts[0]["terminalNodeText"][0]
    arguments = [_found_paths(child, within, read) for part in parts[1:] for child in part["children"]]
    if name in {"select", "repeat"}:
        return frozenset().union(*arguments)
    for paths in arguments:
        read |= paths
    if name == "extension":
        return frozenset(f"{path}.extension".lstrip(".") for path in within)
    if name in _PASSING:
        return within
    read |= within
    return within if name in {"children", "descendants", "combine", "union", "iif"} else frozenset()
