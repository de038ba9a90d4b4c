-- How delivered text becomes values. Every read_… macro takes the text of one cell (t) and returns
--   {value, marks: ['column:Xnn'], changed: is the value another text than the one delivered, error: rule or NULL}.
-- They run only on cells that the plain cast of compile.py could not take as they stand. What a reading needs twice
-- (the bare text b, the parts p of a date, …) is computed in a layer of its own and handed in: macros are expanded where
-- they stand, and nested ones grow faster than they can be planned.

CREATE OR REPLACE MACRO bare(t) AS
    trim(t, ' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(12288) || chr(65279) || chr(8203));

-- Full-width letters, digits and signs; only for codes, numbers and dates, never for text.
CREATE OR REPLACE MACRO half(t) AS translate(t,
    '！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～　−',
    '!"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_`abcdefghijklmnopqrstuvwxyz{|}~ -');

CREATE OR REPLACE MACRO has_full_width(t) AS regexp_matches(t, '[\x{FF01}-\x{FF5E}\x{3000}]');

-- X04. In free text the words 无, 空, 暂无 are words; only dashes and error texts mean nothing there.
CREATE OR REPLACE MACRO is_dash(t) AS
    t IN ('', '—', '——', '－', '-', '--', '/', '／', '#N/A', 'N/A', 'n/a', '···', '…', '……', '...', 'NULL', 'null', 'None', 'NaN', '\N');
CREATE OR REPLACE MACRO is_nothing(t, more) AS is_dash(t) OR t IN ('无', '空', '暂无', '不详') OR list_contains(more, t);

CREATE OR REPLACE MACRO is_cell_error(t) AS
    regexp_full_match(t, '#(REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!|没有算出的公式!)');
CREATE OR REPLACE MACRO part(p) AS coalesce(TRY_CAST(p AS DOUBLE), 0);
CREATE OR REPLACE MACRO is_scientific(t) AS regexp_full_match(t, '[+-]?\d(\.\d+)?[eE]\+?\d+');
CREATE OR REPLACE MACRO is_masked(t) AS regexp_matches(t, '.[*＊●]|[*＊●].|×{2,}|[xX]{3,}');

-- Is an identity number plainly sound (n: its first 17 digits, none of them a sign or a blank)? Weights are the powers of two from the right:
-- sum(digit * 2^k) = n - sum over k > 0 of 2^(k+2) * (n // 10^k). Days that not every month has: enough to see at once.
CREATE OR REPLACE MACRO weighted(n) AS n
    - 8 * (n // 10) - 16 * (n // 100) - 32 * (n // 1000) - 64 * (n // 10000) - 128 * (n // 100000)
    - 256 * (n // 1000000) - 512 * (n // 10000000) - 1024 * (n // 100000000) - 2048 * (n // 1000000000)
    - 4096 * (n // 10000000000) - 8192 * (n // 100000000000) - 16384 * (n // 1000000000000)
    - 32768 * (n // 10000000000000) - 65536 * (n // 100000000000000) - 131072 * (n // 1000000000000000)
    - 262144 * (n // 10000000000000000);
CREATE OR REPLACE MACRO id_card_sound(t, n) AS
    strlen(t) = 18 AND n BETWEEN 10000000000000000 AND 99999999999999999 AND ends_with(t, '10X98765432'[2 * weighted(n) % 11 + 1]) AND n // 10000000 % 10000 BETWEEN 1900 AND 2099
    AND n // 100000 % 100 BETWEEN 1 AND 12
    AND CASE WHEN n // 1000 % 100 BETWEEN 1 AND 28 THEN true
             WHEN n // 1000 % 100 BETWEEN 29 AND 30 THEN n // 100000 % 100 <> 2
             ELSE n // 1000 % 100 = 31 AND n // 100000 % 100 IN (1, 3, 5, 7, 8, 10, 12) END;

CREATE OR REPLACE MACRO as_marks(name, a, b, c) AS
    list_filter([CASE WHEN a IS NOT NULL THEN name || ':' || a END, CASE WHEN b IS NOT NULL THEN name || ':' || b END,
                 CASE WHEN c IS NOT NULL THEN name || ':' || c END], lambda m: m IS NOT NULL);

-- Free text and names (b = bare(t)): nothing but the outer blanks is touched.
CREATE OR REPLACE MACRO read_text(t, b, name) AS
    CASE WHEN b = '' THEN {'value': NULL::VARCHAR, 'marks': []::VARCHAR[], 'changed': true, 'error': NULL::VARCHAR}
         WHEN is_dash(b) THEN {'value': NULL, 'marks': [name || ':X04'], 'changed': true, 'error': NULL}
         WHEN is_cell_error(b) THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'cell_error'}
         ELSE {'value': b, 'marks': [], 'changed': b <> t, 'error': NULL} END;
CREATE OR REPLACE MACRO read_name(t, b, name, nulls) AS
    CASE WHEN b <> '' AND is_nothing(b, nulls)
         THEN {'value': NULL::VARCHAR, 'marks': [name || ':X04'], 'changed': true, 'error': NULL::VARCHAR}
         WHEN is_masked(b) THEN {'value': b, 'marks': [name || ':X07'], 'changed': true, 'error': NULL}
         WHEN regexp_matches(b, '[\r\n\t]')
         THEN {'value': regexp_replace(b, '\s*[\r\n\t]+\s*', '', 'g'), 'marks': [name || ':X16'], 'changed': true, 'error': NULL}
         ELSE read_text(t, b, name) END;

-- X33. Roman numerals and variant characters, in codes and fixed vocabularies only.
CREATE OR REPLACE MACRO no_variants(t) AS translate(
    replace(replace(replace(replace(replace(replace(replace(replace(t,
        'Ⅱ', 'II'), 'Ⅲ', 'III'), 'Ⅳ', 'IV'), 'Ⅵ', 'VI'), 'Ⅶ', 'VII'), 'Ⅷ', 'VIII'), 'Ⅸ', 'IX'), 'Ⅻ', 'XII'),
    'ⅠⅤⅩ〇○鎮區縣號訴詢舉報議辦結處理務業場無電話網絡機關個戶開銷註遷續規則時間經營類級別區內後復臺灣廣東華國際貿農產車輛違設築環衛綠線繳費證書備審查驗',
    'IVX零零镇区县号诉询举报议办结处理务业场无电话网络机关个户开销注迁续规则时间经营类级别区内后复台湾广东华国际贸农产车辆违设筑环卫绿线缴费证书备审查验');
CREATE OR REPLACE MACRO has_variants(t) AS no_variants(t) <> t;

-- Codes and fixed vocabularies (c = code_text(t); known: delivered spelling → standard value; shape: what a code looks
-- like within a longer text, or NULL; codes = codes_in(c, shape)).
CREATE OR REPLACE MACRO code_text(t) AS
    no_variants(bare(regexp_replace(regexp_replace(half(bare(t)), '^''', ''), '[\r\n\t]+', '', 'g')));
-- X10. The different codes in a text that is more than a code.
CREATE OR REPLACE MACRO codes_in(c, shape) AS
    CASE WHEN shape IS NULL OR regexp_full_match(c, shape) THEN []::VARCHAR[]
         ELSE list_distinct(list_filter(regexp_split_to_array(c, '[^0-9A-Za-z]+'), lambda w: regexp_full_match(w, shape))) END;
CREATE OR REPLACE MACRO code_marks(t, c, name, known) AS
    list_concat(as_marks(name, CASE WHEN has_full_width(t) THEN 'X05' END,
                               CASE WHEN starts_with(half(bare(t)), '''') THEN 'X06' END,
                               CASE WHEN is_masked(c) THEN 'X07' END),
                as_marks(name, CASE WHEN regexp_matches(bare(t), '[\r\n\t]') THEN 'X16' END,
                               CASE WHEN known[c] IS NOT NULL THEN 'X18' END,
                               CASE WHEN has_variants(t) THEN 'X33' END));
CREATE OR REPLACE MACRO read_code(t, c, codes, name, nulls, known) AS
    CASE WHEN c = '' THEN {'value': NULL::VARCHAR, 'marks': []::VARCHAR[], 'changed': true, 'error': NULL::VARCHAR}
         WHEN is_nothing(c, nulls) THEN {'value': NULL, 'marks': [name || ':X04'], 'changed': true, 'error': NULL}
         WHEN is_cell_error(c) THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'cell_error'}
         WHEN is_scientific(c) THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'precision_lost'}
         WHEN len(codes) > 1 THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'several_codes'}
         WHEN len(codes) = 1
         THEN {'value': codes[1], 'marks': list_append(code_marks(t, c, name, known), name || ':X10'), 'changed': true, 'error': NULL}
         ELSE {'value': coalesce(known[c], c), 'marks': code_marks(t, c, name, known),
               'changed': coalesce(known[c], c) <> t, 'error': NULL} END;

-- X29. Telephones (n = phone_text(c), p = phones_in(n)): several are joined by /; what is none is left as it stands.
CREATE OR REPLACE MACRO phone_text(c) AS regexp_replace(
    regexp_replace(regexp_replace(c, '\((0\d{2,3})\)\s*', '\1-', 'g'), '(^|[^0-9])\+?86[- ]?(1[3-9]\d{9})', '\1\2', 'g'),
    '\s*[/、,;|]\s*|\s+或?\s*|或', '/', 'g');
CREATE OR REPLACE MACRO is_phone(n) AS
    regexp_full_match(n, '1[3-9]\d{9}|(0\d{2,3}-?)?[2-9]\d{6,7}((转|-)\d{1,6})?|[48]00-?\d{3}-?\d{4}|1\d{2,4}|9\d{4}');
CREATE OR REPLACE MACRO phones_in(n) AS list_filter(string_split(n, '/'), lambda one: one <> '');
CREATE OR REPLACE MACRO read_phone(t, c, n, p, name, nulls, known) AS
    CASE WHEN c <> '' AND n <> c AND len(p) > 0 AND len(list_filter(p, lambda one: NOT is_phone(one))) = 0
         THEN {'value': array_to_string(p, '/'), 'marks': list_append(code_marks(t, c, name, known), name || ':X29'), 'changed': true, 'error': NULL::VARCHAR}
         WHEN len(p) > 1 AND len(list_filter(p, lambda one: NOT is_phone(one))) = 0
         THEN {'value': c, 'marks': list_append(code_marks(t, c, name, known), name || ':X29'), 'changed': true, 'error': NULL}
         ELSE read_code(t, c, []::VARCHAR[], name, nulls, known) END;

-- X22. A path of levels (b = bare(t), w = path_text(b)), whatever joins them.
CREATE OR REPLACE MACRO path_text(b) AS
    regexp_replace(b, '\s*([-—－=]+[>＞]|[→>＞》／/\\]|—+|--+)\s*', '->', 'g');
CREATE OR REPLACE MACRO read_path(t, b, w, name, nulls) AS
    CASE WHEN w <> b AND NOT is_nothing(b, nulls) AND NOT is_masked(b)
         THEN {'value': w, 'marks': [name || ':X22'], 'changed': true, 'error': NULL::VARCHAR}
         ELSE read_name(t, b, name, nulls) END;

-- Numbers (n = number_text(t, unit), f = number_form(n, unit), d = number_digits(n), v = the value in the column's type).
-- An arrow is a sign; one before a signed number is not read.
CREATE OR REPLACE MACRO unarrowed(n) AS regexp_replace(regexp_replace(regexp_replace(
    n, '^([^↑↓]*)([↑↓])$', '\2\1'), '^↑\+?(\d)', '\1'), '^↓(\d)', '-\1');
CREATE OR REPLACE MACRO number_text(t, unit) AS
    regexp_replace(unarrowed(regexp_replace(half(bare(t)), '\s+', '', 'g')), '(' || unit || ')$', '');
-- X20. 113°08′44″, 113度8分44秒, 113°08.7′; only in columns of degrees.
CREATE OR REPLACE MACRO degrees(n) AS
    regexp_extract(n, '^(\d{1,3})[°度](\d{1,2}(?:\.\d+)?)(?:[''′分](?:(\d{1,2}(?:\.\d+)?)(?:"|″|''''|′′|秒)?)?)?$', ['d', 'm', 's']);
CREATE OR REPLACE MACRO number_form(n, unit) AS
    CASE WHEN regexp_full_match(n, '[+-]?\d+(\.\d+)?') THEN 'plain'
         WHEN unit = '度' AND degrees(n).d <> '' AND part(degrees(n).m) < 60 AND part(degrees(n).s) < 60 THEN 'degrees'
         WHEN regexp_full_match(n, '[+-]?\d{1,3}(,\d{3})+(\.\d+)?') THEN 'grouped'
         WHEN regexp_full_match(n, '\((\d+|\d{1,3}(,\d{3})+)(\.\d+)?\)') THEN 'accounting'
         WHEN regexp_full_match(n, '(约|近)?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?(万|亿)?(余|多)?') THEN 'about'
         WHEN regexp_full_match(n, '[+-]?\d+(\.\d+)?[eE][+-]?\d+') THEN 'scientific' END;
CREATE OR REPLACE MACRO number_digits(n) AS
    CASE WHEN regexp_matches(n, '[°度]')
    THEN round(part(degrees(n).d) + part(degrees(n).m) / 60 + part(degrees(n).s) / 3600, 10)::DECIMAL(28, 10)
    ELSE TRY_CAST(CASE WHEN starts_with(n, '(') THEN '-' ELSE '' END || regexp_replace(n, '[^0-9.+-]', '', 'g') AS DECIMAL(28, 10))
    * CASE WHEN contains(n, '万') THEN 10000 WHEN contains(n, '亿') THEN 100000000 ELSE 1 END END;
-- X13. The number in the column's own unit, when the file states another one: times num, over den.
CREATE OR REPLACE MACRO in_unit(d, num, den, places) AS
    CASE WHEN num = 1 AND den = 1 THEN d ELSE round(d::DOUBLE * num / den, places)::DECIMAL(38, 10) END;
CREATE OR REPLACE MACRO number_of(t, unit) AS coalesce(TRY_CAST(t AS DECIMAL(38, 10)),
    CASE WHEN t IS NOT NULL AND number_form(number_text(t, unit), unit) IS NOT NULL THEN number_digits(number_text(t, unit)) END);
CREATE OR REPLACE MACRO too_fine(d, places) AS length(rtrim(split_part(d::VARCHAR, '.', 2), '0')) > places;
CREATE OR REPLACE MACRO approximate(n, f, d) AS
    CASE WHEN f IN ('plain', 'scientific') THEN TRY_CAST(n AS DOUBLE) WHEN f IS NOT NULL THEN d::DOUBLE END;
CREATE OR REPLACE MACRO number_marks(t, n, f, name) AS
    as_marks(name, CASE WHEN has_full_width(t) THEN 'X05' END,
             CASE WHEN f = 'degrees' THEN NULL WHEN f NOT IN ('plain', 'scientific') OR length(half(bare(t))) > length(n)
                  OR regexp_matches(t, '[↑↓]') THEN 'X15' END,
             CASE WHEN f = 'degrees' THEN 'X20' END);
-- 01, 1.0 and a number between blanks: the same value, told by nothing but the text as delivered.
CREATE OR REPLACE MACRO is_another_number(t, places) AS
    NOT regexp_full_match(t, '-?(0|[1-9]\d*)(\.\d+)?') OR (places = 0 AND contains(t, '.'));
CREATE OR REPLACE MACRO read_number(t, n, f, d, name, nulls, places) AS
    CASE WHEN n = '' AND bare(t) = '' THEN {'value': NULL::DECIMAL(38, 10), 'marks': []::VARCHAR[], 'changed': true, 'error': NULL::VARCHAR}
         WHEN is_nothing(half(bare(t)), nulls) THEN {'value': NULL, 'marks': [name || ':X04'], 'changed': true, 'error': NULL}
         WHEN is_cell_error(bare(t)) THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'cell_error'}
         WHEN f = 'scientific' AND places < 10 THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'precision_lost'}
         WHEN f = 'scientific' THEN {'value': NULL, 'marks': [], 'changed': false, 'error': NULL}
         WHEN f IS NULL OR d IS NULL OR too_fine(d, places)
         THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'unreadable_number'}
         ELSE {'value': d, 'marks': number_marks(t, n, f, name), 'error': NULL,
               'changed': len(number_marks(t, n, f, name)) > 0 OR is_another_number(t, places)} END;

CREATE OR REPLACE MACRO read_boolean(t, b, name, nulls) AS
    CASE WHEN b = '' THEN {'value': NULL::BOOLEAN, 'marks': []::VARCHAR[], 'changed': true, 'error': NULL::VARCHAR}
         WHEN b IN ('是', '否') THEN {'value': b = '是', 'marks': [], 'changed': b <> t, 'error': NULL}
         WHEN lower(half(b)) IN ('true', 't', 'yes', 'y', '1', '√', '✓')
         THEN {'value': true, 'marks': [name || ':X18'], 'changed': true, 'error': NULL}
         WHEN lower(half(b)) IN ('false', 'f', 'no', 'n', '0')
         THEN {'value': false, 'marks': [name || ':X18'], 'changed': true, 'error': NULL}
         WHEN is_nothing(half(b), nulls) THEN {'value': NULL, 'marks': [name || ':X04'], 'changed': true, 'error': NULL}
         WHEN is_cell_error(b) THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'cell_error'}
         ELSE {'value': NULL, 'marks': [], 'changed': true, 'error': 'unreadable_boolean'} END;

-- Dates and instants (b = moment_text(t), p = moment_parts(b), w = wall clock). Text without a zone is Shanghai time,
-- which has been UTC+8 since 1991.
CREATE OR REPLACE MACRO shanghai(wall) AS
    CASE WHEN wall >= TIMESTAMP '1991-09-16' THEN wall - INTERVAL 8 HOUR
         ELSE timezone('UTC', timezone('Asia/Shanghai', wall)) END;
CREATE OR REPLACE MACRO plausible(wall) AS wall >= TIMESTAMP '1949-01-01' AND wall < TIMESTAMP '2101-01-01';
-- 二〇二一年九月二十八日: tens first, then digit by digit.
CREATE OR REPLACE MACRO numerals(t) AS translate(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
    regexp_replace(t, '([二三])十([一二三四五六七八九])', '\1\2', 'g'), '([二三])十', '\1零', 'g'),
    '十([一二三四五六七八九])', '一\1', 'g'), '十', '一零', 'g'), '[〇○]', '零', 'g'), '零一二三四五六七八九', '0123456789');
CREATE OR REPLACE MACRO moment_text(t) AS
    upper(half(bare(CASE WHEN regexp_matches(t, '[〇○零一二三四五六七八九十]') THEN numerals(t) ELSE t END)));
CREATE OR REPLACE MACRO moment_parts(b) AS regexp_extract(
    rtrim(regexp_replace(b, '^(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?$', '\1-\2-\3 \4:\5:\6'), ' :'),
    '^(\d{4})\s*[-./年]\s*(\d{1,2})\s*[-./月]\s*(\d{1,2})\s*日?(?:[T\s]*(凌晨|早上|上午|中午|下午|晚上)?\s*(\d{1,2})\s*[:时点]\s*(?:(\d{1,2})\s*(?:[:分]\s*(?:(\d{1,2}(?:\.\d+)?)\s*秒?)?)?)?)?\s*(AM|PM)?\s*(Z|[+-]\d{2}:?\d{2})?$',
    ['y', 'm', 'd', 'half', 'h', 'i', 's', 'ampm', 'zone']);
CREATE OR REPLACE MACRO hour_of(p) AS
    CASE WHEN (p.half IN ('下午', '晚上') OR p.ampm = 'PM') AND part(p.h) < 12 THEN part(p.h) + 12
         WHEN p.half = '中午' AND part(p.h) < 3 THEN part(p.h) + 12
         WHEN (p.half IN ('凌晨', '早上') OR p.ampm = 'AM') AND part(p.h) = 12 THEN 0
         WHEN p.half = '上午' AND part(p.h) >= 12 THEN 99
         ELSE part(p.h) END;
CREATE OR REPLACE MACRO day_of(p) AS TRY_CAST(p.y || '-' || p.m || '-' || p.d AS DATE);
CREATE OR REPLACE MACRO wall_of(p, hour) AS
    CASE WHEN (hour < 24 AND part(p.i) < 60 AND part(p.s) < 60) OR (hour = 24 AND part(p.i) = 0 AND part(p.s) = 0)
         THEN day_of(p)::TIMESTAMP
              + to_microseconds(((hour * 60 + part(p.i)) * 60000000)::BIGINT + round(part(p.s) * 1000000)::BIGINT) END;
-- Days since 1899-12-30, or since 1904, as Excel keeps them; whole seconds.
CREATE OR REPLACE MACRO serial_of(b, since_1904) AS
    CASE WHEN regexp_full_match(b, '\d{5}(\.\d+)?') AND TRY_CAST(b AS DOUBLE) BETWEEN 20001 AND 79999
         THEN CASE WHEN since_1904 THEN TIMESTAMP '1904-01-01' ELSE TIMESTAMP '1899-12-30' END
              + to_seconds(round(TRY_CAST(b AS DOUBLE) * 86400)::BIGINT) END;
-- As a time that a workbook counts is told: other texts of its columns are as their clerk wrote them.
CREATE OR REPLACE MACRO is_time_of_workbook(t) AS regexp_full_match(t, '\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}');
CREATE OR REPLACE MACRO utc_of(p, w) AS
    CASE p.zone WHEN '' THEN shanghai(w) WHEN 'Z' THEN w
         ELSE w - to_minutes(((CASE WHEN p.zone[1] = '-' THEN -1 ELSE 1 END)
                              * (part(p.zone[2:3]) * 60 + part(right(p.zone, 2))))::BIGINT) END;
CREATE OR REPLACE MACRO moment_marks(t, b, p, name) AS as_marks(name,
    CASE WHEN has_full_width(t) THEN 'X05' END,
    CASE WHEN NOT regexp_matches(b, '^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}(:\d{2}(\.\d+)?)?|T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2}))?$')
         THEN 'X12' END,
    CASE WHEN part(p.h) = 24 OR p.zone <> '' OR regexp_full_match(b, '\d{4}-\d{2}-\d{2}( \d{2}:\d{2})?') THEN 'X14' END);
CREATE OR REPLACE MACRO read_timestamp(t, b, p, w, name, nulls) AS
    CASE WHEN b = '' THEN {'value': NULL::TIMESTAMP, 'marks': []::VARCHAR[], 'changed': true, 'error': NULL::VARCHAR}
         WHEN is_nothing(b, nulls) THEN {'value': NULL, 'marks': [name || ':X04'], 'changed': true, 'error': NULL}
         WHEN is_cell_error(b) THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'cell_error'}
         WHEN NOT coalesce(plausible(w), false) THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'unreadable_date'}
         WHEN p.y = '' THEN {'value': shanghai(w), 'marks': [name || ':X12'], 'changed': true, 'error': NULL}
         ELSE {'value': utc_of(p, w), 'marks': moment_marks(t, b, p, name), 'changed': true, 'error': NULL} END;
CREATE OR REPLACE MACRO read_date(t, b, p, w, name, nulls) AS
    CASE WHEN b = '' THEN {'value': NULL::DATE, 'marks': []::VARCHAR[], 'changed': true, 'error': NULL::VARCHAR}
         WHEN is_nothing(b, nulls) THEN {'value': NULL, 'marks': [name || ':X04'], 'changed': true, 'error': NULL}
         WHEN is_cell_error(b) THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'cell_error'}
         WHEN NOT coalesce(plausible(w), false) THEN {'value': NULL, 'marks': [], 'changed': true, 'error': 'unreadable_date'}
         WHEN p.y = '' THEN {'value': w::DATE, 'marks': [name || ':X12'], 'changed': true, 'error': NULL}
         WHEN regexp_full_match(bare(t), '\d{4}-\d{2}-\d{2}( 00:00:00)?')
         THEN {'value': day_of(p), 'marks': [], 'changed': bare(t) <> t, 'error': NULL}
         ELSE {'value': day_of(p), 'changed': true, 'error': NULL,
               'marks': list_filter(moment_marks(t, b, p, name), lambda m: NOT ends_with(m, 'X14'))} END;
