"""The consumer of `reference.py` for a stream: it goes on from the offset that it keeps.

    python stream.py amqp://user:password@broker/vhost northtown.stream http://casebridge:8080 changes.db

A stream keeps what was read, so nothing is lost while nobody reads; what is older than it keeps the feed has.
"""

# ruff: noqa: INP001 - a script of its own

import json
from typing import Any

import pika
from reference import NONE, PREVIOUS, Consumer, main


class StreamConsumer(Consumer):
    """Takes changes of a stream, and of the feed what the stream has let go."""

    def _follow(self, url: str, queue: str) -> None:
        offset = self._place("stream")
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            # how many it sends ahead; without, a stream gives nothing
            channel.basic_qos(prefetch_count=100)
            begin = {"x-stream-offset": "first" if offset is None else offset}
            channel.basic_consume(queue, self._receive, arguments=begin)
            channel.start_consuming()

    def _receive(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        message = json.loads(body)
        if properties.headers.get(PREVIOUS, NONE) > self._last(message):
            self._catch_up()
        self._take([message], stream=properties.headers["x-stream-offset"] + 1)
        # it takes nothing out; the next ones are sent for it
        channel.basic_ack(method.delivery_tag)


if __name__ == "__main__":
    main(StreamConsumer)
