"""Data that others wrote, kept beside the repository: where it is, and what to do without it."""

import os
from pathlib import Path

import pytest

FOLDER = Path(
    os.environ.get("CASEBRIDGE_REAL_DATA") or Path(__file__).parents[3] / "shared" / "data"
).resolve()


def folder(name: str) -> Path:
    """A folder of the data; without it the test is skipped, on CI it fails."""
    path = FOLDER / name
    if not path.is_dir():
        reason = f"no {name} in CASEBRIDGE_REAL_DATA"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path
