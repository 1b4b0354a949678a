"""From single VEVENTs to events: which of them belong together, and which one counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from crdt_calendar.errors import InvalidValue
from crdt_calendar.ics.components import Problems
from crdt_calendar.ics.drafts import Draft
from crdt_calendar.ics.parsed import ParsedEvent
from crdt_calendar.ics.series import Series
from crdt_calendar.model.when import Local, at_midnight

# RANGE=THISANDFUTURE means expanding a rule, and next to nobody writes it.
MOST_SPLITS = 100


def assemble(drafts: Iterable[Draft], problems: Problems) -> list[ParsedEvent]:
    """The events that the drafts of a file make, in the order of their lines."""
    return _Assembly(problems).events(drafts)


class _Assembly:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._splits_left = MOST_SPLITS

    def events(self, drafts: Iterable[Draft]) -> list[ParsedEvent]:
        """The events that these parts make together, those of one UID as one series."""
        groups: dict[str, list[Draft]] = {}
        for draft in drafts:
            # Without a UID nothing says that two belong together.
            groups.setdefault(draft.uid or f"\n{draft.line}", []).append(draft)
        events: dict[str, ParsedEvent] = {}
        for group in groups.values():
            for event in self._of_one_uid(group):
                events.setdefault(event.id, event)  # the same content without a UID, again
        return sorted(events.values(), key=lambda event: event.line)

    def _of_one_uid(self, drafts: list[Draft]) -> Iterator[ParsedEvent]:
        """The event of a UID. Others of the same UID that say something else get an id each."""
        masters, instances = _sorted_out(drafts)
        latest, others = (masters[0], masters[1:]) if masters else (None, [])
        events = list(self._finished(self._latest(latest, instances)))
        yield from events
        known = {event.fingerprint for event in events}
        for event in self._finished(self._twins(latest, others)):
            if event.fingerprint not in known:
                known.add(event.fingerprint)
                yield replace(event, id=f"{event.id}/{event.fingerprint}")

    def _finished(self, made: Iterable[Series]) -> Iterator[ParsedEvent]:
        for series in made:
            try:
                event = series.event()
            except InvalidValue as error:
                self._problems.add(series.line, f"{error}: not imported")
            else:
                yield event

    def _begun(self, draft: Draft) -> Series | None:
        try:
            return Series.of(draft)
        except InvalidValue as error:
            self._problems.add(draft.line, f"{error}: not imported")
            return None

    def _twins(self, latest: Draft | None, others: list[Draft]) -> Iterator[Series]:
        for draft in others:
            if latest and draft.sequence < latest.sequence:
                message = f"a later revision is in line {latest.line}: not imported"
                self._problems.add(draft.line, message)
            elif series := self._begun(draft):
                yield series

    def _latest(self, latest: Draft | None, instances: list[Draft]) -> list[Series]:
        """The series with its overrides, and those that begin with some of its instances."""
        series = self._begun(latest) if latest else None
        if series is None:
            return [Series.of_instance(draft) for draft in instances]
        made = [series]
        for draft in sorted(instances, key=lambda draft: not draft.following):
            self._take_in(made, draft)
        return made

    def _take_in(self, made: list[Series], draft: Draft) -> None:
        assert draft.instance is not None
        start = draft.instance.local_to(made[0].when)
        series = _series_at(made, start)
        try:
            if draft.following:
                made.append(self._split_off(series, start, draft))
                return
        except InvalidValue as error:
            self._problems.add(draft.line, f"taken over for this instance only: {error}")
        try:
            series.override(start, draft)
        except InvalidValue as error:
            self._problems.add(draft.line, f"{error}: not imported")

    def _split_off(self, series: Series, start: Local, draft: Draft) -> Series:
        if not self._splits_left:
            raise InvalidValue(f"more than {MOST_SPLITS} series to split")
        self._splits_left -= 1
        return series.split_off(start, draft)


def _sorted_out(drafts: list[Draft]) -> tuple[list[Draft], list[Draft]]:
    """The series, the latest revision first, and the instances.

    An instance without a series that stands for all later ones and says when they are is one.
    """
    masters = [draft for draft in drafts if draft.instance is None]
    instances = [draft for draft in drafts if draft.instance is not None]
    if not masters:
        masters = [draft for draft in instances if _is_series(draft)]
        instances = [draft for draft in instances if not _is_series(draft)]
    return sorted(masters, key=lambda draft: -draft.sequence), instances


def _is_series(draft: Draft) -> bool:
    return draft.following and bool(draft.rrule or draft.extra)


def _series_at(made: list[Series], start: Local) -> Series:
    """Of a series and those split off from it the one that has this original start."""
    begun = [series for series in made if series.since <= at_midnight(start)]
    return max(begun, key=lambda series: series.since, default=made[0])
