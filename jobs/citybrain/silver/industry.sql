-- silver.industry: the sections of GB/T 4754, each with the divisions that it spans.
-- 口径：行业门类取最近一次报送的全量
SELECT industry_section, industry_name, first_division, last_division, valid_from, valid_to
FROM reference__industry
