-- gold.reference__category: the name of each major category, for boards, which have only its code.
-- 口径：同一大类码在代码表中各行名称应当一致；不一致时取排序在后的一个
SELECT major_category_code, max(major_category) AS major_category
FROM category
GROUP BY major_category_code
