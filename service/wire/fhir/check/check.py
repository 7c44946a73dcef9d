"""Whether a resource is valid R4 by its definitions, on every write: https://hl7.org/fhir/R4/json.html.

Names, cardinality, primitive formats, choices, required bindings and reference targets; invariants are in
`invariants`. A type is compiled at its first use into closures that return None when all is well.
"""

import re
from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import Any

from service.errors import Issue
from service.wire.fhir.check.bindings import code_check, coding_check, concept_check
from service.wire.fhir.check.primitives import PRIMITIVES
from service.wire.fhir.check.reference_targets import target_check
from service.wire.fhir.definitions.r4 import Definition, Element, definitions

# A place below the value checked, what is wrong there, and the FHIR issue type.
_Problem = tuple[str, str, str]
# A primitive's complaint is a plain sentence: it has no place below it.
_Result = list[_Problem] | str | None
_Check = Callable[[Any], _Result]

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}\Z")
_EMPTY = "must not be empty; leave the element out"
_NULL = "must not be null; leave the element out"
_UNKNOWN = "is not an element here; remove it or use an extension"
_TYPE = "must have a resourceType that this service has definitions of"
# with more than this wrong a value is not looked at further
MOST = 1_000
_MORE = ("", f"has over {MOST} things wrong; correct these first", "structure")
_UNREAD = {"resourceType": "Binary"}


def check(resource: dict[str, Any]) -> list[Issue]:
    """Return what is wrong with a resource, each with its FHIRPath; no value is quoted."""
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str) or kind not in checkable():
        return [Issue(_sentence(_TYPE), "resourceType", "structure")]
    return _issues_of(_PLANS[kind](resource), kind)


def check_each(bundle: dict[str, Any], heeded: Collection[str]) -> Iterator[Issue]:
    """Give what is wrong with a Bundle, its entries one after the other, as far as it is asked for.

    Resources of R4 types that are not heeded are not looked into. What is no Bundle with a list of entries is
    checked as `check` does.
    """
    entries = bundle.get("entry") if isinstance(bundle, dict) else None
    if not entries or not isinstance(entries, list) or bundle.get("resourceType") != "Bundle":
        yield from check(bundle)
        return
    yield from check({key: value for key, value in bundle.items() if key != "entry"})
    for index, entry in enumerate(entries):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        type_ = resource.get("resourceType") if isinstance(resource, dict) else None
        if isinstance(type_, str) and type_ not in heeded and type_ in definitions().resources:
            entry = {**entry, "resource": _UNREAD}  # noqa: PLW2901  what is left of it
        yield from _issues_of(_PLANS["Bundle.entry"](entry), f"Bundle.entry[{index}]")


def _issues_of(result: _Result, place: str) -> list[Issue]:
    return [Issue(_sentence(what), place + where, code) for where, what, code in _first_problems(result)]


def _first_problems(result: _Result) -> list[_Problem]:
    """The problems of a resource, not too many; the last then says that there are more."""
    listed = [] if result is None else _list_problems(result)
    return [*listed[:MOST], _MORE] if len(listed) > MOST else listed


class _Plans(dict[str, _Check]):
    """The compiled checks of types by name, each made when it is first asked for."""

    def __missing__(self, name: str) -> _Check:
        """Compile the type."""
        plan = self[name] = _inner_resource if name == "Resource" else _object(definitions()[name])
        return plan


class _Rules(dict[str, _Check]):
    """The checks of one type's keys, each compiled when it first occurs."""

    def __init__(self, definition: Definition) -> None:
        super().__init__()
        self.elements = {key: element for element in definition.elements for key in element.json_names()}
        if definition.kind == "resource":
            self["resourceType"] = _anything

    def __missing__(self, key: str) -> _Check:
        """Compile the key's check; an unknown key is not kept."""
        name = key.removeprefix("_")
        element = self.elements.get(name)
        if element is None:
            return _unknown_element
        kind = element.json_names()[name]
        if key == name:
            self[key] = _many(_one(element, kind)) if element.many else _one(element, kind)
        elif kind in PRIMITIVES and kind != "System.String":
            self[key] = _many_extras if element.many else _PLANS["Element"]
        else:
            return _unknown_element
        return self[key]

    def path(self, key: str) -> str:
        """The key as FHIRPath names it, without underscore or choice type; an odd unknown one is masked."""
        element = self.elements.get(key.removeprefix("_"))
        if element is not None:
            return "." + element.name.removesuffix("[x]")
        return f".{key}" if _NAME.match(key) else ".?"


_PLANS = _Plans()


@cache
def checkable() -> frozenset[str]:
    """Return the types of resources that there are definitions of."""
    result = definitions()
    return frozenset(name for name in result.resources if name in result)


def _object(definition: Definition) -> _Check:
    """The check of an object: each key by its rule, then what is missing and what is there twice."""
    rules = _Rules(definition)
    required = [
        (element.name, f"_{element.name}") for element in definition.elements if _is_plainly_required(element)
    ]
    choices = [(element, _spellings(element)) for element in definition.elements if element.is_choice]
    needs_content = definition.kind != "resource" and definition.name != "Element"

    def check_object(value: Any) -> _Result:
        if type(value) is not dict:
            return "must be an object"
        if not value or (needs_content and len(value) == 1 and "id" in value):
            return _EMPTY
        problems = _of_keys(value, rules)
        for key, extras in required:
            if key not in value and extras not in value:
                problems.append((f".{key}", "is missing; it is required", "required"))
        for element, spellings in choices:
            there = value.keys() & spellings
            if len(there) > 1 or (element.required and not there):
                problems += _choice_problems(element, there)
        return problems or None

    return check_object


def _of_keys(value: dict[str, Any], rules: _Rules) -> list[_Problem]:
    problems: list[_Problem] = []
    for key, item in value.items():
        result = rules[key](item)
        if result is not None:
            path = rules.path(key)
            problems += [
                (path + where, what, code) for where, what, code in _problems_of_key(value, key, result)
            ]
            if len(problems) > MOST:
                break
    return problems


def _is_plainly_required(element: Element) -> bool:
    return element.required and not element.is_choice


def _spellings(element: Element) -> frozenset[str]:
    keys = element.json_names()
    return frozenset([*keys, *(f"_{key}" for key in keys)])


def _choice_problems(element: Element, there: set[str]) -> list[_Problem]:
    kinds = {key.removeprefix("_") for key in there}
    path = "." + element.name.removesuffix("[x]")
    if len(kinds) > 1:
        return [(path, "must have one type only; it is given in several", "structure")]
    return [] if kinds else [(path, "is missing; it is required", "required")]


def _problems_of_key(value: dict[str, Any], key: str, result: list[_Problem] | str) -> list[_Problem]:
    """The problems of a key, less the nulls in a primitive array whose extensions stand in `_key`."""
    listed = _list_problems(result)
    extras = value.get(f"_{key}")
    if not isinstance(extras, list):
        return listed
    held = {f"[{index}]" for index, extra in enumerate(extras) if extra}
    return [problem for problem in listed if not (problem[1] is _NULL and problem[0] in held)]


def _list_problems(result: list[_Problem] | str) -> list[_Problem]:
    return [("", result, "required" if result is _EMPTY else "value")] if isinstance(result, str) else result


def _many(single: _Check) -> _Check:
    """The check of an array by the check of its items."""

    def check_array(value: Any) -> _Result:
        if type(value) is not list:
            return "must be an array"
        if not value:
            return _EMPTY
        problems: list[_Problem] = []
        for index, item in enumerate(value):
            result = _NULL if item is None else single(item)
            if result is not None:
                problems += [
                    (f"[{index}]{where}", what, code) for where, what, code in _list_problems(result)
                ]
                if len(problems) > MOST:
                    break
        return problems or None

    return check_array


def _many_extras(value: Any) -> _Result:
    """The check of `_name` of a primitive array: objects, and nulls where an item has none."""
    if type(value) is not list:
        return "must be an array"
    if not any(value):
        return _EMPTY
    problems: list[_Problem] = []
    for index, item in enumerate(value):
        result = None if item is None else _PLANS["Element"](item)
        if result is not None:
            problems += [(f"[{index}]{where}", what, code) for where, what, code in _list_problems(result)]
            if len(problems) > MOST:
                break
    return problems or None


def _one(element: Element, kind: str) -> _Check:
    """The check of one value of an element."""
    if element.codes and kind == "code":
        return code_check(element.codes)
    if kind in PRIMITIVES:
        return PRIMITIVES[kind]
    plan = _PLANS[kind]
    if kind == "Reference":
        return _and_then(plan, target_check(element.targets or definitions().resources))
    if element.codes and kind == "CodeableConcept":
        return _and_then(plan, concept_check(element.codes))
    if element.codes and kind == "Coding":
        return _and_then(plan, coding_check(element.codes))
    return plan


def _and_then(first: _Check, second: Callable[[Any], str | None]) -> _Check:
    """Both checks, the second only of what passed the first."""

    def check_both(value: Any) -> _Result:
        result = first(value)
        if result is not None:
            return result
        complaint = second(value)
        return None if complaint is None else [("", complaint, "code-invalid")]

    return check_both


def _inner_resource(value: Any) -> _Result:
    """The check of a resource in a resource; of a type not defined here only the name is looked at."""
    kind = value.get("resourceType") if type(value) is dict else None
    if not isinstance(kind, str) or kind not in definitions().resources:
        return [("", "must be an object with the name of an R4 resource in resourceType", "structure")]
    return (_first_problems(_PLANS[kind](value)) or None) if kind in checkable() else None


def _anything(_value: Any) -> _Result:
    return None


def _unknown_element(_value: Any) -> _Result:
    return [("", _UNKNOWN, "structure")]


def _sentence(what: str) -> str:
    return what[:1].upper() + what[1:] + "."
