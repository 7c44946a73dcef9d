"""The door to partners' FHIR endpoints: https://hl7.org/fhir/R4/messaging.html#async."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from service.errors import Unavailable
from service.values.inbound.inbox import Answer


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Sends response messages, as `flows.discharge.reply.Send`."""

    post: Callable[[str, bytes, str, Collection[str]], int]

    def __call__(self, url: str, answer: Answer, private_hosts: Collection[str]) -> None:
        """Post a response message to an address; those of `private_hosts` alone may be in a private network.

        Raises:
            Unavailable: nothing was answered, or something else than that it was taken (2xx).
        """
        status = self.post(url, answer.body, answer.media_type, private_hosts)
        if not 200 <= status < 300:
            raise Unavailable(f"The endpoint answered {status}.")
