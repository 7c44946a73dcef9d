"""An application that forgets everything between one file and the next, and all that it serves."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import select

from service.settings import Settings
from service.store.migrations.schema import upgrade
from service.store.sql.engine import connect
from service.store.tables import inbox, resource
from service.wiring import serving
from tests.web.sent import ER7, outcomes

# a hospital for each processing (MSH-11), so that the sender's word for it holds no message back, and one
# that has a server of its own; every kind of stay opens a case
_KINDS = "kinds: [inpatient, emergency, outpatient, short-stay, unknown]"
REGISTRY = f"""
partners:
  - {{name: mercy, kind: hospital, intake: {{{_KINDS}}}}}
  - {{name: training, kind: hospital, intake: {{{_KINDS}, processing: training}}}}
  - {{name: debugging, kind: hospital, intake: {{{_KINDS}, processing: debugging}}}}
  - {{name: lakeside, kind: hospital, intake: {{{_KINDS}, bases: ["https://lakeside.example/fhir"]}}}}
"""
# past what the files call the present
TODAY = datetime(2030, 1, 1, tzinfo=UTC)
_FIELD = re.compile(r"\b([A-Z][A-Z0-9]{2})-(\d+)(?:\.(\d+))?")


class House:
    """The application on a database file that each file finds empty."""

    def __init__(self, folder: Path, mappings) -> None:
        """Make the empty database once."""
        self.empty, self.file = folder / "empty.db", folder / "casebridge.db"
        registry = folder / "partners.yaml"
        registry.write_text(REGISTRY, encoding="utf-8")
        empty = connect(f"sqlite:///{self.empty}")
        upgrade(empty)
        empty.dispose()
        shutil.copyfile(self.empty, self.file)
        self.engine = connect(f"sqlite:///{self.file}")
        settings = Settings.from_env({"CASEBRIDGE_AUTH": "off", "CASEBRIDGE_PARTNERS": str(registry)})
        self.client = serving.application(settings, self.engine, mappings, lambda: TODAY).test_client()

    def forget(self) -> None:
        """Return to the empty database."""
        self.engine.dispose()
        for suffix in ("-wal", "-shm"):
            self.file.with_name(self.file.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self.empty, self.file)

    def send(self, route: str, kind: str, raw: bytes, partner: str):
        """Send it; return what became of it, each a state and a reason, and the answer."""
        before = self._inbox()
        answer = self.client.post(route, data=raw, content_type=kind, headers={"Casebridge-Partner": partner})
        assert answer.status_code < 500, answer.data
        after = self._inbox()
        became = [after[id_] for id_ in after if id_ not in before]
        return became or [("refused" if answer.status_code >= 400 else "answered as before", "")], answer

    def _inbox(self) -> dict[str, tuple[str, str]]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(inbox.c.id, inbox.c.state, inbox.c.reason)).all()
        return {str(id_): (state, reason) for id_, state, reason in rows}

    def served(self) -> list[dict]:
        """Return every resource that an operator is served."""
        # few types can be searched: the table says which there are, the door what they say
        with self.engine.connect() as connection:
            rows = connection.execute(select(resource.c.type, resource.c.id).distinct()).all()
        answers = (self.client.get(f"/fhir/{type_}/{id_}") for type_, id_ in rows)
        return [answer.json for answer in answers if answer.status_code == 200]


def fields_in_notes(answer) -> set[str]:
    """Return the fields that an acknowledgement's ERR segments name, as `PV1-14` or `PID-5.6`.

    ERR-2 is segment, sequence, field, repetition and component; ERR-1 repeats segment, sequence and field.
    """
    noted = set()
    text = answer.data.decode("utf-8", "replace")
    for segment in re.split(r"[\r\n]+", text):
        if segment.startswith("ERR"):
            component, repetition = text[4:6]
            fields = [*segment.split(text[3]), "", ""]
            for place in (*fields[1].split(repetition), fields[2]):
                name, _, field, _, part = [*place.split(component), *[""] * 5][:5]
                if field:
                    noted.add(f"{name}-{field}.{part}" if part else f"{name}-{field}")
            for match in _FIELD.finditer(segment):
                noted.add(f"{match[1]}-{match[2]}" + (f".{match[3]}" if match[3] else ""))
    return noted


def elements_in_notes(answer) -> set[str]:
    """Return the elements that an answer's issues name, entries that are used left out."""
    return {place for _, _, place, text in outcomes(answer) if place and "Used with" not in text}


__all__ = ["ER7", "House", "elements_in_notes", "fields_in_notes"]
