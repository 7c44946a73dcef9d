"""Whether a resource that somebody holds up is valid, by all that we can say: `$validate`.

Structure, required bindings, reference targets and invariants of R4, and what the profiles say that it claims
or that are asked for. https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from service.errors import Issue, TooLarge, first_issues
from service.wire.fhir.check.check import check
from service.wire.fhir.check.invariants import nodes, violations
from service.wire.fhir.definitions.profiles import misses, profiles
from service.wire.outcomes import Severity

MOST_OBJECTS: Final = 5_000
"""Of how many objects a resource is at most: FHIRPath asks each for its invariants, at a cost."""
Told = tuple[Severity, Issue]


def validity(resource: dict[str, Any], asked: Sequence[str] = ()) -> list[Told]:
    """Return what there is to say of a resource of a type of R4, and of the profiles that are `asked` for.

    Invariants and profiles are looked at where the structure is right.

    Raises:
        TooLarge: it is of more objects than are looked at.
    """
    if next(islice(nodes(resource), MOST_OBJECTS, None), None) is not None:
        what = f"It is of over {MOST_OBJECTS} objects; validate it in parts."
        raise TooLarge(what, where=resource["resourceType"])
    wrong = first_issues(check(resource) or violations(resource))
    told: list[Told] = [("error", issue) for issue in wrong]
    told += _profiled(resource, asked, is_right=not wrong)
    if any(severity == "error" for severity, _ in told):
        return told
    return [*told, ("information", Issue("It is valid, as far as it was looked at.", "", "informational"))]


def _profiled(resource: dict[str, Any], asked: Sequence[str], *, is_right: bool) -> Iterator[Told]:
    meta = resource.get("meta")
    claimed = meta.get("profile") if isinstance(meta, dict) else None
    urls = [url for url in claimed if isinstance(url, str)] if isinstance(claimed, list) else []
    for number, url in enumerate(urls):
        where = f"{resource['resourceType']}.meta.profile[{number}]"
        if _plain(url) not in profiles():
            yield (
                "warning",
                Issue("Not a profile that is known here; not looked at.", where, "not-found"),
            )
    for url in asked:
        if _plain(url) not in profiles():
            yield "error", Issue("Not a profile that is known here.", "profile", "not-found")
    known = dict.fromkeys(_plain(url) for url in (*urls, *asked) if _plain(url) in profiles())
    for url in known if is_right else ():
        for miss in misses(url, resource):
            where, _, what = miss.partition(": ")
            name = url.rpartition("/")[2]
            yield "error", Issue(f"{what or miss} ({name})", where if what else "", "invariant")


def _plain(url: str) -> str:
    """Return a canonical without its version: one of each profile is known."""
    return url.partition("|")[0]
