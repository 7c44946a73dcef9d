"""What DEVELOPMENT.md says is so: the walks are walked, the rooms are drawn, the files it names are there."""

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.wiring import compiled, rooms, serving
from tests.flows import river
from tests.web.sent import a03

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "DEVELOPMENT.md").read_text(encoding="utf-8")
MOST_STOPS = 15
REGISTRY = "partners: [{name: cms, kind: case-system}, {name: mercy, kind: hospital}]"
ER7 = "x-application/hl7-v2+er7"


def walks():
    """The stops of each walk, by its title."""
    text = PAGE.partition("\n## The walks\n")[2].partition("\n## ")[0]
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)[1:]
    stops = [re.findall(r"^\d+\. `([\w.]+:[\w.]+)`", part, re.MULTILINE) for part in parts[1::2]]
    return dict(zip(parts[::2], stops, strict=True))


class House:
    """The application on SQLite, with some documents of River's story."""

    def __init__(self, folder, documents):
        (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
        environment = {
            "CASEBRIDGE_AUTH": "off",
            "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder / 'casebridge.db'}",
            "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
        }
        settings = Settings.from_env(environment)
        self.engine = rooms.database(settings)
        upgrade(self.engine)
        self.client = serving.application(settings, self.engine, compiled.catalogues(settings)).test_client()
        for path, document in documents:
            assert self.put(path, document).status_code == 201

    def put(self, path, document):
        return self.client.put(path, json=document, headers={"Casebridge-Partner": "cms"})

    def walk(self, title):
        """Send the request of a walk."""
        if title == "A PUT of a case":
            return self.put(*river.STORY[-1])
        if title == "An A03":
            headers = {"Casebridge-Partner": "mercy", "Content-Type": ER7}
            return self.client.post("/hl7v2", data=a03(), headers=headers)
        headers = {"Casebridge-Partner": "cms", "Accept-Language": "da"}
        return self.client.get("/fhir/CarePlan", headers=headers)


def recorded(act):
    """Run something; return its result and the calls of functions of the service, as `module:function`."""
    calls = []

    def record(frame, event, _argument):
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.startswith("service."):
            calls.append(f"{module}:{frame.f_code.co_qualname.rpartition('<locals>.')[2]}")

    sys.setprofile(record)
    try:
        return act(), calls
    finally:
        sys.setprofile(None)


def test_there_are_three_walks():
    assert list(walks()) == ["A PUT of a case", "An A03", "A Danish GET"]


@pytest.fixture
def house(tmp_path, title):
    """Where the walk of a title can begin: a case is put before it is read."""
    house = House(tmp_path, river.STORY if title == "A Danish GET" else river.STORY[:-1])
    yield house
    house.engine.dispose()


@pytest.mark.parametrize(("title", "stops"), walks().items())
def test_the_stops_of_a_walk_are_called_in_its_order(house, title, stops):
    assert 5 < len(stops) <= MOST_STOPS
    answer, calls = recorded(lambda: house.walk(title))
    assert answer.status_code in {200, 201}
    here = 0
    for stop in stops:
        assert stop in calls, f"{stop} is not called"
        assert stop in calls[here:], f"{stop} is not called after the stop before it"
        here = calls.index(stop, here) + 1


@pytest.mark.parametrize("title", ["A Danish GET"])
def test_the_danish_walk_ends_in_danish(house, title):
    answer = house.walk(title)
    assert answer.headers["Content-Language"] == "da"
    assert answer.json["total"] == 1


def imports(room, other):
    """Whether a module of a room imports from another."""
    folder = ROOT / "service" / room
    modules = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    line = re.compile(rf"^\s*from service(?:\.{other}\b| import {other}$)", re.MULTILINE)
    return any(line.search(module.read_text(encoding="utf-8")) for module in modules)


def test_the_picture_shows_every_room_and_no_other():
    picture = re.findall(r"^```mermaid\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0]
    drawn = set(re.findall(r'\b(\w+)\["\1: ', picture))
    rooms = {room.stem for room in (ROOT / "service").iterdir() if not room.stem.startswith("_")}
    assert drawn == rooms
    arrows = re.findall(r"^  (\w+)(?:\[.*?\])? --> (\w+)", picture, re.MULTILINE)
    assert [arrow for arrow in arrows if not imports(*arrow)] == []


def test_every_file_that_is_named_is_there():
    named = re.findall(r"`((?:service|tests|mappings|contracts|docs|helm)/[\w./-]+)`", PAGE)
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_module_that_is_named_is_there():
    for module, function in re.findall(
        r"`(service(?:\.\w+)+)(?::(\w+))?`", PAGE.partition("## The walks")[2]
    ):
        imported = import_module(module)
        assert not function or function in Path(imported.__file__).read_text(encoding="utf-8")
