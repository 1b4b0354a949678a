"""What Python and the page's TypeScript agree on: the instances of many series, written down.

``golden/recurrence.json`` is read by ``server/web/src/sdk/model/golden.test.ts`` as well. After a
deliberate change, ``python -m tests.model.test_model_golden`` writes it anew.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pycrdt import Doc, Map

from crdt_calendar.model.calendar import Calendar
from crdt_calendar.model.timeline import Timeline

GOLDEN = Path(__file__).parent / "golden" / "recurrence.json"
ZONES = ("Asia/Seoul", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Pacific/Apia")
RULES = (
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;COUNT=7",
    "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20260410",
    "FREQ=DAILY;BYMONTH=3,11;UNTIL=20261101T120000Z",
    "FREQ=DAILY;BYHOUR=9,14;BYMINUTE=0,30;COUNT=9",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;COUNT=5",
    "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=11",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO;COUNT=8",
    "FREQ=WEEKLY;BYDAY=TU,TH;BYSETPOS=-1",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;BYMONTHDAY=31",
    "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=6",
    "FREQ=MONTHLY;BYDAY=2MO",
    "FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
    "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "FREQ=YEARLY;BYDAY=20MO",
    "FREQ=YEARLY;BYWEEKNO=1,20,53",
    "FREQ=YEARLY;BYYEARDAY=1,100,-1",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYMONTH=1,6;BYDAY=TU;BYSETPOS=1,-1;COUNT=9",
    "FREQ=HOURLY;INTERVAL=6;COUNT=20",
    "FREQ=HOURLY;BYHOUR=8,9,17;UNTIL=20260320T000000",
    "FREQ=MINUTELY;INTERVAL=90;BYDAY=SA;COUNT=30",
    "FREQ=SECONDLY;INTERVAL=40000;COUNT=15",
    "FREQ=WEEKLY;BYDAY=MO;UNTIL=20260330T080000Z",
    "FREQ=WEEKLY;X-NOTE=1",
    "FREQ=DAILY;COUNT=2;UNTIL=20260401",
    "FREQ=NEVER",
    "FREQ=WEEKLY;BYDAY=XX",
)
STARTS = (
    "2026-03-02T09:00:00",
    "2026-03-29T02:30:00",
    "2026-01-31T23:30:00",
    "2024-02-29T12:00:00",
)


def cases() -> list[dict[str, object]]:
    """Events as plain values, with the span and the zone in which they are asked for."""
    chance = random.Random(4)
    made: list[dict[str, object]] = []
    for number, rule in enumerate(RULES):
        zone = ZONES[number % len(ZONES)]
        made += [_case(chance, rule, start, zone) for start in STARTS]
        made.append(_case(chance, rule, "2026-03-02", None))
        made.append(_case(chance, rule, "2026-03-08T02:15:00", None))
    return made


def _case(chance: random.Random, rule: str, start: str, tz: str | None) -> dict[str, object]:
    local = datetime.fromisoformat(start)
    whole = "T" not in start
    end = local + (
        timedelta(days=2) if whole else timedelta(minutes=chance.choice((0, 15, 90, 600)))
    )
    event: dict[str, object] = {
        "title": "x",
        "when": {"start": start, "end": _text(end, whole), "tz": tz},
        "recurrence": {"rrule": rule},
    }
    if chance.random() < 0.4:
        extra = local + timedelta(days=chance.randrange(1, 40))
        event["recurrence"] = {"rrule": rule, "rdate": [_text(extra, whole), "2026-04-05"]}
    for _ in range(chance.randrange(3)):
        at = _text(local + timedelta(days=chance.randrange(0, 22)), whole)
        later = local + timedelta(days=chance.randrange(0, 30), hours=0 if whole else 1)
        moved = {
            "start": _text(later, whole),
            "end": _text(later + timedelta(days=1), whole),
            "tz": tz,
        }
        event[f"override/{at}"] = chance.choice(
            ({"cancelled": True}, {"title": "other"}, {"title": None, "when": moved})
        )
    begins = datetime(2026, chance.choice((1, 3, 10)), chance.randrange(1, 28), tzinfo=UTC)
    ends = begins + timedelta(days=chance.choice((1, 7, 42, 200)))
    return {
        "event": event,
        "from": begins.isoformat(),
        "to": ends.isoformat(),
        "zone": chance.choice(ZONES),
    }


def _text(local: datetime, whole: bool) -> str:
    return local.isoformat()[:10] if whole else local.isoformat()


def _document(event: object) -> Doc[Map[object]]:
    assert isinstance(event, dict)
    doc: Doc[Map[object]] = Doc()
    doc.get("events", type=Map)["e"] = Map(event)
    return doc


def instances(case: dict[str, object]) -> list[list[object]]:
    """Recurrence id, title, first instant and the one after the last, in milliseconds."""
    begins = datetime.fromisoformat(str(case["from"]))
    ends = datetime.fromisoformat(str(case["to"]))
    found = Timeline(_document(case["event"])).expand(begins, ends, ZoneInfo(str(case["zone"])))
    return sorted(
        [one.recurrence_id or "", one.event.title, _ms(one.starts_at), _ms(one.ends_at)]
        for one in found.instances
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


EDITS: tuple[dict[str, object], ...] = (
    {"start": "2026-03-03T10:00:00", "end": "2026-03-03T11:30:00", "tz": "Asia/Seoul"},
    {"start": "2026-03-02T08:15:00", "end": "2026-03-02T08:30:00", "tz": "Asia/Seoul"},
    {"start": "2026-03-02T08:15:00", "end": "2026-03-02T08:30:00", "tz": "Europe/Berlin"},
)
SERIES = (
    {"rrule": "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=11"},
    {"rrule": "FREQ=WEEKLY;INTERVAL=2;UNTIL=20260601T000000Z", "rdate": ["2026-03-14T09:00:00"]},
    {"rrule": "FREQ=MONTHLY;BYDAY=1MO"},
    {"rrule": "FREQ=DAILY"},
)


def edits() -> list[dict[str, object]]:
    """Series that are moved as a whole, and split."""
    made: list[dict[str, object]] = []
    for recurrence in SERIES:
        event = {
            "title": "x",
            "when": {
                "start": "2026-03-02T09:00:00",
                "end": "2026-03-02T09:30:00",
                "tz": "Asia/Seoul",
            },
            "recurrence": recurrence,
            "override/2026-03-16T09:00:00": {"title": "other"},
            "override/2026-04-06T09:00:00": {"cancelled": True},
        }
        made += [{"event": event, "when": when} for when in EDITS]
        split = "2026-03-30" if "INTERVAL=2" in str(recurrence) else "2026-04-06"
        made.append({"event": event, "split": f"{split}T09:00:00"})
    return made


def edited(edit: dict[str, object]) -> list[dict[str, object]]:
    """The events after the edit: time, recurrence and overrides, without bookkeeping."""
    doc = _document(edit["event"])
    calendar = Calendar(
        doc, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC), new_id=lambda: "n", user="u"
    )
    if "split" in edit:
        calendar.update_following("e", str(edit["split"]), title="y")
    else:
        calendar.patch("e", _moved(calendar, edit["when"]))
    found = doc.get("events", type=Map).to_py()
    assert found is not None
    return [_told(found[key]) for key in sorted(found)]


def _moved(calendar: Calendar, when: object) -> dict[str, object]:
    from crdt_calendar.model.series import shifted
    from crdt_calendar.model.when import When

    return {**shifted(calendar.get("e"), When.from_value(when)), "when": when}


def _told(event: object) -> dict[str, object]:
    assert isinstance(event, dict)
    return {
        key: event[key]
        for key in sorted(event)
        if key in ("title", "when", "recurrence") or key.startswith("override/")
    }


def golden() -> dict[str, object]:
    """Everything that is written down."""
    return {
        "cases": [{**case, "instances": instances(case)} for case in cases()],
        "edits": [{**edit, "events": edited(edit)} for edit in edits()],
    }


def test_the_golden_instances_are_what_the_model_gives() -> None:
    assert json.loads(GOLDEN.read_text()) == json.loads(json.dumps(golden()))


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden(), ensure_ascii=False, separators=(",", ":")) + "\n")
