"""What the XHTML of a narrative may hold (txt-1, txt-2): https://hl7.org/fhir/R4/narrative.html#xhtml."""

from typing import Any
from xml.parsers import expat

_NAMESPACE = "http://www.w3.org/1999/xhtml"
_ELEMENT_NAMES = """
    a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6
    hr i img li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
"""
_ATTRIBUTE_NAMES = """
    abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff
    charset cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc
    name noshade nowrap rel rev rowspan rules scope shape span src start style summary tabindex title type
    valign value vspace width
"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())
_ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split())
_XML = "http://www.w3.org/XML/1998/namespace "
_SCHEMES = ("javascript:", "vbscript:", "data:text")


class _NarrativeError(Exception):
    """The narrative breaks a rule; its text says which."""


class _NarrativeRules:
    """The handlers of one narrative: they raise at the first thing not allowed."""

    def __init__(self) -> None:
        self.depth = 0
        self.content = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if namespace != _NAMESPACE or (self.depth == 0 and local != "div"):
            raise _NarrativeError("must be one div in the XHTML namespace")
        if local not in _ELEMENTS:
            raise _NarrativeError("must hold only elements a narrative allows (no scripts, forms, objects)")
        for attribute, value in attributes.items():
            if attribute not in _ATTRIBUTES and not attribute.startswith(_XML):
                raise _NarrativeError("must hold only the attributes a narrative allows (no event handlers)")
            if attribute in ("href", "src") and value.strip().lower().startswith(_SCHEMES):
                raise _NarrativeError("must not link to a script")
        self.depth += 1
        self.content = self.content or local == "img"

    def text(self, data: str) -> None:
        self.content = self.content or not data.isspace()


def narrative(value: Any) -> str | None:
    """What is wrong with a narrative's div, or None."""
    if type(value) is not str:
        return "must be a string of XHTML"
    if "<!DOCTYPE" in value or "<!ENTITY" in value or "<?" in value:
        return "must hold no document type, entity or processing instruction"
    rules = _NarrativeRules()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = rules.start
    parser.CharacterDataHandler = rules.text
    try:
        parser.Parse(value.strip(), True)
    except _NarrativeError as exc:
        return str(exc)
    except (expat.ExpatError, ValueError):
        return "must be well-formed XHTML"
    return None if rules.content else "must have some text or an image"
