"""The head of a mapping document: the profiles that it claims, and what a withdrawn resource takes on."""

from collections.abc import Mapping as Checks
from typing import Any

from service.mapping.files import expressions
from service.mapping.files.findings import Findings, nearest
from service.mapping.files.nodes import as_map, leaves
from service.mapping.language.profiles import ProfileCheck
from service.wire.yaml import InvalidYaml, Mapping, Scalar, Sequence, plain


def withdrawal(node: Mapping, findings: Findings) -> dict[str, Any]:
    """The literals that are merged over the last version when the fact is no longer so."""
    withdraw = node.entries.get("withdraw")
    if withdraw is None:
        return {}
    for leaf in leaves(as_map(withdraw)):
        if expressions.has_expression(leaf):
            findings.add(InvalidYaml("`withdraw` holds literals only", leaf.mark))
    for key in ("resourceType", "id"):
        if key in as_map(withdraw).entries:
            what = f"`{key}` stays what it was when a resource is withdrawn"
            findings.add(InvalidYaml(what, as_map(withdraw).keys[key]))
    patch: dict[str, Any] = plain(withdraw)
    return patch


def claimed_profiles(
    node: Mapping, target: str, profiles: Checks[str, ProfileCheck], findings: Findings
) -> tuple[str, ...]:
    """The profiles that the resource claims where it meets them."""
    profile_node = node.entries.get("profile", Sequence((), node.mark))
    urls: list[str] = []
    for leaf in profile_node.items if isinstance(profile_node, Sequence) else (profile_node,):
        url = str(leaf.value) if isinstance(leaf, Scalar) else ""
        if url not in profiles:
            close = nearest(url, list(profiles)) or ", ".join(profiles) or "none"
            what = f"this is no profile that can be checked; did you mean `{close}`?"
            findings.add(InvalidYaml(what, leaf.mark))
        elif profiles[url].type != target:
            findings.add(InvalidYaml(f"this profile is about {profiles[url].type}, not {target}", leaf.mark))
        else:
            urls.append(url)
    return tuple(urls)
