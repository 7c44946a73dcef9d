"""References of what tells of a stay that lead nowhere, though what they name had to be sent with them.

https://hl7.org/fhir/R4/bundle.html#references · https://hl7.org/fhir/R4/references.html#contained
"""

from collections.abc import Iterator
from typing import Any

from service.errors import Issue
from service.wire.fhir.bundles import USED, references, type_of

Json = dict[str, Any]
# nothing is made of these, and a batch is read a stay at a time
_TO_STAYS = (".partOf.reference", ".encounter.reference")
_NOT_SENT = "Nothing that was sent has this name; it was left out."


def astray(sent: Json) -> Iterator[Issue]:
    """Give each `urn:uuid:` or `urn:oid:` that is no fullUrl, and each `#id` that nothing contained has.

    Args:
        sent: a Bundle or an Encounter, as it came: references not led to their targets.
    """
    in_bundle = sent.get("resourceType") == "Bundle"
    entries = sent.get("entry", []) if in_bundle else [{"resource": sent}]
    names = {each["fullUrl"] for each in entries if isinstance(each.get("fullUrl"), str)}
    for index, each in enumerate(entries):
        if type_of(each) not in USED:
            continue
        resource = each["resource"]
        own = {f"#{one.get('id')}" for one in resource.get("contained", []) if isinstance(one, dict)}
        place = f"Bundle.entry[{index}].resource" if in_bundle else str(resource["resourceType"])
        for where, literal in references(resource, place):
            if where.endswith(_TO_STAYS):
                continue
            away = literal.startswith(("urn:uuid:", "urn:oid:")) and literal not in names
            if away or (literal.startswith("#") and literal not in own | {"#"}):
                yield Issue(_NOT_SENT, where, "not-found")
