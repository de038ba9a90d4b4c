-- silver.category: each minor category with its major one.
-- 口径：工单分类取最近一次报送的全量
SELECT major_category_code, major_category, minor_category_code, minor_category, object_kind
FROM reference__category
