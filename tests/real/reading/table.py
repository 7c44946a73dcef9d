"""The table of what was looked for and what was found, and the list of differences."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable

from tests.real.reading.seen import Seen

VERDICTS = ("found", "told", "missing", "there", "invented")
SHOWN = 3
HEAD = """# What a reader finds in what others wrote, and whether it is served

Written by `tests/real/test_facts.py`. Each file that ends accepted is read by `tests/real/reading` (by
python-hl7 and plain JSON, none of the service's own reading), sent to an empty application, and held against
the FHIR resources that an operator is served. What begins no stay is sent after a plain admission of its
stay. By each number of a person a new visit of the same name is sent afterwards: *found by* says whether it
came to the same person, as it should by a record's number, and should not by another's.

*looked for*: the facts; *found*: they are there, or rightly are not; *told*: the answer names their field or
element as not used; *missing*: neither; *there*: what must not be there is (taken back, ended, a placeholder,
protected, never said); *invented*: served, and nobody sent it. Kinds, places and names of files; no values.
The files: {files}.
"""
FACTS = """
| folder | fact | looked for | found | told | missing | there | invented |
|---|---|---|---|---|---|---|---|
"""
LIST = "\n## Differences\n\n| fact | what | place | times | files | why |\n|---|---|---|---|---|---|\n"
ENDS = "\n## What became of the files\n\n| folder | outcome | reason | times |\n|---|---|---|---|\n"
Explained = tuple[str, Callable[[Seen], bool], str]


def table(
    files: str,
    seen: dict[str, list[Seen]],
    ends: Counter[tuple[str, str, str]],
    explained: tuple[Explained, ...],
) -> str:
    """Write all of it, of the facts seen in each folder."""
    return (
        HEAD.format(files=files)
        + FACTS
        + "".join(_counts(folder, of) for folder, of in seen.items())
        + LIST
        + _differences([one for of in seen.values() for one in of], explained)
        + ENDS
        + "".join(f"| {' | '.join(end)} | {times} |\n" for end, times in sorted(ends.items()))
    )


def _counts(folder: str, seen: list[Seen]) -> str:
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for one in seen:
        counted[one.fact.kind][one.verdict] += 1
    lines = []
    for kind, verdicts in sorted(counted.items()):
        looked_for = verdicts.total() - verdicts["invented"]
        figures = [str(verdicts[verdict] or "") for verdict in VERDICTS]
        lines.append(f"| {folder} | {kind} | {looked_for} | {' | '.join(figures)} |\n")
    return "".join(lines)


def why(seen: Seen, explained: tuple[Explained, ...]) -> str:
    """Return why a difference is right as it is; the empty text when nobody has said so."""
    return next((reason for kind, fits, reason in explained if kind == seen.fact.kind and fits(seen)), "")


def _differences(seen: list[Seen], explained: tuple[Explained, ...]) -> str:
    grouped: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for one in seen:
        if one.verdict not in {"found", "told"}:
            place = re.sub(r"Bundle\.entry\[\d+\]\.resource\.ofType\((\w+)\)", r"\1", one.fact.where)
            place = re.sub(r"\[\d+\]", "", place)
            grouped[one.fact.kind, one.verdict, place, why(one, explained)].append(one.file)
    lines = []
    for (kind, verdict, place, reason), names in sorted(grouped.items()):
        files = list(dict.fromkeys(names))
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        lines.append(
            f"| {kind} | {verdict} | {place} | {len(names)} | {', '.join(files[:SHOWN])}{more} | {reason} |\n"
        )
    return "".join(lines)
