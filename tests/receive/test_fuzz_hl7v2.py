"""Whatever bytes come over MLLP, each frame is answered, unless its sender wants no answer."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.access.registry import load
from service.errors import CasebridgeError
from service.receive.discharge.hl7v2 import Hl7v2Reception
from service.receive.mllp.conversation import refusal
from service.receive.mllp.framing import Frame, Framer, frame_of
from service.receive.mllp.senders import over_mllp
from service.settings import Settings
from service.store.store import SqlStore
from service.values.inbound.senders import Sender
from service.wire.hl7v2.er7.charsets import BYTEWISE
from service.wire.hl7v2.er7.message import Message
from service.wire.hl7v2.er7.read import LIMIT, acknowledges, read
from service.wiring import operator, rooms
from tests.web.sent import a03

QUICK = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
SOAK = settings(QUICK, max_examples=30_000, derandomize=False, print_blob=True)
REGISTRY = """partners:
  - {name: mercy, kind: hospital, intake: {senders: [{application: ADT, addresses: [10.0.0.1]}]}}
"""
SENDER = Sender("10.0.0.1")
WHOLE = (
    a03(
        more='IN1|1|PLAN^x|1^^^P|Payer\rNK1|1|Rider^Sea|SPO\rROL|1|AD|PP|1^Nurse^N\rOBX|1|ED|||\\X41\\\r""|1\r'
    ),
    a03("M2", "A01", person="R-2", visit="V-2"),
    a03("M3", "A13"),
    a03("M4", "A40", more="MRG|R-2^^^&urn:example:persons&URI\r"),
    a03("M5", "A08").replace(b"|P|2.5", b"|P|2.5|||AL|NE||8859/1"),
    b"FHS|^~\\&|ADT\rBHS|^~\\&|ADT\r" + a03("M6") + a03("M7", "A99") + b"BTS|2\rFTS|1\r",
)
PIECES = st.one_of(
    st.sampled_from(
        [
            *(bytes([byte]) for byte in b'|^~\\&"\r\n\x0b\x1c\x00\xff '),
            *(b"MSH|^~\\&|", b"PID|", b"PV1|", b"EVN|", b"BHS|^~\\&|ADT|", b"BTS|3|", b"FTS|", b"MSH"),
            *(b'""', b"\\X00\\", b"\\.br\\", b"\\F\\", b"\xc3\xa9", b"\xfe\xff", b"\xef\xbb\xbf", b"<x/>"),
            *(b"20260230", b"99991231235959", b"0001", b"20260227140000.00001+9999", b"A03", b"A40", b"2.9"),
            *(b"UNICODE UTF-16", b"8859/15", b"AL", b"NE", b"&urn:example:persons&URI", b"9" * 400),
        ]
    ),
    st.binary(max_size=12),
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0, 0, 1, 2, 5, 40]), PIECES), max_size=8)


def edited(raw, edits):
    """Some bytes, with others in the place of a few."""
    for place, cut, piece in edits:
        at = int(place * len(raw))
        raw = raw[:at] + piece + raw[at + cut :]
    return raw


STREAMS = st.one_of(
    st.tuples(st.sampled_from(WHOLE), EDITS).map(lambda drawn: frame_of(edited(*drawn))),
    st.tuples(st.sampled_from(WHOLE).map(frame_of), EDITS).map(lambda drawn: edited(*drawn)),
    st.binary(max_size=200).map(frame_of),
)


@pytest.fixture(scope="module")
def handle(tmp_path_factory, mappings):
    """What the MLLP server does with a frame, wired as it is served."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "partners.yaml").write_text(REGISTRY, encoding="utf-8")
    environment = {
        "CASEBRIDGE_DATABASE_URL": f"sqlite:///{folder}/casebridge.db",
        "CASEBRIDGE_PARTNERS": str(folder / "partners.yaml"),
    }
    own_settings = Settings.from_env(environment)
    operator.upgrade(own_settings)
    engine = rooms.database(own_settings)
    store = SqlStore(engine)
    taken = rooms.receiving(own_settings, store, rooms.projecting(own_settings, mappings))
    yield over_mllp(Hl7v2Reception(taken, rooms.now), load(own_settings.partners).values())
    engine.dispose()


def answered(handle, frame):
    """What a frame is answered: as the server does it, only that nothing but our errors is caught."""
    try:
        return handle(frame, SENDER).answers
    except CasebridgeError as error:
        reply = refusal(frame, error)
        return () if reply is None else (reply,)


def wants_none(frame):
    """Whether a sender asks in MSH-15 or MSH-16 for fewer answers than one a message."""
    items = read(frame).items
    return any(item.header and (item.header.segment.raw(15) or item.header.segment.raw(16)) for item in items)


def check(handle, stream):
    framer = Framer(LIMIT)
    for frame in framer.feed(stream):
        assert isinstance(frame, Frame)
        replies = answered(handle, frame.body)
        assert replies or wants_none(frame.body) or acknowledges(frame.body)
        for reply in replies:
            assert not {0x0B, 0x1C} & set(reply), "it would end the frame of the answer"
            # bytes of an unknown set go back as they came
            answer = read(reply, charset=BYTEWISE)
            assert answer.issues == ()
            assert answer.items or answer.envelope or wants_none(frame.body)
            for one in answer.items:
                assert isinstance(one, Message)
                assert one.first("MSA").value(1) in {"AA", "AE", "AR", "CA", "CE", "CR"}


@QUICK
@given(STREAMS)
def test_every_frame_is_answered(handle, stream):
    check(handle, stream)


@pytest.mark.soak
@SOAK
@given(STREAMS)
def test_every_frame_of_very_many_is_answered(handle, stream):
    check(handle, stream)
