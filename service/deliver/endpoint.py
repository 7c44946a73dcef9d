"""The door to partners' FHIR endpoints: https://hl7.org/fhir/R4/messaging.html#async."""

from dataclasses import dataclass

from service.errors import Unavailable
from service.values.inbound.inbox import Answer
from service.wire.http import HttpClient


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Sends response messages, as `flows.discharge.reply.Send`."""

    client: HttpClient

    def __call__(self, url: str, answer: Answer) -> None:
        """Post a response message to an address.

        Raises:
            Unavailable: nothing was answered, or something else than that it was taken (2xx).
        """
        status = self.client.post(url, answer.body, answer.media_type)
        if not 200 <= status < 300:
            raise Unavailable(f"The endpoint answered {status}.")
