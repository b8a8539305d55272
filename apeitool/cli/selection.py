"""Which objects a command looks at: filters by what they report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from apeitool.render.summary import Event
    from apeitool.wire.record import Structure

SEVERITIES = ("recoverable", "fatal", "corrected", "informational")


def _moment(context: click.Context, option: click.Parameter, text: str | None) -> datetime | None:
    """A date, or a date and a time, as ISO 8601 has them.

    Raises:  BadParameter when it is none.
    """
    try:
        return None if text is None else _in_zone(datetime.fromisoformat(text))
    except ValueError as wrong:
        said = f"{text!r} is no time such as 2026-11-22 or 2026-11-22T20:18"
        raise click.BadParameter(said) from wrong


def _in_zone(moment: datetime) -> datetime:
    """A moment that can be compared; without a zone it is taken for UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Selection:
    """Keeps an object if one of its errors is as asked for."""

    def __init__(
        self,
        severities: tuple[str, ...],
        where: str | None,
        since: datetime | None,
        until: datetime | None,
    ) -> None:
        self._severities = {name.upper() for name in severities}
        self._where = None if where is None else where.casefold()
        self._since = since
        self._until = until

    @property
    def asks(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self._severities) or any(
            given is not None for given in (self._where, self._since, self._until)
        )

    def keeps(self, thing: Structure) -> bool:
        """Whether one of the errors of an object fits all that is asked for."""
        from apeitool.render.summary import events

        return not self.asks or any(self._fits(event) for event in events(thing))

    def _fits(self, event: Event) -> bool:
        if self._severities and event.severity.name not in self._severities:
            return False
        if self._where is not None and self._where not in event.told.casefold():
            return False
        if self._since is None and self._until is None:
            return True
        if event.moment is None:
            return False
        moment = _in_zone(event.moment)
        after = self._since is None or moment >= self._since
        return after and (self._until is None or moment <= self._until)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a selection."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option("--severity", "severities", multiple=True, type=click.Choice(SEVERITIES),
                 help="Only objects with an error of this severity; more than once for more."),
    click.option("--where", metavar="TEXT",
                 help="Only objects whose FRU, component or kind of error has this text in it."),
    click.option("--since", metavar="TIME", callback=_moment,
                 help="Only errors at this time or later."),
    click.option("--until", metavar="TIME", callback=_moment,
                 help="Only errors at this time or earlier."),
)  # fmt: skip
