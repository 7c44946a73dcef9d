"""What mappings cannot use: told to its sender in the sender's places, and to the operator in ours."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from service.errors import Issue, Rejected
from service.mapping.compiler.explain import Origin
from service.mapping.compiler.projector import MappingError
from service.values.inbound.inbox import UnderstoodMessage

Json = dict[str, Any]
# of a path of the source, in the roots of a stay, where in the message it stands
Places = Callable[[Json, str], str]
# how many issues of a kind an answer lists
SHOWN: Final = 20
_CODE: Final = "This code means nothing here yet; send one that is agreed, or ask for it to be mapped."
_OTHER: Final = "This cannot be used as it is; ask what is wanted here."
_UNWRITTEN: Final = "What it comes to cannot be written as FHIR here; we were told, and see to it."
# what the filter `coded` makes of a CodeableConcept, and where in that it stood
_CODED: Final = re.compile(r"\| *coded *}}\Z")
_IN_CONCEPT: Final = {".text": ".text", ".system": ".coding", ".code": ".coding", ".display": ".coding"}
_NUMBER: Final = re.compile(r"\.(\d+)(?=\.|\Z)")


class Unclear(Rejected):
    """A message that the mappings cannot use.

    Its issues are in the sender's places; `ours` says where in the mappings, or in the discharge, it failed.
    """

    def __init__(self, issues: Sequence[Issue], ours: str) -> None:
        """Take what the sender is told, and what the operator is."""
        super().__init__("It cannot be understood.", issues=issues)
        self.ours = ours


def unclear_of_mapping(wrong: MappingError, root: Json, places: Places) -> Unclear:
    """Return a mapping's error as the sender of the roots is told it."""
    code = wrong.issues[0].code
    source = wrong.source.partition(", ")[0]
    issue = Issue(_CODE if code == "code-invalid" else _OTHER, places(root, source), code)
    return Unclear([issue], str(wrong))


def first_of(issues: Sequence[Issue], count: int | None = None) -> tuple[Issue, ...]:
    """Return the first issues, and how many more there are of `count`, which is theirs unless it is said."""
    left = (len(issues) if count is None else count) - SHOWN
    if left <= 0:
        return tuple(issues)
    more = Issue(f"{left} more of these are not listed.", "", "informational")
    return (*issues[:SHOWN], more)


def unclear_of_projection(wrong: Rejected) -> Unclear:
    """Return an error of the mappings that write a case as FHIR: their places mean nothing to a sender."""
    ours = "; ".join(f"{issue.where}: {issue.what}" for issue in wrong.issues)
    return Unclear([Issue(_UNWRITTEN, "", "processing")], ours)


def located_issues(issues: Iterable[Issue], understood: UnderstoodMessage) -> tuple[Issue, ...]:
    """Return issues of a message with their places in it; of several discharges nothing says which it was."""
    place = understood.place
    if place is None or len(understood.discharges) != 1:
        return tuple(issues)
    (said,) = understood.discharges
    # of what is not there the lineage tells what stands beside it
    return tuple(
        replace(issue, where=place(0, issue.where) or issue.where) if _is_there(said, issue.where) else issue
        for issue in issues
    )


def _is_there(said: Any, pointer: str) -> bool:
    """Whether a discharge has what a JSON pointer names, as the rules do: by names alone."""
    if not pointer.startswith("/"):
        return False
    for name in pointer.split("/")[1:]:
        said = said.get(name) if isinstance(said, dict) else None
    return said is not None


def source_of(pointer: str, origins: Mapping[str, Origin]) -> str:
    """Return the path of the source that an element of a discharge is made of, or of what it stands in."""
    whole = path = _NUMBER.sub(r"[\1]", pointer.strip("/").replace("/", "."))
    while path:
        inside = (f"{path}.", f"{path}[")
        for name, origin in origins.items():
            if (name == path or name.startswith(inside)) and origin.sources:
                more = whole.removeprefix(path) if _CODED.search(origin.rule) else ""
                return f"{origin.sources[0]}{_IN_CONCEPT.get(more, '')}"
        path = re.split(r"[.\[][^.\[]*\Z", path)[0] if re.search(r"[.\[]", path) else ""
    return ""
