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
                            tags text[] DEFAULT NULL, stale interval DEFAULT NULL)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_query'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SUPPORT cache_query_support;

COMMENT ON FUNCTION cache_query(text, record, interval, text[], interval) IS
'rows of a query, from the cache if they are what the query would return now; needs a column definition list in FROM';

CREATE FUNCTION cache_query_as(rowtype anyelement, query text, params record DEFAULT NULL, ttl interval DEFAULT NULL,
                               tags text[] DEFAULT NULL, stale interval DEFAULT NULL)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'cache_query_as'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SUPPORT cache_query_support;

COMMENT ON FUNCTION cache_query_as(anyelement, text, record, interval, text[], interval) IS
'rows of a query as a named type, for example NULL::orders, from the cache';

CREATE FUNCTION cache_query_json(query text, params record DEFAULT NULL, ttl interval DEFAULT NULL,
                                 tags text[] DEFAULT NULL, stale interval DEFAULT NULL)
RETURNS json
AS 'MODULE_PATHNAME', 'cache_query_json'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;

COMMENT ON FUNCTION cache_query_json(text, record, interval, text[], interval) IS
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

--
-- Invalidation
--

CREATE FUNCTION cache_invalidate_trigger()
RETURNS trigger
AS 'MODULE_PATHNAME', 'cache_invalidate_trigger'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION cache_invalidate_trigger() IS
'trigger that invalidates, at commit, every result that depends on its table';

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
'sets all counters of the server to zero, at once';

REVOKE ALL ON FUNCTION cache_stats_reset() FROM PUBLIC;

CREATE FUNCTION cache_stats(OUT hits bigint, OUT misses bigint, OUT hit_ratio double precision,
                            OUT bypasses bigint, OUT stores bigint, OUT invalidations bigint,
                            OUT expirations bigint, OUT evictions bigint, OUT fill_waits bigint,
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
                                  OUT invalidations bigint, OUT watched boolean, OUT key_columns name[],
                                  OUT last_invalidated timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_table_stats'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_table_stats() IS
'the tables of this database that stored results depend on';

CREATE FUNCTION cache_bypasses(OUT reason text, OUT effect text, OUT count bigint, OUT last_query text,
                               OUT last_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cache_bypasses'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

COMMENT ON FUNCTION cache_bypasses() IS
'why queries were run past the cache or their results not stored, with the latest query of each kind';

CREATE VIEW pgcache_stats AS SELECT * FROM cache_stats();
CREATE VIEW pgcache_entries AS SELECT * FROM cache_entries();
CREATE VIEW pgcache_tables AS SELECT * FROM cache_table_stats();
CREATE VIEW pgcache_bypasses AS SELECT * FROM cache_bypasses();

COMMENT ON VIEW pgcache_stats IS 'counters of the cache, one row for the server';
COMMENT ON VIEW pgcache_entries IS 'stored results';
COMMENT ON VIEW pgcache_tables IS 'tables that stored results of this database depend on';
COMMENT ON VIEW pgcache_bypasses IS 'reasons for which results were not cached';

GRANT SELECT ON pgcache_stats, pgcache_entries, pgcache_tables, pgcache_bypasses TO PUBLIC;
