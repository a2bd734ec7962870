"""The history of a run: an append-only file of JSON lines, and its reader.

A request is in the file before it is sent and an answer right after it came, so even a run that is
killed leaves a history that can be checked.
"""

import contextlib
from pathlib import Path
from typing import IO, Self

import msgspec

from app.devkit.chaos.model import (
    AcquirerBooks,
    Attempt,
    FaultMark,
    Outcome,
    PhaseMark,
    Record,
    Request,
    Run,
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


class HistoryUnreadable(Exception):
    """A file is not a history; the message names it and the line."""


class History:
    """Requests and answers, phases and faults."""

    def __init__(self) -> None:
        self.run: Run | None = None
        self.requests: dict[str, Request] = {}
        self.answers: dict[str, list[Attempt]] = {}
        self.phases: list[PhaseMark] = []
        self.faults: list[FaultMark] = []
        self.acquirer: AcquirerBooks | None = None
        """The acquirer's books, where the run had an acquirer."""
        self._file: IO[bytes] | None = None

    @classmethod
    def recorded(cls, path: Path) -> Self:
        """Begin a new history, which is written to `path` as it grows.

        Raises:
            OSError: the file cannot be made, or exists already.
        """
        history = cls()
        history._file = path.open("xb", buffering=0)  # each record is passed to the kernel at once
        return history

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the history in a file. A last line that was cut off is left out.

        Raises:
            HistoryUnreadable: another line is no record, or the first one is not the run's.
            OSError: the file cannot be read.
        """
        history = cls()
        lines = path.read_bytes().split(b"\n")
        whole, torn = lines[:-1], lines[-1]
        for number, line in enumerate(whole, 1):
            try:
                history._take(_decoder.decode(line))
            except msgspec.DecodeError as error:
                raise HistoryUnreadable(f"{path}, line {number}: {error}") from None
        # The process died while it wrote half a line: that request was not sent yet, or not
        # answered.
        with contextlib.suppress(msgspec.DecodeError):
            history._take(_decoder.decode(torn))
        if history.run is None:
            raise HistoryUnreadable(f"{path} is no history of 'suya chaos': it names no run")
        return history

    def add(self, record: Record) -> None:
        """Append a record; it is in the kernel's hands on return."""
        if self._file is not None:
            self._file.write(_encoder.encode(record) + b"\n")
        self._take(record)

    def close(self) -> None:
        """Write nothing more."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def decision(self, key: str) -> Attempt | None:
        """The first answer that decided its request."""
        for answer in self.answers.get(key, ()):
            if answer.outcome is not Outcome.UNKNOWN:
                return answer
        return None

    def outcome(self, key: str) -> Outcome:
        """What the client knows in the end."""
        decision = self.decision(key)
        return Outcome.UNKNOWN if decision is None else decision.outcome

    def _take(self, record: Record) -> None:
        if isinstance(record, Request):
            self.requests[record.key] = record
        elif isinstance(record, Attempt):
            self.answers.setdefault(record.key, []).append(record)
        elif isinstance(record, PhaseMark):
            self.phases.append(record)
        elif isinstance(record, FaultMark):
            self.faults.append(record)
        elif isinstance(record, AcquirerBooks):
            self.acquirer = record
        else:
            self.run = record
