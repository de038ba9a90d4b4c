-- gold.reference__department: the name of each unit, for boards, which have only its code.
-- 口径：撤并的单位也保留名称，往年的工单还在它名下
SELECT department_code, department_name, department_kind
FROM department
