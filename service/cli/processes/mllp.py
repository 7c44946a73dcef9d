"""casebridge mllp: the process that takes HL7 v2 in over MLLP."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import click

from service.cli.processes.process import METRICS, stopping, tell_metrics
from service.receive.mllp.certificates import Tls
from service.receive.mllp.proxied import Proxies
from service.settings import Settings
from service.wiring import processes

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PROXY = "An address or network of load balancers that begin each connection with PROXY protocol, version 2."


def _networks(
    _ctx: click.Context, _param: click.Parameter, texts: tuple[str, ...]
) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(map(ip_network, texts))
    except ValueError as exc:
        raise click.BadParameter(f"{exc}; write an address, or a network as 10.1.0.0/16.") from exc


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=int, default=2575, show_default=True, help="The port to listen on; 0: any.")
@click.option("--certificate", type=FILE, help="Our certificate chain (PEM): connections are TLS.")
@click.option("--key", type=FILE, help="The key of our certificate (PEM).")
@click.option("--authorities", type=FILE, help="Who signs our clients' certificates (PEM): each shows one.")
@click.option("--by-address-too", is_flag=True, help="Let those known by address in without a certificate.")
@click.option("--proxy", "proxies", multiple=True, metavar="NETWORK", callback=_networks, help=PROXY)
@METRICS
def mllp(
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    authorities: Path | None,
    by_address_too: bool,
    proxies: tuple[IPv4Network | IPv6Network, ...],
    metrics: str | None,
) -> None:
    """Take HL7 v2 messages in over MLLP; who sends them is told by intake/senders in the registry.

    \b
    Example:
      CASEBRIDGE_PARTNERS=partners.yaml casebridge mllp --port 2575
    """  # noqa: D301  click reads \b
    tls = None
    if certificate is not None and key is not None:
        tls = Tls(certificate, key, authorities, by_address_too)
    elif certificate or key or authorities or by_address_too:
        raise click.UsageError("TLS needs --certificate and --key.")
    stop = stopping()
    tell_metrics(metrics)
    processes.mllp(Settings.from_env(), host, port, tls, Proxies(proxies), stop)
