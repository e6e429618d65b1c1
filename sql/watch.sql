-- watch: cache_watch() and cache_unwatch(): what they create, for whom, and what they refuse
\i test/ask.sql
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, status text, total numeric);
INSERT INTO orders SELECT i, i % 10, 'new', i FROM generate_series(1, 100) AS i;
CREATE FUNCTION ask_orders() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(', ', '1 ' || ask('SELECT * FROM orders WHERE customer_id = 1'), '2 ' || ask('SELECT * FROM orders WHERE customer_id = 2'),
        'all ' || ask('SELECT id, status FROM orders'), 'number ' || ask('SELECT count(*) FROM orders')) $$;
SELECT ask_orders();

-- watching is itself a change; from then on results of other customers survive
SELECT cache_watch('orders', 'customer_id');
SELECT ask_orders();
SELECT ask_orders();
UPDATE orders SET status = 'paid' WHERE customer_id = 1;
SELECT ask_orders();
INSERT INTO orders VALUES (101, 2, 'new', 1);
SELECT ask_orders();
DELETE FROM orders WHERE id = 1;
SELECT ask_orders();
UPDATE orders SET customer_id = 2 WHERE id = 11;
SELECT ask_orders();
UPDATE orders SET status = status;
SELECT ask_orders();

-- twice is once; another key is another trigger, and one that was switched off is switched on
SELECT cache_watch('orders', 'customer_id'), cache_watch('orders', 'customer_id', 'status');
SELECT ask_orders();
SELECT tgname, tgenabled, tgnargs, tgtype FROM pg_trigger WHERE tgrelid = 'orders'::regclass ORDER BY 1;
SELECT watched, key_columns FROM pgcache_tables WHERE relation = 'orders'::regclass;
ALTER TABLE orders DISABLE TRIGGER pgcache_watch_1;
SELECT ask_orders();
SELECT watched, key_columns FROM pgcache_tables WHERE relation = 'orders'::regclass;
UPDATE orders SET status = 'x' WHERE customer_id = 7;
SELECT ask_orders();
SELECT cache_watch('orders', 'customer_id');
SELECT ask_orders();
SELECT watched, key_columns FROM pgcache_tables WHERE relation = 'orders'::regclass;
UPDATE orders SET status = 'y' WHERE customer_id = 7;
SELECT ask_orders();

-- a column that is renamed is not found any more: the table as a whole again, until it is watched anew
ALTER TABLE orders RENAME COLUMN customer_id TO customer;
SELECT ask('SELECT * FROM orders WHERE customer = 1'), ask('SELECT * FROM orders WHERE customer = 1');
UPDATE orders SET status = 'z' WHERE customer = 7;
SELECT ask('SELECT * FROM orders WHERE customer = 1');
ALTER TABLE orders RENAME COLUMN customer TO customer_id;
SELECT ask_orders();
UPDATE orders SET status = 'z' WHERE customer_id = 8;
SELECT ask_orders();

-- not before the commit, not after a rollback; own writes are seen at once
BEGIN;
UPDATE orders SET status = 'own' WHERE customer_id = 1;
SELECT ask('SELECT * FROM orders WHERE customer_id = 1'), ask('SELECT * FROM orders WHERE customer_id = 2');
ROLLBACK;
SELECT ask_orders();

-- watching is undone with its transaction
BEGIN;
SELECT cache_unwatch('orders');
SELECT ask('SELECT * FROM orders WHERE customer_id = 1');
ROLLBACK;
UPDATE orders SET status = 'z' WHERE customer_id = 9;
SELECT ask_orders();
SELECT cache_unwatch('orders'), cache_unwatch('orders');
SELECT ask_orders();
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'orders'::regclass;
UPDATE orders SET status = 'zz' WHERE customer_id = 9;
SELECT ask_orders();

-- what cannot be watched
SELECT cache_watch('orders', 'nothing');
SELECT cache_watch('orders', 'ctid');
SELECT cache_watch('orders', NULL);
SELECT cache_watch('orders', 'id', 'id');
SELECT cache_watch('orders', VARIADIC '{}');
SELECT cache_watch('pg_class', 'oid');
SELECT cache_watch(0, 'oid');
CREATE VIEW view AS TABLE orders;
SELECT cache_watch('view', 'id');
CREATE TEMP TABLE temporary (a int);
SELECT cache_watch('temporary', 'a');
CREATE TABLE kinds (a point, b json, c orders, d int[], e int4range, f int GENERATED ALWAYS AS (id + 1) STORED, id int);
SELECT cache_watch('kinds', 'a');
SELECT cache_watch('kinds', 'b');
SELECT cache_watch('kinds', 'c');
SELECT cache_watch('kinds', 'd', 'e', 'f');
INSERT INTO kinds (d, e, id) VALUES ('{1,2}', '[1,2)', 1), (NULL, NULL, NULL);
CREATE ROLE regress_watch;
SET ROLE regress_watch;
SELECT cache_watch('orders', 'id');
SELECT cache_unwatch('kinds');
RESET ROLE;
GRANT CREATE ON SCHEMA public TO regress_watch;
SET ROLE regress_watch;
CREATE TABLE own (a int);
SELECT cache_watch('own', 'a'), cache_unwatch('own');
RESET ROLE;
SELECT cache_watch_trigger();
CREATE TRIGGER wrong AFTER INSERT ON orders EXECUTE FUNCTION cache_watch_trigger('id');
INSERT INTO orders VALUES (1000);

DROP TABLE kinds, own, orders CASCADE;
DROP FUNCTION ask_orders;
REVOKE CREATE ON SCHEMA public FROM regress_watch;
DROP ROLE regress_watch;
\i test/done.sql
