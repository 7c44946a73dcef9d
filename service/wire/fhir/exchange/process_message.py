"""What $process-message is asked with, when a Parameters resource holds it.

https://hl7.org/fhir/R4/messageheader-operation-process-message.html
"""

from collections.abc import Mapping
from typing import Any, Final

from service.errors import Issue, Malformed
from service.wire.fhir.exchange.parameters import BOOLEAN, TEXT, from_resource

Json = dict[str, Any]
CONTENT: Final = "content"
KNOWN: Final = {"async": BOOLEAN, "response-url": TEXT}


def message_of(sent: Any) -> Any:
    """Return the message that a Parameters resource holds; whatever else was sent is returned as it is."""
    if not isinstance(sent, dict) or sent.get("resourceType") != "Parameters":
        return sent
    return _contents(sent)[0]["resource"]


def how(sent: Json, address: Mapping[str, str]) -> tuple[bool, str | None]:
    """Return whether the answer is to come later, and where it is to go.

    Args:
        sent: the body, a Bundle or Parameters.
        address: the parameters in the address.

    Raises:
        Malformed: a parameter is unknown or no such value, there is not one content, or body and address
            differ.
    """
    waits, url = _waits(address.get("async")), address.get("response-url")
    if sent["resourceType"] == "Parameters":
        contents = _contents(sent)
        # what is sent is checked by who takes it
        rest = [parameter for parameter in sent["parameter"] if not any(parameter is one for one in contents)]
        asked = from_resource({**sent, "parameter": rest} if rest else {"resourceType": "Parameters"}, KNOWN)
        waits = _agreed_value("async", waits, asked.one("async"))
        url = _agreed_value("response-url", url, asked.one("response-url"))
    return bool(waits), url


def _waits(text: str | None) -> bool | None:
    if text not in {"true", "false", None}:
        raise Malformed("Send async=true or async=false.", where="async")
    return None if text is None else text == "true"


def _agreed_value(name: str, in_address: Any, in_body: Any) -> Any:
    if None not in (in_address, in_body) and in_address != in_body:
        raise Malformed("The address says another than the Parameters; say it in one of them.", where=name)
    return in_address if in_body is None else in_body


def _contents(sent: Json) -> list[Json]:
    """Return the one parameter that holds the message, in a list."""
    members = sent.get("parameter")
    parameters = (
        [parameter for parameter in members if isinstance(parameter, dict)]
        if isinstance(members, list)
        else []
    )
    contents = [parameter for parameter in parameters if parameter.get("name") == CONTENT]
    if len(contents) != 1 or not isinstance(contents[0].get("resource"), dict):
        what = "Send the message as the resource of one parameter of this name."
        raise Malformed(what, issues=[Issue(what, CONTENT, "structure" if contents else "required")])
    return contents
