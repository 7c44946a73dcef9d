"""A hospital's FHIR server that offers a topic, as the Backport has it: a small one, over real HTTP."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOPIC = "http://hospital.example/SubscriptionTopic/encounter-end"


class PartnerServer:
    """Keeps Subscriptions and events; tests tell it what happens, and read what it was asked."""

    def __init__(self):
        self.subscriptions, self.events, self.asked = {}, [], []
        self.status, self.refuses, self.answers, self.most = "active", None, None, 100
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                """Say nothing."""

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, said, headers = outer.answered(self.command, self.path, self.headers, body)
                raw = json.dumps(said).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/fhir+json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the library's names

        self.unrenewed = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/r4"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answered(self, method, target, headers, body):
        parts = urlsplit(target)
        steps = parts.path.removeprefix("/r4/").split("/")
        self.asked.append((method, "/".join(steps), headers.get("Authorization", "")))
        if self.refuses is not None:
            return self.refuses, {"resourceType": "OperationOutcome"}, {}
        if method == "POST":
            made = [asked for asked, _, _ in self.asked if asked == "POST"]
            id_ = f"s{len(made)}"
            self.subscriptions[id_] = json.loads(body)
            return 201, {}, {"Location": f"{self.url}/Subscription/{id_}/_history/1"}
        if steps[1] not in self.subscriptions:
            return 404, {"resourceType": "OperationOutcome"}, {}
        if method == "DELETE":
            del self.subscriptions[steps[1]]
            return 200, {}, {}
        if method == "PUT" and self.unrenewed is not None:
            return self.unrenewed, {"resourceType": "OperationOutcome"}, {}
        if method == "PUT":
            self.subscriptions[steps[1]] = json.loads(body)
            return 200, {}, {}
        if steps[2] == "$status":
            status = self.notification("query-status")["entry"][0]
            return 200, {"resourceType": "Bundle", "type": "searchset", "entry": [status]}, {}
        asked = parse_qs(parts.query)
        first, last = (int(asked[name][0]) for name in ("eventsSinceNumber", "eventsUntilNumber"))
        last = min(last, first + self.most - 1)
        return 200, self.answers or self.notification("query-event", *range(first, last + 1)), {}

    @property
    def subscription(self):
        return self.subscriptions[max(self.subscriptions)]

    @property
    def authorization(self):
        """The header that a notification has to show."""
        return self.subscription["channel"]["header"][0].partition(": ")[2]

    def happen(self, encounter):
        """Note an event; return its number."""
        self.events.append(encounter)
        return len(self.events)

    def notification(self, kind, *numbers, full=True):
        """The Bundle that tells of events by their numbers."""
        said = [
            {"name": "subscription", "valueReference": {"reference": f"{self.url}/Subscription/s1"}},
            {"name": "status", "valueCode": self.status},
            {"name": "type", "valueCode": kind},
            {"name": "events-since-subscription-start", "valueString": str(len(self.events))},
        ]
        for number in numbers:
            focus = {"reference": f"{self.url}/Encounter/{self.events[number - 1]['id']}"}
            parts = [{"name": "event-number", "valueString": str(number)}]
            said.append(
                {"name": "notification-event", "part": [*parts, {"name": "focus", "valueReference": focus}]}
            )
        status = {"resourceType": "Parameters", "parameter": said}
        request = {"method": "GET", "url": f"{self.url}/Subscription/s1/$status"}
        entries = [{"fullUrl": f"urn:uuid:{len(self.asked)}", "resource": status, "request": request}]
        for stay in (self.events[number - 1] for number in numbers):
            place = f"Encounter/{stay['id']}"
            became = {"request": {"method": "PUT", "url": place}, "response": {"status": "200"}}
            entries.append(
                {"fullUrl": f"{self.url}/{place}", **({"resource": stay} if full else {}), **became}
            )
        return {"resourceType": "Bundle", "id": f"n{len(self.asked)}", "type": "history", "entry": entries}
