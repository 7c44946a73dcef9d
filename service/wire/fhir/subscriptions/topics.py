"""The topics that can be subscribed to, and which messages of the outbox are events of them.

Ours, and US Core's Patient Data Feed: https://hl7.org/fhir/us/core/STU8/patient-data-feed.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

BASE: Final = "https://casebridge.org/fhir/SubscriptionTopic/"
PATIENT_DATA_FEED: Final = "http://hl7.org/fhir/us/core/SubscriptionTopic/patient-data-feed"
TRIGGERS: Final = "http://hl7.org/fhir/us/core/CodeSystem/trigger"
FEED_EVENT: Final = "feed-event"
TRIGGER: Final = "trigger"
"""The filter of the feed that is no search parameter: all that it tells is a `feed-event`."""
ADVERTISED: Final = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
    "capabilitystatement-subscriptiontopic-canonical"
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: `keys` are the routing keys of its messages, each with the type of what it is about.

    `filters` are the search parameters, by type, that a subscription may narrow it with.
    """

    url: str
    title: str
    keys: Mapping[str, str]
    filters: Mapping[str, tuple[str, ...]]

    @property
    def is_feed(self) -> bool:
        """Whether its events bear the code of what triggered them."""
        return self.url == PATIENT_DATA_FEED


def _of_changes(name: str, type_: str, title: str, *filters: str) -> Topic:
    return Topic(BASE + name, title, _changes(type_), {type_: filters})


def _changes(*types: str) -> dict[str, str]:
    return {f"{type_.lower()}.{what}": type_ for type_ in types for what in ("created", "updated")}


_OF_STAYS: Final = ("patient", "type", "class", "status", "episode-of-care")
_FEED: Final[dict[str, tuple[str, ...]]] = {
    "CarePlan": ("patient", "category"),
    "CareTeam": ("patient",),
    "Condition": ("patient", "category", "code"),
    "Coverage": ("patient",),
    "DocumentReference": ("patient", "category", "type"),
    "Encounter": ("patient", "type"),
    "Goal": ("patient",),
    "Observation": ("patient", "category", "code"),
    "Patient": ("_id",),
    "RelatedPerson": ("patient",),
    "ServiceRequest": ("patient", "category", "code"),
}
_EVERY: Final = (
    _of_changes("plan-change", "CarePlan", "A care plan is new or changed", "patient", "status", "category"),
    _of_changes("team-change", "CareTeam", "A care team is new or changed", "patient", "status"),
    _of_changes("episode-change", "EpisodeOfCare", "An episode is new or changed", "patient", "status"),
    Topic(
        f"{BASE}admission",
        "A hospital told that a stay has begun",
        {"case.admitted": "Encounter"},
        {"Encounter": _OF_STAYS},
    ),
    Topic(
        f"{BASE}discharge",
        "A hospital told that a stay has ended, or that this was not so",
        dict.fromkeys(("case.discharged", "case.discharge-cancelled"), "Encounter"),
        {"Encounter": _OF_STAYS},
    ),
    Topic(
        PATIENT_DATA_FEED,
        "US Core's Patient Data Feed, by changes of resources",
        _changes(*_FEED),
        {type_: (*filters, TRIGGER) for type_, filters in _FEED.items()},
    ),
)
TOPICS: Final = MappingProxyType({topic.url: topic for topic in _EVERY})


def advertised() -> list[dict[str, Any]]:
    """Return the extensions of a CapabilityStatement that name the topics."""
    return [{"url": ADVERTISED, "valueCanonical": url} for url in TOPICS]
