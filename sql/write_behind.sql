-- Values whose table is written later.
CREATE EXTENSION pgcache;
CREATE TABLE users (id int PRIMARY KEY, name text, n int DEFAULT 7);
INSERT INTO users VALUES (1, 'one', 1);
SELECT cache_bind('users', 'users', 'write_behind');

-- what is pending is read, and written by a flush; what the value does not have is null until then
SELECT cache_get('users:1'), cache_get('users:2');
SELECT cache_set('users:2', '{"name": "two"}');
SELECT cache_get('users:2');
SELECT cache_flush() > 0 AS flushed;
SELECT cache_flush();
SELECT cache_get('users:2');
SELECT * FROM users ORDER BY id;

-- the columns that are given are updated; changes of one row are folded
SELECT cache_set('users:2', '{"n": 22}');
SELECT cache_set('users:2', jsonb_build_object('n', i)) FROM generate_series(1, 30) i;
SELECT cache_set('users:2', '{"name": "TWO"}');
SELECT cache_get('users:2');
SELECT count(cache_flush());
SELECT * FROM users WHERE id = 2;

-- delete, and set again: the other columns are not those of before
SELECT cache_delete('users:2', 'users:99');
SELECT cache_get('users:2');
SELECT cache_set('users:2', '{"name": "again"}');
SELECT count(cache_flush('users'));
SELECT * FROM users WHERE id = 2;

-- add: only if there is none
SELECT cache_add('users:2', '{"name": "added"}'), cache_add('users:3', '{"name": "added"}');
SELECT cache_add('users:3', '{"name": "twice"}');
SELECT cache_set('users:3', '{"n": 3}');
SELECT count(cache_flush());
SELECT * FROM users WHERE id IN (2, 3) ORDER BY id;

-- many
SELECT cache_set_many('{"users:4": {"name": "four"}, "users:5": {"name": "five"}}');
SELECT * FROM cache_get_many(ARRAY['users:4', 'users:5', 'users:6']);
SELECT count(cache_flush());
SELECT * FROM users WHERE id IN (4, 5) ORDER BY id;

-- savepoints and rollback
BEGIN;
SELECT cache_set('users:6', '{"name": "six"}');
SAVEPOINT a;
SELECT cache_set('users:6', '{"n": 66}');
SAVEPOINT b;
SELECT cache_delete('users:6');
SELECT cache_get('users:6');
ROLLBACK TO b;
SELECT cache_get('users:6');
RELEASE a;
SAVEPOINT c;
SELECT cache_set('users:6', '{"n": 67}');
ROLLBACK TO c;
SELECT cache_get('users:6');
COMMIT;
BEGIN;
SELECT cache_set('users:7', '{"name": "seven"}');
ROLLBACK;
SELECT cache_get('users:7');
SELECT count(cache_flush());
SELECT * FROM users WHERE id IN (6, 7);

-- a child before its parent, and the parent of one that had another: order where it matters
CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES users, amount int CHECK (amount > 0));
SELECT cache_bind('orders', 'orders', 'write_behind');
BEGIN;
SELECT cache_set('orders:1', '{"customer": 1, "amount": 10}');
SELECT cache_set('users:8', '{"name": "eight"}');
SELECT cache_set('orders:1', '{"customer": 8}');
COMMIT;
SELECT count(cache_flush());
SELECT * FROM orders;

-- what the table refuses is kept, and the rest is written
SELECT cache_set('orders:2', '{"customer": 1, "amount": -1}'), cache_set('orders:3', '{"customer": 1, "amount": 3}'),
       cache_set('orders:4', '{"customer": 404, "amount": 4}');
SELECT cache_flush('users'), cache_flush('orders') <= 3 AS flushed;
SELECT * FROM orders ORDER BY id;
SELECT relation, key, operation, value, sqlstate, message, detail FROM pgcache_write_behind_errors ORDER BY id;
SELECT relation, pending, oldest, written, refused FROM pgcache_write_behind WHERE relation = 'orders'::regclass;

-- nothing is accepted that cannot be a row, or in a transaction that must not write
SELECT cache_set('users:9', '{"nom": "neuf"}');
SELECT cache_set('users:nine', '{}');
BEGIN READ ONLY;
SELECT cache_set('users:9', '{}');
ROLLBACK;
SELECT cache_incr('users:9');
SELECT cache_flush('nothing');

-- a trigger that the worker runs and that sets values, which are written through, and flushes
CREATE FUNCTION echo() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM cache_set('users:' || NEW.id + 1000, jsonb_build_object('name', 'by a trigger'));
	PERFORM cache_flush();
	RETURN NEW;
END $$;
CREATE TRIGGER echo AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION echo();
SELECT cache_set('orders:5', '{"customer": 1, "amount": 5}');
SELECT count(cache_flush());
SELECT * FROM users WHERE id > 1000;

-- bound with another mode while something is pending: what is set later comes later
SELECT cache_set('users:1', '{"n": 10}');
SELECT cache_bind('users', 'users', 'write_through');
SELECT cache_set('users:1', '{"n": 11}');
SELECT n FROM users WHERE id = 1;
SELECT cache_flush();
SELECT n FROM users WHERE id = 1;

-- a table that goes, and a column
CREATE TABLE passing (id int PRIMARY KEY, a int, b int);
SELECT cache_bind('passing', 'passing', 'write_behind');
BEGIN;
SELECT cache_set('passing:1', '{"a": 1, "b": 1}');
SELECT cache_set('passing:2', '{"a": 2}');
ALTER TABLE passing DROP COLUMN b;
COMMIT;
SELECT count(cache_flush());
SELECT * FROM passing;
BEGIN;
SELECT cache_set('passing:3', '{"a": 3}');
SELECT cache_unbind('passing');
DROP TABLE passing;
COMMIT;
SELECT count(cache_flush());
SELECT relation ~ '^\d+$' AS gone, key, value, sqlstate, regexp_replace(message, '\d+', 'N') FROM pgcache_write_behind_errors ORDER BY id OFFSET 2;

DROP TABLE orders, users;
DROP FUNCTION echo();
DROP EXTENSION pgcache;
