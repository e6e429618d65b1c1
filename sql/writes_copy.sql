-- writes_copy: the forms of COPY FROM; failures and transactions
-- Mistake 9 of docs/mistakes.md.
-- (Each line that prints "miss" was a hit before the write above it; "hit" means that the write did not touch the entry.)
\i test/answers.sql
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE other (id int, v text);
SELECT answers('t', 'other');

-- formats; options; columns; no rows
COPY t FROM stdin;
1	text
\.
SELECT answers('t', 'other');
COPY t (v, id) FROM stdin (FORMAT csv, HEADER match);
v,id
"csv, quoted",2
\.
SELECT answers('t', 'other');
COPY t (id) FROM stdin (FORMAT csv, FORCE_NULL (id));
3
\.
SELECT answers('t', 'other');
COPY t FROM stdin (FORMAT csv, HEADER);
id,v
\.
SELECT answers('t', 'other');
COPY t FROM stdin (FORMAT csv) WHERE id > 100;
4,left out
\.
SELECT answers('t', 'other');
COPY t FROM stdin (FORMAT csv) WHERE id > 3;
3,left out
4,let in
\.
SELECT answers('t', 'other');

-- from a program and from a file of the server, in its data directory; the binary format
COPY t FROM PROGRAM 'echo 5,program' (FORMAT csv);
SELECT answers('t', 'other');
COPY t FROM PROGRAM 'true';
SELECT answers('t', 'other');
COPY (SELECT id + 10, v FROM t) TO PROGRAM 'cat > pgcache_copy' (FORMAT binary);
SELECT answers('t', 'other');
COPY t FROM 'pgcache_copy' (FORMAT binary);
SELECT answers('t', 'other');
COPY (SELECT WHERE false) TO PROGRAM 'rm pgcache_copy';

-- failures: in the middle, at the start, of the program; a COPY FROM in a transaction
COPY t FROM stdin (FORMAT csv);
20,kept back
1,duplicate
\.
COPY t FROM stdin (FORMAT csv);
not a number,x
\.
COPY t FROM 'pgcache_copy';
COPY t FROM PROGRAM 'echo 20,failed; exit 1' (FORMAT csv);
SELECT answers('t', 'other');
BEGIN;
COPY t FROM stdin (FORMAT csv);
20,rolled back
\.
SELECT answers('t', 'other');
ROLLBACK;
SELECT answers('t', 'other');
BEGIN;
COPY t FROM stdin (FORMAT csv);
20,committed
\.
COMMIT;
SELECT answers('t', 'other');

-- FREEZE: into a table truncated or created in the transaction
BEGIN;
TRUNCATE t;
COPY t FROM stdin (FORMAT csv, FREEZE);
1,frozen
\.
SELECT answers('t', 'other');
COMMIT;
SELECT answers('t', 'other');
BEGIN;
CREATE TABLE fresh (id int);
COPY fresh FROM stdin (FREEZE);
1
\.
SELECT answers('fresh', 'other');
COMMIT;
SELECT answers('fresh', 't', 'other');
DROP TABLE fresh;

DROP TABLE t, other;
\i test/done.sql
