-- The tables of the queries, the same in every run.  :orders rows in orders.  Beside them stand pgbench's own.

CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, region text NOT NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL, amount numeric NOT NULL,
                     created_at timestamptz NOT NULL, note text NOT NULL);

INSERT INTO customers
    SELECT i, 'customer ' || i, 'region_' || lpad((i % 10)::text, 2, '0') FROM generate_series(1, 50000) i;

-- hashint8() scatters like random(), but is the same on every machine.
INSERT INTO orders
    SELECT i, 1 + abs(hashint8(i)::bigint) % 50000, (ARRAY['new', 'paid', 'sent', 'returned'])[1 + i % 4],
           (abs(hashint8(-i)::bigint) % 1000000) / 100.0,
           timestamptz '2024-01-01 00:00+00' + abs(hashint8(i * 7)::bigint) % 63072000 * interval '1 s',
           'note ' || md5(i::text)
    FROM generate_series(1, :orders) i;

CREATE INDEX ON customers (region);
CREATE INDEX ON orders (customer_id);
CREATE INDEX ON orders (created_at);
VACUUM (ANALYZE, FREEZE) customers, orders;
