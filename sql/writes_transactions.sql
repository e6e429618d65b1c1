-- writes_transactions: transactions of all shapes, at the end of which a write takes effect or does not
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE other (id int);
CREATE TABLE third (id int);
INSERT INTO t VALUES (1, 'one'), (2, 'two');
SELECT answers('t', 'other', 'third');

-- explicit transactions; chains; a failed one; psql without autocommit; several statements in one query string
BEGIN;
UPDATE t SET v = 'begin' WHERE id = 1;
SELECT answers('t', 'other', 'third');
END;
SELECT answers('t', 'other', 'third');
START TRANSACTION;
DELETE FROM other;
UPDATE t SET v = 'chain' WHERE id = 1;
COMMIT AND CHAIN;
SELECT answers('t', 'other', 'third');
INSERT INTO third VALUES (1);
ROLLBACK AND CHAIN;
SELECT answers('t', 'other', 'third');
INSERT INTO other VALUES (1);
ABORT;
SELECT answers('t', 'other', 'third');
BEGIN;
UPDATE t SET v = 'fails';
SELECT 1 / 0;
COMMIT;
SELECT answers('t', 'other', 'third');
\set AUTOCOMMIT off
INSERT INTO other VALUES (2);
SELECT answers('t', 'other', 'third');
COMMIT;
SELECT answers('t', 'other', 'third');
ROLLBACK;
\set AUTOCOMMIT on
UPDATE t SET v = 'string' WHERE id = 1\; SELECT answers('t', 'other')\; INSERT INTO other VALUES (3);
SELECT answers('t', 'other', 'third');
UPDATE t SET v = 'string'\; INSERT INTO third VALUES (2)\; SELECT 1 / 0;
SELECT answers('t', 'other', 'third');
INSERT INTO third VALUES (3)\; COMMIT\; UPDATE t SET v = 'after'\; ROLLBACK;
SELECT answers('t', 'other', 'third');

-- savepoints: released, rolled back to (what was undone may be taken for written), nested, all undone
BEGIN;
SAVEPOINT a;
INSERT INTO other VALUES (4);
RELEASE a;
COMMIT;
SELECT answers('t', 'other', 'third');
BEGIN;
UPDATE t SET v = 'kept' WHERE id = 1;
SAVEPOINT a;
INSERT INTO other VALUES (5);
ROLLBACK TO a;
SELECT answers('t', 'third');
COMMIT;
SELECT answers('t', 'third');
SELECT ask('TABLE other') LIKE '%STALE' AS stale, answers('other');
BEGIN;
SAVEPOINT a;
UPDATE t SET v = 'undone';
SAVEPOINT b;
INSERT INTO third VALUES (6);
ROLLBACK TO a;
INSERT INTO other VALUES (6);
COMMIT;
SELECT answers('other');
SELECT ask('TABLE t') LIKE '%STALE' AS stale, ask('TABLE third') LIKE '%STALE' AS stale, answers('t', 'third');
BEGIN;
SAVEPOINT a;
ALTER TABLE t ADD c int;
ROLLBACK TO a;
INSERT INTO other VALUES (7);
COMMIT;
SELECT answers('t', 'other', 'third');

-- EXCEPTION blocks: the rows written before and after, in the handler; a loop that tries again
DO $$
BEGIN
    BEGIN INSERT INTO other VALUES (8); PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN INSERT INTO third VALUES (8); END;
END $$;
SELECT answers('t', 'third');
SELECT ask('TABLE other') LIKE '%STALE' AS stale, answers('other');
DO $$
BEGIN
    FOR i IN 1..3 LOOP
        BEGIN
            INSERT INTO t VALUES (i, 'loop');
        EXCEPTION WHEN unique_violation THEN
            UPDATE t SET v = 'handled' WHERE id = i;
        END;
    END LOOP;
END $$;
SELECT answers('t', 'other', 'third');
DO $$ BEGIN BEGIN INSERT INTO third VALUES (9); EXCEPTION WHEN division_by_zero THEN END; END $$;
SELECT answers('t', 'other', 'third');

DROP TABLE t, other, third;
\i test/done.sql
