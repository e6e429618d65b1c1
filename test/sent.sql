\set ECHO none
-- What a client gets for "SELECT * FROM :relation", by the plain query and by six calls through the cache, as psql prints it.
-- From the fourth call on, hits are sent as messages, if the entry keeps any.  Says so when it got them here.
SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) AS columns, 'SELECT * FROM ' || :'relation' AS query
    FROM pg_attribute WHERE attrelid = :'relation'::regclass AND attnum > 0 AND NOT attisdropped \gset
\pset tuples_only off
SELECT * FROM cache_query(:'query') AS t(:columns) \g results/sent_1
SELECT coalesce(sum(bytes), 0) AS bytes FROM pgcache_entries WHERE query = :'query' \gset
:query \g results/sent_plain
SELECT * FROM cache_query(:'query') AS t(:columns) \g results/sent_2
SELECT * FROM cache_query(:'query') AS t(:columns) \g results/sent_3
SELECT * FROM cache_query(:'query') AS t(:columns) \g results/sent_4
SELECT * FROM cache_query(:'query') AS t(:columns) \g results/sent_5
SELECT * FROM cache_query(:'query') AS t(:columns) \g results/sent_6
SELECT CASE WHEN sum(bytes) > :bytes THEN ', messages kept' ELSE '' END AS kept FROM pgcache_entries WHERE query = :'query' \gset
\pset tuples_only on
\setenv SENT :relation
\setenv KEPT :kept
\! for i in 1 2 3 4 5 6; do cmp -s results/sent_plain results/sent_$i || echo "call $i is WRONG: `diff results/sent_plain results/sent_$i | head -4`"; done; echo "$SENT: `wc -l <results/sent_plain` lines$KEPT"
\set ECHO all
