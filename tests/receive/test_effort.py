"""What a frame costs grows as the frame does, however wrong it is, and its answer stays short.

Steps are calls of functions, so a machine under load counts the same.
"""

import sys

import pytest

from service.access.registry import load
from service.receive.discharge.hl7v2 import Hl7v2Reception
from service.receive.mllp.senders import over_mllp
from service.settings import Settings
from service.store.store import SqlStore
from service.values.inbound.senders import Sender
from service.wiring import operator, rooms
from tests.web.sent import a03

REGISTRY = """partners:
  - name: mercy
    kind: hospital
    intake: {senders: [{facility: MERCY, addresses: [10.0.0.0/8]}], unknown_person: quarantine}
"""
SENDER = Sender("10.1.2.3")
# of a message in a frame, and of one with 440 times the same in it
MOST_STEPS = 30_000
MOST_STEPS_OF_A_MESSAGE = 2_000_000
MOST_BYTES = 6_000


@pytest.fixture(scope="module")
def handle(tmp_path_factory, mappings):
    """What the MLLP server does with a frame, wired as it is served."""
    folder = tmp_path_factory.mktemp("effort")
    (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    environment = {
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/casebridge.db",
        "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
    }
    settings = Settings.from_env(environment)
    operator.upgrade(settings)
    engine = rooms.database(settings)
    store = SqlStore(engine)
    taken = rooms.receiving(settings, store, rooms.projecting(settings, mappings))
    yield over_mllp(Hl7v2Reception(taken, rooms.now), load(settings.partners).values())
    engine.dispose()


def lines(line, count):
    return "\r".join(line.replace("#", str(number)) for number in range(count))


def many(count, **said):
    """A frame of messages that come to quarantine, no two the same."""
    more = said.pop("more", "")
    return b"".join(
        a03(f"{count}-{number}", person=f"P{count}-{number}", visit=f"V{count}-{number}", more=more, **said)
        for number in range(count)
    )


def with_numbers(pattern, count):
    return a03(f"{count}").replace(b"R-1", "~".join(pattern % number for number in range(count)).encode())


IN_A_MESSAGE = {
    "wrong diagnoses": lambda n: a03(f"{n}", more=lines("DG1|#||^^I10||xx|F", n)),
    "diagnoses": lambda n: a03(f"{n}", more=lines("DG1|#||S#^Text^I10|||F", n)),
    "one diagnosis over and over": lambda n: a03(f"{n}", more=lines("DG1|#||S72^Text # ^I10|||F", n)),
    "numbers that nobody has": lambda n: with_numbers("000-00-0000^^^A%d", n),
    "numbers": lambda n: with_numbers("R-%d^^^A", n),
    "patients": lambda n: a03(f"{n}", more=lines("PID|#||R-#^^^M\rPV1|#|I", n)),
    "people": lambda n: a03(f"{n}", more=lines("ROL|#|AD|AT|D#^Doc^Tor", n)),
    "insurances": lambda n: a03(f"{n}", more=lines("IN1|#|P#|C#|Name #", n)),
    "what nothing reads": lambda n: a03(f"{n}", more=lines("OBX|#|ST|A#||5", n)),
    "trailers": lambda n: many(1) + b"BTS|9\r" * n,
}
IN_A_FRAME = {
    "wrong messages": lambda n: many(n, more="DG1|1||^^I10||xx|F\r"),
    "messages with a number that nobody has": lambda n: many(n, more="NK1|1|Doe^Jane\r").replace(
        b"\rNK1", b"~000-00-0000^^^A\rNK1"
    ),
    "messages": many,
    "other messages": lambda n: many(n).replace(b"ADT^A03", b"ORU^R01"),
    "heads alone": lambda n: b"MSH|^~\\&|ADT|MERCY\r" * n,
    "broken messages": lambda n: many(n).replace(b"PID|", b"PID#"),
}


def steps(handle, frame):
    """How many functions were called for a frame, and how many bytes answer it."""
    count = 0

    def called(_frame, event, _argument):
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        handled = handle(frame, SENDER)
    finally:
        sys.setprofile(before)
    return count, sum(map(len, handled.answers))


@pytest.mark.parametrize("kind", IN_A_MESSAGE)
def test_a_message_with_four_times_as_much_in_it_costs_four_times_as_much(handle, kind):
    steps(handle, IN_A_MESSAGE[kind](111))  # what is compiled when it is first needed is compiled
    few, _ = steps(handle, IN_A_MESSAGE[kind](110))
    more, size = steps(handle, IN_A_MESSAGE[kind](440))
    assert more < 5 * few
    assert more < MOST_STEPS_OF_A_MESSAGE
    assert size < MOST_BYTES


@pytest.mark.parametrize("kind", IN_A_FRAME)
def test_a_frame_with_four_times_as_many_messages_costs_four_times_as_much(handle, kind):
    steps(handle, IN_A_FRAME[kind](2))
    few, _ = steps(handle, IN_A_FRAME[kind](5))
    more, size = steps(handle, IN_A_FRAME[kind](20))
    assert more < 5 * few
    assert more < 20 * MOST_STEPS
    assert size < 20 * MOST_BYTES
