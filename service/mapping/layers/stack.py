"""The layers a view is made of: the mappings themselves, and on them overlays, each on what it extends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from service.mapping.files.findings import Findings, files, is_passed_over, nearest
from service.mapping.files.strays import MANIFEST, strays
from service.mapping.layers import merge
from service.wire.yaml import InvalidYaml, Mapping, Mark, Node, Scalar, documents, plain
from service.wire.yaml import Sequence as List

_KEYS: Final = ("title", "description", "extends")


@dataclass(frozen=True, slots=True)
class Removed:
    """A mapping that an overlay removes: what it made, how that is withdrawn, and where it is said."""

    target: str
    withdraw: dict[str, Any]
    mark: Mark


@dataclass(slots=True)
class Layers:
    """Reads a folder of mappings layer by layer; what is wrong goes to the findings and reading goes on.

    `direction` names the folder of the mappings, `outbound` or `inbound`. `texts` keeps what was read, by
    file; `folders` are the layers from the lowest up, each with the folder its files stand in; `said` holds
    each document as it is written, with what it makes; `stages` the mappings by name as each layer left them.
    """

    root: Path
    findings: Findings
    direction: str = "outbound"
    folders: list[str] = field(default_factory=lambda: [""])
    texts: dict[str, str] = field(default_factory=dict)
    removed: list[Removed] = field(default_factory=list)
    written: list[tuple[str, Mapping]] = field(default_factory=list)
    stages: list[dict[str, Mapping]] = field(default_factory=list)

    def stack(self, names: Sequence[str], told_by: str) -> None:
        """Put overlays on, in order: what one extends comes below it, and each comes once.

        `told_by` is what names them, for errors.
        """
        for name in names:
            self._put(name, Mark(told_by), ())

    def mappings(self) -> list[Mapping]:
        """Give the mapping documents, each as the overlays leave it, in the order they first stand in."""
        merged: dict[str, Mapping] = {}
        for folder in self.folders:
            for stray in strays(self.root, folder):
                self.findings.add(stray)
            below = dict(merged)
            here: dict[str, Mark] = {}
            for node in self._documents(folder):
                try:
                    self._add(node, bool(folder), below, here, merged)
                except InvalidYaml as wrong:
                    self.findings.add(wrong)
            self.stages.append(dict(merged))
        return list(merged.values())

    def terminology(self, kind: str) -> dict[str, Node]:
        """Give the documents of `codesystems` or `concepts` by name, each as the overlays leave it."""
        merged: dict[str, Node] = {}
        for folder in self.folders:
            for name, node in self._named_nodes(folder, kind):
                try:
                    merged[name] = merge.terminology(merged[name], node) if name in merged else node
                except InvalidYaml as wrong:
                    self.findings.add(wrong)
        return merged

    def version(self) -> str:
        """Give the digest of everything that was read, and of its order."""
        digest = sha256()
        for file, text in [*sorted(self.texts.items()), ("", " ".join(self.folders))]:
            digest.update(f"{len(file)}:{file}{len(text)}:{text}".encode())
        return digest.hexdigest()

    def _put(self, name: str, mark: Mark, under: tuple[str, ...]) -> None:
        there = overlays(self.root)
        if name not in there:
            close = nearest(name, there)
            what = f"there is no overlay `{name}`" + (f"; did you mean `{close}`?" if close else "")
            self.findings.add(InvalidYaml(what, mark))
            return
        folder = f"overlays/{name}"
        if folder in self.folders:
            return
        for base, at in self._extends(folder):
            if base in {*under, name}:
                circle = " → ".join([*under, name, base])
                self.findings.add(
                    InvalidYaml(f"overlays extend each other in a circle: {circle}; cut it here", at)
                )
            else:
                self._put(base, at, (*under, name))
        self.folders.append(folder)

    def _extends(self, folder: str) -> list[tuple[str, Mark]]:
        """What an overlay's manifest says it stands on."""
        file = f"{folder}/{MANIFEST}"
        try:
            for name, _, text in files(self.root, folder, self.findings):
                if name == file:
                    self.texts[file] = text
                    return _manifest(documents(text, file), file)
        except InvalidYaml as wrong:
            self.findings.add(wrong)
        return []

    def _documents(self, folder: str) -> Iterator[Node]:
        for file, _, text in files(self.root, _within(folder, self.direction), self.findings):
            self.texts[file] = text
            try:
                nodes = documents(text, file)
                if not nodes:
                    raise InvalidYaml(
                        "the file is empty; write a mapping in it, or delete it", Mark(file, 1, 1)
                    )
                yield from nodes
            except InvalidYaml as wrong:
                self.findings.add(wrong)

    def _named_nodes(self, folder: str, kind: str) -> Iterator[tuple[str, Node]]:
        for file, stem, text in files(self.root, _within(folder, kind), self.findings):
            self.texts[file] = text
            try:
                nodes = documents(text, file)
                if len(nodes) != 1:
                    what = f"one document stands in this file, found {len(nodes)}"
                    self.findings.add(InvalidYaml(what, Mark(file, 1, 1)))
                    continue
                yield stem, nodes[0]
            except InvalidYaml as wrong:
                self.findings.add(wrong)

    def _add(
        self,
        node: Node,
        on_top: bool,
        below: dict[str, Mapping],
        here: dict[str, Mark],
        merged_so_far: dict[str, Mapping],
    ) -> None:
        """Take one document of a layer: a new mapping, or what an overlay says about one below."""
        if not isinstance(node, Mapping):
            raise InvalidYaml("a map stands here", node.mark)
        if merge.EXTENDS not in node.entries:
            if on_top and "map" not in node.entries:
                raise InvalidYaml(
                    "`extends` is missing here, or `map` where this is a mapping of its own", node.mark
                )
            name = _text(node, "name") or _text(node, "map") or f"?{len(merged_so_far)}"
            if name in merged_so_far:
                first = here.get(name, merged_so_far[name].mark)
                remedy = f"extend it by `extends: {name}`, or " if name in below else ""
                what = f"`{name}` is made at {first} too; {remedy}give this one a `name` of its own"
                raise InvalidYaml(what, node.mark)
            merged_so_far[name], here[name] = node, node.mark
            self.written.append((_text(node, "map"), node))
            return
        name, at = _text(node, merge.EXTENDS), node.keys[merge.EXTENDS]
        if not on_top:
            raise InvalidYaml("`extends` stands in overlays: there is nothing below this mapping", at)
        if name in here:
            raise InvalidYaml(
                f"this overlay speaks of `{name}` at {here[name]} too; say it in one document", at
            )
        if name not in below:
            making = [mapping_name for mapping_name, node in below.items() if _text(node, "map") == name]
            close = "`, `".join(making) or nearest(name, list(below))
            meant = f"; did you mean `{close}`?" if close else ""
            raise InvalidYaml(
                f"there is no mapping `{name}` below this overlay{meant}", node.entries[merge.EXTENDS].mark
            )
        here[name] = node.mark
        self.written.append((_text(below[name], "map"), node))
        merged = merge.merge_mapping(below[name], node)
        if merged is None:
            del merged_so_far[name]
            withdraw = below[name].entries.get("withdraw")
            patch = plain(withdraw) if isinstance(withdraw, Mapping) else {}
            self.removed.append(Removed(_text(below[name], "map"), patch, node.keys["make"]))
        else:
            merged_so_far[name] = merged


def overlays(root: Path) -> list[str]:
    """Give the names of the overlays of a folder of mappings."""
    names = (path.name for path in sorted((root / "overlays").glob("*/")))
    return [name for name in names if not is_passed_over(name)]


def _within(folder: str, kind: str) -> str:
    return f"{folder}/{kind}" if folder else kind


def _text(node: Mapping, key: str) -> str:
    value = node.entries.get(key)
    return value.value if isinstance(value, Scalar) and isinstance(value.value, str) else ""


def _manifest(nodes: tuple[Node, ...], file: str) -> list[tuple[str, Mark]]:
    if len(nodes) != 1 or not isinstance(nodes[0], Mapping):
        raise InvalidYaml("a map with title, description and extends stands here", Mark(file, 1, 1))
    for key, mark in nodes[0].keys.items():
        if key not in _KEYS:
            close = nearest(key, list(_KEYS)) or ", ".join(_KEYS)
            raise InvalidYaml(f"`{key}` is no part of an overlay's manifest; did you mean `{close}`?", mark)
    extends = nodes[0].entries.get("extends", List((), nodes[0].mark))
    items = extends.items if isinstance(extends, List) else (extends,)
    names = []
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            raise InvalidYaml("the name of an overlay stands here", item.mark)
        names.append((item.value, item.mark))
    return names
