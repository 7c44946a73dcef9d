"""The worker process brings what was committed to the broker, in order, once each."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pika
import pytest
import requests

from tests.contracts.published import check
from tests.flows import river
from tests.server_process import free_port

# for a worker to start on a machine that has other work
SECONDS = 240
REGISTRY = """partners:
  - name: engineer
    kind: engineer
    queues:
      - {name: engineer.cases, bindings: [{pattern: "#"}]}
"""


@pytest.fixture
def environment(tmp_path, postgres_url, amqp_url):
    (tmp_path / "partners.yaml").write_text(REGISTRY)
    return {
        **os.environ,
        "CASEBRIDGE_AUTH": "off",
        "CASEBRIDGE_DATABASE_URL": postgres_url,
        "CASEBRIDGE_AMQP_URL": amqp_url,
        "CASEBRIDGE_PARTNERS": str(tmp_path / "partners.yaml"),
    }


def taken(url, count):
    """Take messages from the engineer's queue until there are `count`."""
    deliveries, until = [], time.monotonic() + SECONDS
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        while len(deliveries) < count and time.monotonic() < until:
            method, properties, body = channel.basic_get("engineer.cases", auto_ack=True)
            if method is None:
                time.sleep(0.05)
            else:
                message = check(method.routing_key, json.loads(body))
                deliveries.append((method.routing_key, properties, message))
    return deliveries


def test_a_case_that_is_put_reaches_the_engineers_queue(environment, amqp_url):
    from service.settings import Settings
    from service.wiring import compiled, operator, rooms, serving

    settings = Settings.from_env(environment)
    operator.upgrade(settings)
    engine = rooms.database(settings)
    client = serving.application(settings, engine, compiled.catalogues(settings)).test_client()
    for path, body in river.STORY:
        assert client.put(path, json=body).status_code == 201
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "worker", "--metrics", str(port)], env=environment
    )
    try:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                deliveries = taken(amqp_url, 12)
                break
            except pika.exceptions.ChannelClosedByBroker:
                time.sleep(0.2)
        case = [key for key, _, body in deliveries if body["partitionkey"].startswith("case/")]
        assert case[:4] == ["case.opened", "episodeofcare.created", "careteam.created", "careplan.created"]
        assert len({body["id"] for _, _, body in deliveries}) == len(deliveries)
        assert {properties.content_type for _, properties, _ in deliveries} == {
            "application/cloudevents+json"
        }
        assert client.get("/events?count=1000").json[0] == deliveries[0][2]
        metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=SECONDS).text
        assert re.search(r'casebridge_relay_messages_total\{outcome="\w+"\} 1\d', metrics)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
        engine.dispose()


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:99999", "x:y:z"])
def test_a_worker_without_a_place_for_its_metrics_does_not_start(environment, address):
    from service.settings import Settings
    from service.wiring import operator

    operator.upgrade(Settings.from_env(environment))
    command = [sys.executable, "-m", "service", "worker", "--metrics", address]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "--metrics" in ended.stderr) == (2, True)
