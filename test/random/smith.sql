-- What sqlsmith sees: the tables of schema.sql, and of the functions those that can be cached.  It reads pg_proc by its
-- bare name, so with "smith" first in the search path it reads this view.  Functions whose result depends on the order of
-- rows are left out too.

CREATE ROLE smith LOGIN;
CREATE SCHEMA smith;
GRANT USAGE ON SCHEMA smith TO smith;
CREATE VIEW smith.pg_proc AS
	SELECT * FROM pg_catalog.pg_proc AS p
	WHERE (p.provolatile = 'i' OR p.proname ~ '^(date_trunc|to_char|to_jsonb?|timezone|array_to_string|concat|format|age|date_part)$')
		AND p.pronamespace IN ('pg_catalog'::regnamespace, 'r'::regnamespace)
		AND p.proname !~ '^(pg_|f_|rnd|t1_row|log_t2|has_|lo_|amvalidate|.*(_in|_out|_recv|_send|_agg|support|transition|transfn|sel|handler)$|age$|float|.*(float|accum|combine|serialize))'
		AND NOT (p.prokind = 'a' AND (p.proname !~ '^(count|max|min|bool_and|bool_or|every|bit_and|bit_or|a_sum|sum|range_agg)$'
			OR p.prorettype IN ('float4'::regtype, 'float8'::regtype, 'interval'::regtype)))
		AND NOT (p.prokind = 'w' AND p.proname !~ 'rank')
		AND p.prorettype <> ALL ('{float4,float8,internal,cstring,record,anyelement}'::regtype[]);
GRANT SELECT ON smith.pg_proc TO smith;
REVOKE SELECT ON pgcache_stats, pgcache_entries, pgcache_tables, pgcache_bypasses FROM PUBLIC;
