"""Subscriptions as partners send them, and the endpoints that are told."""

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_LINGER, SOL_SOCKET
from struct import pack

from tests.flows import river

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
OURS = "https://casebridge.org/fhir/SubscriptionTopic/"
FEED = "http://hl7.org/fhir/us/core/SubscriptionTopic/patient-data-feed"
FHIR = "application/fhir+json"
WAIT = 240
RESET = 0
"""In place of a status: the connection is reset."""
SECRET = "Bearer opensesame"


def extension(name, **value):
    return {"url": f"{BACKPORT}backport-{name}", **value}


def subscription(
    *filters,
    topic=f"{OURS}plan-change",
    content="full-resource",
    endpoint="https://northern.example/hook",
    **more,
):
    """A Subscription with `filters`, and `more` of its channel."""
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "To know of changes",
        "criteria": topic,
        **(
            {"_criteria": {"extension": [extension("filter-criteria", valueString=text) for text in filters]}}
            if filters
            else {}
        ),
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": FHIR,
            "_payload": {"extension": [extension("payload-content", valueCode=content)]},
            **more,
        },
    }


def create(house, sent, partner="northern"):
    """The answer to a partner that subscribes."""
    return house.ask("POST", "/fhir/Subscription", partner=partner, json=sent, content_type=FHIR)


def put(house, resource, partner="northern", **headers):
    path = f"/fhir/Subscription/{resource['id']}"
    return house.ask("PUT", path, partner=partner, json=resource, content_type=FHIR, headers=headers)


def values_by_name(parameters):
    """What Parameters say, by name; of several with a name the last."""
    return {
        parameter["name"]: next(
            (value for key, value in parameter.items() if key.startswith("value")), parameter
        )
        for parameter in parameters["parameter"]
    }


def events_of(bundle):
    """The events that a notification tells of, by the names of their parts."""
    return [
        {
            part["name"]: next(value for key, value in part.items() if key != "name")
            for part in parameter["part"]
        }
        for parameter in bundle["entry"][0]["resource"]["parameter"]
        if parameter["name"] == "notification-event"
    ]


class Receiver:
    """A subscriber's endpoint on a port of its own: it keeps what it takes, may refuse, wait or hang up."""

    def __init__(self):
        self.taken, self.refused, self.statuses = [], [], []
        self.asked, self.open = threading.Event(), threading.Event()
        self.open.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.asked.set()
                receiver.open.wait(WAIT)
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                (receiver.taken if status == 200 else receiver.refused).append((dict(self.headers), body))
                if status == RESET:
                    self.connection.setsockopt(SOL_SOCKET, SO_LINGER, pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

            def handle(self):
                with suppress(OSError, ValueError):
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.open.set()
        self._server.shutdown()
        self._server.server_close()

    def heads(self):
        """The Parameters at the head of each notification that was taken."""
        return [body["entry"][0]["resource"] for _, body in self.taken]

    def notifications(self, kind="event-notification"):
        """Of each notification of a kind that was taken, what it says at its head."""
        return [values for values in map(values_by_name, self.heads()) if values["type"] == kind]

    def events(self):
        """The events of all notifications that were taken, in the order in which they came, by part."""
        return [event for _, bundle in self.taken for event in events_of(bundle)]

    def numbers(self):
        return [int(event["event-number"]) for event in self.events()]


def change_plan(house, title):
    case = {**river.CASE, "plan": {**river.CASE["plan"], "title": title}}
    assert house.put("/api/cases/c1", case, headers={"If-Match": "*"}).status_code == 200


def status(house, id_, partner="northern"):
    answer = house.get(f"/fhir/Subscription/{id_}/$status", partner=partner).json
    return values_by_name(answer["entry"][0]["resource"])
