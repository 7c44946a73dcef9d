"""Answers that are owed to partners' endpoints."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from service.values.inbound.inbox import Reply, UndeliveredReply


class DeliveriesPort(Protocol):
    """What is owed, in one write transaction."""

    def owe(self, entry: str, partner: str, url: str, at: datetime) -> None:
        """Let the answer of an entry be owed to an address from an instant on, once more if it was before."""

    def next_reply(self, at: datetime, until: datetime) -> Reply | None:
        """Take the reply longest due at an instant; nobody else takes it until the other one."""

    def settle_reply(self, reply: Reply, reason: str | None = None) -> None:
        """Store that a reply is delivered, or, with a reason, that it never will be."""

    def undelivered_replies(self) -> list[UndeliveredReply]:
        """List the replies that are not delivered, those due first at the head."""

    def owe_again(self, entries: Sequence[str], at: datetime) -> None:
        """Let replies that are not delivered be due at an instant, as if they had not been tried."""

    def put_off_reply(self, reply: Reply, reason: str, until: datetime) -> None:
        """Let a reply wait that was not taken, and with it what is owed to the same address."""
