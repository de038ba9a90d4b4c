"""A large work-order export (模拟数据) as a department would send it: the same bytes for the same number of rows.

Every value follows from the row's number. One row in 200 bears one of ten kinds of dirt.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

DIRTY = 200  # one row in so many
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SUM = " + ".join(f"(ascii(person[{place}]) - 48) * {weight}" for place, weight in enumerate(_WEIGHTS, 1))

_MACROS = """
CREATE MACRO dice(i, salt, sides) AS (hash(i * 64 + salt) % sides)::BIGINT;
CREATE MACRO one_of(i, salt, choices) AS choices[1 + dice(i, salt, len(choices))];
CREATE MACRO two(n) AS lpad(n::VARCHAR, 2, '0');
CREATE MACRO text_of(moment) AS strftime(moment, '%Y-%m-%d %H:%M:%S');
CREATE MACRO wide(t) AS translate(t, '0123456789', '０１２３４５６７８９');
"""

_CLEAN = f"""
SELECT dirt,
    'NH' || strftime(reported, '%Y%m%d') || lpad((i % 1000000)::VARCHAR, 6, '0') AS 工单编号,
    one_of(i, 10, ['电话', '网络', '微信', '网格员上报', '视频']) AS 来源渠道,
    text_of(reported) AS 上报时间,
    one_of(i, 11, ['沙井盖缺损', '路灯不亮', '暴露垃圾', '占道经营', '违法搭建', '噪音扰民']) || '（模拟）' AS 标题,
    one_of(i, 12, ['咨询', '求助', '投诉', '举报', '建议']) AS 诉求类型,
    two(major) || two(1 + dice(i, 13, 20)) AS 小类码,
    one_of(i, 14, ['一般', '一般', '一般', '紧急', '特急']) AS 紧急程度,
    town::VARCHAR AS 镇街码,
    town || lpad((1 + dice(i, 3, 30))::VARCHAR, 3, '0') AS 村居码,
    '桂澜路' || (1 + dice(i, 15, 300)) || '号' AS 地址,
    '113.1' || (10000 + dice(i, 16, 90000)) AS 经度,
    '23.0' || (10000 + dice(i, 17, 90000)) AS 纬度,
    one_of(i, 18, ['D03', 'D07', 'D11', 'D15']) AS 承办单位,
    CASE WHEN is_closed THEN '已结案' ELSE '处置中' END AS 状态,
    CASE WHEN is_closed THEN text_of(reported + to_seconds(3600 + dice(i, 19, 900000))) END AS 结案时间,
    one_of(i, 20, ['非常满意', '满意', '基本满意', '不满意', NULL]) AS 满意度,
    '138' || lpad(dice(i, 21, 100000000)::VARCHAR, 8, '0') AS 电话,
    person || '10X98765432'[1 + ({_SUM}) % 11] AS 身份证,
    text_of(reported + INTERVAL 12 DAY) AS 更新时间
FROM (SELECT *, TIMESTAMP '2025-01-01 00:00:00' + to_seconds(i * 10) AS reported,
             440605011 + dice(i, 2, 7) AS town, 1 + dice(i, 4, 12) AS major, dice(i, 9, 10) < 7 AS is_closed,
             '440605' || (1950 + dice(i, 5, 55)) || two(1 + dice(i, 6, 12)) || two(1 + dice(i, 7, 28))
                      || lpad(dice(i, 8, 1000)::VARCHAR, 3, '0') AS person
      FROM (SELECT dirt, CASE WHEN dirt = 9 THEN row - 1 ELSE row END AS i FROM numbered))"""

_NUMBERED = f"""
SELECT row, CASE WHEN row % {DIRTY} = {DIRTY // 2} THEN dice(row, 1, 10) END AS dirt FROM range({{rows}}) r(row)"""

# What each kind of dirt does to which column; of kind 9 the row is the one before it once more.
_SPOILED = """
SELECT * EXCLUDE (dirt) REPLACE (
    CASE WHEN dirt IS DISTINCT FROM 0 THEN 工单编号 END AS 工单编号,
    CASE dirt WHEN 1 THEN '2026-02-30 10:00:00' WHEN 2 THEN replace(上报时间, '-', '/') ELSE 上报时间 END AS 上报时间,
    CASE dirt WHEN 3 THEN wide(镇街码) ELSE 镇街码 END AS 镇街码,
    CASE dirt WHEN 4 THEN 纬度 ELSE 经度 END AS 经度,
    CASE dirt WHEN 5 THEN '—' ELSE 满意度 END AS 满意度,
    CASE dirt WHEN 6 THEN 电话[:3] || '****' || 电话[-4:] ELSE 电话 END AS 电话,
    CASE dirt WHEN 7 THEN 身份证[:17] || CASE 身份证[18] WHEN '1' THEN '2' ELSE '1' END ELSE 身份证 END AS 身份证,
    CASE dirt WHEN 8 THEN '已办结' ELSE 状态 END AS 状态)
FROM clean"""


def write(path: Path, rows: int) -> dict[int, int]:
    """Writes ``rows`` rows under a header, about 235 bytes each; gives how many bear each kind of dirt."""
    with duckdb.connect() as db:
        db.execute(_MACROS)
        db.execute(f"CREATE VIEW numbered AS {_NUMBERED.format(rows=rows)}")
        db.execute(f"CREATE VIEW clean AS {_CLEAN}")
        db.execute(f"COPY ({_SPOILED}) TO '{path}' (FORMAT csv, HEADER)")
        return dict(db.execute("SELECT dirt, count(*) FROM numbered WHERE dirt IS NOT NULL GROUP BY ALL").fetchall())
