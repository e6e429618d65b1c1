--
-- STABLE functions that depend on something hidden, which is not in their tables: none may be taken for clean.
--
\i test/ask.sql
\i test/bodies.sql

-- helpers that bodies name
CREATE FUNCTION wild(x int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT x + 1';
CREATE FUNCTION setting(x int) RETURNS text LANGUAGE sql STABLE AS $$SELECT current_setting('my.x', true)$$;
CREATE FUNCTION with_default(x int, y text DEFAULT current_setting('my.x', true)) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT y';
CREATE FUNCTION hidden_field(p plain) RETURNS text LANGUAGE sql STABLE AS $$SELECT current_setting('my.x')$$;
CREATE FUNCTION same(a pair, b pair) RETURNS boolean LANGUAGE sql STABLE AS $$SELECT current_setting('my.x') = 'on'$$;
CREATE OPERATOR === (LEFTARG = pair, RIGHTARG = pair, FUNCTION = same);
CREATE FUNCTION other(a pair, b pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT a.a <> b.a$$;
CREATE OPERATOR !== (LEFTARG = pair, RIGHTARG = pair, FUNCTION = other, NEGATOR = ===);
CREATE FUNCTION is_fine(x int) RETURNS boolean LANGUAGE sql STABLE AS $$SELECT current_setting('my.x') = 'on'$$;
CREATE DOMAIN checked AS int CHECK (is_fine(VALUE));
CREATE DOMAIN moment AS timestamptz;
CREATE FUNCTION add(a bigint, b bigint) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT a + b + current_setting('my.x')::int$$;
CREATE AGGREGATE total(bigint) (SFUNC = add, STYPE = bigint);

-- clock
CREATE FUNCTION h_now() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM orders WHERE created_at > now()';
CREATE FUNCTION h_quoted() RETURNS SETOF timestamptz LANGUAGE sql STABLE AS 'SELECT pg_catalog . "now" /* */ () FROM orders';
CREATE FUNCTION h_unicode() RETURNS SETOF timestamptz LANGUAGE sql STABLE AS $$SELECT U&"n\006fw"() FROM orders$$;
CREATE FUNCTION h_unicode_literal() RETURNS SETOF timestamptz LANGUAGE sql STABLE AS $$SELECT greatest(created_at, U&'n\006fw') FROM orders$$;
CREATE FUNCTION h_escaped_literal() RETURNS SETOF timestamptz LANGUAGE sql STABLE AS $$SELECT E'n\x6fw'::timestamptz FROM orders$$;
CREATE FUNCTION h_current_date() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM orders WHERE day = CURRENT_DATE';
CREATE FUNCTION h_localtime() RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(*) FROM orders WHERE day = LocalTimestamp(0)); END';
CREATE FUNCTION h_literal() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE day = 'today'$$;
CREATE FUNCTION h_dollar_literal() RETURNS bigint LANGUAGE sql STABLE AS $x$SELECT count(*) FROM orders WHERE day = $$Yesterday$$$x$;
CREATE FUNCTION h_cast() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE day = ('to' || 'day')::date$$;
CREATE FUNCTION h_cast_argument(x text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE created_at > x::timestamp with time zone$$;
CREATE FUNCTION h_cast_syntax() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE day = cast(coalesce(note, '') AS pg_catalog.date)$$;
CREATE FUNCTION h_cast_null_name() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders, LATERAL (SELECT note AS "null") x WHERE day = "null"::date$$;
CREATE FUNCTION h_cast_function() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE day = date(note)$$;
CREATE FUNCTION h_cast_field() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE day = (note).date$$;
CREATE FUNCTION h_cast_param(p text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE created_at = $1.timestamptz$$;
CREATE FUNCTION h_cast_param_name(p text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE created_at = p.timestamptz$$;
CREATE FUNCTION h_cast_param_qualified(p text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE created_at = h_cast_param_qualified.p.timestamptz$$;
CREATE FUNCTION h_cast_row(x text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE created_at > (x::stamped).at$$;
CREATE FUNCTION h_cast_array(x text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE day = ANY (x::date[])$$;
CREATE FUNCTION h_cast_range(x text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE day <@ x::daterange$$;
CREATE FUNCTION h_cast_domain(x text) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE created_at = x::moment$$;
CREATE FUNCTION h_timetz() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE time with time zone '10:00' > '11:00'::timetz$$;
CREATE FUNCTION h_at_time_zone() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE make_time(10, 0, 0) AT TIME ZONE 'Europe/Berlin' IS NULL$$;
CREATE FUNCTION h_age() RETURNS SETOF interval LANGUAGE sql STABLE AS $$SELECT age(created_at) FROM orders$$;
CREATE FUNCTION h_populate(x jsonb) RETURNS SETOF timestamp LANGUAGE sql STABLE AS $$SELECT (jsonb_populate_record(NULL::stamped, x)).at$$;
CREATE FUNCTION h_xmltable(x xml) RETURNS SETOF date LANGUAGE sql STABLE AS $$SELECT d FROM XMLTABLE('/r' PASSING x COLUMNS d date)$$;
CREATE FUNCTION h_declared() RETURNS bigint LANGUAGE plpgsql STABLE AS $$DECLARE d date := 'to' || 'day'; BEGIN RETURN (SELECT count(*) FROM orders WHERE day = d); END$$;
CREATE FUNCTION h_declared_column() RETURNS bigint LANGUAGE plpgsql STABLE AS $$DECLARE x int; d body.orders.day%TYPE; BEGIN d := 'to' || 'day'; RETURN (SELECT count(*) FROM orders WHERE day = d); END$$;
CREATE FUNCTION h_declared_row() RETURNS bigint LANGUAGE plpgsql STABLE AS $$DECLARE r orders%ROWTYPE; BEGIN r.day := 'to' || 'day'; RETURN (SELECT count(*) FROM orders WHERE day = r.day); END$$;
CREATE FUNCTION h_declared_like(d date) RETURNS bigint LANGUAGE plpgsql STABLE AS $$<<a>> DECLARE e d%TYPE; BEGIN e := 'to' || 'day'; RETURN (SELECT count(*) FROM orders WHERE day = e); END$$;
CREATE FUNCTION h_alias(d date) RETURNS bigint LANGUAGE plpgsql STABLE AS $$DECLARE e ALIAS FOR $1; BEGIN e := 'to' || 'day'; RETURN (SELECT count(*) FROM orders WHERE day = e); END$$;
CREATE FUNCTION h_assigned(d date) RETURNS bigint LANGUAGE plpgsql STABLE AS $$BEGIN d = 'to' || 'day'; RETURN (SELECT count(*) FROM orders WHERE day = d); END$$;
CREATE FUNCTION h_assigned_number(date) RETURNS bigint LANGUAGE plpgsql STABLE AS $$BEGIN $1 := 'to' || 'day'; RETURN (SELECT count(*) FROM orders WHERE day = $1); END$$;
CREATE FUNCTION h_assigned_element(d date[]) RETURNS bigint LANGUAGE plpgsql STABLE AS $$BEGIN IF true THEN d[d[1] - d[2]] := 'to' || 'day'; END IF; RETURN (SELECT count(*) FROM orders WHERE day = d[1]); END$$;
CREATE FUNCTION h_assigned_into(OUT n int, OUT d date) LANGUAGE plpgsql STABLE AS $$BEGIN SELECT id, note INTO STRICT n, d FROM orders; END$$;
CREATE FUNCTION h_assigned_loop(d date) RETURNS bigint LANGUAGE plpgsql STABLE AS $$BEGIN FOR d IN SELECT note FROM orders LOOP RETURN d - d; END LOOP; END$$;
CREATE FUNCTION h_assigned_field() RETURNS text LANGUAGE plpgsql STABLE AS $$DECLARE r record; BEGIN SELECT * INTO r FROM orders; r.day = 'to' || 'day'; RETURN r.day; END$$;
CREATE FUNCTION h_assigned_record(r record) RETURNS text LANGUAGE plpgsql STABLE AS $$BEGIN r.day = 'to' || 'day'; RETURN r.day; END$$;
CREATE FUNCTION h_returned() RETURNS date LANGUAGE plpgsql STABLE AS $$BEGIN RETURN (SELECT note FROM orders); END$$;
CREATE FUNCTION h_returned_quoted() RETURNS date LANGUAGE plpgsql STABLE AS $$DECLARE "query" text = 'to' || 'day'; BEGIN RETURN "query"; END$$;
CREATE FUNCTION h_returned_next() RETURNS SETOF date LANGUAGE plpgsql STABLE AS $$BEGIN RETURN NEXT 'to' || 'day'; END$$;
CREATE FUNCTION h_polymorphic(x anyelement) RETURNS anyelement LANGUAGE plpgsql STABLE AS $$BEGIN RETURN 'to' || 'day'; END$$;

-- session, role, settings, randomness
CREATE FUNCTION h_setting() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE note = current_setting('my.x')$$;
CREATE FUNCTION h_user() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE note = user$$;
CREATE FUNCTION h_current_schema() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE note = current_schema$$;
CREATE FUNCTION h_pid() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE id = pg_backend_pid()$$;
CREATE FUNCTION h_random() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE random() < 0.5$$;
CREATE FUNCTION h_sample() RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders TABLESAMPLE bernoulli (10)$$;
CREATE FUNCTION h_settings_view() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT setting FROM pg_settings$$;
CREATE FUNCTION h_schema_view() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT catalog_name FROM information_schema.information_schema_catalog_name$$;
CREATE FUNCTION h_atomic() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM orders WHERE note = current_user; END;
CREATE FUNCTION h_atomic_return(x text) RETURNS date LANGUAGE sql STABLE RETURN x::date;
CREATE FUNCTION h_own_default(x text DEFAULT current_setting('my.x')) RETURNS bigint LANGUAGE sql STABLE AS $$SELECT count(*) FROM orders WHERE note = x$$;
CREATE FUNCTION h_volatile() RETURNS SETOF int LANGUAGE sql STABLE AS $$SELECT wild(id) FROM orders$$;
CREATE FUNCTION h_calls_hidden() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT setting(id) FROM orders$$;
CREATE FUNCTION h_calls_default() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT with_default(id) FROM orders$$;
CREATE FUNCTION h_calls_field() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT p.hidden_field FROM plain p$$;
CREATE FUNCTION h_calls_field_number(int) RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT $1.setting FROM plain p$$;
CREATE FUNCTION h_field_typeof() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT p.pg_typeof FROM plain p$$;
CREATE FUNCTION h_operator(p pair, q pair) RETURNS SETOF boolean LANGUAGE sql STABLE AS 'SELECT p OPERATOR(body.===) q FROM orders';
CREATE FUNCTION h_negator(p pair, q pair) RETURNS SETOF boolean LANGUAGE sql STABLE AS 'SELECT NOT (p !== q) FROM orders';
CREATE FUNCTION h_domain() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id::checked FROM orders';
CREATE FUNCTION h_domain_result() RETURNS checked LANGUAGE sql STABLE AS 'SELECT id FROM orders';
CREATE FUNCTION h_mutual_a(n int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN h_mutual_b(n - 1) + 1; END';
CREATE FUNCTION h_mutual_b(n int) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN h_mutual_a(n - 1) + pg_backend_pid(); END';

CREATE FUNCTION h_aggregate() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT total(id) FROM orders';

-- believed() is IMMUTABLE, so it passes, but not what it calls; nor who calls that again in a circle
CREATE FUNCTION believed(x int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT body.circle_a(x) || body.setting(x)';
CREATE FUNCTION circle_a(x int) RETURNS text LANGUAGE sql STABLE AS $$SELECT body.circle_b(x) || current_setting('my.x', true)$$;
CREATE FUNCTION circle_b(x int) RETURNS text LANGUAGE sql STABLE AS 'SELECT body.circle_a(x)';
CREATE FUNCTION h_believes_and_calls() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT body.believed(id), body.circle_a(id) FROM orders';
CREATE FUNCTION h_believes_and_circle() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT body.believed(id), body.circle_b(id) FROM orders';

-- names of objects
CREATE FUNCTION h_regclass(x oid) RETURNS text LANGUAGE sql STABLE AS $$SELECT x::regclass::text FROM orders$$;
CREATE FUNCTION h_regclass_literal() RETURNS SETOF oid LANGUAGE sql STABLE AS $$SELECT regclass 'orders' FROM orders$$;
CREATE FUNCTION h_regrole_param(x regrole) RETURNS text LANGUAGE sql STABLE AS $$SELECT x FROM orders$$;
CREATE FUNCTION h_collation() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT COLLATION FOR (note) FROM orders$$;
CREATE FUNCTION h_tableoid() RETURNS SETOF oid LANGUAGE sql STABLE AS $$SELECT o."tableoid" FROM orders o$$;

-- PL/pgSQL
CREATE FUNCTION h_execute(q text) RETURNS bigint LANGUAGE plpgsql STABLE AS 'DECLARE n bigint; BEGIN EXECUTE q INTO n; RETURN n; END';
CREATE FUNCTION h_return_execute(q text) RETURNS SETOF orders LANGUAGE plpgsql STABLE AS 'BEGIN RETURN QUERY EXECUTE q; END';
CREATE FUNCTION h_loop_execute(q text) RETURNS SETOF orders LANGUAGE plpgsql STABLE AS 'DECLARE r record; BEGIN FOR r IN EXECUTE q LOOP RETURN NEXT r; END LOOP; END';
CREATE FUNCTION h_query_to_xml() RETURNS SETOF xml LANGUAGE sql STABLE AS $$SELECT query_to_xml('select now()', true, true, '') FROM orders$$;
CREATE FUNCTION h_handler() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT 1 / count(*) FROM orders); EXCEPTION WHEN OTHERS THEN RETURN -1; END';
CREATE FUNCTION h_assert() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN ASSERT false; RETURN (SELECT count(*) FROM orders); END';
CREATE FUNCTION h_context() RETURNS text LANGUAGE plpgsql STABLE AS 'DECLARE c text; BEGIN GET DIAGNOSTICS c = PG_CONTEXT; RETURN c; END';
CREATE FUNCTION h_cursor() RETURNS text LANGUAGE plpgsql STABLE AS $$DECLARE c refcursor := 'of_session'; x text; BEGIN FETCH c INTO x; RETURN x; END$$;
CREATE FUNCTION h_cursor_param(c refcursor) RETURNS text LANGUAGE plpgsql STABLE AS $$DECLARE x text; BEGIN FETCH NEXT FROM c INTO x; RETURN x; END$$;
CREATE FUNCTION h_bound_cursor() RETURNS text LANGUAGE plpgsql STABLE AS $$DECLARE c CURSOR FOR SELECT note FROM orders; BEGIN OPEN c; RETURN c::text; END$$;
CREATE FUNCTION h_set() RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN SET LOCAL timezone = 'UTC'; RETURN (SELECT count(*) FROM orders); END$$;

-- what is not looked at
CREATE FUNCTION h_c(oid) RETURNS text LANGUAGE internal STABLE AS 'regclassout';
CREATE FUNCTION h_broken() RETURNS int LANGUAGE sql STABLE AS $$SELECT 'open$$;
CREATE FUNCTION h_names_broken() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT h_broken() FROM orders';

SELECT * FROM wrong_verdicts;
SELECT prefix, count(*) FROM verdicts GROUP BY prefix ORDER BY prefix;

-- one query that asks for the believed function first, and for a part of the circle then
SELECT reason FROM cache_explain('SELECT believed(id), circle_b(id) FROM orders');
-- with rows: right whatever the setting
INSERT INTO orders SELECT i, i % 3, i * 10, 'one', now(), current_date FROM generate_series(1, 5) i;
SET my.x = 'one';
SELECT ask('SELECT h_setting()'), ask('SELECT h_setting()'), ask('SELECT h_calls_hidden()'), ask('SELECT h_calls_default()');
SET my.x = 'two';
SELECT ask('SELECT h_setting()'), ask('SELECT h_setting()'), ask('SELECT h_calls_hidden()'), ask('SELECT h_calls_default()');
DROP SCHEMA body CASCADE;
\i test/done.sql
