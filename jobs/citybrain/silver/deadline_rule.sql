-- silver.deadline_rule: the rules from which deadlines are computed.
-- 口径：办理时限规则取最近一次报送的全量；* 表示任意
SELECT deadline_rule_id, channel, request_type, major_category_code, urgency, limit_type, limit_value, roll, valid_from, valid_to
FROM reference__deadline_rule
