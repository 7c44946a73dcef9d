"""The Group of an insurer: its members, as they are when it is asked for; it has no versions.

https://hl7.org/fhir/R4/group.html
"""

from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from flask import Blueprint, Response, g

from service.disclose.export import openapi
from service.disclose.matched import MatchedGroups
from service.disclose.negotiate import FHIR, refuse_parameters, search_parameters, speaks_fhir
from service.disclosing import disclose
from service.door import Door
from service.errors import Malformed
from service.flows.export.exports import Exports
from service.values.access.scope import Partner
from service.values.audit import Disclosed
from service.values.ids import resource_id
from service.wire.json import dump
from service.wire.parameters import shown

MEMBERS: Final = 1_000
"""How many members are listed; where there are more none is, for a part of a list would mislead."""
_SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}


def door(exports: Exports, matched: MatchedGroups, address: str) -> Door:
    """Return the door to Groups, of those who were matched, too; FHIR stands below our `address`."""
    routes = Blueprint("groups", __name__, url_prefix="/fhir")
    speaks_fhir(routes)
    url = f"{address}/fhir/Group"

    @routes.get("/Group")
    def find() -> Response:
        for name, _ in search_parameters():
            raise Malformed("Groups are not searched by anything; you see your own.", where=shown(name))
        own = (
            [_group(g.partner, address, exports.members(g.scope, 0)[0], [])] if _has_group(g.partner) else []
        )
        own += matched.summaries()
        disclose("search-type", (), "Group")
        entries = [
            {"fullUrl": f"{url}/{each['id']}", "resource": each, "search": {"mode": "match"}} for each in own
        ]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(own)}
        bundle["link"] = [{"relation": "self", "url": url}]
        return Response(dump(bundle | ({"entry": entries} if entries else {})), mimetype=FHIR)

    @routes.get("/Group/<id_>")
    def read(id_: str) -> Response:
        refuse_parameters()
        if not _is_own(g.partner, address, id_):
            group, told = matched.read(id_)
            disclose("read", told)
            return Response(dump(group), mimetype=FHIR)
        count, clients = exports.members(g.scope, MEMBERS)
        listed = clients if count <= MEMBERS else []
        disclose("read", [Disclosed(client, _patient(client)) for client in listed])
        return Response(dump(_group(g.partner, address, count, listed)), mimetype=FHIR)

    return Door(routes, "resources", openapi.groups())


def clients_of(matched: MatchedGroups, address: str, id_: str) -> frozenset[str] | None:
    """Return the clients that a Group of who asks is of, or None: all that it sees; raises NotFound."""
    return None if _is_own(g.partner, address, id_) else matched.clients(id_)


def _is_own(partner: Partner, address: str, id_: str) -> bool:
    """Whether a Group is the one of all members of a partner."""
    return _has_group(partner) and id_ == _id(partner, address)


def _has_group(partner: Partner) -> bool:
    return partner.kind == "insurer"


def _id(partner: Partner, address: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{address}/partners/{partner.name}"))


def _group(partner: Partner, address: str, count: int, listed: list[str]) -> dict[str, Any]:
    """Return the Group of so many members, of which some are listed, or none."""
    made: dict[str, Any] = {"resourceType": "Group", "id": _id(partner, address)}
    if len(listed) < count:
        made["meta"] = {"tag": [_SUBSETTED]}
    made |= {
        "identifier": [{"system": f"{address}/partners", "value": partner.name}],
        "active": True,
        "type": "person",
        "actual": True,
        "name": f"Members of {partner.name}",
        "quantity": count,
    }
    members = [{"entity": {"reference": _patient(client)}} for client in listed]
    return made | ({"member": members} if members else {})


def _patient(client: str) -> str:
    return f"Patient/{resource_id(client, 'Patient', '')}"
