"""Ratings (S08) of the cases that ended: some by people, some by the system, which always thinks the best of it.

Bad ones are put right within weeks and told again. A few name a case that never was; others rate one whose rows were
all lost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from citybrain.simulate import people
from citybrain.simulate.cases import Cases
from citybrain.simulate.city import City, Texts
from citybrain.simulate.dirt import Batch, Kind
from citybrain.simulate.files import Layout
from citybrain.simulate.lifecycle import NONE
from citybrain.simulate.plan import RATINGS, Delivery, Span
from citybrain.simulate.private import confide
from citybrain.simulate.spoil import full_width, impossible, in_words, is_null, missing, serial, token, whole_minute
from citybrain.simulate.told import Told, exports, flag_lists, instants, strings
from citybrain.simulate.worktime import DAY, Bools, Ints

HEADER = (
    "评价编号",
    "办件编号",
    "评价渠道",
    "评价等级",
    "是否默认评价",
    "评价时间",
    "评价内容",
    "整改状态",
    "整改时间",
)
RATING_LAYOUT = Layout("政务服务好差评明细表", "件", HEADER, {"差评整改": HEADER[-2:]}, frozenset(), "评价渠道")
LEVELS = np.array(["非常不满意", "不满意", "基本满意", "满意", "非常满意"], dtype=object)
STARRED = {"非常满意": ("5", "五星", "★★★★★"), "满意": ("4", "四星", "★★★★"), "基本满意": ("3", "3星"),
           "不满意": ("2", "二星"), "非常不满意": ("1", "★")}  # fmt: skip
CHANNELS = np.array(["窗口", "网上", "短信", "二维码"], dtype=object)
SAYINGS = {True: ("态度好，办得快", "一次就办好了", "指引清楚"), False: ("跑了三趟", "等候太久", "材料要求前后不一")}
RATED, BY_DEFAULT, BAD, RECTIFIED = 0.4, 0.35, 0.05, 0.85
AS_TOLD = {"rating_id": "评价编号", "case_id": "办件编号", "rating_channel": "评价渠道", "rating": "评价等级",
           "rectify_status": "整改状态"}  # fmt: skip
ORPHANS, UNKNOWN_LEVEL, TOO_EARLY, CONFIDES = 0.006, 0.004, 0.004, 0.03


def starred(rng: np.random.Generator, text: str) -> str:
    return str(rng.choice(STARRED[text]))


RATING_KINDS = (
    Kind("X18", RATINGS, "评价等级", 0.08, starred, lambda text: text in STARRED),
    Kind("X04", RATINGS, "整改时间", 0.01, token, is_null),
    Kind("X05", RATINGS, "评价编号", 0.004, full_width),
    Kind("X12", RATINGS, "评价时间", 0.01, in_words, whole_minute),
    Kind("X12", RATINGS, "评价时间", 0.02, serial, sheets=True),
    Kind("X12 不可能", RATINGS, "评价时间", 0.002, impossible),
    Kind("X21", RATINGS, "", 0.002, missing),
    Kind("required", RATINGS, "评价编号", 0.001, missing),
)


class Ratings(NamedTuple):
    case: Ints  # place among the cases
    number: Texts
    stars: Ints  # 1 to 5; 0 for a level that is none of the five
    default: Bools
    rated: Ints
    rectified: Ints  # NONE: not yet
    orphan: Bools
    early: Bools


def draw_ratings(cases: Cases, span: Span, rng: np.random.Generator) -> Ratings:
    case = np.flatnonzero((cases.finished >= 0) & (rng.random(len(cases)) < RATED))
    n = len(case)
    default = rng.random(n) < BY_DEFAULT
    stars = np.where(rng.random(n) < BAD, rng.integers(1, 3, n), rng.choice([3, 4, 5], n, p=(0.08, 0.27, 0.65)))
    stars = np.where(default, 5, np.where(rng.random(n) < UNKNOWN_LEVEL, 0, stars))
    waited = np.where(default, 5 * DAY, np.rint(rng.exponential(DAY, n)).astype(np.int64) // 60 * 60 + 60)
    early = ~default & (rng.random(n) < TOO_EARLY)
    rated = np.where(early, cases.accepted[case] - 3600, cases.finished[case] + waited)
    bad = _is_bad(stars)
    mended = rated + rng.integers(DAY, 40 * DAY, n)
    rectified = np.where(bad & (rng.random(n) < RECTIFIED) & (mended < span.stop), mended, NONE)
    told = (rated < span.stop) & (rated >= span.start_of_span)
    number = np.array(["PJ" + text[2:] for text in cases.number[case]], dtype=object)
    orphan = rng.random(n) < ORPHANS
    told = (rated < span.stop) & (rated >= span.start_of_span)
    return Ratings(
        case[told], number[told], stars[told], default[told], rated[told], rectified[told], orphan[told], early[told]
    )


def rating_rows(
    city: City, span: Span, files: list[Delivery], cases: Cases, known: Bools, r: Ratings, rng: np.random.Generator
) -> Told:
    """The rows of S08, in the month of the rating and, if it was put right later, in that month too.

    ``known``: the cases of which the lake knows in the end.
    """
    rows, slot, shown = exports(span, RATINGS, r.rated, r.rectified)
    fixed = np.where(r.rectified[rows] < shown, r.rectified[rows], NONE)
    wrote = ~r.default & (rng.random(len(r.case)) < 0.5)
    confides = wrote & (rng.random(len(r.case)) < CONFIDES)
    text, kept, places = confide(rng, _sayings(r.stars, rng), confides)
    columns: dict[str, Texts] = {
        "评价编号": r.number[rows],
        "办件编号": np.where(r.orphan, _nobody_s(r.number), cases.number[r.case])[rows],
        "评价渠道": rng.choice(CHANNELS, len(r.case))[rows],
        "评价等级": np.append(LEVELS, "一般")[r.stars - 1][rows],
        "是否默认评价": people.either(r.default[rows], "是", "否"),
        "评价时间": people.stamps(r.rated[rows]),
        "评价内容": people.some(text, wrote)[rows],
        "整改状态": np.where(fixed >= 0, "已整改", np.where(_is_bad(r.stars), "待整改", "无需整改")[rows]).astype(
            object
        ),
        "整改时间": people.stamps(fixed),
    }
    sheet = np.array([file.is_sheet for file in files])[slot]
    batch = Batch(RATINGS, columns, slot, rows, sheet, r.rated[rows], kinds=RATING_KINDS)
    batch.note(np.flatnonzero(r.stars[rows] == 0), "评价等级", "enum")
    batch.note(np.flatnonzero(r.orphan[rows] & ~batch.taken), "办件编号", "orphan_case")
    batch.note(np.flatnonzero(confides[rows] & ~batch.taken), "评价内容", "X31")
    texts = {name: columns[title] for name, title in AS_TOLD.items()} | {"rating_text": people.some(kept, wrote)[rows]}
    orphan = r.orphan | ~known[r.case]
    return Told(batch, _clean(r, rows, texts, _town(city, cases, r, orphan), orphan, fixed, places), slot)


def _clean(
    r: Ratings, rows: Ints, texts: dict[str, Texts], town: Texts, orphan: Bools, fixed: Ints, places: Ints
) -> pa.Table:
    unknown, stars = r.stars[rows] == 0, r.stars[rows]
    wrong = {"orphan_case": orphan[rows], "unknown_rating": unknown, "time_order_violation": (r.early & ~orphan)[rows]}
    return pa.table(
        {
            **{name: strings(values) for name, values in (texts | {"town_code": town[rows]}).items()},
            "rating_stars": pa.array(stars, mask=unknown),
            "is_default_rating": pa.array(r.default[rows]),
            "rated_at": instants(r.rated[rows]),
            "redaction_count": pa.array(places[rows]),
            "rectified_at": instants(fixed),
            "quality_flags": flag_lists(len(rows), wrong),
        }
    )


def _is_bad(stars: Ints) -> Bools:
    return (stars > 0) & (stars < 3)


def _sayings(stars: Ints, rng: np.random.Generator) -> Texts:
    return np.array([str(rng.choice(SAYINGS[good])) for good in (stars >= 3).tolist()], dtype=object)


def _nobody_s(numbers: Texts) -> Texts:
    """Numbers of cases of a day on which none was accepted."""
    return np.array([f"BJ19990101{number[10:]}" for number in numbers], dtype=object)


def _town(city: City, cases: Cases, r: Ratings, orphan: Bools) -> Texts:
    town = cases.town[r.case]
    return people.some(city.town_code[town], (town >= 0) & ~orphan)
