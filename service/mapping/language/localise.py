"""A resource in another language: displays of our codes, plain or coded, and concepts its narrative marks.

https://hl7.org/fhir/R4/languages.html
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from service.mapping.language.narrative import translated_narrative
from service.mapping.terminology.concepts import CodeSystem, Terminology


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Our code systems by name and by url, and the languages they have designations in.

    `plain` holds, by element path, the displays that may stand there as plain text, each with its concept.
    """

    by_name: dict[str, CodeSystem]
    systems: dict[str, CodeSystem]
    languages: tuple[str, ...]
    plain: dict[str, dict[str, tuple[CodeSystem, str]]]

    def tell(self, resource: dict[str, Any], language: str) -> dict[str, Any]:
        """Return a copy in a language; what has no designation in it, or was written by people, stays."""
        head = {"resourceType": resource["resourceType"], "language": language}
        translation: dict[str, Any] = self._value(resource, language, resource["resourceType"])
        return head | translation | head

    def _value(self, value: Any, language: str, path: str) -> Any:
        if isinstance(value, list):
            return [self._value(item, language, path) for item in value]
        if not isinstance(value, dict):
            return self._plain(value, language, path) if path in self.plain else value
        translation = {key: self._value(below, language, f"{path}.{key}") for key, below in value.items()}
        if "coding" in value:
            self._retitle(value, translation)
        elif "code" in value and value.get("system") in self.systems:
            word = _word(self.systems[value["system"]], value["code"], language)
            translation |= {} if word is None else {"display": word}
        elif "div" in value:
            translation["div"] = translated_narrative(
                value["div"], language, lambda name, code: self._designation_of(name, code, language)
            )
        return translation

    def _plain(self, value: Any, language: str, path: str) -> Any:
        """A display that a mapping put there as it is; other text stays."""
        if value not in self.plain[path]:
            return value
        word = _word(*self.plain[path][value], language)
        return value if word is None else word

    def _retitle(self, concept: dict[str, Any], translation: dict[str, Any]) -> None:
        """Where the text of a concept is the display of one of its codings, it goes with it."""
        for before, after in zip(concept["coding"], translation["coding"], strict=True):
            if "text" in concept and before.get("display") == concept["text"]:
                translation["text"] = after["display"]
                return

    def _designation_of(self, name: str, code: str, language: str) -> str | None:
        return _word(self.by_name[name], code, language) if name in self.by_name else None


def interpreter(terminology: Terminology, words: Mapping[str, Collection[str]]) -> Interpreter:
    """The interpreter of a catalogue's code systems; `words` are as `Catalogue.words`."""
    systems = terminology.codesystems
    spoken = [
        language
        for system in systems.values()
        for designations in system.designations.values()
        for language in designations
    ]
    plain = {
        path: {
            display: (systems[name], code)
            for name in sorted(names)
            for code, display in systems[name].displays.items()
        }
        for path, names in words.items()
    }
    by_url = {code_system.url: code_system for code_system in systems.values()}
    return Interpreter(dict(systems), by_url, tuple(dict.fromkeys(spoken)), plain)


def _word(system: CodeSystem, code: str, language: str) -> str | None:
    return system.designations.get(code, {}).get(language)
