-- silver.department: each unit that handles work orders.
-- 口径：部门取最近一次报送的全量
SELECT department_code, department_name, parent_code, department_kind, valid_from, valid_to
FROM reference__department
