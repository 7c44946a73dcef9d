"""What is known of a person and of the case nobody took over, without what tells one world from another."""

from tests.flows.conftest import ALL


def chart(house, identifier):
    """The person who has an identifier, None when there is none; without identifiers and ids of ours."""
    pair = (identifier["system"], identifier["value"])
    (client,) = house.documents.find(ALL, "client", partner="x", identifier=pair) or [None]
    if client is None:
        return None
    stored = house.store.documents(ALL, "case", client=client.uuid, count=100)
    kept = [case for case in stored if not case.service.emptied]
    assert len(kept) <= 1
    said = {name: value for name, value in client.body.items() if name not in {"identifiers", "received"}}
    received = {
        name: value for name, value in client.body.get("received", {}).items() if name != "identifiers"
    }
    cases = [_plain({**case.own, "received": case.received}) for case in kept]
    return {"client": said, "received": received, "cases": cases}


def _plain(case):
    case = {name: value for name, value in case.items() if name not in {"client", "identifiers"}}
    received = case["received"]
    names = {stay["id"]: stay["identifiers"][0]["value"] for stay in received["stays"]}
    stays = [{**stay, "id": names[stay["id"]], "identifiers": None} for stay in received["stays"]]
    services = received.get("plan", {}).get("services", [])
    told_stays = [
        {**service, "id": names[service["id"].split(".")[0]] + service["id"].split(".")[1]}
        for service in services
    ]
    by_id = [sorted(part, key=lambda item: item["id"]) for part in (stays, told_stays)]
    rest = {
        name: sorted(received.get(name, []), key=lambda item: item["id"]) for name in ("conditions", "team")
    }
    return {**case, "received": rest, "stays": by_id[0], "services": by_id[1]}
