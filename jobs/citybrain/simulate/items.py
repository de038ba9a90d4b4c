"""The services that the halls offer: name, promised and statutory limit, unit, share of firms, how often asked for.

Limits are examples of the kind that service guides state (the joint acceptance fell from 135 to 10 working days).
Limits in natural days are multiples of seven, so that they are whole working days too.
"""

from __future__ import annotations

import numpy as np

ITEMS = (
    ("个体工商户登记", 1, 15, "工作日", 0.0, 30), ("内资公司设立登记", 1, 15, "工作日", 1.0, 18),
    ("内资公司变更登记", 2, 15, "工作日", 1.0, 16), ("食品经营许可（新办）", 5, 20, "工作日", 0.6, 12),
    ("食品经营许可（变更）", 3, 20, "工作日", 0.6, 8), ("城乡居民养老保险参保登记", 1, 15, "工作日", 0.0, 20),
    ("失业保险金申领", 5, 20, "工作日", 0.0, 10), ("生育津贴支付", 7, 20, "工作日", 0.3, 8),
    ("最低生活保障对象认定", 14, 28, "自然日", 0.0, 5), ("残疾人证办理", 10, 30, "工作日", 0.0, 4),
    ("高龄津贴申请", 5, 20, "工作日", 0.0, 9), ("建筑工程施工许可证核发", 7, 14, "自然日", 1.0, 3),
    ("建设工程消防验收", 8, 15, "工作日", 1.0, 3), ("建设工程竣工联合验收", 10, 135, "工作日", 1.0, 2),
    ("城镇污水排入排水管网许可", 7, 20, "工作日", 1.0, 4), ("临时占用道路许可", 5, 20, "工作日", 1.0, 3),
    ("户外广告设施设置许可", 6, 20, "工作日", 1.0, 3), ("公共场所卫生许可", 5, 20, "工作日", 0.7, 6),
    ("医疗机构执业登记", 10, 45, "工作日", 1.0, 1), ("护士执业注册", 5, 20, "工作日", 0.0, 4),
    ("民办学校设立审批", 21, 84, "自然日", 1.0, 1), ("教师资格认定", 10, 30, "工作日", 0.0, 5),
    ("道路货物运输经营许可", 6, 20, "工作日", 1.0, 4), ("道路运输证配发", 2, 10, "工作日", 0.8, 6),
    ("劳务派遣经营许可", 7, 20, "工作日", 1.0, 2), ("人力资源服务许可", 6, 20, "工作日", 1.0, 2),
    ("特种设备使用登记", 5, 30, "工作日", 1.0, 4), ("农药经营许可", 8, 20, "工作日", 0.8, 1),
    ("不动产登记资料查询", 1, 0, "工作日", 0.2, 14), ("户籍证明开具", 1, 0, "工作日", 0.0, 9),
    ("居住证签注", 3, 15, "工作日", 0.0, 12), ("出版物零售经营许可", 7, 20, "工作日", 0.8, 1),
    ("娱乐场所经营许可", 8, 20, "工作日", 1.0, 1), ("社会团体成立登记", 21, 60, "工作日", 1.0, 1),
    ("医师执业注册", 5, 20, "工作日", 0.0, 3), ("公共租赁住房申请", 14, 56, "自然日", 0.0, 2),
    ("企业投资项目备案", 1, 0, "工作日", 1.0, 6), ("取水许可", 12, 45, "工作日", 1.0, 1),
)  # fmt: skip

ITEM_NAMES = np.array([row[0] for row in ITEMS], dtype=object)
PROMISED = np.array([row[1] for row in ITEMS])
STATUTORY = np.array([row[2] for row in ITEMS])  # 0: there is none
IN_NATURAL_DAYS = np.array([row[3] == "自然日" for row in ITEMS])
FIRM_SHARE = np.array([row[4] for row in ITEMS])
WEIGHTS = np.array([row[5] for row in ITEMS], dtype=float)
ITEM_CODES = np.array([f"11440605{place + 1:06d}" for place in range(len(ITEMS))], dtype=object)
