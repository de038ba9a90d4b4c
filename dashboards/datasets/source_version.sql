-- 数据更新情况
-- 看板所用的各表：版本、行数、数据时间
SELECT s.table_name, c.title, c.owner, c.grain, s.data_time, s.committed_at, s.row_count, s.version
FROM meta.source_version AS s
JOIN meta.contract AS c USING (table_name)
