"""Golden pairs: what goes into the mappings, and what must come out of them, to the letter."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from service.errors import CasebridgeError, Issue, Malformed, Misconfigured
from service.mapping.catalogue import Catalogue
from service.mapping.compiler.projector import MappingError
from service.mapping.files.findings import nearest
from service.mapping.language.localise import interpreter
from service.wire.json import canonical, dump, parse, pretty

Resources = list[dict[str, Any]]
_UNWRITTEN = "there is no out.json; --update writes what is made"
_KEYS = frozenset({"source", "roots", "like", "overlays"})


@dataclass(frozen=True, slots=True)
class Pair:
    """A folder with `in.json` (source and roots, perhaps overlays) and `out.json` (the resources, in order).

    `out.<language>.json` holds some of the resources as they are told in that language. What comes in stands
    in `sent.json` or `sent.hl7` instead, as it is sent; `sent` are the roots that are read of it.
    """

    name: str
    folder: Path
    source: str
    roots: dict[str, Any]
    overlays: tuple[str, ...]
    sent: tuple[dict[str, Any], ...] = ()

    @property
    def expected(self) -> Resources:
        """What `out.json` says; nothing while it is not written yet."""
        path = self.folder / "out.json"
        return _read_json(path) if path.exists() else []

    @property
    def translated_resources(self) -> dict[str, Resources]:
        """What each `out.<language>.json` says, by language."""
        return {path.name.split(".")[1]: _read_json(path) for path in sorted(self.folder.glob("out.*.json"))}


@dataclass(frozen=True, slots=True)
class Result:
    """What a pair came to: the resources, also in languages, the differences, and what is not valid R4."""

    pair: Pair
    resources: Resources
    translations: dict[str, Resources]
    differences: tuple[str, ...]
    issues: tuple[str, ...]


def pairs(folder: Path) -> list[Pair]:
    """Read `golden/<pair>` and `golden/<overlay>/<pair>`; the latter run with that overlay.

    `overlays` in an `in.json` names another stack; `like` takes source and roots of another pair.

    Raises:
        Misconfigured: an `in.json` is not what a pair opens with.
    """
    paths = [*folder.glob("golden/*/in.json"), *folder.glob("golden/*/*/in.json")]
    return [_pair(path, folder / "golden") for path in sorted(paths)]


def sent(folder: Path, read: Callable[[str, tuple[str, ...], bytes], Iterable[dict[str, Any]]]) -> list[Pair]:
    """Read the pairs that open with what a partner sends, `sent.json` (FHIR) or `sent.hl7`.

    They stand where `pairs` stand; `read` gives the roots of each source, as a stack of overlays has them.

    Raises:
        Misconfigured: nothing can be read of what is sent.
    """
    root = folder / "golden"
    own_pairs = []
    for path in sorted([*root.glob("*/sent.*"), *root.glob("*/*/sent.*")]):
        source = {".json": "fhir", ".hl7": "hl7v2"}.get(path.suffix)
        if source is None:
            raise Misconfigured("What is sent is sent.json (FHIR) or sent.hl7.", where=str(path))
        name, own = _pair_name(path, root)
        try:
            roots = tuple(read(source, own, path.read_bytes()))
        except CasebridgeError as error:
            raise Misconfigured(str(error), where=str(path)) from error
        own_pairs.append(Pair(name, path.parent, source, {}, own, roots))
    return own_pairs


def chosen(pairs_there: list[Pair], names: Collection[str]) -> list[Pair]:
    """Give the pairs of these names, a folder standing for all in it; all pairs when none is named.

    Raises:
        Misconfigured: a name is no pair's.
    """
    for name in names:
        if not any(_within(pair, name) for pair in pairs_there):
            close = nearest(name, [pair.name for pair in pairs_there])
            what = f"There is no golden pair golden/{name}." + (f" Did you mean {close}?" if close else "")
            raise Misconfigured(what)
    return [pair for pair in pairs_there if not names or any(_within(pair, name) for name in names)]


def run(
    chosen: Iterable[Pair],
    catalogue: Callable[[tuple[str, ...]], Catalogue],
    validate: Callable[[dict[str, Any]], list[Issue]],
    ignored: Collection[str] = (),
) -> Iterator[Result]:
    """Map each pair's source, compare with what is expected and validate what was made.

    Args:
        chosen: the pairs to run.
        catalogue: gives the mappings with a stack of overlays; asked once a stack.
        validate: gives what is wrong with a resource.
        ignored: element paths whose differences do not count, each with all below it.
    """
    compiled = cache(catalogue)
    return (_run(pair, compiled(pair.overlays), validate, ignored) for pair in chosen)


def update(result: Result) -> None:
    """Write what was made as what is expected from now on."""
    (result.pair.folder / "out.json").write_bytes(pretty(result.resources))
    for language, resources in result.translations.items():
        (result.pair.folder / f"out.{language}.json").write_bytes(pretty(resources))


def differences(expected: Resources, resources: Resources, ignored: Collection[str] = ()) -> Iterator[str]:
    """Give each difference as `Type/id: path: expected != made`."""
    before, after = _by_name(expected), _by_name(resources)
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield f"{name}: expected, not made"
        elif name not in before:
            yield f"{name}: made, not expected"
        else:
            for path, left, right in _differences(before[name], after[name], ""):
                if not any(_below(path, ignored_path) for ignored_path in ignored):
                    yield f"{name}: {path}: {left} != {right}"
    if before.keys() == after.keys() and list(before) != list(after):
        yield "the same resources in another order"


def _run(
    pair: Pair,
    catalogue: Catalogue,
    validate: Callable[[dict[str, Any]], list[Issue]],
    ignored: Collection[str],
) -> Result:
    try:
        projector = catalogue.projector(pair.source)
        resources_of_pair = [
            made_resource.resource
            for roots in pair.sent or (pair.roots,)
            for made_resource in projector.run(roots)
        ]
    except MappingError as error:
        return Result(pair, [], {}, tuple(f"{issue.where}: {issue.what}" for issue in error.issues), ())
    words = interpreter(catalogue.terminology, catalogue.words)
    expected = pair.translated_resources
    translations = {
        language: [
            words.tell(resource, language)
            for resource in resources_of_pair
            if _name(resource) in map(_name, resources)
        ]
        for language, resources in expected.items()
    }
    written = (pair.folder / "out.json").exists()
    lines = list(differences(pair.expected, resources_of_pair, ignored)) if written else [_UNWRITTEN]
    for language, resources in translations.items():
        lines += (f"{language}: {line}" for line in differences(expected[language], resources, ignored))
    all_made = [
        *resources_of_pair,
        *(resource for resources in translations.values() for resource in resources),
    ]
    issues = (f"{issue.where}: {issue.what}" for resource in all_made for issue in validate(resource))
    return Result(pair, resources_of_pair, translations, tuple(lines), tuple(issues))


def _pair(path: Path, root: Path) -> Pair:
    content = _read_json(path)
    name, own = _pair_name(path, root)
    if isinstance(content, dict) and isinstance(content.get("like"), str):
        # a pair that is like another again has neither source nor roots and is refused below
        content = _read_json(root / content["like"] / "in.json") | {
            k: v for k, v in content.items() if k != "like"
        }
    if not isinstance(content, dict) or not {"source", "roots"} <= content.keys() <= _KEYS:
        what = "in.json holds `source` and `roots`, or `like` and the name of a pair, and perhaps `overlays`."
        raise Misconfigured(what, where=str(path))
    return Pair(name, path.parent, content["source"], content["roots"], tuple(content.get("overlays", own)))


def _pair_name(path: Path, root: Path) -> tuple[str, tuple[str, ...]]:
    """The name of the pair that a file opens, and the overlay that its folder names."""
    folder = path.parent
    own = (folder.parent.name,) if folder.parent != root else ()
    return folder.relative_to(root).as_posix(), own


def _read_json(path: Path) -> Any:
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise Misconfigured("There is no such file.", where=str(path)) from error
    except Malformed as error:
        raise Misconfigured(str(error), where=str(path)) from error


def _within(pair: Pair, name: str) -> bool:
    return pair.name == name or pair.name.startswith(f"{name.rstrip('/')}/")


def _by_name(resources: Resources) -> dict[str, dict[str, Any]]:
    by_name: dict[str, dict[str, Any]] = {}
    for resource in resources:
        name = _name(resource)
        by_name[name if name not in by_name else f"{name} (again)"] = resource
    return by_name


def _name(resource: dict[str, Any]) -> str:
    """What a difference stands under; what is made of what came in is no resource."""
    if "resourceType" not in resource:
        return "Discharge"
    return f"{resource['resourceType']}/{resource.get('id', '?')}"


def _differences(left: Any, right: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            yield from _differences(left.get(key), right.get(key), f"{path}.{key}" if path else key)
    elif isinstance(left, list) and isinstance(right, list):
        for index in range(max(len(left), len(right))):
            before, after = (side[index] if index < len(side) else None for side in (left, right))
            yield from _differences(before, after, f"{path}[{index}]")
    elif canonical(left) != canonical(right):
        yield path, _value_for_display(left), _value_for_display(right)


def _value_for_display(value: Any) -> str:
    return "nothing" if value is None else dump(value).decode()


def _below(path: str, ignored: str) -> bool:
    return path == ignored or path.startswith((f"{ignored}.", f"{ignored}["))
