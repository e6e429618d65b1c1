/* pgcache--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pgcache" to load this file. \quit

--
-- Reading through the cache
--

CREATE FUNCTION cache_query_support(internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'cache_query_support'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION cache_query_support(internal) IS
'planner support for cache_query and cache_query_as: rows and cost, from the results computed lately';

CREATE FUNCTION cache_query(query text, params record DEFAULT NULL, ttl interval DEFAULT NULL,
                            tags text[] DEFAULT NULL, stale interval DEFAULT NULL,
                            refresh boolean DEFAULT NULL)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_query'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SUPPORT cache_query_support;

COMMENT ON FUNCTION cache_query(text, record, interval, text[], interval, boolean) IS
'rows of a query, from the cache if they are what the query would return now; needs a column definition list in FROM';

CREATE FUNCTION cache_query_as(rowtype anyelement, query text, params record DEFAULT NULL, ttl interval DEFAULT NULL,
                               tags text[] DEFAULT NULL, stale interval DEFAULT NULL,
                               refresh boolean DEFAULT NULL)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'cache_query_as'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SUPPORT cache_query_support;

COMMENT ON FUNCTION cache_query_as(anyelement, text, record, interval, text[], interval, boolean) IS
'rows of a query as a named type, for example NULL::orders, from the cache';

CREATE FUNCTION cache_query_json(query text, params record DEFAULT NULL, ttl interval DEFAULT NULL,
                                 tags text[] DEFAULT NULL, stale interval DEFAULT NULL,
                                 refresh boolean DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'cache_query_json'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_query_json(text, record, interval, text[], interval, boolean) IS
'rows of a query as a JSON array of objects, from the cache; an empty array if there are none';

CREATE FUNCTION cache_explain(query text, params record DEFAULT NULL,
                              OUT cacheable boolean, OUT reason text, OUT detail text, OUT state text,
                              OUT key text, OUT dependencies text[], OUT varies_by jsonb,
                              OUT age interval, OUT ttl_left interval, OUT rows bigint, OUT bytes bigint,
                              OUT hits bigint, OUT cost_ms double precision, OUT saved_ms double precision)
RETURNS record
AS 'MODULE_PATHNAME', 'cache_explain'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_explain(text, record) IS
'whether a query can be cached, what it depends on, and the state of its entry; does not run the query';

--
-- Values under keys
--

CREATE FUNCTION cache_set(key text, value jsonb, ttl interval DEFAULT NULL, tags text[] DEFAULT NULL,
                          tables regclass[] DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'cache_set'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_set(text, jsonb, interval, text[], regclass[]) IS
'stores a value under a key: for this transaction at once, for others at commit; it vanishes with its tables and tags';

CREATE FUNCTION cache_add(key text, value jsonb, ttl interval DEFAULT NULL, tags text[] DEFAULT NULL,
                          tables regclass[] DEFAULT NULL)
RETURNS boolean
AS 'MODULE_PATHNAME', 'cache_add'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_add(text, jsonb, interval, text[], regclass[]) IS
'stores a value if there is none under the key; waits for other transactions that change it; false if there is one';

CREATE FUNCTION cache_get(key text)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'cache_get'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_get(text) IS
'the value under a key; null if there is none (a stored null is ''null''::jsonb)';

CREATE FUNCTION cache_get_many(keys text[])
RETURNS TABLE (key text, value jsonb)
AS 'MODULE_PATHNAME', 'cache_get_many'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_get_many(text[]) IS
'the values under those of the keys that have one, in the order of the keys';

CREATE FUNCTION cache_set_many("values" jsonb, ttl interval DEFAULT NULL, tags text[] DEFAULT NULL,
                               tables regclass[] DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'cache_set_many'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_set_many(jsonb, interval, text[], regclass[]) IS
'stores each value of an object under its name as the key, as cache_set() does; returns how many';

CREATE FUNCTION cache_get_or_set(key text, query text, params record DEFAULT NULL, ttl interval DEFAULT NULL,
                                 tags text[] DEFAULT NULL, stale interval DEFAULT NULL)
RETURNS jsonb
AS 'MODULE_PATHNAME', 'cache_get_or_set'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_get_or_set(text, text, record, interval, text[], interval) IS
'the value under a key or, if there is none, the only value that the query returns, which is stored at once and vanishes with what the query reads';

CREATE FUNCTION cache_incr(key text, delta bigint DEFAULT 1)
RETURNS bigint
AS 'MODULE_PATHNAME', 'cache_incr'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_incr(text, bigint) IS
'adds to the integer under a key, 0 if there is none; waits for other transactions that change it; keeps its ttl';

CREATE FUNCTION cache_touch(key text, ttl interval)
RETURNS boolean
AS 'MODULE_PATHNAME', 'cache_touch'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_touch(text, interval) IS
'gives the value under a key a new ttl, from now on; null is pgcache.default_ttl; false if there is none';

CREATE FUNCTION cache_ttl(key text)
RETURNS interval
AS 'MODULE_PATHNAME', 'cache_ttl'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_ttl(text) IS
'how long the value under a key will be kept; null if there is none, or it does not expire';

CREATE FUNCTION cache_delete(VARIADIC keys text[])
RETURNS bigint
AS 'MODULE_PATHNAME', 'cache_delete'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_delete(text[]) IS
'deletes the values under the keys; returns how many there were';

CREATE FUNCTION cache_delete_pattern(pattern text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'cache_delete_pattern'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_delete_pattern(text) IS
'deletes the values whose keys match a glob (* ? [..] and \ as in Redis); returns how many; looks at all entries';

CREATE FUNCTION cache_version(namespace text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'cache_version'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_version(text) IS
'the number of a namespace''s version, to be made part of keys; it only ever grows';

CREATE FUNCTION cache_bump(namespace text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'cache_bump'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_bump(text) IS
'gives a namespace a new version, at commit: all values under keys that begin with it and a colon are gone; returns the number';

CREATE FUNCTION cache_key(namespace text, VARIADIC parts text[])
RETURNS text
AS 'MODULE_PATHNAME', 'cache_key'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION cache_key(text, text[]) IS
'a key made of parts with colons between them, in which special characters of the parts are quoted; null if a part is';

--
-- Functions that the user vouches for
--

CREATE TABLE pgcache_allowed_functions (
    function regprocedure PRIMARY KEY,
    identity text NOT NULL
);

COMMENT ON TABLE pgcache_allowed_functions IS
'functions declared cacheable by cache_allow_function()';
COMMENT ON COLUMN pgcache_allowed_functions.identity IS
'what the function was called then; another one that got its OID is not meant';

GRANT SELECT ON pgcache_allowed_functions TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pgcache_allowed_functions', '');

CREATE FUNCTION cache_allow_function(function regprocedure)
RETURNS void
AS 'MODULE_PATHNAME', 'cache_allow_function'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_allow_function(regprocedure) IS
'declares that a function''s result depends on its arguments, tables and the usual settings only, so that queries that call it are cached; for its owner and superusers';

CREATE FUNCTION cache_allow_function_off(function regprocedure)
RETURNS void
AS 'MODULE_PATHNAME', 'cache_allow_function_off'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_allow_function_off(regprocedure) IS
'takes the declaration of cache_allow_function() back';

--
-- Namespaces of keys that stand for the rows of a table
--

CREATE TABLE pgcache_bindings (
    namespace text COLLATE "C" PRIMARY KEY,
    "table" regclass NOT NULL,
    mode text NOT NULL CHECK (mode IN ('read_through', 'write_through', 'write_behind'))
);

COMMENT ON TABLE pgcache_bindings IS
'namespaces bound to tables by cache_bind()';

GRANT SELECT ON pgcache_bindings TO PUBLIC;
-- the number of a table that was dropped could be that of another one elsewhere
SELECT pg_catalog.pg_extension_config_dump('pgcache_bindings',
    'WHERE "table" IN (SELECT oid FROM pg_catalog.pg_class)');

CREATE FUNCTION cache_bind(namespace text, "table" regclass, mode text DEFAULT 'write_through')
RETURNS void
AS 'MODULE_PATHNAME', 'cache_bind'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_bind(text, regclass, text) IS
'has keys namespace:primary-key stand for the rows of a table; mode is read_through, write_through or write_behind; for the table''s owner';

REVOKE ALL ON FUNCTION cache_bind(text, regclass, text) FROM PUBLIC;

CREATE FUNCTION cache_unbind(namespace text)
RETURNS void
AS 'MODULE_PATHNAME', 'cache_unbind'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_unbind(text) IS
'takes the binding of a namespace back';

REVOKE ALL ON FUNCTION cache_unbind(text) FROM PUBLIC;

CREATE FUNCTION cache_flush(namespace text DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'cache_flush'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_flush(text) IS
'waits until the changes are written to their tables that were pending at the call, of one namespace''s table or all; returns how many were';

CREATE FUNCTION cache_write_behind(OUT relation regclass, OUT pending bigint, OUT oldest timestamptz,
                                   OUT written bigint, OUT refused bigint, OUT waits bigint, OUT pid integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_write_behind'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_write_behind() IS
'what is pending and was written behind, for the tables of this database, and the process that writes it';

CREATE VIEW pgcache_write_behind AS SELECT * FROM cache_write_behind();

COMMENT ON VIEW pgcache_write_behind IS 'changes that wait to be written to their tables';

GRANT SELECT ON pgcache_write_behind TO PUBLIC;

CREATE TABLE pgcache_write_behind_errors (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    role text NOT NULL,
    relation text NOT NULL,
    key jsonb NOT NULL,
    operation text NOT NULL,
    value jsonb,
    sqlstate text NOT NULL,
    message text,
    detail text
);

COMMENT ON TABLE pgcache_write_behind_errors IS
'changes that could not be written behind, and why; each role sees and may delete its own';
COMMENT ON COLUMN pgcache_write_behind_errors.role IS 'on whose behalf';
COMMENT ON COLUMN pgcache_write_behind_errors.relation IS 'the table, qualified, or its OID if it is gone';
COMMENT ON COLUMN pgcache_write_behind_errors.key IS 'the columns of the primary key';
COMMENT ON COLUMN pgcache_write_behind_errors.operation IS 'set, add or delete';
COMMENT ON COLUMN pgcache_write_behind_errors.value IS 'the columns that were to be written';
COMMENT ON SEQUENCE pgcache_write_behind_errors_id_seq IS 'numbers of the changes that could not be written behind';

ALTER TABLE pgcache_write_behind_errors ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON pgcache_write_behind_errors USING (role OPERATOR(pg_catalog.=) CURRENT_USER::text);
CREATE POLICY all_stats ON pgcache_write_behind_errors FOR SELECT TO pg_read_all_stats USING (true);
COMMENT ON POLICY own ON pgcache_write_behind_errors IS 'each role sees and may delete its own';
COMMENT ON POLICY all_stats ON pgcache_write_behind_errors IS 'members of pg_read_all_stats see all';
GRANT SELECT, DELETE ON pgcache_write_behind_errors TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pgcache_write_behind_errors', '');
SELECT pg_catalog.pg_extension_config_dump('pgcache_write_behind_errors_id_seq', '');

--
-- Invalidation
--

CREATE FUNCTION cache_invalidate_trigger()
RETURNS trigger
AS 'MODULE_PATHNAME', 'cache_invalidate_trigger'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION cache_invalidate_trigger() IS
'trigger that invalidates, at commit, every result that depends on its table, or the keys and tags that its arguments name';

CREATE FUNCTION cache_watch_trigger()
RETURNS trigger
AS 'MODULE_PATHNAME', 'cache_watch_trigger'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION cache_watch_trigger() IS
'trigger that cache_watch() creates; its arguments are the columns of a key';

CREATE FUNCTION cache_watch("table" regclass, VARIADIC key_columns name[])
RETURNS void
AS 'MODULE_PATHNAME', 'cache_watch'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_watch(regclass, name[]) IS
'has writes to the table invalidate only the results that depend on the written values of the key columns; for its owner';

CREATE FUNCTION cache_unwatch("table" regclass)
RETURNS void
AS 'MODULE_PATHNAME', 'cache_unwatch'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_unwatch(regclass) IS
'has writes to the table invalidate all results that depend on it, as if it had never been watched; for its owner';

CREATE FUNCTION cache_invalidate(VARIADIC tables regclass[])
RETURNS void
AS 'MODULE_PATHNAME', 'cache_invalidate'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_invalidate(regclass[]) IS
'invalidates, at commit, every result that depends on the tables; takes the privilege to write them';

CREATE FUNCTION cache_invalidate_tag(VARIADIC tags text[])
RETURNS void
AS 'MODULE_PATHNAME', 'cache_invalidate_tag'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_invalidate_tag(text[]) IS
'invalidates, at commit, every result of this database that was stored with one of the tags';

CREATE FUNCTION cache_invalidate_query(query text, params record DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'cache_invalidate_query'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_invalidate_query(text, record) IS
'invalidates, at commit, the results of one query with these parameters, whichever role or setting they are for';

CREATE FUNCTION cache_clear()
RETURNS void
AS 'MODULE_PATHNAME', 'cache_clear'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_clear() IS
'drops, at commit, all results of this database';

REVOKE ALL ON FUNCTION cache_clear() FROM PUBLIC;

--
-- Operation
--

CREATE FUNCTION cache_stats_reset()
RETURNS void
AS 'MODULE_PATHNAME', 'cache_stats_reset'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_stats_reset() IS
'sets all counters of the server to zero, at once, and has tables that were not worth caching cached again';

REVOKE ALL ON FUNCTION cache_stats_reset() FROM PUBLIC;

CREATE FUNCTION cache_stats(OUT hits bigint, OUT misses bigint, OUT hit_ratio double precision,
                            OUT bypasses bigint, OUT stores bigint, OUT invalidations bigint,
                            OUT expirations bigint, OUT evictions bigint, OUT fill_waits bigint,
                            OUT shared_hits bigint, OUT stale_hits bigint, OUT early_refreshes bigint,
                            OUT entries bigint, OUT memory_used bigint, OUT memory_size bigint,
                            OUT saved_ms double precision, OUT l2_hits bigint, OUT l2_misses bigint,
                            OUT l2_errors bigint, OUT verified bigint, OUT verify_mismatches bigint,
                            OUT stats_reset timestamptz)
RETURNS record
AS 'MODULE_PATHNAME', 'cache_stats'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_stats() IS
'counters of the whole server since the latest reset; memory in bytes, time in milliseconds';

CREATE FUNCTION cache_entries(OUT kind text, OUT key text, OUT query text, OUT role text, OUT database text,
                              OUT tables text[], OUT tags text[], OUT rows bigint, OUT bytes bigint,
                              OUT hits bigint, OUT cost_ms double precision, OUT saved_ms double precision,
                              OUT created_at timestamptz, OUT expires_at timestamptz, OUT state text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_entries'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_entries() IS
'all stored results; the text of other roles'' queries is hidden from those without pg_read_all_stats';

CREATE FUNCTION cache_table_stats(OUT relation regclass, OUT entries bigint, OUT bytes bigint, OUT hits bigint,
                                  OUT invalidations bigint, OUT watched boolean, OUT key_columns text[],
                                  OUT last_invalidated timestamptz, OUT drops bigint, OUT useless_drops bigint,
                                  OUT saved_ms double precision, OUT not_cached_until timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_table_stats'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_table_stats() IS
'the tables of this database that stored results depend on, or that are not cached for a while';

CREATE FUNCTION cache_bypasses(OUT reason text, OUT effect text, OUT count bigint, OUT last_query text,
                               OUT last_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_bypasses'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_bypasses() IS
'why queries were run past the cache or their results not stored, with the latest query of each kind';

CREATE FUNCTION cache_refresh_stats(OUT database text, OUT pid integer, OUT registered bigint, OUT refreshed bigint,
                                    OUT useful bigint, OUT postponed bigint, OUT refused bigint, OUT failed bigint,
                                    OUT spent_ms double precision, OUT saved_ms double precision)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_refresh_stats'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_refresh_stats() IS
'per database: results that are computed again in the background, what came of it, what it took and saved, and the process that does it';

CREATE FUNCTION cache_warm(file text DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'cache_warm'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_warm(text) IS
'runs the queries of a file of the server, or without one those that the cache knows best and has no result of, and returns how many results are there now';

REVOKE ALL ON FUNCTION cache_warm(text) FROM PUBLIC;

CREATE FUNCTION cache_export()
RETURNS integer
AS 'MODULE_PATHNAME', 'cache_export'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_export() IS
'writes the queries that are to be run after the next start to pgcache.warm_file, now, and returns their number';

REVOKE ALL ON FUNCTION cache_export() FROM PUBLIC;

CREATE FUNCTION cache_warming(OUT state text, OUT file text, OUT written_at timestamptz, OUT total bigint,
                              OUT done bigint, OUT stored bigint, OUT skipped bigint, OUT failed bigint,
                              OUT started_at timestamptz, OUT finished_at timestamptz, OUT last_error text)
RETURNS record
AS 'MODULE_PATHNAME', 'cache_warming'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_warming() IS
'how far the queries of pgcache.warm_file have been run since the server start';

CREATE FUNCTION cache_redis(OUT server text, OUT state text, OUT failures bigint, OUT retry_at timestamptz,
                            OUT last_error text, OUT last_error_at timestamptz, OUT gets bigint, OUT hits bigint,
                            OUT sets bigint, OUT rejected bigint, OUT errors bigint, OUT bytes_in bigint,
                            OUT bytes_out bigint, OUT get_avg_ms double precision, OUT get_max_ms double precision)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_redis'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_redis() IS
'the Redis servers of pgcache.redis_url: whether each is used, why not, and what was asked of it';

REVOKE ALL ON FUNCTION cache_redis() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cache_redis() TO pg_monitor;

CREATE VIEW pgcache_stats AS SELECT * FROM cache_stats();
CREATE VIEW pgcache_entries AS SELECT * FROM cache_entries();
CREATE VIEW pgcache_tables AS SELECT * FROM cache_table_stats();
CREATE VIEW pgcache_bypasses AS SELECT * FROM cache_bypasses();
CREATE VIEW pgcache_refresh AS SELECT * FROM cache_refresh_stats();
CREATE VIEW pgcache_warming AS SELECT * FROM cache_warming();
CREATE VIEW pgcache_redis AS SELECT * FROM cache_redis();

COMMENT ON VIEW pgcache_stats IS 'counters of the cache, one row for the server';
COMMENT ON VIEW pgcache_entries IS 'stored results';
COMMENT ON VIEW pgcache_tables IS 'tables that stored results of this database depend on';
COMMENT ON VIEW pgcache_bypasses IS 'reasons for which results were not cached';
COMMENT ON VIEW pgcache_refresh IS 'results that are computed again in the background, by database';
COMMENT ON VIEW pgcache_warming IS 'running queries again after a server start';
COMMENT ON VIEW pgcache_redis IS 'Redis servers that results are shared through, one row for each';

GRANT SELECT ON pgcache_stats, pgcache_entries, pgcache_tables, pgcache_bypasses, pgcache_refresh, pgcache_warming TO PUBLIC;
GRANT SELECT ON pgcache_redis TO pg_monitor;
