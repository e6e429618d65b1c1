-- writes_code: writes by DO, functions, procedures that commit and roll back, other roles and under row security
-- Mistake 7 of docs/mistakes.md.
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE other (id int);
CREATE TABLE third (id int);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
SELECT answers('t', 'other', 'third');

-- DO: static and dynamic statements, a loop over RETURNING, a cursor, a branch that is not taken
DO $$ BEGIN UPDATE t SET v = 'do' WHERE id = 1; IF false THEN DELETE FROM other; END IF; END $$;
SELECT answers('t', 'other', 'third');
DO $$ BEGIN EXECUTE format('INSERT INTO %I VALUES ($1)', 'other') USING 1; END $$;
SELECT answers('t', 'other', 'third');
DO $$ DECLARE r record; BEGIN FOR r IN UPDATE t SET v = 'loop' RETURNING id LOOP INSERT INTO third VALUES (r.id); EXIT; END LOOP; END $$;
SELECT answers('t', 'other', 'third');
DO $$ DECLARE c CURSOR FOR SELECT * FROM t FOR UPDATE; BEGIN FOR r IN c LOOP DELETE FROM t WHERE CURRENT OF c; EXIT; END LOOP; END $$;
SELECT answers('t', 'other', 'third');
DO $$ BEGIN UPDATE t SET v = 'x' WHERE false; EXECUTE 'DELETE FROM other WHERE false'; PERFORM FROM t; END $$;
SELECT answers('t', 'other', 'third');
DO $$ DECLARE n int; BEGIN INSERT INTO t VALUES (10, 'into') RETURNING id INTO n; INSERT INTO third VALUES (n); END $$;
SELECT answers('t', 'other', 'third');

-- functions: called for a value, for rows, in WHERE, by a view, by another function; with SQL bodies of both kinds; declared falsely
CREATE FUNCTION f_rows() RETURNS SETOF t LANGUAGE plpgsql AS 'BEGIN RETURN QUERY UPDATE t SET v = ''rows'' RETURNING *; END';
CREATE FUNCTION f_sql(int) RETURNS void LANGUAGE sql AS 'DELETE FROM other WHERE id = $1; INSERT INTO other VALUES ($1)';
CREATE FUNCTION f_atomic(int) RETURNS int LANGUAGE sql BEGIN ATOMIC INSERT INTO third VALUES ($1); SELECT $1; END;
CREATE FUNCTION f_nested(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM f_sql($1); RETURN f_atomic($1); END';
CREATE FUNCTION f_false(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN f_atomic($1); END';
CREATE VIEW v_writes AS SELECT f_atomic(7) AS a;
SELECT answers('t', 'other', 'third');
SELECT count(*) FROM f_rows();
SELECT answers('t', 'other', 'third');
SELECT f_sql(5);
SELECT answers('t', 'other', 'third');
SELECT count(*) FROM t WHERE f_atomic(id) = id;
SELECT answers('t', 'other', 'third');
SELECT f_nested(6);
SELECT answers('t', 'other', 'third');
SELECT * FROM v_writes;
SELECT answers('t', 'other', 'third');
SELECT f_false(1);
SELECT answers('t', 'other', 'third');
SELECT count(*) FROM query_to_xml('SELECT f_atomic(8)', true, false, '');
SELECT answers('t', 'other', 'third');
SELECT f_rows() LIMIT 1;
SELECT answers('t', 'other', 'third');
-- one that reads through the cache between its writes
CREATE FUNCTION f_reads() RETURNS text LANGUAGE plpgsql AS $$
DECLARE said text := ask('TABLE t');
BEGIN
    UPDATE t SET v = 'read in between';
    said := concat_ws(', ', said, ask('TABLE t'), ask('TABLE third'));
    INSERT INTO third VALUES (9);
    RETURN concat_ws(', ', said, ask('TABLE third'), ask('TABLE other'));
END $$;
SELECT f_reads();
SELECT answers('t', 'other', 'third');

-- procedures: COMMIT in a loop over a cursor, ROLLBACK, AND CHAIN, nested calls, a failure after a COMMIT
CREATE PROCEDURE p_loop() LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    FOR r IN SELECT id FROM t ORDER BY id LOOP
        UPDATE t SET v = 'looped' WHERE id = r.id;
        IF r.id = 10 THEN ROLLBACK; ELSE COMMIT; END IF;
    END LOOP;
END $$;
CREATE PROCEDURE p_chain(INOUT n int) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO other VALUES (n);
    ROLLBACK AND CHAIN;
    INSERT INTO third VALUES (n);
    COMMIT AND CHAIN;
    UPDATE t SET v = 'never' WHERE false;
    n := n + 1;
END $$;
CREATE PROCEDURE p_outer(fail boolean) LANGUAGE plpgsql AS $$
DECLARE n int := 30;
BEGIN
    INSERT INTO other VALUES (n);
    CALL p_chain(n);
    INSERT INTO other VALUES (n);
    COMMIT;
    DELETE FROM third;
    IF fail THEN RAISE 'failed'; END IF;
END $$;
CREATE PROCEDURE p_sql() LANGUAGE sql AS 'DELETE FROM other; DELETE FROM t WHERE false';
CALL p_loop();
SELECT answers('t', 'other', 'third');
CALL p_chain(20);
SELECT answers('t', 'other', 'third');
CALL p_outer(true);
SELECT answers('t', 'other', 'third');
CALL p_outer(false);
SELECT answers('t', 'other', 'third');
CALL p_sql();
SELECT answers('t', 'other', 'third');
DO $$ BEGIN INSERT INTO other VALUES (1); COMMIT; DELETE FROM third; ROLLBACK; END $$;
SELECT answers('t', 'other', 'third');

-- another role, a SECURITY DEFINER function, a write that is not permitted
CREATE ROLE regress_writer;
GRANT SELECT, INSERT, UPDATE ON t TO regress_writer;
CREATE FUNCTION f_definer() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'INSERT INTO other VALUES (99)';
CREATE FUNCTION f_writer() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public AS 'UPDATE t SET v = ''definer''';
ALTER FUNCTION f_writer OWNER TO regress_writer;
SELECT answers('t', 'other', 'third');
SET ROLE regress_writer;
UPDATE t SET v = 'other role' WHERE id = 10;
RESET ROLE;
SELECT answers('t', 'other', 'third');
SET ROLE regress_writer;
SELECT f_definer();
DELETE FROM t;
RESET ROLE;
SELECT answers('t', 'other', 'third');
SELECT f_writer();
SELECT answers('t', 'other', 'third');

-- row security: rows that the writer does not see are not written; what it writes, everybody sees
CREATE POLICY mine ON t TO regress_writer USING (id > 5) WITH CHECK (id > 5);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
SELECT answers('t', 'other', 'third');
SET ROLE regress_writer;
UPDATE t SET v = 'not mine' WHERE id < 5;
INSERT INTO t VALUES (3, 'not permitted');
RESET ROLE;
SELECT answers('t', 'other', 'third');
SET ROLE regress_writer;
UPDATE t SET v = 'mine';
RESET ROLE;
SELECT answers('t', 'other', 'third');

DROP VIEW v_writes;
DROP TABLE t, other, third CASCADE;
DROP FUNCTION f_sql, f_nested, f_false, f_reads, f_definer, f_writer;
DROP PROCEDURE p_loop, p_chain, p_outer, p_sql;
DROP ROLE regress_writer;
\i test/done.sql
