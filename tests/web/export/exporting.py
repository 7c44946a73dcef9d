"""A client of bulk exports, as the tests have it."""

import json

ASYNC = {"Prefer": "respond-async"}
BASE = "http://127.0.0.1:8080"


def path_of(url):
    """The path of an address of ours."""
    assert url.startswith(BASE), url
    return url.removeprefix(BASE)


class Exporter:
    """Exports as a partner, by name or with a token, to the end."""

    def __init__(self, house, **who):
        self.house, self.who = house, who

    def ask(self, method, path, **options):
        return self.house.ask(method, path, **self.who, **options)

    def begin(self, path="/fhir/$export", *, prefer=ASYNC, method="GET", **options):
        return self.ask(method, path, headers=prefer, **options)

    def begun(self, path="/fhir/$export", **options):
        """The path of the status of an export that is begun."""
        answer = self.begin(path, **options)
        assert answer.status_code == 202, answer.data
        return path_of(answer.headers["Content-Location"])

    def manifest(self, path="/fhir/$export", **options):
        """The manifest of a new export."""
        return self.wait(self.begun(path, **options))

    def wait(self, status):
        for _ in range(1000):
            answer = self.ask("GET", status)
            if answer.status_code != 202:
                break
            assert answer.headers["X-Progress"]
            assert int(answer.headers["Retry-After"]) >= 0
        assert answer.status_code == 200, answer.data
        return answer.json

    def lines(self, file):
        """The resources of a file: as many as its manifest said."""
        lines = self.some(file)
        assert len(lines) == file["count"]
        return lines

    def some(self, file):
        """The resources of a file, asked for as one that takes nothing else does."""
        answer = self.ask("GET", path_of(file["url"]), headers={"Accept": "application/fhir+ndjson"})
        assert answer.status_code == 200, answer.data
        assert answer.mimetype == "application/fhir+ndjson"
        assert answer.data == b"" or answer.data.endswith(b"\n")
        lines = [json.loads(line) for line in answer.data.splitlines()]
        assert {line["resourceType"] for line in lines} <= {file["type"]}
        return lines

    def resources(self, manifest):
        """All resources of a manifest by reference; none is there twice."""
        resources_ = {}
        for file in manifest["output"]:
            for resource in self.lines(file):
                reference = f"{resource['resourceType']}/{resource['id']}"
                assert reference not in resources_
                resources_[reference] = resource
        return resources_

    def deleted(self, manifest):
        """The references of what is said to be no longer there."""
        gone = set()
        for file in manifest["deleted"]:
            for bundle in self.lines(file):
                assert bundle["type"] == "transaction"
                assert {entry["request"]["method"] for entry in bundle["entry"]} == {"DELETE"}
                gone |= {entry["request"]["url"] for entry in bundle["entry"]}
        return gone
