"""A picture of a burst of errors: each at its time, by what became of it, and how they add up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from apeitool.cli.simulations.burst import headline
from apeitool.errors import CaptureError, MissingError
from apeitool.scenarios.burst import End

if TYPE_CHECKING:
    from apeitool.scenarios.burst import Story

COLOURS = {
    End.PRINTED: "#1b7837",
    End.REPEATED: "#7fbf7b",
    End.LIMITED: "#af8dc3",
    End.DROPPED: "#fdae61",
    End.LOST: "#d7301f",
    End.LEFT: "#b2182b",
    End.REFUSED: "#4d4d4d",
}


def draw(story: Story, path: Path) -> None:
    """Draw it into a file, in the form that its name tells.

    Raises:  MissingError without matplotlib; CaptureError when the file cannot be written.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as missing:
        remedy = "python3 -m pip install 'apeitool[plot]'"
        raise MissingError("pictures are drawn by matplotlib", remedy=remedy) from missing
    # The same run gives the same file.
    with mpl.rc_context({"svg.hashsalt": "apeitool", "svg.fonttype": "none"}):
        figure = Figure(figsize=(10, 6), layout="constrained")
        times, sums = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1))
        figure.suptitle(headline(story.setting), fontsize=9)
        _draw_times(times, story)
        _draw_sums(sums, story)
        metadata = None if path.suffix == ".png" else {_DATE[path.suffix]: None}
        try:
            figure.savefig(path, metadata=metadata)
        except OSError as wrong:
            raise CaptureError(wrong.strerror or str(wrong), origin=str(path)) from wrong


_DATE = {".svg": "Date", ".pdf": "CreationDate"}


def _draw_times(axes: Any, story: Story) -> None:
    """A row for each end, a mark for each error."""
    counts = story.counts
    for row, end in enumerate(reversed(End)):
        found = [error.time for error in story.errors if error.end is end]
        axes.scatter(found, [row] * len(found), marker="|", s=120, color=COLOURS[end])
    names = [f"{end.value} ({counts[end]})" for end in reversed(End)]
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(-0.5, len(names) - 0.5)
    _draw_guest(axes, story)


def _draw_sums(axes: Any, story: Story) -> None:
    """How many errors came to each end so far."""
    for end in End:
        times = [error.time for error in story.errors if error.end is end]
        if times:
            times = [*times, story.errors[-1].time]
            sums = [*range(1, len(times)), len(times) - 1]
            axes.step(times, sums, where="post", color=COLOURS[end], label=end.value)
    axes.set_xlabel("seconds")
    axes.set_ylabel("errors")
    axes.legend(fontsize=7, loc="upper left")
    _draw_guest(axes, story)


def _draw_guest(axes: Any, story: Story) -> None:
    """When interrupts are off, and when the guest died."""
    for start, stop in story.setting.masked:
        axes.axvspan(start, stop, color="#dddddd", zorder=0)
    if story.setting.dead_at is not None:
        axes.axvline(story.setting.dead_at, color="black", linestyle="--", linewidth=1)
