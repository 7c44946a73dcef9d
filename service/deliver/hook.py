"""The door to subscribers' endpoints: https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#rest-hook."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from service.errors import Unavailable
from service.values.subscriptions import Wanted
from service.wire.http import Shown


class Post(Protocol):
    """The one outbound client, `wire.http.post`."""

    def __call__(
        self,
        url: str,
        body: bytes,
        media_type: str,
        private_hosts: Collection[str] = ...,
        seconds: float = ...,
        shown: Shown = ...,
    ) -> int:
        """Post to an address and return the status; raises Unavailable."""


@dataclass(frozen=True, slots=True)
class Hook:
    """Sends notifications, as `flows.subscriptions.sending.Send`."""

    post: Post

    def __call__(
        self, wanted: Wanted, headers: Mapping[str, str], body: bytes, private_hosts: Collection[str]
    ) -> None:
        """Post a notification; those of `private_hosts` alone may be in a private network.

        Raises:
            Unavailable: nothing was answered, or something else than that it was taken (2xx).
        """
        shown = Shown(headers=headers)
        status = self.post(wanted.endpoint, body, wanted.media_type, private_hosts, wanted.seconds, shown)
        if not 200 <= status < 300:
            raise Unavailable(f"The endpoint answered {status}.")
