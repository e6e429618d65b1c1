-- names: what a text's names mean depends on the search path and on what else has the same name
-- Mistake 5 of docs/mistakes.md.
\i test/ask.sql
-- same text under another search_path is another result, and a hit again when the path is set back
CREATE SCHEMA s1;
CREATE SCHEMA s2;
CREATE TABLE s1.x AS SELECT 's1' AS a;
CREATE TABLE s2.x AS SELECT 's2' AS a;
SET search_path = s1, public;
SELECT ask('TABLE x'), cache_query('TABLE x');
SET search_path = s2, public;
SELECT ask('TABLE x'), cache_query('TABLE x');
SET search_path = s1, public;
SELECT ask('TABLE x'), cache_query('TABLE x');
-- a path that names a schema that does not exist yet, and tables that begin to shadow others
SET search_path = s0, s1, public;
SELECT ask('TABLE x');
CREATE SCHEMA s0;
SELECT ask('TABLE x');
CREATE TABLE s0.x AS SELECT 's0' AS a;
SELECT ask('TABLE x'), cache_query('TABLE x');
DROP TABLE s2.x;
ALTER TABLE s0.x SET SCHEMA s2;
SELECT ask('TABLE x'), cache_query('TABLE x');
ALTER SCHEMA s0 RENAME TO s00;
ALTER SCHEMA s2 RENAME TO s0;
SELECT ask('TABLE x'), cache_query('TABLE x');
SET search_path = s1, public;
SELECT ask('TABLE x'), cache_query('TABLE x');
CREATE TEMP TABLE x AS SELECT 'temp' AS a;
SELECT ask('TABLE x'), cache_query('TABLE x'), ask('TABLE s1.x');
DROP TABLE pg_temp.x;
SELECT ask('TABLE x'), cache_query('TABLE x');
RESET search_path;

-- a temporary type that shadows another one
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
SELECT ask($$SELECT 'ok'::mood::text$$), ask($$SELECT enum_last(NULL::mood)::text$$);
CREATE TYPE pg_temp.mood AS ENUM ('ok');
SELECT ask($$SELECT 'ok'::mood::text$$), ask($$SELECT enum_last(NULL::mood)::text$$);
DROP TYPE pg_temp.mood;
SELECT ask($$SELECT 'ok'::mood::text$$), ask($$SELECT enum_last(NULL::mood)::text$$);

-- collations are found by the path, too
CREATE COLLATION s0.coll (locale = 'C');
CREATE COLLATION s1.coll (provider = icu, locale = 'en-u-kn-true', deterministic = false);
CREATE TABLE words AS SELECT unnest(ARRAY['a10', 'a9']) AS w;
SET search_path = s0, public;
SELECT string_agg(w, ' ') FROM cache_query('SELECT w FROM words ORDER BY w COLLATE coll') AS t(w text);
SET search_path = s1, public;
SELECT string_agg(w, ' ') FROM cache_query('SELECT w FROM words ORDER BY w COLLATE coll') AS t(w text);
RESET search_path;
-- text search configurations
CREATE TEXT SEARCH CONFIGURATION cfg (COPY = simple);
CREATE TABLE docs AS SELECT 'the cats' AS d;
SELECT ask($$SELECT to_tsvector('cfg', d) FROM docs$$), ask($$SELECT to_tsvector('cfg', d) FROM docs$$);
ALTER TEXT SEARCH CONFIGURATION cfg ALTER MAPPING FOR asciiword WITH english_stem;
SELECT ask($$SELECT to_tsvector('cfg', d) FROM docs$$), cache_query($$SELECT to_tsvector('cfg', d) FROM docs$$);
DROP TEXT SEARCH CONFIGURATION cfg;
CREATE TEXT SEARCH CONFIGURATION cfg (COPY = simple);
SELECT ask($$SELECT to_tsvector('cfg', d) FROM docs$$), cache_query($$SELECT to_tsvector('cfg', d) FROM docs$$);

DROP TABLE words, docs;
DROP TEXT SEARCH CONFIGURATION cfg;
DROP TYPE mood;
DROP SCHEMA s1, s0, s00 CASCADE;
\i test/done.sql
