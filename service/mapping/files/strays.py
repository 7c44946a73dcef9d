"""Files in a folder of mappings that nothing reads: who wrote them would take what they say for said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from service.mapping.files.findings import is_passed_over, nearest
from service.wire.yaml import InvalidYaml, Mark

# what a layer holds, and what stands beside the layers
FOLDERS: Final = ("outbound", "inbound", "compositions", "codesystems", "concepts")
MANIFEST: Final = "overlay.yaml"
_BESIDE: Final = ("overlays", "pathways", "labels", "golden")
_SUFFIXES: Final = frozenset({".yaml", ".yml"})


def strays(root: Path, layer: str) -> Iterator[InvalidYaml]:
    """Give the files of a layer that nothing reads: of the mappings themselves (layer ''), or of an overlay.

    Of what is no YAML only what stands in a folder that nothing knows is told; what editors leave is passed
    over, and so is what golden pairs hold.
    """
    folders = FOLDERS if layer else (*FOLDERS, *_BESIDE)
    for path in sorted((root / layer).glob("*")):
        if is_passed_over(path.name):
            continue
        if path.is_dir():
            yield from _within(root, path, folders)
        elif path.suffix.lower() in _SUFFIXES and not (layer and path.name == MANIFEST):
            is_manifest = layer and path.stem == Path(MANIFEST).stem
            yield _stray(
                root, path, _rename(path) if is_manifest else f"*.yaml files stand in {_all(folders)}"
            )


def _within(root: Path, folder: Path, folders: tuple[str, ...]) -> Iterator[InvalidYaml]:
    name = folder.name
    if name not in folders:
        close = nearest(name, list(folders))
        remedy = f"is `{name}/` meant for `{close}/`?" if close else f"files stand in {_all(folders)}"
        yield from (_stray(root, stray_file, remedy) for stray_file in _files(folder))
    elif name == "overlays":
        remedy = "an overlay is a folder of its own in overlays/"
        yield from (
            _stray(root, stray_file, remedy) for stray_file in _yaml(folder) if stray_file.parent == folder
        )
    elif name != "golden":
        for path in _yaml(folder):
            if path.parent != folder:
                yield _stray(root, path, f"*.yaml files stand in {name}/ itself")
            elif path.suffix != ".yaml":
                yield _stray(root, path, _rename(path))


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and not any(map(is_passed_over, inside)):
            yield path


def _yaml(folder: Path) -> Iterator[Path]:
    return (path for path in _files(folder) if path.suffix.lower() in _SUFFIXES)


def _rename(path: Path) -> str:
    return f"rename it to {path.stem}.yaml"


def _all(folders: tuple[str, ...]) -> str:
    return ", ".join(f"{name}/" for name in folders)


def _stray(root: Path, path: Path, remedy: str) -> InvalidYaml:
    return InvalidYaml(f"nothing reads this file; {remedy}", Mark(path.relative_to(root).as_posix()))
