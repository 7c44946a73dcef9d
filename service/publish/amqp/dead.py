"""What partners' queues have put aside: their dead-letter queues, redriven or purged by an operator.

https://www.rabbitmq.com/docs/dlx
"""

from collections.abc import Iterator
from typing import Final

from service.errors import NotFound, Unavailable
from service.wire.amqp import Properties, connected, depth, place

# what the broker says of a dead letter is no longer so of one that is sent anew
OF_THE_BROKER: Final = "x-"


def redrive(url: str, queue: str) -> Iterator[str]:
    """Put what was put aside of a queue back into it, in order; give the id of each message when it is there.

    One that ends in between is there twice, with the same id.

    Raises:
        NotFound: there is no such dead-letter queue.
        Unavailable: the broker does not answer, or the queue takes no more; what was not told of stays.
    """
    with connected(url) as connection:
        waiting = _waiting(depth(connection, _dead(queue)))
        channel = connection.channel()
        channel.confirm_delivery()
        for _ in range(waiting):
            method, properties, body = channel.basic_get(_dead(queue))
            if method is None:
                return
            if not place(channel, queue, body, _anew(properties)):
                raise Unavailable(
                    "The queue takes no more, or is gone; what was not put back stays put aside."
                )
            channel.basic_ack(method.delivery_tag)
            yield str(properties.message_id)


def purge(url: str, queue: str) -> int:
    """Delete what was put aside of a queue; return how many messages. Raises as `redrive`."""
    with connected(url) as connection:
        _waiting(depth(connection, _dead(queue)))
        return int(connection.channel().queue_purge(_dead(queue)).method.message_count)


def _dead(queue: str) -> str:
    return f"{queue}.dead"


def _waiting(count: int | None) -> int:
    if count is None:
        raise NotFound("There is no such dead-letter queue; `casebridge worker` declares it.", where="QUEUE")
    return count


def _anew(properties: Properties) -> Properties:
    headers = {k: v for k, v in (properties.headers or {}).items() if not k.startswith(OF_THE_BROKER)}
    # the broker takes no user-id but our own
    kept = {**vars(properties), "headers": headers or None, "user_id": None, "expiration": None}
    return Properties(**kept)
