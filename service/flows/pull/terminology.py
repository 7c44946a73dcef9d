"""What our codes mean: read, search, look up, expand and validate; translating is its own story.

https://hl7.org/fhir/R4/terminology-service.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.errors import Issue, Malformed, NotFound
from service.flows.pull.localise import STORED, Ranges, preferred_language
from service.mapping.language.localise import interpreter
from service.mapping.terminology.concepts import CodeSystem, Terminology
from service.mapping.terminology.published import published_resources
from service.wire.fhir.definitions.extensions import structure_definitions
from service.wire.fhir.definitions.operations import operation_definitions
from service.wire.fhir.definitions.searches import search_parameters
from service.wire.fhir.exchange.parameters import parameters, part
from service.wire.fhir.search.forms.texts import normal

Resource = dict[str, Any]
Coding = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sought:
    """What a search compares: exact values by element, and a name with its modifier."""

    exact: tuple[tuple[str, tuple[str, ...]], ...] = ()
    names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """The part of an expansion that is wanted."""

    text: str = ""
    offset: int = 0
    count: int | None = None
    designations: bool = False


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The terminology of one view."""

    resources: tuple[Resource, ...]
    systems: dict[str, CodeSystem]
    languages: tuple[str, ...]

    def read(self, type_: str, id_: str) -> Resource:
        """Return a CodeSystem, ValueSet, ConceptMap or definition; raises NotFound."""
        return self._only(type_, "id", id_)

    def by_url(self, type_: str, url: str) -> Resource:
        """Return the one with a canonical url, which may end in `|version`; raises NotFound."""
        plain, _, version = url.partition("|")
        resource = self._only(type_, "url", plain)
        if version and version != resource["version"]:
            raise NotFound(f"There is no such version; kept is {resource['version']}.", where="url")
        return resource

    def search(self, type_: str, sought: Sought) -> list[Resource]:
        """Return all of a type that match."""
        return [
            resource
            for resource in self.resources
            if resource["resourceType"] == type_ and _matches(resource, sought)
        ]

    def language(self, ranges: Ranges) -> str:
        """Return the language that displays are given in."""
        return preferred_language(ranges, (STORED, *self.languages))

    def look_up(
        self, coding: Coding, language: str, properties: Sequence[str] = (), version: str | None = None
    ) -> Resource:
        """Return what is known of a code, as `CodeSystem/$lookup` tells it.

        Raises:
            NotFound: the system, its version or the code is not kept here.
        """
        system = self._system(coding)
        resource = self.by_url("CodeSystem", system.url)
        if (version or resource["version"]) != resource["version"]:
            raise NotFound(f"There is no such version; kept is {resource['version']}.", where="version")
        code = coding.get("code", "")
        if code not in system.displays:
            raise NotFound("There is no such code in this system.", where="code")
        every = not properties or "designation" in properties
        wanted = {
            property_.removeprefix("lang.") for property_ in properties if property_.startswith("lang.")
        }
        parts = [
            part("name", "String", resource["name"]),
            part("version", "String", resource["version"]),
            part("display", "String", _display(system, code, language)),
        ]
        parts += [
            {
                "name": "designation",
                "part": [part("language", "Code", spoken), part("value", "String", value)],
            }
            for spoken, value in _designations(system, code)
            if every or spoken in wanted
        ]
        return parameters(parts)

    def expand(self, value_set: Resource, window: Window, language: str, at: datetime) -> Resource:
        """Return a value set with the codes that are in it now."""
        system = self._system(value_set["compose"]["include"][0])
        codes = [code for code in system.displays if _contains(system, code, language, window.text)]
        last = None if window.count is None else window.offset + window.count
        expansion: Resource = {
            "timestamp": at.isoformat(timespec="seconds"),
            "total": len(codes),
            "offset": window.offset,
        }
        shown = [_expansion_item(system, code, language, window) for code in codes[window.offset : last]]
        return value_set | {
            "language": language,
            "expansion": expansion | ({"contains": shown} if shown else {}),
        }

    def validate(
        self, system_url: str, codings: Sequence[Coding], display: str | None, language: str
    ) -> Resource:
        """Return whether one of some codings is a code of a system, as `$validate-code` tells it.

        A display that is given must be the code's in some language.
        """
        system = self.systems[system_url]
        known = [
            coding
            for coding in codings
            if coding.get("system") == system_url and coding.get("code") in system.displays
        ]
        if not known:
            message = "The code is none of this code system's."
            return parameters([part("result", "Boolean", False), part("message", "String", message)])
        code = known[0]["code"]
        said = display or known[0].get("display")
        right = said is None or _is_called(system, code, said)
        parts = [part("result", "Boolean", right)]
        if not right:
            parts.append(part("message", "String", "The display is none of this code's."))
        return parameters([*parts, part("display", "String", _display(system, code, language))])

    def _system(self, coding: Coding) -> CodeSystem:
        system = self.systems.get(coding.get("system", ""))
        if system is None:
            raise NotFound(
                "This code system is not kept here; search CodeSystem for those that are.", where="system"
            )
        return system

    def _only(self, type_: str, element: str, value: str) -> Resource:
        for resource in self.resources:
            if resource["resourceType"] == type_ and resource.get(element) == value:
                return resource
        raise NotFound(f"There is no such {type_}; search for those that are.", where=element)


def vocabulary(terminology: Terminology) -> Vocabulary:
    """Return the vocabulary of a catalogue's terminology."""
    words = interpreter(terminology, {})
    return Vocabulary(
        (
            *published_resources(terminology),
            *structure_definitions(),
            *operation_definitions(),
            *search_parameters(),
        ),
        words.systems,
        words.languages,
    )


def required_value(value: Any, name: str) -> Any:
    """Return a parameter's value; raises Malformed when it was not given."""
    if value is None:
        raise Malformed(
            "This parameter is needed.", issues=[Issue("This parameter is needed.", name, "required")]
        )
    return value


def _matches(resource: Resource, sought: Sought) -> bool:
    return all(resource.get(element) in values for element, values in sought.exact) and all(
        _is_named(resource["name"], modifier, text) for modifier, text in sought.names
    )


def _is_named(name: str, modifier: str, text: str) -> bool:
    if modifier == "exact":
        return name == text
    known, wanted = normal(name), normal(text)
    return wanted in known if modifier == "contains" else known.startswith(wanted)


def _designations(system: CodeSystem, code: str) -> list[tuple[str, str]]:
    return [(STORED, system.displays[code]), *system.designations[code].items()]


def _display(system: CodeSystem, code: str, language: str) -> str:
    return system.designations[code].get(language, system.displays[code])


def _is_called(system: CodeSystem, code: str, said: str) -> bool:
    return any(value.casefold() == said.casefold() for _, value in _designations(system, code))


def _contains(system: CodeSystem, code: str, language: str, text: str) -> bool:
    """Whether each word of a filter stands in the code or in what it is called."""
    searched = normal(f"{code} {_display(system, code, language)}")
    return all(word in searched for word in normal(text).split())


def _expansion_item(system: CodeSystem, code: str, language: str, window: Window) -> Resource:
    item: Resource = {"system": system.url, "code": code, "display": _display(system, code, language)}
    if window.designations:
        item["designation"] = [
            {"language": spoken, "value": value} for spoken, value in _designations(system, code)
        ]
    return item
