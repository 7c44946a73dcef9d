"""Whether a valid R4 resource meets a profile that it might claim: https://hl7.org/fhir/R4/profiling.html.

The profiles are those of us_core.json. Looked at are required elements, cardinalities, reference targets,
required bindings, slices and invariants; other bindings leave codes of one's own open.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

_DATA: Final = Path(__file__).with_name("us_core.json")
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_MEMBER: Final = {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}
_Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile: what it says of elements beyond R4, and which elements it wants supported.

    `supported` are ids of elements (`Coverage.class:group.value`). Of the `choices` among them one is enough,
    each with all below it. `slice_patterns` gives for a slice what its items hold, any one of these.
    """

    url: str
    type: str
    elements: dict[str, _Json]
    slices: tuple[_Json, ...]
    extensions: frozenset[str]
    rules: dict[str, tuple[_Json, ...]]
    supported: tuple[str, ...]
    choices: tuple[tuple[str, ...], ...]
    slice_patterns: dict[str, tuple[_Json, ...]]


@cache
def profiles() -> dict[str, Profile]:
    """Give the profiles that can be checked, by url."""
    raw_profiles = json.loads(_DATA.read_bytes())["profiles"]
    return {
        url: Profile(
            url,
            raw["type"],
            raw["elements"],
            tuple(raw["slices"]),
            frozenset(raw["extensions"]),
            {path: tuple(rules) for path, rules in raw["rules"].items()},
            tuple(raw["mustSupport"]),
            tuple(map(tuple, raw["choices"])),
            {id_: tuple(_slice_patterns(telling)) for id_, telling in raw["told"].items()},
        )
        for url, raw in raw_profiles.items()
    }


def misses(url: str, resource: _Json) -> list[str]:
    """Give what keeps a valid R4 resource from meeting a profile, each with its path; no value is quoted."""
    profile = profiles()[url]
    if resource.get("resourceType") != profile.type:
        return [f"{profile.type}: the profile is about another type"]
    misses_found = [
        f"{path}: {what}"
        for path, added in profile.elements.items()
        for node in _parents(resource, path)
        for what in _element(node, path.rpartition(".")[2], added)
    ]
    misses_found += [miss for slice_ in profile.slices for miss in _slice(resource, slice_)]
    misses_found += [
        f"{path}: {rule['human']} ({rule['key']})"
        for path, rules in profile.rules.items()
        for node in _at(resource, path)
        for rule in rules
        if not RULES[rule["key"]](node)
    ]
    if profile.extensions & {extension.get("url") for extension in resource.get("extension", ())}:
        misses_found.append(
            f"{profile.type}.extension: has an extension of the profile, whose content is not checked"
        )
    return misses_found


def _slice_patterns(telling: _Json) -> Iterator[_Json]:
    """What an item of a slice holds, any one of these."""
    if "url" in telling:
        yield {telling["at"]: telling["url"]}
        return
    pattern = telling.get("pattern")
    codes = telling["codes"] if pattern is None else {pattern["system"]: [pattern["code"]]}
    for coding in ({"system": system, "code": code} for system, values in codes.items() for code in values):
        yield {telling["at"]: {"coding": [coding]}} if telling["at"] else {"coding": [coding]}


def _has_name_or_reason(node: _Json) -> bool:
    """us-core-6: a family or given name, or else the reason why there is none."""
    absent = any(extension.get("url") == _ABSENT for extension in node.get("extension", ()))
    return ("family" in node or "given" in node) != absent


def _has_member_id(node: _Json) -> bool:
    """us-core-15: a member id or the subscriber's id."""
    types = (identifier.get("type", {}) for identifier in node.get("identifier", ()))
    return "subscriberId" in node or any(_is_like(type_, _MEMBER) for type_ in types)


RULES: Final[dict[str, Callable[[_Json], bool]]] = {
    "us-core-6": _has_name_or_reason,
    "us-core-15": _has_member_id,
}


def _element(node: _Json, leaf: str, added: _Json) -> Iterator[str]:
    values = list(_values(node, leaf))
    if len(values) < added.get("min", 0):
        yield "is missing"
    if len(values) > added.get("max", len(values)):
        yield f"occurs more than {added['max']} times"
    if "targets" in added and not all(_leads_to(value, added["targets"]) for value in values):
        yield f"refers to something else than {' or '.join(added['targets'])}"
    if "codes" in added and not all(_is_of(value, added["codes"]) for value in values):
        yield "has a code that the profile does not take"


def _slice(resource: _Json, slice_: _Json) -> Iterator[str]:
    items = [
        item
        for node in _parents(resource, slice_["path"])
        for item in _values(node, slice_["path"].rpartition(".")[2])
    ]
    telling = [part.get(slice_["at"], {}) if slice_["at"] else part for part in items]
    count = sum(
        _is_of(part, slice_["codes"]) if "codes" in slice_ else _is_like(part, slice_["pattern"])
        for part in telling
    )
    if not slice_["min"] <= count <= slice_.get("max", count):
        wanted = f"{slice_['min']} to {slice_['max']}" if "max" in slice_ else f"at least {slice_['min']}"
        yield f"{slice_['path']}: wants {wanted} with the profile's own code, has {count}"


def _at(resource: _Json, path: str) -> Iterator[_Json]:
    """The objects at a path of element names."""
    nodes = [resource]
    for step in path.split(".")[1:]:
        nodes = [value for node in nodes for value in _values(node, step)]
    yield from (node for node in nodes if isinstance(node, dict))


def _parents(resource: _Json, path: str) -> Iterator[_Json]:
    return _at(resource, path.rpartition(".")[0])


def _values(node: _Json, leaf: str) -> Iterator[Any]:
    """The values of an element; one that has extensions in place of a value counts."""
    if f"_{leaf}" in node and leaf not in node:
        yield node[f"_{leaf}"]
    value = node.get(leaf)
    if value is not None:
        yield from value if isinstance(value, list) else (value,)


def _leads_to(reference: _Json, targets: list[str]) -> bool:
    literal = reference.get("reference", "").partition("/_history")[0]
    kind = reference.get("type") or (literal.split("/")[-2] if "/" in literal else "")
    return not kind or kind in targets


def _codings(value: Any) -> list[_Json]:
    if not isinstance(value, dict):
        return [{"code": value}]
    codings: list[_Json] = value.get("coding", [value] if "code" in value else [])
    return codings


def _is_of(value: Any, codes: dict[str, list[str]]) -> bool:
    plain = isinstance(value, str)
    return any(
        coding.get("code") in values and (plain or coding.get("system") == system)
        for coding in _codings(value)
        for system, values in codes.items()
    )


def _is_like(value: Any, pattern: _Json) -> bool:
    return any(pattern.items() <= coding.items() for coding in _codings(value))
