-- A database in memory: filled, indexed, joined, changed, grouped. ROWS is replaced by a number.
CREATE TABLE item(id INTEGER PRIMARY KEY, family INTEGER, name TEXT, weight INTEGER, body BLOB);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ROWS)
  INSERT INTO item SELECT i, i % 101, printf('item-%07d-%s', i, substr('abcdefghijklmnopqrstuvwxyz', 1, i % 26)),
                          i * 7 % 1000003, zeroblob(i % 300) FROM n;
COMMIT;
CREATE INDEX item_name ON item(name DESC);
CREATE INDEX item_family ON item(family, weight);
SELECT family, count(*), sum(weight), max(name) FROM item GROUP BY family ORDER BY 3 LIMIT 5;
SELECT count(*) FROM item a JOIN item b ON b.id = a.weight % ROWS + 1 WHERE b.id % 2 = 0 AND a.family < 50;
UPDATE item SET name = name || '-changed' WHERE id % 3 = 0;
DELETE FROM item WHERE id % 10 = 0;
SELECT length(group_concat(name, ',')) FROM (SELECT name FROM item ORDER BY name);
SELECT json_array_length(json_group_array(json_object('i', id, 'n', name))) FROM item;
SELECT count(DISTINCT upper(substr(name, 6, 5)) || lower(hex(body))) FROM item;
