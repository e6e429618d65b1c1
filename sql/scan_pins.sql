-- scan_pins: rows stay where they are as long as the cursor that reads them, whichever subtransaction read first
\i test/ask.sql
SET client_min_messages = warning;

CREATE TABLE things(id int PRIMARY KEY, kind text);
INSERT INTO things SELECT i, 'kind' || i FROM generate_series(1, 20) i;
SELECT count(*) FROM cache_query('SELECT id, kind FROM things ORDER BY id') AS t(id int, kind text);

-- first read in a subtransaction that is rolled back; the entry goes meanwhile
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT id, kind FROM things ORDER BY id') AS t(id int, kind text);
SAVEPOINT a;
FETCH 2 FROM c;
ROLLBACK TO SAVEPOINT a;
UPDATE things SET kind = 'changed' WHERE id < 5;
SELECT count(*) FROM cache_query('SELECT repeat(kind, 1000) FROM things') AS t(v text);
FETCH 2 FROM c;
CLOSE c;
ROLLBACK;

-- the same for one that was opened in a subtransaction that is kept
BEGIN;
SAVEPOINT a;
DECLARE c NO SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT id, kind FROM things ORDER BY id') AS t(id int, kind text);
RELEASE SAVEPOINT a;
SAVEPOINT b;
FETCH 2 FROM c;
ROLLBACK TO SAVEPOINT b;
FETCH 2 FROM c;
COMMIT;

-- two cursors on one entry, of which the one that was opened last ends first
BEGIN;
DECLARE outer_one NO SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT id, kind FROM things ORDER BY id') AS t(id int, kind text);
SAVEPOINT a;
DECLARE inner_one NO SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT id, kind FROM things ORDER BY id') AS t(id int, kind text);
FETCH 1 FROM inner_one;
FETCH 1 FROM outer_one;
CLOSE inner_one;
ROLLBACK TO SAVEPOINT a;
UPDATE things SET kind = 'changed' WHERE id < 5;
FETCH 2 FROM outer_one;
ROLLBACK;

-- computed rows
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT id, kind FROM things WHERE id > 0 ORDER BY id') AS t(id int, kind text);
SAVEPOINT a;
FETCH 2 FROM c;
ROLLBACK TO SAVEPOINT a;
FETCH 2 FROM c;
COMMIT;

-- PL/pgSQL: a fetch within a block that fails
DO $$
DECLARE
	c NO SCROLL CURSOR FOR SELECT * FROM cache_query('SELECT id, kind FROM things ORDER BY id') AS t(id int, kind text);
	r record;
	sum int := 0;
BEGIN
	OPEN c;
	LOOP
		BEGIN
			FETCH c INTO r;
			EXIT WHEN NOT FOUND;
			sum := sum + r.id;
			PERFORM 1 / (r.id % 2);
		EXCEPTION WHEN division_by_zero THEN
			NULL;
		END;
	END LOOP;
	CLOSE c;
	RAISE WARNING 'sum %', sum;
END $$;

-- nothing is left
SELECT cache_clear();
SELECT entries, memory_used FROM cache_stats();

DROP TABLE things;
\i test/done.sql
