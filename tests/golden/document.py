"""The golden case as a document; `python -m tests.golden.document` writes the files that it is compared with.

`document/<language>.txt` is what a person reads, `document/Composition.json` the English Composition.
"""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from service.flows.pull.document import EpisodeDocuments
from service.flows.pull.localise import Localisation
from service.mapping.catalogue import Catalogue
from service.mapping.language.localise import interpreter
from service.settings import Settings
from service.values.access.scope import DEFAULT, Scope
from service.values.kept.resources import EverythingQuery, StoredResource
from service.wire.json import dump, parse, pretty
from service.wiring.compiled import catalogues, compositions

FOLDER = Path(__file__).with_name("document")
MAPPINGS = Path(__file__).parents[2] / "mappings"
CASE = MAPPINGS / "golden/case/in.json"
LANGUAGES = ("en", "da", "sv", "fi", "de", "ru")
ALL = EverythingQuery("EpisodeOfCare", "", (), ())
AT = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
KINDS = {"client": "", "kind": "organization", "names": "practitioner"}
CELL, TAG, ROW = re.compile(r"</t[dh]>\s*<t[dh]>"), re.compile(r"<[^>]*>"), re.compile(r"</(?:tr|li|p|h1)>")


class Given:
    """What there is of the golden case, in place of what a store would find."""

    def __init__(self, outbound: Catalogue) -> None:
        """Have the mappings make all of it."""
        roots = parse(CASE.read_bytes())["roots"]
        made = [*outbound.projector("case").run(roots), *outbound.projector("client").run(roots)]
        for document in _directory(roots["case"]).values():
            kind = next((kind for key, kind in KINDS.items() if key in document), "location")
            made += outbound.projector(kind).run({kind: document}) if kind else ()
        self.resources = [result.resource for result in made]

    def whole(self, _scope: Scope, _asked: EverythingQuery) -> list[StoredResource]:
        """All of it, whoever asks."""
        return [StoredResource(r["resourceType"], r["id"], 1, AT, dump(r), None) for r in self.resources]


def _directory(node: Any) -> dict[str, Any]:
    """What stands in a case by a UUID."""
    documents = {node["uuid"]: node} if isinstance(node, dict) and "uuid" in node else {}
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        documents |= _directory(below)
    return documents


@cache
def stories(overlays: tuple[str, ...] = (), mappings: Path = MAPPINGS) -> EpisodeDocuments:
    """The story of documents with a stack of overlays, of the golden case alone."""
    settings = replace(Settings.from_env({}), mappings=mappings, overlays=overlays)
    outbound = catalogues(settings)
    composed = compositions(settings, outbound)
    words, composed_words = (
        {view: interpreter(made.terminology, made.words) for view, made in by_view.items()}
        for by_view in (outbound, composed)
    )
    disclosure: Any = Given(outbound[DEFAULT])
    return EpisodeDocuments(
        disclosure, Localisation(words), composed, composed_words, "https://casebridge.example/fhir"
    )


def bundle(language: str = "en", overlays: tuple[str, ...] = (), mappings: Path = MAPPINGS) -> dict[str, Any]:
    """The golden case as a document Bundle."""
    story = stories(overlays, mappings)
    ids = {entry.type: entry.id for entry in story.everything.whole(Scope(), ALL)}
    document = story.document(Scope(), ids["EpisodeOfCare"], tuple(ids), language)
    bundle: dict[str, Any] = json.loads(document.body)
    return bundle


def lines(div: str) -> Iterator[str]:
    """What a person reads of a narrative, a row or item a line."""
    for row in ROW.split(CELL.sub(" | ", div.replace("<br/>", "; "))):
        if text := html.unescape(TAG.sub("", row)).strip():
            yield text


def page(composition: dict[str, Any]) -> str:
    """What a person reads of a document."""
    sections = [(composition["title"], composition["text"]["div"])]
    sections += [(section["title"], section["text"]["div"]) for section in composition["section"]]
    return "\n\n".join("\n".join([f"# {title}", *lines(div)]) for title, div in sections) + "\n"


def outputs() -> Iterator[tuple[Path, bytes]]:
    """Each file with what is to stand in it."""
    for language in LANGUAGES:
        composition = bundle(language)["entry"][0]["resource"]
        yield FOLDER / f"{language}.txt", page(composition).encode()
    yield FOLDER / "Composition.json", pretty(bundle()["entry"][0]["resource"])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, content in outputs():
        path.write_bytes(content)
