"""The API reference: one page that needs nothing else, and the contracts as files."""

import json
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from tests.contracts.answered import described
from tests.contracts.published import FOLDER

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """What a browser and a screen reader look for."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.ids, self.links, self.text = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if "href" in attributes else []
        self.open += [tag] if tag not in VOID else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def page(client):
    answer = client.get("/docs", headers={"Casebridge-Partner": "stranger"})
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    return Page(answer.text)


def test_the_page_works_under_its_policy(client):
    """Its one style has the hash that the policy names; no element has a style or script of its own."""
    answer = client.get("/docs")
    page, policy = Page(answer.text), answer.headers["Content-Security-Policy"]
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert len(page.of("style")) == 1
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [name for name in names if name == "style" or name.startswith("on")]


def test_the_page_tells_of_every_operation_message_and_error(page):
    text = "".join(page.text)
    for path, methods in described()["paths"].items():
        assert path in text
        assert {method["operationId"] for method in methods.values()} <= set(page.ids)
    for schema in (FOLDER / "messages").glob("*.v1.schema.json"):
        assert schema.name.removesuffix(".v1.schema.json") in text
    assert set(described()["components"]["responses"]) <= set(page.ids)
    for name in ("care_model", "plan.goals[].status", "names[].family"):
        assert name in text


def test_the_page_needs_nothing_from_elsewhere_and_its_links_lead_somewhere(page, client):
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert not [attributes for _, attributes in page.tags if "src" in attributes or "style" in attributes]
    for link in set(page.links):
        if link.startswith("#"):
            assert link[1:] in page.ids
        else:
            assert client.get(link).status_code == 200, link


def test_the_page_is_sound_and_can_be_read_without_seeing_it(page):
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert page.of("html") == [{"lang": "en"}]
    assert len(page.of("main")) == len(page.of("h1")) == 1
    assert page.of("a")[0]["href"] == f"#{page.of('main')[0]['id']}"
    assert all("scope" in th for th in page.of("th"))
    for tag in ("section", "article"):
        assert {attributes["aria-labelledby"] for attributes in page.of(tag)} <= set(page.ids)


def test_the_contracts_are_served_as_they_are_committed(client):
    generated = (*FOLDER.glob("*.yaml"), *FOLDER.glob("**/*.schema.json"), FOLDER / "capability.json")
    for path in generated:
        answer = client.get(f"/docs/{path.relative_to(FOLDER).as_posix()}")
        kind = "application/yaml" if path.suffix == ".yaml" else "application/schema+json"
        kind = "application/fhir+json" if path.name == "capability.json" else kind
        assert (answer.text, answer.mimetype) == (path.read_text(encoding="utf-8"), kind)
    assert client.get("/docs/bogus.yaml").status_code == 404
    assert client.get("/docs/..%2fpyproject.toml").status_code == 404


def test_the_schema_that_a_message_names_is_served(rivers_house, numbered):
    numbered()
    for message in rivers_house.get("/events", partner="engineer").json:
        path = message["dataschema"].removeprefix("http://127.0.0.1:8080")
        assert json.loads(rivers_house.get(path, partner=None).data)["title"] == message["type"]
