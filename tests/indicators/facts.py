"""Random facts, also such as cannot be: moments in any order, some missing."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.indicators.drawn import TOWNS, Rows
from tests.tables import SHANGHAI

BEGIN = datetime(2026, 2, 20, tzinfo=SHANGHAI)
MOMENTS = ("accepted_at", "filed_at", "not_filed_at", "dispatched_at", "disposed_at", "closed_at", "cancelled_at",
           "final_deadline_at")  # fmt: skip


class Facts:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def moment(self, odds: float = 0.7) -> datetime | None:
        if self.chance.random() > odds:
            return None
        return BEGIN + timedelta(minutes=self.chance.randrange(30 * 24 * 60))

    def orders(self, count: int) -> Rows:
        return [self._order(n) for n in range(count)]

    def _order(self, n: int) -> dict[str, Any]:
        chance = self.chance
        seconds = chance.choice([None, 0, 1, 3600, 3601, chance.randrange(10**6)])
        moments = {name: self.moment(0.15 if name in ("not_filed_at", "cancelled_at") else 0.75) for name in MOMENTS}
        return moments | {
            "work_order_id": f"NH20260220{n:06}",
            "town_code": chance.choice([*TOWNS, None]),
            "major_category_code": chance.choice(["01", "02", None]),
            "source_system": "12345热线",
            "handling_unit": chance.choice(["NH-CG", "NH-SJ"]),
            "lon": chance.choice([None, 113.1 + n / 1e4]),
            "lat": 23.0,
            "reported_at": self.moment(1),
            "suspensions": self._stops(),
            "handling_natural_seconds": seconds,
            "handling_work_seconds": None if seconds is None else seconds // 3,
            "rework_times": chance.choice([0, 0, 1, 3]),
            "quality_flags": chance.choice([[], ["out_of_district"]]),
        }

    def _stops(self) -> list[dict[str, datetime | None]] | None:
        if self.chance.random() < 0.5:
            return None
        edges = sorted(filter(None, (self.moment() for _ in range(4))))
        return [{"begin": a, "end": b} for a, b in zip(edges[::2], [*edges[1::2], None], strict=False)]

    def cases(self, count: int) -> Rows:
        chance = self.chance
        return [
            {
                "case_id": f"BJ{n:08}",
                "item_code": f"I{chance.randrange(9)}",
                "accepted_at": self.moment(1),
                "finished_case_at": self.moment(),
                "promised_work_days": chance.choice([None, Decimal(5), Decimal("3.5714")]),
                "statutory_work_days": chance.choice([None, Decimal(0), Decimal(20), Decimal("14.2857")]),
                "used_work_days": chance.choice([None, 3, 4, 5, 6]),
                "promised_date": day.date() if (day := self.moment()) else None,
                "town_code": chance.choice([*TOWNS, None]),
                "service_channel": "窗口",
                "quality_flags": [],
            }
            for n in range(count)
        ]

    def items(self, count: int) -> Rows:
        chance = self.chance
        return [
            {
                "item_code": f"I{n}",
                "first_seen_date": self.moment(1).date(),  # type: ignore[union-attr]
                "promised_work_days": chance.choice([None, Decimal(5), Decimal("3.5714")]),
                "statutory_work_days": chance.choice([None, Decimal(0), Decimal(20), Decimal("14.2857")]),
            }
            for n in range(count)
        ]

    def entities(self, count: int) -> Rows:
        chance = self.chance
        return [
            {
                "uscc": f"91440605{n:010}",
                "town_code": chance.choice([*TOWNS, None]),
                "entity_kind": chance.choice(["企业", "个体工商户"]),
                "industry_section": chance.choice(["C", "F", None]),
                "entered_date": day.date() if (day := self.moment()) else None,
                "entered_how": chance.choice(["期初", "新设", "迁入"]),
                "left_date": day.date() if (day := self.moment(0.4)) else None,
                "left_how": chance.choice(["吊销", "注销", "迁出"]),
                "quality_flags": [],
            }
            for n in range(count)
        ]

    def populations(self, count: int) -> Rows:
        """Years of the district and two towns; each number stands until the next."""
        return [
            {
                "stat_year": 2020 + n // 3,
                "area_code": ("440605", *TOWNS)[n % 3],
                "resident_population": 1000 + n,
                "managed_population": self.chance.choice([None, 2000 + n]),
                "next_stat_year": self.chance.choice([None, 2021 + n // 3]),
                "next_managed_year": self.chance.choice([None, 2022 + n // 3]),
            }
            for n in range(min(count, 200))
        ]

    def calls(self, count: int) -> Rows:
        """A day each; the parts may be more than the whole."""
        names = ("inbound_calls", "agent_calls", "answered_calls", "answered_in_15s")
        return [
            {
                "stat_date": (BEGIN + timedelta(days=n)).date(),
                **{name: self.chance.choice([0, self.chance.randrange(1000)]) for name in names},
                "quality_flags": [],
            }
            for n in range(count)
        ]

    def ratings(self, count: int) -> Rows:
        chance = self.chance
        return [
            {
                "rating_id": f"PJ{n:08}",
                "town_code": chance.choice([*TOWNS, None]),
                "rating_stars": chance.choice([1, 2, 3, 5, None]),
                "is_default_rating": chance.choice([True, False]),
                "rated_at": self.moment(1),
                "rectify_status": chance.choice(["已整改", "整改中", None]),
                "redaction_count": 0,
                "quality_flags": [],
            }
            for n in range(count)
        ]

    def of(self, table: str, count: int) -> Rows:
        makers = {"work_order": self.orders, "service_case": self.cases, "service_item": self.items,
                  "market_entity": self.entities, "population": self.populations,
                  "hotline_day": self.calls, "service_rating": self.ratings}  # fmt: skip
        return makers[table.split(".")[1]](count)
