"""A cluster of three RabbitMQ nodes on the loopback address, and one address for whoever lives of them."""

import contextlib
import secrets
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.performance.relay import Delay
from tests.server_process import free_port
from tests.servers import RabbitServer

NODES = tuple(f"casebridge-{number}@localhost" for number in (1, 2, 3))


class Node(RabbitServer):
    """A broker that joins the others when it starts for the first time."""

    def _settings(self) -> str:
        found = "cluster_formation.peer_discovery_backend = classic_config\n"
        nodes = [f"cluster_formation.classic_config.nodes.{n} = {name}\n" for n, name in enumerate(NODES, 1)]
        return f"{super()._settings()}{found}{''.join(nodes)}"


class Balancer(Delay):
    """Leads each connection to the first node that takes it, as a load balancer does."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self._ports = [node.port for node in nodes.values()]
        super().__init__("127.0.0.1", self._ports[0], 0)

    def reach(self) -> socket.socket:
        """Connect to a node that lives."""
        for port in self._ports:
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", port))
        raise ConnectionRefusedError("no node lives")


class Cluster:
    """The nodes by their names, and the URL of a virtual host of theirs, whoever lives."""

    def __init__(self, nodes: dict[str, Node], balancer: Balancer) -> None:
        self.nodes = nodes
        parts = urlsplit(nodes[NODES[0]].create_vhost())
        self._vhost = parts.path.removeprefix("/")
        self.url = parts._replace(
            netloc=f"{parts.username}:{parts.password}@127.0.0.1:{balancer.port}"
        ).geturl()

    def leader_of(self, queue: str, *, asked: str) -> str:
        """The name of the node that leads a quorum queue, as another one says."""
        lines = self.nodes[asked].control("list_queues", "-p", self._vhost, "name", "leader", "--silent")
        return dict(line.split("\t") for line in lines.splitlines())[queue]


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """Three nodes, started one after the other."""
    cookie, epmd = secrets.token_hex(16), free_port()
    with contextlib.ExitStack() as stack:
        nodes = {name: stack.enter_context(Node(name, epmd, cookie)) for name in NODES}
        balancer = Balancer(nodes)
        stack.callback(balancer.close)
        yield Cluster(nodes, balancer)
