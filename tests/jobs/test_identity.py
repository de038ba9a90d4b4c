"""Pseudonyms, redaction and check digits; the golden vectors GV14 and GV15."""

import hashlib
import hmac
import os
import random
import stat
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
import sqlglot
from pyspark.sql import functions as F

from citybrain import identity, redaction

ROOT = Path(__file__).parents[2]
PETITIONS = ROOT.parent / "shared" / "data" / "petitions" / "wenzheng_messages_with_replies.xlsx"
ID, OTHER_ID = "11010519491231002X", "440524188001010014"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return identity.ensure_key(tmp_path_factory.mktemp("home") / "secrets" / "pseudonym.key")


@pytest.fixture(scope="module")
def pseudonyms(spark, key):
    def ask(domain, *values):
        df = spark.createDataFrame(list(enumerate(values)), "id int, value string")
        found = df.select("id", identity.pseudonym("value", domain, key).alias("p")).orderBy("id").collect()
        return [row.p for row in found]

    return ask


# The key.


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "secrets" / "pseudonym.key"
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(identity.ensure_key, [path] * 16)) == {path}
    made = path.read_bytes()
    identity.ensure_key(path)
    assert path.read_bytes() == made
    assert len(bytes.fromhex(made.decode())) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_key_lies_below_home(monkeypatch, tmp_path):
    monkeypatch.setenv("CITYBRAIN_HOME", str(tmp_path))
    assert identity.key_path() == tmp_path / "secrets" / "pseudonym.key"


def test_another_key_is_known_by_its_id_and_the_id_does_not_tell_it(tmp_path):
    keys = [identity.ensure_key(tmp_path / name) for name in ("a", "b")]
    ids = [identity.key_id(path) for path in keys]
    assert len(set(ids)) == 2
    assert all(one not in path.read_text() for one, path in zip(ids, keys, strict=True))


# Pseudonyms.


def test_a_pseudonym_is_the_keyed_hash_of_the_normalised_value(pseudonyms, key):
    own = hmac.digest(bytes.fromhex(key.read_text()), b"citybrain/pseudonym/person", "sha256")
    expected = hmac.new(own, ID.encode(), hashlib.sha256).hexdigest()[:32]
    assert (
        pseudonyms("person", ID, ID.lower(), f"　{ID[:6]} {ID[6:]} ", "１１０１０５１９４９１２３１００２Ｘ")
        == [expected] * 4
    )


def test_one_telephone_has_one_pseudonym_however_it_is_written(pseudonyms):
    mobile = pseudonyms("phone", "13800138000", "+86 138-0013-8000", "8613800138000", "13800138000/0757-86330000")
    landline = pseudonyms("phone", "0757-86330000", "(0757)86330000", "０７５７86330000转801")
    assert (len(set(mobile)), len(set(landline)), len({*mobile, *landline})) == (1, 1, 2)


def test_the_domains_are_apart(pseudonyms):
    assert pseudonyms("person", "440605199001011234") != pseudonyms("phone", "440605199001011234")


def test_what_hides_has_no_pseudonym(pseudonyms):
    hidden = [None, "", " ", "无", "440605********1234", "×××××××××××", "保密", "12"]
    assert pseudonyms("person", *hidden) == [None] * len(hidden)
    assert pseudonyms("phone", "138****5678", "138xxxx5678", "见附件", None) == [None] * 4


def test_masked_is_told_from_null(spark):
    values = ["440605********1234", "138××××5678", "138xxxx5678", "保密", ID, "13800138000", "", None]
    found = spark.createDataFrame(list(enumerate(values)), "id int, v string").withColumn("m", identity.is_masked("v"))
    assert [row.m for row in found.orderBy("id").collect()] == [True] * 4 + [False] * 4


def test_the_key_is_in_no_plan(spark, key):
    df = spark.range(2).select(identity.pseudonym(F.col("id").cast("string"), "person", key))
    plan = df._jdf.queryExecution().toString()
    assert key.read_text() not in plan
    assert "ArrowEvalPython" in plan  # it is the plan of the function we mean


CONNECTED = """
    from datetime import datetime, timezone
    from pathlib import Path
    from pyspark.sql import SparkSession, functions as F
    from citybrain import identity, intervals, redaction, working_time as wt

    spark = SparkSession.builder.remote("local[1]").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "Asia/Shanghai")
    days = spark.sql("SELECT date'2026-10-09' + i AS calendar_date, i < 2 AS is_workday, false AS is_provisional "
                     "FROM (SELECT explode(sequence(0, 3)) AS i)")
    calendar = wt.calendar_columns(days)
    df = spark.sql("SELECT '11010519491231002X' AS v, '电话13800138000' AS t, timestamp'2026-10-09 16:30' AS at")
    df = df.withColumn("p", identity.pseudonym("v", "person", Path({key!r}))).withColumn("r", redaction.redacted("t"))
    df = wt.with_work_clock(df, calendar, {{"at": "clock"}}, provisional="unsure")
    df = wt.deadline(df, calendar, start="at", limit_type=F.lit("work_hour"), limit_value=F.lit(2), roll=F.lit("none"),
                     out="due")
    df = wt.push_deadline(df, calendar, deadline="due", limit_type=F.lit("work_day"), natural_seconds=F.lit(1),
                          work_seconds=F.lit(3600), out="due")
    pause = F.array(F.struct(F.col("at").alias("begin"), F.col("due").alias("end")))
    df = df.withColumn("seconds", intervals.merged_seconds(pause))
    row = df.collect()[0]
    print(row.p, row.r, row.clock, row.unsure, row.due.astimezone(timezone.utc).isoformat(), row.seconds)
    spark.stop()
"""


@pytest.mark.slow
def test_pseudonyms_redaction_and_working_time_work_over_spark_connect(pseudonyms, key):
    script = textwrap.dedent(CONNECTED).format(key=str(key))
    # no package on the worker's path but Spark's: the hashing function travels by itself
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK_CONF", "PYTHONPATH"))}
    environment |= {"PYTHONPATH": str(ROOT / "jobs"), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    environment["SPARK_TESTING"] = "1"  # a port of its own, not 15002, where a stack may be running
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (expected,) = pseudonyms("person", ID)
    assert done.stdout.split() == [expected, "电话〔电话〕", "21600", "False", "2026-10-10T02:30:00+00:00", "64800"]


# Redaction.

TEXTS = {
    "请联系张先生13800138000。": ("请联系张先生〔电话〕。", "phone"),
    "电话：138 0013 8000、+86-139-0013-9000": ("电话：〔电话〕、〔电话〕", "phone phone"),
    "座机0757-86330000转801，（0757）86330001": ("座机〔电话〕，〔电话〕", "phone phone"),
    "联系电话是86330000，热线（86330001）": ("联系电话是〔电话〕，热线（〔电话〕）", "phone phone"),
    "请拨0757-86330000、86330001或86330002咨询": ("请拨〔电话〕咨询", "phone"),
    "手机１３８００１３８０００": ("手机〔电话〕", "phone"),
    "身份证11010519491231002x，旧证110105491231002": ("身份证〔证件〕，旧证〔证件〕", "id id"),
    "证件号 440605 19900101 1234": ("证件号 〔证件〕", "id"),
    "卡号6222 0213 0001 2345 678": ("卡号〔卡号〕", "card"),
    "卡号6222021300012345": ("卡号〔卡号〕", "card"),
    "粤E12345违停，新能源粤ED12345、粤E·F1234学": ("〔车牌〕违停，新能源〔车牌〕、〔车牌〕", "plate plate plate"),
    "粤e8k8k8和京ＡＤ１２３４５": ("〔车牌〕和〔车牌〕", "plate plate"),
    "张三13800138000，粤E12345，11010519491231002X": ("张三〔电话〕，〔车牌〕，〔证件〕", "phone plate id"),
    # what stays
    "工单NH20260301000001于2026-03-01 09:05:00受理": (None, ""),
    "12345热线、110、2026年3月1日至20260331、合同20260301000001": (None, ""),
    "一共3000000元，高80.5米，门牌86330000号": (None, ""),
    "流水号9913800138000、90757863300001、138001380009、9110105194912310021": (None, ""),
    "已脱敏138****5678、〔电话〕": (None, ""),
    "粤剧、粤ABC公司、桂城B座12楼": (None, ""),
    "信用代码91350100M000100Y43": (None, ""),
}


@pytest.mark.dirt("X31")
def test_pictures_of_redaction(spark):
    df = spark.createDataFrame([(text,) for text in TEXTS], "text string")
    df = df.select("text", redaction.redacted("text").alias("r"), redaction.redactions("text").alias("n"))
    df = df.withColumn("total", redaction.redaction_count("text", "text"))
    for row in df.collect():
        expected, kinds = TEXTS[row.text]
        assert row.r == (expected or row.text)
        assert row.n.asDict() == {kind: kinds.split().count(kind) for kind in redaction.KINDS}, row.text
        assert row.total == 2 * len(kinds.split())


def test_null_text_stays_null_and_counts_nothing(spark):
    df = spark.createDataFrame([(None,)], "text string")
    row = df.select(redaction.redacted("text").alias("r"), redaction.redaction_count("text").alias("n")).collect()[0]
    assert (row.r, row.n) == (None, 0)


@pytest.mark.real
@pytest.mark.skipif(not PETITIONS.exists(), reason=f"the petitions are not here: {PETITIONS}")
def test_telephones_put_back_into_real_petitions_are_found(spark):
    """The publisher put 0000-00000000 for telephones; we put numbers there again, in the sentences people wrote."""
    from python_calamine import CalamineWorkbook

    sheet = CalamineWorkbook.from_path(str(PETITIONS)).get_sheet_by_index(0).to_python()
    texts = [cell for row in sheet for cell in row if isinstance(cell, str) and "0000-00000000" in cell]
    numbers = ("0731-85412345", "13800138000")
    df = spark.createDataFrame([(text, number) for text in texts for number in numbers], "text string, number string")
    df = df.withColumn("text", F.replace("text", F.lit("0000-00000000"), "number"))
    found = df.select("number", "text", redaction.redacted("text").alias("r")).collect()
    there = sum(row.text.count(row.number) for row in found)
    left = sum(row.r.count(row.number) for row in found)
    assert there > 1000
    assert left <= 0.005 * there  # those that stood directly after other digits


@pytest.mark.real
@pytest.mark.skipif(not PETITIONS.exists(), reason=f"the petitions are not here: {PETITIONS}")
def test_little_else_in_real_petitions_is_taken_for_a_personal_number(spark):
    from python_calamine import CalamineWorkbook

    sheet = CalamineWorkbook.from_path(str(PETITIONS)).get_sheet_by_index(0).to_python()
    texts = [(cell,) for row in sheet for cell in row if isinstance(cell, str) and len(cell) > 30]
    df = spark.createDataFrame(texts, "text string").select(redaction.redactions("text").alias("n"))
    counts = df.agg(*(F.sum(f"n.{kind}").alias(kind) for kind in redaction.KINDS)).collect()[0].asDict()
    assert counts["phone"] > 150  # offices' telephones that the publisher left
    assert counts["id"] + counts["card"] == 0  # the publisher left none
    assert counts["plate"] < 10


# Check digits, in both engines and through sqlglot, as the row rules are rendered.


def valid_id(dice):
    born = date(1930, 1, 1) + timedelta(dice.randrange(33_000))
    body = f"{dice.choice(['440605', '440622', '440682', '110105'])}{born:%Y%m%d}{dice.randrange(1000):03}"
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def valid_uscc(dice):
    digits = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = "91440605" + "".join(dice.choice(digits) for _ in range(9))
    total = sum(digits.index(digit) * pow(3, place, 31) for place, digit in enumerate(body))
    return body + digits[-total % 31]


def one_digit_changed(dice, code):
    place = dice.randrange(8, 17)
    return code[:place] + str((int(code[place], 36) % 10 + dice.randrange(1, 10)) % 10) + code[place + 1 :]


def judged(spark, rule, values):
    """Verdicts of DuckDB, Spark, and both after sqlglot, which must agree."""
    frame = spark.createDataFrame(list(enumerate(values)), "id int, v string")
    frame.createOrReplaceTempView("codes")
    rows = frame.toPandas()  # noqa: F841  (DuckDB reads it by its name)
    duck = duckdb.connect()
    texts = {
        "plain": (rule, rule),
        "sqlglot": tuple(sqlglot.transpile(rule, read="duckdb", write=write)[0] for write in ("duckdb", "spark")),
    }
    verdicts = []
    for for_duckdb, for_spark in texts.values():
        verdicts.append([v for _, v in duck.execute(f"SELECT id, {for_duckdb} FROM rows ORDER BY id").fetchall()])
        verdicts.append([row.v for row in spark.sql(f"SELECT id, {for_spark} AS v FROM codes ORDER BY id").collect()])
    assert verdicts[0] == verdicts[1] == verdicts[2] == verdicts[3]
    return verdicts[0]


def test_gv15_identity_numbers(spark):
    good = [ID, ID.lower(), f" {OTHER_ID} ", None, "", "110105491231002", "440605********1234", "440605××××××××1234"]
    bad = [ID[:-1] + "1", "110105194902300021", "110105194913310027", "11010519491231002", ID + "X", "护照E12345678",
           "1101051949123100２X", "110105174912310024", "X1010519491231002X"]  # fmt: skip
    assert judged(spark, identity.id_card_invalid_sql("v"), good + bad) == [False] * len(good) + [True] * len(bad)


def test_every_true_identity_number_passes_and_no_changed_one_does(spark):
    dice = random.Random(11643)
    good = [valid_id(dice) for _ in range(300)]
    bad = [one_digit_changed(dice, code) for code in good]
    assert judged(spark, identity.id_card_invalid_sql("v"), good + bad) == [False] * 300 + [True] * 300


def test_gv14_unified_social_credit_codes(spark):
    good = ["91350100M000100Y43", "91350100m000100y43", None, "440682000123456", "9144****0M000100Y43"]
    bad = ["91350100M000100Y4Z", "91350100M000100Y44", "91350100M000100I43", "91350100M000100Y4", "无统一代码"]
    assert judged(spark, identity.uscc_invalid_sql("v"), good + bad) == [False] * len(good) + [True] * len(bad)


def test_every_true_credit_code_passes_and_no_changed_one_does(spark):
    dice = random.Random(32100)
    good = [valid_uscc(dice) for _ in range(300)]
    bad = [one_digit_changed(dice, code) for code in good]
    different = [code != other for code, other in zip(good, bad, strict=True)]
    assert judged(spark, identity.uscc_invalid_sql("v"), good + bad) == [False] * 300 + different


def test_the_check_digits_need_no_spark():
    script = "import sys; from citybrain import identity; assert identity.uscc_invalid_sql('v'); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "jobs")}
    done = subprocess.run([sys.executable, "-c", script], check=True, env=environment, capture_output=True, text=True)
    assert "citybrain.identity" in done.stdout.split()
    assert "pyspark" not in done.stdout.split()
