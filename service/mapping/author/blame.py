"""Which line of which mapping makes an element that is not valid."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from service.errors import Issue
from service.mapping.catalogue import Catalogue
from service.mapping.compiler.explain import Origin, explainer, nearest_origin
from service.wire.yaml import Mark


def issues_with_lines(
    catalogue: Catalogue, kind: str, roots: Mapping[str, Any], resource: Any, issues: Iterable[Issue]
) -> list[Issue]:
    """Return what is wrong with a resource, each issue with the line that makes the element.

    Args:
        catalogue: made the resource, or withdrew it.
        kind: the source that it was made of.
        roots: that source, mapped without an error before.
        resource: as it was made.
        issues: have the FHIRPaths of elements.
    """
    type_, id_ = resource["resourceType"], resource.get("id")
    makers = [document for document, _ in catalogue.projector(kind).steps if document.target == type_]
    for document in makers:
        for explained in explainer(document, catalogue.terminology).run(roots):
            if explained.resource.get("id") == id_:
                return [issue_at_origin(issue, explained.origins, document.mark) for issue in issues]
    # what is withdrawn is made no more
    return [issue_at_origin(issue, {}, makers[0].mark) if makers else issue for issue in issues]


def issue_at_origin(issue: Issue, origins: Mapping[str, Origin], otherwise: Mark) -> Issue:
    """Return an issue of a made resource with the place that its element comes from.

    Args:
        issue: has the FHIRPath of the element.
        origins: of the elements of the resource, by their paths.
        otherwise: the place of the mapping.
    """
    return replace(issue, what=f"{issue.what} (made by {_maker(issue.where, origins, otherwise)})")


def _maker(path: str, origins: Mapping[str, Origin], otherwise: Mark) -> Mark:
    """Return the place of what makes an element, of what it stands in, or of what stands beside it."""
    below = path.partition(".")[2]
    if (nearest := nearest_origin(below, origins)) is not None:
        return nearest[1].mark
    while below:
        for name, origin in origins.items():
            if name.startswith((f"{below}.", f"{below}[")):
                return origin.mark
        below = below[: max(below.rfind("."), below.rfind("["), 0)]
    return otherwise
