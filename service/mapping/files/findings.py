"""The files of mappings, and what is found wrong in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from service.errors import Issue, Misconfigured
from service.wire.yaml import InvalidYaml, text_of


@dataclass(slots=True)
class Findings:
    """Everything wrong found so far, so that one start tells all of it."""

    issues: list[Issue] = field(default_factory=list)

    def add(self, wrong: InvalidYaml) -> None:
        """Keep one finding."""
        self.issues.append(Issue(wrong.what, str(wrong.mark), "invariant"))

    def settle(self) -> None:
        """Raise Misconfigured with all findings, if there are any."""
        if self.issues:
            first = self.issues[0]
            raise Misconfigured(first.what, where=first.where, issues=self.issues)


def files(root: Path, folder: str, findings: Findings) -> Iterator[tuple[str, str, str]]:
    """Give (path within the root, stem, text) of each YAML file of a folder, in the order of names."""
    for path in sorted((root / folder).glob("*.yaml")):
        if is_passed_over(path.name):
            continue
        name = path.relative_to(root).as_posix()
        try:
            text = text_of(path.read_bytes(), name)
        except InvalidYaml as wrong:
            findings.add(wrong)
            continue
        yield name, path.stem, text


def is_passed_over(name: str) -> bool:
    """Whether a file or folder is hidden, or what an editor left."""
    return name.startswith(".") or name.endswith("~")


def nearest(wrong: str, names: list[str]) -> str:
    """The known name most like a wrong one, or ""."""
    matches = get_close_matches(wrong, names, n=1, cutoff=0.5)
    return matches[0] if matches else ""
