"""What hospitals brought, as a document shows it: read-only, with ids that its own parts may name."""

from marshmallow import fields

from service.wire.contracts.documents.case import ConditionContract, MemberContract, StayContract
from service.wire.contracts.documents.client import ClientContract
from service.wire.contracts.documents.fields import (
    Contract,
    Id,
    many,
    says,
)
from service.wire.contracts.documents.parts import (
    NameContract,
)
from service.wire.contracts.documents.plan import ServiceContract


class ProposalsContract(Contract):
    """Services that follow from a discharge; one of its id in the case's own plan accepts it."""

    services = many(ServiceContract)


class CaseReceivedContract(Contract):
    """What hospitals brought into a case: only they can change it."""

    stays = many(StayContract)
    conditions = many(ConditionContract)
    team = many(MemberContract)
    plan = fields.Nested(ProposalsContract)
    unfounded = fields.List(
        Id(), metadata=says("Accepted proposals whose discharge was cancelled: decide anew.")
    )


class ClientReceivedContract(ClientContract):
    """What hospitals said of a client; it fills what the client's own document leaves out."""

    class Meta(Contract.Meta):
        """What no hospital says of anybody."""

        exclude = ("active", "pronouns", "interpreter_needed")

    names = many(NameContract)


RECEIVED = {"case": CaseReceivedContract, "client": ClientReceivedContract}
