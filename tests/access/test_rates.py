"""How often a name may ask: its rate in the long run, some at once, whichever process counts."""

import stat
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.rates import Rate, Slots

FAR = 10_000.0


def allowed(rate, name, instants):
    return [at for at in instants if rate.wait(name, at) == 0]


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200).map(sorted), st.integers(1, 50))
def test_over_any_time_no_more_are_let_through_than_its_rate_and_the_burst(instants, per_second):
    through = allowed(Rate(Slots(), "x", per_second, burst=2), "n", [FAR + at for at in instants])
    for first, start in enumerate(through):
        for count, end in enumerate(through[first:], start=1):
            assert count <= per_second * (2 + end - start) + 1e-6


def test_who_asks_no_more_often_is_never_refused():
    rate = Rate(Slots(), "x", 10, burst=0.1)
    instants = [FAR + number / 10 for number in range(1_000)]
    assert allowed(rate, "n", instants) == instants


def test_it_is_told_when_the_next_may_come():
    rate = Rate(Slots(), "x", 4, burst=1)
    assert [rate.wait("n", FAR) for _ in range(6)] == [0, 0, 0, 0, pytest.approx(0.25), pytest.approx(0.25)]
    assert rate.wait("n", FAR + 0.25) == 0


def test_each_name_and_each_kind_has_its_own():
    slots = Slots()
    first, second = Rate(slots, "x", 1, burst=1), Rate(slots, "y", 1, burst=1)
    assert [first.wait("a", FAR), first.wait("b", FAR), second.wait("a", FAR)] == [0, 0, 0]
    assert first.wait("a", FAR) > 0


def test_without_a_rate_there_is_no_end():
    assert not any(Rate(Slots(), "x", 0).wait("n", FAR) for _ in range(1_000))


def test_processes_that_share_a_file_count_together(tmp_path):
    path = tmp_path / "asked"
    code = (
        "import sys; from pathlib import Path; from service.access.rates import Rate, Slots; "
        f"print(sum(Rate(Slots(Path(sys.argv[1])), 'x', 10, 1).wait('n', {FAR}) == 0 for _ in range(6)))"
    )
    counts = [
        int(subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True).stdout)
        for _ in range(2)
    ]
    assert counts == [6, 4]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # what nobody has asked takes no room
    assert path.stat().st_blocks * 512 < 100_000
