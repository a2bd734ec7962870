"""The history file: written before and after each request, and read back."""

from pathlib import Path

import msgspec
import pytest

from app.devkit.chaos import History, HistoryUnreadable
from app.devkit.chaos.model import Attempt, FaultMark, PhaseMark
from tests.chaos.story import sound


def write(path: Path) -> History:
    """A history of the sound story, with a phase and a fault."""
    history = History.recorded(path)
    story = sound().history()
    assert story.run is not None
    history.add(story.run)
    for request in story.requests.values():
        history.add(request)
        for answer in story.answers.get(request.key, []):
            history.add(answer)
    history.add(PhaseMark("baseline", 0.0, 9.0))
    history.add(FaultMark(1, "api-kill", "api 2", "baseline", 3.0, 4.0))
    history.close()
    return history


def test_it_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Every record survives the way through the file."""
    written = write(tmp_path / "history")
    read = History.read(tmp_path / "history")

    assert read.run == written.run
    assert read.requests == written.requests
    assert read.answers == written.answers
    assert read.phases == written.phases
    assert read.faults == written.faults


def test_a_request_is_in_the_file_before_anything_else_happens(tmp_path: Path) -> None:
    """A reader of the open file sees the last record."""
    history = History.recorded(tmp_path / "history")
    story = sound().history()
    assert story.run is not None
    history.add(story.run)
    history.add(story.requests["p1"])

    assert History.read(tmp_path / "history").requests == {"p1": story.requests["p1"]}
    history.close()


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A record that was cut off by the end of its process is left out, and no other."""
    path = tmp_path / "history"
    write(path)
    whole = path.read_bytes()
    line = msgspec.json.encode(Attempt("p1", 2, 9.0, 201, "{}"))
    path.write_bytes(whole + line[:-7])

    assert History.read(path).answers["p1"] == sound().history().answers["p1"]


def test_a_whole_last_line_without_its_end_counts(tmp_path: Path) -> None:
    """If only the line's end is missing, the record counts."""
    path = tmp_path / "history"
    write(path)
    path.write_bytes(path.read_bytes() + msgspec.json.encode(Attempt("p1", 2, 9.0, 201, "{}")))

    assert len(History.read(path).answers["p1"]) == 2


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    """A spoiled line in the middle stops the reading, with its number."""
    path = tmp_path / "history"
    write(path)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:3], b'{"record": "nonsense"}', *lines[3:]]))

    with pytest.raises(HistoryUnreadable, match="line 4"):
        History.read(path)


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file that names no run is no history."""
    path = tmp_path / "history"
    path.write_bytes(b"")

    with pytest.raises(HistoryUnreadable, match="names no run"):
        History.read(path)


def test_an_old_history_is_never_written_over(tmp_path: Path) -> None:
    """A second run needs a file of its own."""
    write(tmp_path / "history")

    with pytest.raises(FileExistsError):
        History.recorded(tmp_path / "history")
