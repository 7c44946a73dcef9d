"""What is published of the messages: a channel, a schema and an example of each."""

import copy
import json
import re

import pytest

from service.publish.amqp import topology
from service.receive.amqp.commands import TYPES
from service.receive.discharge.hl7v2 import ER7
from service.receive.discharge.messages import FHIR_JSON
from service.wire.contracts.published.messages import messages
from service.wire.contracts.published.page import page
from tests.contracts import published
from tests.contracts.published import FOLDER, check, described

PAGE = (FOLDER / "messages.md").read_text(encoding="utf-8")


def keys(owners):
    return [message.key for message in messages(owners)]


def test_the_messages_are_those_of_cases_of_clients_and_of_each_type_that_is_made(mappings):
    happened = ("opened", "updated", "closed", "admitted", "discharged", "discharge-cancelled")
    of_cases = [f"case.{event}" for event in happened]
    happened = ("created", "updated", "deleted")
    made = sorted({mapping.target for mapping in mappings["default"].mappings})
    of_resources = [f"{type_.lower()}.{event}" for type_ in made for event in happened]
    assert published.keys() == [*of_cases, "client.glass-broken"] + [
        key for key in of_resources if not key.startswith("provenance.")
    ]


def test_a_mapping_to_another_type_brings_its_messages():
    assert keys({"Basic": ("case",)})[-3:] == ["basic.created", "basic.updated", "basic.deleted"]


@pytest.mark.parametrize("key", published.keys())
def test_each_channel_is_a_routing_key_of_the_exchange_and_its_example_is_valid(key):
    channel = described()["channels"][key]
    assert channel["address"] == key
    binding = described()["components"]["channelBindings"]["events"]["amqp"]
    assert binding["exchange"]["name"] == topology.EVENTS == "casebridge.events"
    assert (binding["exchange"]["type"], binding["exchange"]["durable"]) == ("topic", True)
    message = described()["components"]["messages"][key]
    for example in message["examples"]:
        check(key, example["payload"])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda message: message.update(specversion="0.3"),
        lambda message: message.update(type="org.casebridge.goal.updated.v1"),
        lambda message: message.update(partitionkey="client/1"),
        lambda message: message.update(sequence="1"),
        lambda message: message.update(time="2026-03-01T08:00:00"),
        lambda message: message.update(traceparent=7),
        lambda message: message.update(dataschema="https://casebridge.example/goal.updated.v1.schema.json"),
        lambda message: message.pop("id"),
        lambda message: message["data"].update(reference="Goal/1"),
        lambda message: message["data"].update(title="Back on the bicycle"),
        lambda message: message["data"].update(resource={"resourceType": "Goal"}),
        lambda message: message["data"].pop("versionId"),
    ],
)
def test_what_is_not_as_published_is_found(spoil):
    example = described()["components"]["messages"]["careplan.updated"]["examples"][0]["payload"]
    spoilt = copy.deepcopy(example)
    spoil(spoilt)
    with pytest.raises(AssertionError):
        check("careplan.updated", spoilt)


@pytest.mark.parametrize("key", published.keys())
def test_the_page_tells_when_each_message_comes_and_what_to_do_with_a_valid_example(key):
    told = PAGE.partition(f"\n### {key}\n")[2].partition("\n##")[0]
    (example,) = re.findall(r"```json\n(.*?)```", told, re.DOTALL)
    check(key, json.loads(example))
    assert re.search(r"^When: \S.+\.$", told, re.MULTILINE)
    assert re.search(r"^What to do: \S.+\.$", told, re.MULTILINE)


def test_the_page_has_words_for_each_type_of_resource():
    assert "A resource of type" not in PAGE
    assert page(messages({"Basic": ("case",)})).count("A resource of type Basic") == 3


def test_a_key_that_is_not_published_is_found():
    example = described()["components"]["messages"]["careplan.updated"]["examples"][0]["payload"]
    with pytest.raises(AssertionError, match="no channel"):
        check("careplan.bogus", example)


def test_the_queue_that_hospitals_send_to_is_described_with_the_forms_it_takes():
    channel = described()["channels"][topology.DISCHARGES]
    assert channel["bindings"]["amqp"]["queue"]["name"] == "casebridge.discharges"
    messages = described()["components"]["messages"]
    assert [messages[name]["contentType"] for name in channel["messages"]] == [ER7, FHIR_JSON]
    taking = described()["operations"]["take-discharges"]
    assert (taking["action"], taking["channel"]) == ("receive", {"$ref": "#/channels/casebridge.discharges"})


def test_the_queue_that_case_systems_send_to_is_described_with_the_commands_it_takes():
    channel = described()["channels"][topology.CASES]
    assert channel["bindings"]["amqp"]["queue"]["name"] == "casebridge.cases"
    messages = described()["components"]["messages"]
    assert {name: messages[name]["contentType"] for name in channel["messages"]} == {
        name: type_.media_type for name, type_ in TYPES.items()
    }
    assert messages["put-case"]["payload"] == {"$ref": "./case.schema.json"}
    taking = described()["operations"]["take-cases"]
    assert (taking["action"], taking["channel"]) == ("receive", {"$ref": "#/channels/casebridge.cases"})
