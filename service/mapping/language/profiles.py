"""What a mapping asks of whoever checks profiles: a claim stands only where the resource meets it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class ProfileCheck(Protocol):
    """A profile that can be checked."""

    @property
    def type(self) -> str:
        """The resource type it is about."""

    @property
    def supported(self) -> Sequence[str]:
        """The ids of the elements that it wants supported: paths, `:name` behind a list that is sliced."""

    @property
    def choices(self) -> Sequence[Sequence[str]]:
        """The sets of elements of which one is enough, each with all below it."""

    @property
    def slice_patterns(self) -> Mapping[str, Sequence[Any]]:
        """By the id of a slice what its items hold, any one of these."""


class Profiles(Protocol):
    """Whoever checks profiles."""

    def profiles(self) -> Mapping[str, ProfileCheck]:
        """Give the profiles that can be checked, by url."""

    def misses(self, url: str, resource: dict[str, Any]) -> Sequence[str]:
        """Give what keeps a resource from meeting a profile."""


class NoProfiles:
    """Where no profile can be checked, none can be claimed."""

    def profiles(self) -> Mapping[str, ProfileCheck]:
        """Give none."""
        return {}

    def misses(self, url: str, resource: dict[str, Any]) -> Sequence[str]:
        """Give none, for none is asked."""
        raise LookupError((url, resource.get("resourceType")))


def claim(resource: dict[str, Any], candidates: Sequence[str], profiles: Profiles) -> None:
    """Write into `meta.profile` which of the candidates the resource meets."""
    met = [url for url in candidates if not profiles.misses(url, resource)]
    meta = resource.get("meta", {})
    claimed = [url for url in meta.get("profile", ()) if url not in candidates] + met
    rest = {key: value for key, value in meta.items() if key != "profile"}
    new_meta = {**rest, "profile": claimed} if claimed else rest
    if new_meta:
        resource["meta"] = new_meta
    else:
        resource.pop("meta", None)
