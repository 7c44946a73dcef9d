"""Subscriptions as partners send them."""

BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
OURS = "https://casebridge.org/fhir/SubscriptionTopic/"
FEED = "http://hl7.org/fhir/us/core/SubscriptionTopic/patient-data-feed"
FHIR = "application/fhir+json"
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


def told(parameters):
    """What Parameters say, by name; of several with a name the last."""
    return {
        each["name"]: next((value for key, value in each.items() if key.startswith("value")), each)
        for each in parameters["parameter"]
    }
