"""Market entities (S11): a register that grows, changes and shrinks, told by increments and by fulls.

Drawn so that the definitions leave no doubt. An entity has at most one event of a kind, each on a day of its own.
Some are revoked and cancelled later, some are revoked and restored; some move in with an old date of foundation; of
those that move out half say so, the others are merely absent from the next full. Rows of which the story depends are
never lost for good; what else an increment loses, the full of the month's end brings. One full was exported wrongly and
is delivered once more the next day: nothing of the first is to be left.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from citybrain.simulate import people
from citybrain.simulate.city import CODES, City, Texts, older_names, rows_of
from citybrain.simulate.dirt import Batch
from citybrain.simulate.files import Layout
from citybrain.simulate.plan import ENTITIES, ENTITY_STOCK, FULLS, Delivery, Span
from citybrain.simulate.worktime import DAY, Bools, Calendar, Ints

HEADER = """
统一社会信用代码 企业名称 主体类型 法定代表人 注册资本 币种 成立日期 核准日期 登记状态 注销吊销日期
住所 镇街 行业代码 经营范围
"""
ENTITY_LAYOUT = Layout("市场主体登记明细表", "户", tuple(HEADER.split()), {}, frozenset(), "企业名称")
FULL_LAYOUT = Layout("市场主体登记全量表", "户", ("数据日期", *HEADER.split()), {}, frozenset(), "企业名称")
NEVER = np.iinfo(np.int64).max // 2
FIRM, INDIVIDUAL, COOPERATIVE = range(3)
KINDS = ("企业", "个体工商户", "农民专业合作社")
PREFIX = np.array(["91", "92", "93"], dtype=object)
TYPES = np.array(["有限责任公司（自然人投资或控股）", "个体工商户", "农民专业合作社"], dtype=object)
SUFFIXES = np.array(["有限公司", "经营部", "专业合作社"], dtype=object)
SHARES = (0.42, 0.57, 0.01)
# Shares of a year, by events; of the stock at the beginning
NEW, MOVES_IN, MOVES_OUT = 0.16, 0.006, 0.012
CANCELLED, REVOKED, CHANGED = 0.07, 0.012, 0.05
THEN_CANCELLED, RESTORED = 0.4, 0.15  # of the revoked
GONE_BEFORE = 0.04  # in the register at the beginning, but out of business
NO_TOWN, WRONG_CHECK = 0.008, 0.001
VARIANTS, HEIRS = 0.004, 0.004
WRONGLY_STRUCK_OFF = 50  # one in so many, in the full that is delivered once more
TRADES = (("3922", "五金制品"), ("2110", "家具制造"), ("1751", "纺织"), ("5131", "建材批发"), ("5211", "百货零售"),
          ("6210", "餐饮服务"), ("6513", "软件技术"), ("7211", "企业管理"), ("5442", "货物运输"), ("8111", "汽车维修"),
          ("4790", "建筑工程"), ("A0412", "水产养殖"))  # fmt: skip
ROADS = np.array(["桂澜路", "海八路", "佛平路", "岭南大道", "工业大道", "人民路", "兴业路", "沿江路"], dtype=object)


class Register(NamedTuple):
    """Entities as parallel arrays; days are day numbers, NEVER where there is no such day."""

    code: Texts
    kind: Ints
    name: Texts
    boss: Texts
    capital: Texts
    trade: Ints
    founded: Ints
    entered: Ints  # the first day on which the register holds it
    moved_in: Bools
    town: Ints
    address: Texts  # within the town, without its name
    style: Ints  # how the town is told: 0 by name and address, 1 by an older name in the address, 2 not at all
    changed: Ints
    town_after: Ints
    revoked: Ints
    restored: Ints
    cancelled: Ints
    moved_out: Ints
    says_so: Bools
    wrong_check: Bools
    variant: Bools  # the name is told with other brackets and blanks on every other day
    heir: Bools  # stands under the name and at the place of one that was struck off before

    def __len__(self) -> int:
        return len(self.code)

    def left(self) -> tuple[Ints, Texts]:
        """The day on which each leaves the stock, and how; of silent movers the day on which they were gone."""
        revoked = np.where(self.restored == NEVER, self.revoked, NEVER)
        day = np.minimum(np.minimum(revoked, self.cancelled), self.moved_out)
        how = np.where(day == self.moved_out, "迁出", np.where(day == revoked, "吊销", "注销"))
        return day, people.some(how.astype(object), day < NEVER)


def draw_register(city: City, span: Span, calendar: Calendar, rng: np.random.Generator) -> Register:
    start, stop = int(span.month_starts[0]), int(span.month_starts[-1])
    years = (stop - start) / 365
    old = max(round(ENTITY_STOCK * span.scale), 12)
    new, moved_in = (int(rng.poisson(old * share * years)) for share in (NEW, MOVES_IN))
    n = old + new + moved_in
    workdays = np.arange(start, stop)[calendar.is_workday(np.arange(start, stop))]
    recent = np.sort(rng.choice(workdays, new))
    founded = np.concatenate([_long_ago(rng, start, old), recent, _long_ago(rng, start, moved_in)])
    entered = np.concatenate([np.full(old, start - 1), recent, rng.choice(workdays, moved_in)])
    is_old = np.arange(n) < old
    kind = rng.choice(3, n, p=SHARES)
    town = rng.choice(len(city.town_code), n, p=city.town_weight / city.town_weight.sum())
    days = _events(rng, workdays, founded, entered, is_old, years)
    wrong = rng.random(n) < WRONG_CHECK
    trade = rng.integers(0, len(TRADES), n)
    address = ROADS[rng.integers(0, len(ROADS), n)] + rng.integers(1, 200, n).astype(str).astype(object) + "号"
    style = np.where(rng.random(n) < NO_TOWN, 2, rng.choice(2, n, p=(0.7, 0.3)))
    number = np.arange(n)
    heir = _heirs(rng, founded, days, style, slice(old, old + new))
    for own in (kind, trade, town, style, address, number):
        own[list(heir)] = own[list(heir.values())]
    days["changed"][list(heir)] = NEVER
    is_heir = np.isin(np.arange(n), list(heir))
    variant = (rng.random(n) < VARIANTS) & ~is_heir & ~np.isin(np.arange(n), list(heir.values()))
    return Register(
        code=_codes(kind, wrong),
        kind=kind,
        name=_names(kind, trade, number, variant),
        variant=variant,
        heir=is_heir,
        boss=people.names(rng, n),
        capital=rng.choice(np.array(["10", "50", "100", "500", "1,000", "50(万美元)"], dtype=object), n),
        trade=trade,
        founded=founded,
        entered=entered,
        moved_in=np.arange(n) >= old + new,
        town=town,
        address=address,
        style=style,
        town_after=(town + rng.integers(1, len(city.town_code), n)) % len(city.town_code),
        says_so=rng.random(n) < 0.5,
        wrong_check=wrong,
        **days,
    )  # fmt: skip


def _long_ago(rng: np.random.Generator, start: int, n: int) -> Ints:
    """Days of foundation in the 25 years before the span, mostly late ones."""
    return (start - 30 - (9_000 * rng.beta(1, 2.5, n)).astype(np.int64)).astype(np.int64)


def _events(
    rng: np.random.Generator, workdays: Ints, founded: Ints, entered: Ints, is_old: Bools, years: float
) -> dict[str, Ints]:
    """The days of an entity's events, at least three after it entered and each later than the one before."""
    n, start = len(entered), int(entered.min()) + 1
    fate = rng.random(n)
    cancels, revokes = fate < CANCELLED * years, fate > 1 - REVOKED * years
    moves = (fate > 0.5) & (fate < 0.5 + MOVES_OUT * years)
    last = int(workdays[-1])

    def after(days: Ints, happens: Bools, least: int, most: int) -> Ints:
        found = days + rng.integers(least, most, n)
        return np.where(happens & (found <= last), found, NEVER)

    first = np.maximum(entered, start)
    change = after(first, rng.random(n) < CHANGED * years, 3, max(int(365 * years / 2), 4))
    since = np.where(change < NEVER, change, first)
    one = after(since, cancels | revokes | moves, 3, max(int(365 * years), 4))
    revoked = np.where(revokes, one, NEVER)
    second = rng.random(n)
    later = np.where(revoked < NEVER, revoked, first)
    cancelled = np.where(cancels, one, after(later, (revoked < NEVER) & (second < THEN_CANCELLED), 20, 120))
    restored = after(later, (revoked < NEVER) & (second > 1 - RESTORED), 20, 60)
    gone = is_old & (rng.random(n) < GONE_BEFORE)
    long_ago = founded + (rng.random(n) * (start - 10 - founded)).astype(np.int64)
    return {
        "changed": np.where(gone, NEVER, change),
        "revoked": np.where(gone, NEVER, revoked),
        "restored": np.where(gone, NEVER, restored),
        "cancelled": np.where(gone, long_ago, cancelled),
        "moved_out": np.where(gone | ~moves, NEVER, one),
    }


def _codes(kind: Ints, wrong: Bools) -> Texts:
    """Unified credit codes with serials MA0…, which the district gives to nobody; a few with a wrong check digit."""
    codes = [people.credit_code(f"{PREFIX[k]}440605MA0{number:06d}") for number, k in enumerate(kind.tolist())]
    codes = [
        c[:-1] + ("1" if c[-1] != "1" else "2") if bad else c for c, bad in zip(codes, wrong.tolist(), strict=True)
    ]
    return np.array(codes, dtype=object)


def _heirs(
    rng: np.random.Generator, founded: Ints, days: dict[str, Ints], style: Ints, recent: slice
) -> dict[int, int]:
    """New entities, each with the cancelled one of which it takes name, trade and place."""
    plain = (style == 0) & (days["changed"] == NEVER) & (days["revoked"] == NEVER) & (days["moved_out"] == NEVER)
    ended = np.flatnonzero(plain & (days["cancelled"] < NEVER))
    ended = ended[np.argsort(days["cancelled"][ended], kind="stable")]
    candidates = np.arange(len(founded))[recent]
    candidates = candidates[style[candidates] == 0]
    wanted = min(max(round(HEIRS * len(candidates)), 1), len(candidates))
    chosen = np.sort(rng.choice(candidates, wanted, replace=False)) if wanted else candidates
    heirs: dict[int, int] = {}
    for one in chosen.tolist():
        before = [e for e in ended.tolist() if days["cancelled"][e] <= founded[one] and e not in heirs.values()]
        if before and one not in heirs.values():
            heirs[one] = before[int(rng.integers(0, len(before)))]
    return {one: other for one, other in heirs.items() if one not in heirs.values()}


def _names(kind: Ints, trade: Ints, number: Ints, variant: Bools) -> Texts:
    numbers = number.astype(str).astype(object)
    trades = np.array([name for _, name in TRADES], dtype=object)
    simulated = people.either(variant, "（模拟）", "模拟")
    return np.asarray("佛山市南海区" + simulated + numbers + "号" + trades[trade] + SUFFIXES[kind], dtype=object)


def _told_name(r: Register, entity: Ints, day: Ints) -> Texts:
    """The name, of some on every other day with other brackets and a blank."""
    names = r.name[entity].copy()
    for row in np.flatnonzero(r.variant[entity] & (day % 2 == 1)).tolist():
        names[row] = names[row].replace("（模拟）", "(模拟) ")
    return names


def increments(city: City, span: Span, files: list[Delivery], register: Register, rng: np.random.Generator) -> Batch:
    """A row for each event, in the file of its month."""
    start = int(span.month_starts[0])
    told = np.where(register.says_so, register.moved_out, NEVER)
    moments = np.stack(
        [np.where(register.entered >= start, register.entered, NEVER), register.changed, register.revoked,
         register.restored, np.where(register.cancelled >= start, register.cancelled, NEVER), told]
    )  # fmt: skip
    kind, entity = np.nonzero(moments < NEVER)
    day = moments[kind, entity]
    order = np.lexsort((entity, day))
    kind, entity, day = kind[order], entity[order], day[order]
    slot = span.slot(ENTITIES, day * DAY)
    columns = row_columns(city, register, entity, day, rng)
    is_sheet = np.array([file.is_sheet for file in files])[slot]
    known_by_it = register.moved_in | (register.moved_out < NEVER)
    must = ((kind == 0) & known_by_it[entity]) | (kind == 2) | (kind == 3) | (kind == 5)
    batch = Batch(ENTITIES, columns, slot, np.arange(len(day)), is_sheet, day, must)
    batch.note(np.flatnonzero(register.wrong_check[entity]), "统一社会信用代码", "X27")
    return batch


def fulls(
    city: City, span: Span, slot: int, file: int, register: Register, part: slice, rng: np.random.Generator
) -> Batch:
    """What the register holds at the end of a period: all of any state, but those that have moved away.

    ``file``: the place of the file among those of the table.
    """
    day = int(span.periods(FULLS)[slot]) // DAY - 1
    held = (register.entered <= day) & (register.moved_out > day)
    entity = np.flatnonzero(held)[part]
    days = np.full(len(entity), day, np.int64)
    columns = {"数据日期": dates(days), **row_columns(city, register, entity, days, rng)}
    same = np.full(len(entity), file, np.int64)
    batch = Batch(FULLS, columns, same, np.arange(len(entity)), np.zeros(len(entity), bool), entity)
    batch.note(np.flatnonzero(register.wrong_check[entity]), "统一社会信用代码", "X27")
    return batch


def strike_off(batch: Batch) -> None:
    """The export went wrong: every fiftieth is told to have been struck off that day. The right one follows."""
    columns, wrong = batch.columns, slice(None, None, WRONGLY_STRUCK_OFF)
    columns["登记状态"][wrong] = "注销"
    for title in ("注销吊销日期", "核准日期"):
        columns[title][wrong] = columns["数据日期"][wrong]


def row_columns(city: City, r: Register, entity: Ints, day: Ints, rng: np.random.Generator) -> dict[str, Texts]:
    """The entities as the register shows them at the end of the days."""
    happened = [np.where(days[entity] <= day, days[entity], -1) for days in
                (np.where(r.moved_in, r.entered, r.founded), r.changed, r.revoked, r.restored, r.cancelled,
                 np.where(r.says_so, r.moved_out, NEVER))]  # fmt: skip
    _, _, revoked, restored, cancelled, moved = happened
    is_revoked = (revoked >= 0) & (restored < 0)
    status = np.where(moved >= 0, "迁出", np.where(cancelled >= 0, "注销", np.where(is_revoked, "吊销", "存续")))
    left = np.where(moved >= 0, moved, np.where(cancelled >= 0, cancelled, np.where(is_revoked, revoked, -1)))
    town = np.where(r.changed[entity] <= day, r.town_after[entity], r.town[entity])
    named, place = _places(city, town, r.style[entity], rng)
    return {
        "统一社会信用代码": r.code[entity],
        "企业名称": _told_name(r, entity, day),
        "主体类型": TYPES[r.kind[entity]],
        "法定代表人": r.boss[entity],
        "注册资本": r.capital[entity],
        "币种": np.full(len(entity), None, dtype=object),
        "成立日期": dates(r.founded[entity]),
        "核准日期": dates(np.maximum.reduce(happened)),
        "登记状态": status.astype(object),
        "注销吊销日期": dates(left),
        "住所": "佛山市南海区" + place + r.address[entity],
        "镇街": named,
        "行业代码": np.array([code for code, _ in TRADES], dtype=object)[r.trade[entity]],
        "经营范围": np.array([f"{name}（模拟）" for _, name in TRADES], dtype=object)[r.trade[entity]],
    }


def _places(city: City, town: Ints, style: Ints, rng: np.random.Generator) -> tuple[Texts, Texts]:
    """The registered town and what of it the address tells; old names of towns stand where people still use them."""
    full = np.array([row["镇街名称"] for row in rows_of(CODES / "town.csv") if not row["失效日期"]], dtype=object)
    choices = older_names(city)
    pick = rng.integers(0, 12, len(town)).tolist()
    old = np.array([choices[t][k % len(choices[t])] for t, k in zip(town.tolist(), pick, strict=True)], dtype=object)
    place = np.where(style == 0, full[town], np.where(style == 1, old, "")).astype(object)
    return people.some(full[town], style == 0), place


def dates(days: Ints) -> Texts:
    """2026-03-01; null where negative."""
    if not len(days):
        return np.empty(0, dtype=object)
    text = np.datetime_as_string(np.maximum(days, 0).astype("datetime64[D]")).astype(object)
    text[days < 0] = None
    return np.asarray(text, dtype=object)


def stay(span: Span, register: Register) -> dict[str, Any]:
    """How each entity stood in the stock: town, kind, when and how it entered and left (None where it never was in)."""
    start = int(span.month_starts[0])
    full_days = span.periods(FULLS) // DAY - 1
    left, how = register.left()
    silent = (how == "迁出") & ~register.says_so
    left = np.where(silent, full_days[np.searchsorted(full_days, np.minimum(left, full_days[-1]))], left)
    opening = register.entered < start
    never = opening & (left < start)
    entered = np.where(never, -1, register.entered)
    entered_how = np.where(opening, "期初", np.where(register.moved_in, "迁入", "新设")).astype(object)
    is_out = (left < NEVER) & ~never
    town = np.where(register.changed < NEVER, register.town_after, register.town)
    return {
        "town": np.where(register.style == 2, -1, town),
        "kind": np.array(KINDS, dtype=object)[register.kind],
        "entered": entered,
        "entered_how": people.some(entered_how, ~never),
        "left": np.where(is_out, left, -1),
        "left_how": people.some(how, is_out),
    }
