\set ECHO none
-- Leaves the database as ask.sql found it.
DROP FUNCTION ask;
DROP EXTENSION pgcache;
\set ECHO all
