"""What becomes of an order: every moment from acceptance to evaluation, late or in time, or still open at the end.

Moments are instants (seconds, see worktime); NONE means that it never happened. The lives are drawn so that the
product's definitions leave no doubt about them: an order is suspended before its deadline or after it, never across
two meanings; extensions are asked for clearly before the deadline or clearly after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from citybrain.simulate.city import SYSTEMS, WORST_MAJOR, WORST_OFFICE, WORST_SHARE, WORST_TOWN, City, Floats, Limits
from citybrain.simulate.orders import Orders
from citybrain.simulate.worktime import (
    DAY,
    EVENING,
    MIDNIGHT_LESS_1,
    NATURAL_DAY,
    URGENT_HOUR,
    Bools,
    Calendar,
    Ints,
)  # fmt: skip

NONE = -1
Moments = dict[str, Ints]

# Shares of orders to which something befalls.
NOT_FILED, STUCK, CANCELLED, CANCELLED_LATE = 0.015, 0.004, 0.010, 0.05
BOUNCED, BOUNCED_AGAIN = 0.06, 0.12
SUSPENDED, SUSPENDED_TWICE, SUSPENDED_LATE = 0.035, 0.25, 0.12
EXTENDED, EXTENDED_TOO_LATE = 0.028, 0.10
REWORKED, REWORKED_WORST = 0.03, 0.09
EVALUATED, APPEALED, URGED = 0.6, 0.005, 0.3
BACK_KEYED, DISPATCH_KEYED_LATE = 0.02, 0.0015  # the first of short lives in the grid system only


@dataclass(frozen=True)
class Life:
    """The moments of a chunk of orders, with the units that held them and their original deadlines."""

    at: Moments
    kind: Ints  # limit type
    value: Ints
    deadline: Ints  # before extensions and stopped clock
    wrong_unit: Ints  # the unit that sent a bounced order back
    other_unit: Ints  # the second one that did

    def known(self, t: Ints | int) -> Moments:
        """The moments up to (excluding) t; later ones have not happened."""
        known = {name: np.where(moment < t, moment, NONE) for name, moment in self.at.items()}
        known["extended_to"] = np.where(known["granted"] >= 0, self.at["extended_to"], NONE)
        return known


class _Fate:
    """Draws of one chunk: chances and delays, for all orders at once."""

    def __init__(self, rng: np.random.Generator, calendar: Calendar, n: int, urgent: Bools) -> None:
        self.rng, self.calendar, self.n, self.urgent = rng, calendar, n, urgent

    def chance(self, share: float | Floats) -> Bools:
        return np.asarray(self.rng.random(self.n) < share)

    def between(self, low: float, high: float) -> Ints:
        """Whole seconds, uniform."""
        return self.rng.integers(int(low), int(high) + 1, self.n)

    def part(self, low: float, high: float) -> Floats:
        return self.rng.uniform(low, high, self.n)

    def office(self, t: Ints, within: int = 2700) -> Ints:
        """t in office hours; people who find something in the morning come to it within three quarters of an hour."""
        opens = self.calendar.opens(t)
        return np.where(opens == t, t, opens + self.between(30, within))

    def worked(self, t: Ints) -> Ints:
        """Urgent work is done at any hour."""
        return np.where(self.urgent, t, self.office(t))


def live(city: City, limits: Limits, calendar: Calendar, orders: Orders, rng: np.random.Generator, stop: int) -> Life:
    fate = _Fate(rng, calendar, len(orders), orders.urgency > 0)
    at: Moments = {"reported": orders.reported}
    _intake(fate, orders, at)
    rule = limits.rule(at["accepted"] // DAY, orders.channel, orders.request_type, orders.major, orders.urgency)
    kind, value = limits.kind[rule], limits.value[rule]
    deadline = calendar.deadline(at["accepted"], kind, value, limits.rolls[rule])
    wrong, other = _bounce(city, fate, orders, at)
    final = _suspend_and_extend(fate, at, kind, deadline, stop)
    late, worst = _lateness(city, fate, orders)
    _dispose(fate, at, orders, final, late)
    _befall_late(fate, at, final)
    _close(fate, at, orders, final, np.where(worst, REWORKED_WORST, REWORKED))
    _end_otherwise(fate, at, final)
    _key_back(fate, at, orders, stop)
    life = Life(at, kind, value, deadline, wrong, other)
    return Life(life.known(stop), kind, value, deadline, wrong, other)


def _intake(fate: _Fate, orders: Orders, at: Moments) -> None:
    """Accepted within minutes (the mayor's line in office hours), then filed or not, then dispatched."""
    machine = np.isin(orders.system, [1, 2, 4, 5]) | fate.urgent
    mayor = (orders.system == SYSTEMS.index("区长直通车")) & ~fate.urgent
    quick = orders.reported + np.where(machine, fate.between(15, 240), fate.between(60, 1800))
    at["accepted"] = np.where(mayor, fate.office(orders.reported) + fate.between(600, 9000), quick)
    decided = at["accepted"] + np.where(fate.urgent, fate.between(20, 240), fate.between(60, 1800))
    refused = fate.chance(NOT_FILED) & ~fate.urgent
    at["not_filed"] = np.where(refused, decided + 600, NONE)
    at["filed"] = np.where(refused, NONE, decided)
    sent = decided + np.where(fate.urgent, fate.between(20, 240), fate.between(60, 3600))
    stuck = fate.chance(STUCK) & ~fate.urgent
    at["dispatched"] = np.where(refused | stuck, NONE, sent)


def _bounce(city: City, fate: _Fate, orders: Orders, at: Moments) -> tuple[Ints, Ints]:
    """Sent to the wrong unit, returned, dispatched again; then signed for by the right one."""
    bounced = fate.chance(BOUNCED) & ~fate.urgent & (at["dispatched"] >= 0)
    again = bounced & fate.chance(BOUNCED_AGAIN)
    returned = fate.office(at["dispatched"] + fate.between(1800, 14_400))
    at["returned"] = np.where(bounced, returned, NONE)
    at["dispatched_2"] = np.where(bounced, returned + fate.between(600, 5400), NONE)
    returned = fate.office(at["dispatched_2"] + fate.between(1800, 14_400))
    at["returned_2"] = np.where(again, returned, NONE)
    at["dispatched_3"] = np.where(again, returned + fate.between(600, 5400), NONE)
    last = np.maximum(np.maximum(at["dispatched"], at["dispatched_2"]), at["dispatched_3"])
    signed = fate.worked(last + np.where(fate.urgent, fate.between(30, 400), fate.between(120, 5400)))
    at["signed"] = np.where(at["dispatched"] >= 0, signed, NONE)
    wrong = np.where(
        orders.unit == city.district_unit[orders.major],
        city.village_unit[orders.village],
        city.district_unit[orders.major],
    )
    other = city.town_unit[orders.town, (orders.major + 3) % len(city.major_code)]
    return wrong, other


def _suspend_and_extend(fate: _Fate, at: Moments, kind: Ints, deadline: Ints, stop: int) -> Ints:
    """Suspended or extended while in time; gives the final deadline that the life is going to have."""
    room = deadline - at["signed"]
    roomy = (at["signed"] >= 0) & (room > 3 * 3600) & ~fate.urgent & (kind != URGENT_HOUR)
    hung = fate.office((at["signed"] + room * fate.part(0.1, 0.7)).astype(np.int64), 1200) + 7
    resumed = fate.office(hung + fate.between(0.4 * DAY, 14 * DAY), 7200)
    suspended = roomy & fate.chance(SUSPENDED) & (hung > at["signed"]) & (hung < deadline - 600)
    hung_2 = fate.office((hung + (resumed - hung) * fate.part(0.3, 0.9)).astype(np.int64), 1200)
    resumed_2 = fate.office(resumed + fate.between(0.3 * DAY, 4 * DAY), 7200)
    twice = suspended & fate.chance(SUSPENDED_TWICE) & (hung_2 < resumed - 60) & (hung_2 > hung) & (resumed_2 < stop)
    for name, moment, mask in (("hung", hung, suspended), ("resumed", resumed, suspended),
                               ("hung_2", hung_2, twice), ("resumed_2", resumed_2, twice)):  # fmt: skip
        at[name] = np.where(mask, moment, NONE)
    asked = fate.office((at["signed"] + room * fate.part(0.1, 0.8)).astype(np.int64), 1200)
    granted = fate.office(asked + fate.between(1800, 20_000))
    extended = roomy & fate.chance(EXTENDED) & (asked < deadline - 600) & (~suspended | fate.chance(0.3))
    longer = _extension(fate, deadline, kind, 2, 6)
    at["asked"], at["granted"] = np.where(extended, asked, NONE), np.where(extended, granted, NONE)
    at["extended_to"] = np.where(extended, longer, NONE)
    base = np.where(extended, longer, deadline)
    end = np.where(twice, resumed_2, resumed)
    pushed = fate.calendar.push(
        base,
        kind,
        np.where(suspended, hung, 0) + (~suspended) * base,
        np.where(suspended, end, 0) + (~suspended) * base,
    )
    return np.where(suspended, pushed, base)


def _extension(fate: _Fate, deadline: Ints, kind: Ints, low: int, high: int) -> Ints:
    """A later deadline: the end of a later day, of a working day except for limits in natural days."""
    days = fate.between(low, high)
    working = fate.calendar.nth_workday(deadline // DAY, days) * DAY + EVENING
    return np.where(kind == NATURAL_DAY, (deadline // DAY + days + 3) * DAY + MIDNIGHT_LESS_1, working)


def _lateness(city: City, fate: _Fate, orders: Orders) -> tuple[Bools, Bools]:
    """Who will be late; the worst office of the worst town most of all."""
    offices = np.array([code.endswith(WORST_OFFICE) and WORST_TOWN in code for code in city.unit_code])
    worst = offices[orders.unit] & (orders.major == city.major(WORST_MAJOR))
    share = np.where(worst, WORST_SHARE, city.late_share()[orders.town, orders.unit])
    return fate.chance(share), worst


def _dispose(fate: _Fate, at: Moments, orders: Orders, final: Ints, late: Bools) -> None:
    """Disposed somewhere in the time allowed, or later by a day or so with a long tail."""
    start = np.maximum.reduce([at["signed"], at["resumed"], at["resumed_2"], at["granted"]]) + 120
    in_time = start + ((final - start) * fate.rng.beta(1.6, 2.4, fate.n) * 0.92).astype(np.int64)
    over = np.exp(fate.rng.normal(np.log(0.9 * DAY), 1.2, fate.n)).astype(np.int64) + 600
    late = late | (final - start < 900)
    done = fate.worked(np.where(late, np.maximum(final, start) + over, in_time))
    done = np.where(orders.minute_clock, done // 60 * 60, done)
    at["disposed"] = np.where(at["signed"] >= 0, done, NONE)


def _befall_late(fate: _Fate, at: Moments, final: Ints) -> None:
    """Orders already late are suspended, asked to be extended (too late to count) or urged from above."""
    gap = at["disposed"] - final
    free = (at["hung"] < 0) & (at["granted"] < 0) & (gap > 2 * DAY) & ~fate.urgent
    stop_clock = free & fate.chance(SUSPENDED_LATE)
    hung = fate.office((final + gap * fate.part(0.1, 0.3)).astype(np.int64)) + 60
    resumed = fate.office((hung + gap * fate.part(0.3, 0.6)).astype(np.int64))
    at["hung"] = np.where(stop_clock, hung, at["hung"])
    at["resumed"] = np.where(stop_clock, resumed, at["resumed"])
    after = fate.office(resumed + 7200) // 60 * 60
    at["disposed"] = np.where(stop_clock & (after > at["disposed"]), after, at["disposed"])
    too_late = free & ~stop_clock & fate.chance(EXTENDED_TOO_LATE)
    asked = (final + gap * fate.part(0.1, 0.3)).astype(np.int64)
    granted = asked + fate.between(1800, 7200)
    hoped = fate.calendar.nth_workday(at["disposed"] // DAY, np.full(fate.n, 2)) * DAY + EVENING
    for name, moment in (("asked", asked), ("granted", granted), ("extended_to", hoped)):
        at[name] = np.where(too_late, moment, at[name])
    midnight = (final // DAY + 1) * DAY  # a batch at midnight urges what is late
    at["urged"] = np.where((gap > DAY) & (midnight < at["disposed"]) & fate.chance(URGED), midnight, NONE)


def _close(fate: _Fate, at: Moments, orders: Orders, final: Ints, rework: Floats) -> None:
    """Feedback, check, sometimes all over again, closure, evaluation by those who called.

    Whoever is in time is checked in a hurry, lest the order be late after all.
    """

    def reviewed(done: Ints) -> tuple[Ints, Ints]:
        room = np.maximum(final - done, 0)
        hurry = np.where(room > 1200, room // 4, 14_400)
        feedback = done + np.minimum(fate.between(60, 1800), hurry // 2)
        check = feedback + np.minimum(np.where(fate.urgent, fate.between(300, 3600), fate.between(600, 14_400)), hurry)
        check = np.where(fate.urgent, check, fate.office(check, 1200))
        return feedback, np.where(orders.minute_clock, np.maximum(check // 60 * 60, feedback + 60), check)

    done = at["disposed"] >= 0
    feedback, check = reviewed(at["disposed"])
    again = done & fate.chance(rework)
    at["reworked"] = np.where(again, check + 30, NONE)
    second = fate.worked(check + fate.between(3600, 1.5 * DAY))
    second = np.where(orders.minute_clock, second // 60 * 60, second)
    feedback_2, check_2 = reviewed(second)
    closed = np.where(again, check_2, check) + fate.between(60, 600)
    called = np.isin(orders.system, [0, 3])
    for name, moment, mask in (
        ("feedback", feedback, done), ("checked", check, done), ("closed", closed, done),
        ("disposed_2", second, again), ("feedback_2", feedback_2, again), ("checked_2", check_2, again),
        ("evaluated", closed + fate.between(3600, 3 * DAY), done & called & fate.chance(EVALUATED)),
        ("appealed", closed + fate.between(DAY, 5 * DAY), done & called & fate.chance(APPEALED)),
    ):  # fmt: skip
        at[name] = np.where(mask, moment, NONE)


def _end_otherwise(fate: _Fate, at: Moments, final: Ints) -> None:
    """Cancelled: early, or late and never disposed. Nothing follows a cancellation."""
    free = (at["hung"] < 0) & (at["filed"] >= 0) & ~fate.urgent
    stuck = free & (at["dispatched"] < 0)
    gap = at["disposed"] - final
    early = free & (at["signed"] >= 0) & (at["disposed"] > at["signed"] + 1800) & fate.chance(CANCELLED)
    late = free & ~early & (gap > DAY) & fate.chance(CANCELLED_LATE)
    when = np.full(fate.n, NONE)
    when = np.where(early, (at["signed"] + (at["disposed"] - at["signed"]) * fate.part(0.2, 0.8)).astype(int), when)
    when = np.where(late, (final + gap * fate.part(0.3, 0.9)).astype(np.int64), when)
    when = np.where(stuck, fate.office(final + fate.between(3 * DAY, 15 * DAY)), when)
    at["cancelled"] = when
    for name, moment in at.items():
        if name not in ("cancelled", "extended_to"):
            at[name] = np.where((when >= 0) & (moment > when), NONE, moment)


def _key_back(fate: _Fate, at: Moments, orders: Orders, stop: int) -> None:
    """Keyed in afterwards: the report after the closure, or the dispatch after the disposal."""
    closed, grid = at["closed"], orders.system == SYSTEMS.index("网格系统")
    short = (closed >= 0) & (closed - orders.reported < 3 * DAY)
    report = closed + fate.between(1800, 8 * 3600)
    keyed = short & grid & fate.chance(BACK_KEYED) & (report < stop)
    at["reported"] = np.where(keyed, report, at["reported"])
    sent = at["disposed"] + fate.between(300, 7200)
    plain = (closed >= 0) & (at["hung"] < 0) & (at["returned"] < 0) & (at["reworked"] < 0) & ~keyed
    moved = plain & fate.chance(DISPATCH_KEYED_LATE) & (sent < stop) & (closed < stop)
    at["dispatched"] = np.where(moved, sent, at["dispatched"])
