# Random queries over the objects of schema.sql.
#
# Expressions are made from templates, chosen by the type that is wanted.  A
# template's holes are other expressions and pieces of syntax:
#
#	{int4}			an expression of that type
#	{int4#1} {#1}	the same expression twice
#	{const:int4}	a literal
#	{word}			see %hole
#
# and its first character may say what comparing must know:
#
#	~	undetermined: two runs may rightly give different rows
#	@	depends on the time of the transaction or the like: compare within one transaction
#
# All else is written such that two runs over the same data give the same rows:
# aggregates and window functions that depend on the order of rows get a total
# order, LIMIT too, and no type has equal values that look different (see
# schema.sql; numeric is always rounded to 2 places, intervals are justified).

package Generate;

use strict;
use warnings;

use List::Util qw(first shuffle);

# Names of types in templates; what they are called in SQL, if that is something else.
my %sql_type = (
	int4s => 'int4[]',
	texts => 'text[]',
	mood => 'r.mood',
	pair => 'r.pair',
	posint => 'r.posint');
my %template_type = (
	_int4 => 'int4s',
	_text => 'texts',
	varchar => 'text');

my @unsortable = qw(json);
my @types = (
	(qw(int4)) x 5, (qw(text)) x 5, (qw(numeric timestamptz date bool jsonb)) x 2,
	qw(int8 float8 timestamp interval time mood int4s texts json int4range int4multirange daterange tstzrange pair posint
	  bytea uuid money inet tsvector bpchar));

sub chance { return rand() < $_[0] }
sub pick { return $_[ int rand @_ ] }
sub number { return $_[0] + int rand($_[1] - $_[0] + 1) }
sub sortable { my ($type) = @_; return !grep { $_ eq $type } @unsortable }
sub sql_type { return $sql_type{ $_[0] } // $_[0] }

my %const = (
	int4 => sub { chance(0.2) ? '(-' . number(1, 9) . ')' : number(0, chance(0.8) ? 12 : 40) },
	int8 => sub { number(0, 9) . '0000::int8' },
	numeric => sub { sprintf '%d.%02d', number(0, 20), number(0, 99) },
	float8 => sub { number(0, 80) / 4 . '::float8' },
	text => sub { q{'} . pick('apple', 'Banana', 'x3', 'p1', 'r', 'r2', '', 'don\'\'t', 'Ä', 'a,b;c', 'ok', '42') . q{'::text} },
	bool => sub { pick('true', 'false', 'NULL::bool') },
	date => sub { sprintf pick("'2024-%02d-%02d'::date", "DATE '2024-%02d-%02d'"), number(2, 3), number(1, 28) },
	timestamp => sub { sprintf "'2024-03-%02d %02d:30'::timestamp", number(30, 31), number(0, 23) },
	timestamptz => sub {
		sprintf pick("'2024-03-%02d %02d:00'::timestamptz", "'2024-03-%02d %02d:00+00'::timestamptz", "TIMESTAMPTZ '2024-03-%02d %02d:00 EST'"),
		  number(30, 31), number(0, 23);
	},
	interval => sub { sprintf pick("interval '%d hours'", "'%d minutes'::interval", "make_interval(hours => %d)"), number(1, 23) },
	time => sub { sprintf "'%02d:%02d'::time", number(0, 23), number(0, 59) },
	mood => sub { q{'} . pick(qw(sad ok glad)) . q{'::} . (chance(0.9) ? 'r.mood' : 'mood') },
	int4s => sub { sprintf pick('ARRAY[%d,%d]', "'{%d,NULL,%d}'::int4[]", "array_fill(%d, '{%d}')"), number(0, 9), number(0, 3) },
	texts => sub { sprintf "'{%s,%s}'::text[]", pick('a' .. 'e'), pick('a' .. 'e') },
	jsonb => sub { q{'} . pick('{"a": 1}', '{"a": "x"}', '[1, 2]', '"two"', 'null', '{"a": {"b": {"c": 3}}}', '{"k": "v1"}') . q{'::jsonb} },
	json => sub { q{'} . pick('{"a":  1}', '[1,2 ]', '{"k": {"z": true}}') . q{'::json} },
	int4range => sub { sprintf "int4range(%d, %d%s)", number(0, 5), number(5, 15), pick('', q{, '[]'}, q{, '()'}) },
	int4multirange => sub { sprintf "'{[%d,%d),[20,30)}'::int4multirange", number(0, 5), number(5, 15) },
	daterange => sub { sprintf "daterange('2024-02-%02d', '2024-03-%02d')", number(1, 28), number(1, 28) },
	tstzrange => sub { sprintf "tstzrange('2024-03-30 %02d:00', '2024-04-01 %02d:00')", number(0, 23), number(0, 23) },
	pair => sub { sprintf "ROW(%d, 'p%d')::r.pair", number(0, 5), number(0, 2) },
	posint => sub { number(1, 9) . '::r.posint' },
	bytea => sub { sprintf "'\\x%02x%02x'::bytea", number(0, 255), number(0, 255) },
	uuid => sub { sprintf "md5('%d')::uuid", number(0, 9) },
	money => sub { sprintf "%d.%02d::numeric::money", number(0, 90), number(0, 99) },
	inet => sub { sprintf "'10.0.0.%d'::inet", number(0, 255) },
	tsvector => sub { "'cat dog:2'::tsvector" },
	bpchar => sub { sprintf "'c%d'::char(6)", number(0, 5) },);

# A parameter's value as a literal without type.
my %plain = (
	int4 => sub { number(0, 12) },
	int8 => sub { number(0, 9) . '0000' },
	numeric => sub { sprintf '%d.%02d', number(0, 20), number(0, 99) },
	float8 => sub { number(0, 80) / 4 },
	text => sub { pick('apple', 'Banana', 'x3', 'p1', 'r', '', 'Ä', 'it\'\'s') },
	bool => sub { pick('t', 'f') },
	date => sub { sprintf '2024-%02d-%02d', number(2, 3), number(1, 12) },
	timestamp => sub { sprintf '2024-03-31 %02d:30', number(0, 23) },
	timestamptz => sub { sprintf '2024-03-31 %02d:00', number(0, 23) },
	interval => sub { number(1, 23) . ' hours' },
	mood => sub { pick(qw(sad ok glad)) },
	int4s => sub { sprintf '{%d,%d}', number(0, 9), number(0, 9) },
	jsonb => sub { pick('{"a": 1}', '[1, 2]', '{"k": "v1"}') },
	int4range => sub { sprintf '[%d,%d)', number(0, 5), number(5, 15) },
	pair => sub { sprintf '(%d,p%d)', number(0, 5), number(0, 2) },
	posint => sub { number(1, 9) },
	uuid => sub { sprintf '%08d-0000-0000-0000-000000000000', number(0, 9) },);

my %hole = (
	cmp => sub { pick('=', '=', '<>', '<', '>', '<=', '>=') },
	idx => sub { number(1, 3) },
	pattern => sub { q{'} . pick('%a%', 'x_', 'B%', '%', 'p1', '_%e') . q{'} },
	regexp => sub { q{'} . pick('^a', '[aeiou]+', 'p', '(x|r)\d*', '') . q{'} },
	unit => sub { q{'} . pick(qw(hour day week month year)) . q{'} },
	field => sub { pick(qw(hour day dow doy month epoch)) },
	zone => sub { q{'} . pick('UTC', 'America/New_York', 'Asia/Kolkata', 'Europe/Berlin', 'EST') . q{'} },
	format => sub { q{'} . pick('YYYY-MM-DD HH24:MI TZ', 'Day DD Mon', 'J', 'HH12 am OF') . q{'} },
	key => sub { q{'} . pick(qw(a b k c)) . q{'} },
	path => sub { q{'} . pick('$.a', '$[*]', '$.**', '$.a.b ? (@.c > 1)', '$.k', '$ ? (exists (@.a))') . q{'} },
	tsquery => sub { q{'} . pick('cat', 'dog & run', 'cats | apple', '!dog') . q{'} },
	sep => sub { q{'} . pick(',', '', '-') . q{'} },);

my %template = (
	int4 => [
		'({int4} + {int4})', '({int4} - {int4})', '({int4} * {const:int4})', '({int4} / nullif({int4}, 0))', 'mod({int4}, 7)', '({int4} & 7)',
		'abs({int4})', 'length({text})', 'coalesce({int4}, {int4})', 'greatest({int4}, {int4})', 'least({int4}, {int4})', 'nullif({int4}, {int4})',
		'array_length({int4s}, 1)', 'cardinality({texts})', '({int4s})[{idx}]', 'array_position({int4s}, {int4})',
		'extract({field} FROM {date})::int4',
		'lower({int4range})', 'upper({int4range})', '({date} - {date})', 'strpos({text}, {text})', 'ascii({text})',
		'num_nulls({text}, {int4}, {jsonb})',
		'({pair}).a', '{posint}::int4', 'f_twin({int4})', 'f_alias({int4}, {int4})', '({int4} %% {int4})', '{bool}::int4', 'hashtext({text})',
		'date_part(\'hour\', {timestamptz})::int4', 'extract(hour FROM {timestamptz})::int4', 'round({numeric})::int4', 'lower({int4multirange})',
		'CASE WHEN {bool} THEN {int4} ELSE {int4} END', 'CASE {mood} WHEN \'ok\' THEN 1 WHEN {mood} THEN {int4} END', '{subquery:int4}',
		'CASE WHEN jsonb_typeof({jsonb#1}) = \'array\' THEN jsonb_array_length({#1}) END',
		'jsonb_path_query_first({jsonb}, \'$[0] ? (@.type() == "number")\')::int4',
		'regexp_count({text}, {regexp})', '(SELECT {int4})', 'width_bucket({int4}, ARRAY[0, 5, 10])', 'extract(epoch FROM {interval})::int4',
		'array_position(enum_range(NULL::r.mood), {mood})', 'length({tsvector})', 'octet_length({bytea})', 'to_number({int4}::text, \'999\')::int4',
	],
	int8 => [
		'({int8} + {int4})', '{int4}::int8', 'coalesce({int8}, {int8})', '{subquery:int8}', '({int8} % 1000)', 'to_hex({int4})::text::bit(8)::int8',
	],
	numeric => [
		'round({numeric} + {numeric}, 2)', 'round({numeric} * {numeric}, 2)', 'round({numeric} / 3, 2)', 'round({int4}::numeric, 2)',
		'round(abs({numeric}), 2)',
		'round(extract({field} FROM {timestamptz}), 2)', 'round(coalesce({numeric}, {numeric}), 2)', 'round({money}::numeric, 2)',
		'round({float8}::numeric, 2)',
	],
	float8 => [
		'({float8} + {float8})', '({float8} - {float8})', 'abs({float8})', '({float8} * 2)', '{int4}::float8', 'coalesce({float8}, {float8})',
	],
	text => [
		'({text} || {text})', '({text} || {int4})', 'lower({text})', 'upper({text})', 'initcap({text})', 'substr({text}, {idx}, 3)',
		'left({text}, {idx})', 'reverse({text})',
		'replace({text}, \'a\', {text})', 'md5({text})', 'coalesce({text}, {text})', 'concat({any}, {any})', 'concat_ws({sep}, {any}, {timestamptz})',
		'format(\'%s|%I|%L\', {any}, {text}, {any})',
		'{any}::text', '{any}::text', '{timestamptz}::text', '{date}::text', '{interval}::text', '{float8}::text', '{bytea}::text',
		'{tstzrange}::text', '{row}::text', 'to_char({timestamptz}, {format})', 'to_char({timestamp}, {format})',
		'to_char({int4}, \'S099\')', 'to_char({numeric}, \'FM999D99\')', 'to_char({interval}, \'DD HH24:MI\')', '({jsonb} ->> {key})',
		'({json} ->> {key})', '({jsonb} #>> \'{a,b}\')',
		'array_to_string({int4s}, {sep})', 'array_to_string(ARRAY[{timestamptz}, {timestamptz}], {sep}, \'-\')', 'split_part({text}, {sep}, 1)',
		'quote_literal({any})', 'quote_nullable({text})', 'regexp_replace({text}, {regexp}, \'<\&>\', \'g\')',
		'trim({text})', 'lpad({text}, 5, \'*\')', 'translate({text}, \'abc\', \'xyz\')', '({pair}).b', '{mood}::text', 'jsonb_typeof({jsonb})',
		'to_json({any})::text', 'row_to_json({row})::text', 'ROW({timestamptz}, {any})::text',
		'greatest({text}, {text})', '({text} COLLATE "C")', 'CASE WHEN {bool} THEN {text} END', '({texts})[{idx}]', 'encode({bytea}, \'hex\')',
		'to_tsvector({text})::text', 'ts_headline({text}, to_tsquery(\'english\', {tsquery}))',
		'timezone({zone}, {timestamptz})::text', '{subquery:text}', 'convert_from(convert_to({text}, \'UTF8\'), \'UTF8\')', 'host({inet})',
		'overlay({text} PLACING \'zz\' FROM 1)', 'regexp_substr({text}, {regexp})', 'quote_ident({text})',
		'xmlelement(name e, xmlattributes({timestamptz} AS t), {text})::text', 'unistr(\'\0041\')', 'enum_range({mood}, NULL)::text',
		'to_tsvector(\'cfg\', {text})::text', 'normalize({text})',
	],
	bool => [
		('{compare}') x 6, '({bool} AND {bool})', '({bool} OR {bool})', '(NOT {bool})', '({any} IS NULL)', '({any} IS NOT NULL)',
		'({int4} IS DISTINCT FROM {int4})',
		'({text} LIKE {pattern})', '({text} ILIKE {pattern})', '({text} ~ {regexp})', '({text} SIMILAR TO {pattern})',
		'({int4} BETWEEN {int4} AND {int4})', '({int4} IN ({const:int4}, {const:int4}, {int4}))',
		'({int4} NOT IN ({const:int4}, {const:int4}))', '({int4} = ANY ({int4s}))', '({int4} > ALL ({int4s}))', '({int4s} @> {int4s})',
		'({texts} && {texts})', '({int4range} @> {int4})',
		'({int4range} && {int4range})', '({int4multirange} @> {int4})', '({daterange} @> {date})', '({tstzrange} @> {timestamptz})',
		'({int4range} -|- {int4range})', 'isempty({int4range})', '({jsonb} @> {jsonb})', '({jsonb} ? {key})', '({jsonb} @? {path})',
		'(({date}, {date}) OVERLAPS ({date}, {date}))', '(({timestamptz}, {interval}) OVERLAPS ({timestamptz}, {timestamptz}))', '({bool} IS TRUE)',
		'({bool} IS NOT FALSE)', 'starts_with({text}, {text})', '({tsvector} @@ to_tsquery({tsquery}))',
		'(to_tsvector(\'english\', {text}) @@ plainto_tsquery({text}))', 'EXISTS {query}', 'NOT EXISTS {query}', 'EXISTS {query}',
		'({int4} IN {query:int4})', '({text} IN {query:text})', '({int4} NOT IN {query:int4})', '({int4} = ANY {query:int4})',
		'({date} < ALL {query:date})',
		'(ROW({int4}, {text}) = ROW({int4}, {text}))', '(({int4}, {text}) < ({int4}, {text}))', '({timestamptz} > {date})',
		'({timestamp} < {timestamptz})', '({date} = {timestamptz})', '({inet} << \'10.0.0.0/25\')',
		'({float8} BETWEEN SYMMETRIC {float8} AND {float8})',
		'({pair} = {pair})', '({text} <> ALL ({texts}))', '(({int4}, {text}) IN {query:int4,text})', 'coalesce({bool}, {bool})', '({text} = NULL)',
		'({int4} = {const:int4})', '({int4} < {const:int4})', '({mood} = {const:mood})',
	],
	date => [
		'({date} + {int4})', '({date} - 3)', '{timestamptz}::date', '{timestamp}::date', 'coalesce({date}, {date})', 'greatest({date}, {date})',
		'lower({daterange})', 'to_date(to_char({date}, \'YYYYMMDD\'), \'YYYYMMDD\')', 'make_date(2024, {idx}, 5)', '{subquery:date}',
	],
	timestamp => [
		'({timestamp} + {interval})', '{date}::timestamp', '{timestamptz}::timestamp', 'date_trunc({unit}, {timestamp})',
		'({timestamptz} AT TIME ZONE {zone})', '({date} + {time})',
	],
	timestamptz => [
		'({timestamptz} + {interval})', '({timestamptz} - {interval})', '{date}::timestamptz', '{timestamp}::timestamptz',
		'date_trunc({unit}, {timestamptz})', 'date_trunc({unit}, {timestamptz}, {zone})', '({timestamp} AT TIME ZONE {zone})',
		'make_timestamptz(2024, 3, 31, {idx}, 30, 0)', 'greatest({timestamptz}, {timestamptz})', 'lower({tstzrange})',
		'to_timestamp(\'31 Mar 2024 0{idx}:30\', \'DD Mon YYYY HH24:MI\')',
		'date_bin(\'2 hours\', {timestamptz}, TIMESTAMPTZ \'2024-01-01 00:00+00\')', 'to_timestamp(171{idx}000000)',
	],
	interval => [
		'justify_interval({interval} + {interval})', 'justify_interval({timestamptz} - {timestamptz})', 'justify_interval({timestamp} - {timestamp})',
		'justify_interval({interval} * 2)', 'justify_interval(age({timestamp}, {timestamp}))', 'justify_interval(make_interval(days => {int4}))',
	],
	time => [ '{timestamp}::time', '{timestamptz}::time', '({time} + {interval})' ],
	mood => [
		'coalesce({mood}, {mood})', 'greatest({mood}, {mood})', 'CASE WHEN {bool} THEN {mood} END', 'enum_first(NULL::r.mood)',
		'(enum_range({const:mood}, NULL::r.mood))[1]',
	],
	int4s => [
		'ARRAY[{int4}, {int4}]', '({int4s} || {int4})', 'array_remove({int4s}, {int4})', '({int4s})[1:2]', 'ARRAY{query:int4!}',
		'coalesce({int4s}, {int4s})', 'array_cat({int4s}, {int4s})', 'trim_array({int4s}, 0)',
	],
	texts => [
		'ARRAY[{text}, {text}]', '({texts} || {text})', 'string_to_array({text}, {sep})', 'regexp_split_to_array({text}, {regexp})',
		'ARRAY{query:text!}',
	],
	jsonb => [
		'({jsonb} -> {key})', '({jsonb} #> \'{a,b}\')', 'jsonb_build_object({key}, {int4}, \'t\', {timestamptz})',
		'jsonb_build_array({int4}, {text}, {date})', 'to_jsonb({int4})', 'to_jsonb({text})', 'to_jsonb({timestamptz})', 'to_jsonb({texts})',
		'jsonb_path_query_array({jsonb}, {path})', 'coalesce({jsonb}, {jsonb})', 'jsonb_strip_nulls({jsonb})',
		'jsonb_set({const:jsonb}, \'{a}\', \'1\')', 'to_jsonb({int4range})',
	],
	json => [
		'to_json({any})', 'row_to_json({row})', 'json_build_object({key}, {any}, \'n\', {numeric})', 'json_build_array({any}, {timestamptz})',
		'array_to_json({int4s})', 'to_json({row})', '({json} -> {key})', 'to_json({tstzrange})',
		'json_build_object(\'m\', {money}, \'f\', {float8}, \'y\', {bytea})',
	],
	int4range => [
		'({int4range} * {int4range})', 'int4range(least({int4#1}, {int4#2}), greatest({#1}, {#2}))', 'range_merge({int4range}, {int4range})',
	],
	int4multirange => [
		'({int4multirange} + {int4multirange})', '({int4multirange} - {int4multirange})', 'multirange({int4range})',
		'({int4multirange} * {int4multirange})',
	],
	daterange => [ '({daterange} * {daterange})', 'daterange(least({date#1}, {date#2}), greatest({#1}, {#2}), \'[]\')' ],
	tstzrange => [ '({tstzrange} * {tstzrange})', 'tstzrange(least({timestamptz#1}, {timestamptz#2}), greatest({#1}, {#2}))' ],
	pair => [ 'ROW({int4}, {text})::r.pair', 'coalesce({pair}, {pair})' ],
	posint => [ 'greatest({posint}, {posint})', '(1 + abs({int4} % 9))::r.posint', '(VALUES (5::r.posint))' ],
	bytea => [ '({bytea} || {bytea})', 'decode(md5({text}), \'hex\')', 'sha256({bytea})', 'convert_to({text}, \'UTF8\')' ],
	uuid => [ 'md5({text})::uuid', 'coalesce({uuid}, {uuid})' ],
	money => [ '({money} + {money})', '{int4}::money', '({money} * 2)', '{numeric}::money' ],
	inet => [ '({inet} + {idx})', 'network({inet})::inet' ],
	tsvector => [
		'to_tsvector({text})', '({tsvector} || {tsvector})', 'to_tsvector(\'simple\', {text})', 'to_tsvector({jsonb})', 'strip({tsvector})',
	],
	bpchar => [ 'coalesce({bpchar}, {bpchar})' ],);

# What is run past the cache, and what has no determined result.
my %rare = (
	int4 => [
		'~(random() * 10)::int4', 'r.f_sql({int4})', 'r.f_plpgsql({int4})', 'r.f_volatile({int4})', '~nextval(\'r.seq\')::int4', 'pg_backend_pid()',
		'@extract(year FROM now())::int4', '@pg_current_xact_id_if_assigned()::text::int4',
		'\'r.t1\'::regclass::oid::int8::int4',
	],
	int8 => [ 'r.f_reads({int4})', 'r.f_lies({int4})', 'r.f_nested({int4})', '{int4} + r.f_nested({idx})' ],
	text => [
		('current_setting(\'app.tenant\', true)') x 3, ('current_user::text') x 2, 'session_user::text', 'current_schema()::text', 'current_schemas(true)::text',
		'pg_typeof({any})::text', '\'tw\'::regclass::text', 'to_regclass(\'tw\')::text', '\'r.mood\'::regtype::text', ('@now()::text') x 3, '@to_char(now(), \'SS.US\')',
		'version()', '~gen_random_uuid()::text', 'current_setting(\'TimeZone\')', 'current_catalog::text', 'col_description(\'r.t1\'::regclass, 1)',
	],
	bool => [
		'has_table_privilege(\'r.closed\', \'SELECT\')', 'pg_has_role(\'staff\', \'USAGE\')', '(to_regclass(\'r.tmp\') IS NULL)',
		'@({timestamptz} < now())', '(random() < 2)', '(\'r.t1\'::regclass = {idx}::oid::regclass)',
	],
	date => [ '@CURRENT_DATE', '@\'today\'::date', '@\'yesterday\'::date', '@now()::date', '\'2024-03-01\'::text::date', '{text#1}::text::date' ],
	timestamptz => [
		('@now()') x 4, '@CURRENT_TIMESTAMP', '@date_trunc(\'hour\', now())', '~clock_timestamp()', '~statement_timestamp()', '@\'now\'::timestamptz',
		'@(CURRENT_DATE + time \'12:00\')::timestamptz', '\'2024-03-31 01:30\'::text::timestamptz', 'timestamptz \'2024-03-31 02:30\'',
	],
	time => [ '@LOCALTIME' ],
	timestamp => [ '@LOCALTIMESTAMP', '@\'tomorrow\'::timestamp' ],
	jsonb => [ 'to_jsonb(current_setting(\'app.tenant\', true))' ],);

my %aggregate = (
	int8 => [
		'count(*)', 'count({any})', 'count(DISTINCT {sorted})', 'sum({int4})', 'count(*) FILTER (WHERE {bool})', 'sum(DISTINCT {int4})',
		'sum({int4}) FILTER (WHERE {bool})', 'rank({const:int4}) WITHIN GROUP (ORDER BY {int4})', 'regr_count({float8}, {float8})',
	],
	int4 => [
		'max({int4})', 'min({int4})', 'a_sum({int4} % 100)', 'bit_and({int4})', 'bit_xor({int4})',
		'percentile_disc(0.5) WITHIN GROUP (ORDER BY {int4})', 'mode() WITHIN GROUP (ORDER BY {int4})', 'max({posint})', 'a_sum(DISTINCT {int4})',
	],
	numeric => [
		'round(avg({int4}), 2)', 'round(sum({numeric}), 2)', 'round(avg({numeric}), 2)', 'round(stddev({numeric}), 2)', 'round(var_pop({int4}), 2)',
		'round(max({numeric}), 2)',
	],
	float8 => [
		'sum({float8})', 'avg({float8})', 'max({float8})', 'percentile_cont(0.5) WITHIN GROUP (ORDER BY {float8})', '~stddev({float8})',
		'~sum({float8} / 3)',
	],
	text => [
		'max({text})', 'min({text})', 'string_agg({text#1}, {sep} ORDER BY {#1})', 'string_agg(DISTINCT {text}, \',\')', 'max({any}::text)',
		'~string_agg({text}, \',\')', 'mode() WITHIN GROUP (ORDER BY {text})',
	],
	bool => [ 'bool_and({bool})', 'bool_or({bool})', 'every({bool})' ],
	date => [ 'max({date})', 'min({date})' ],
	timestamptz => [ 'max({timestamptz})', 'min({timestamptz})' ],
	timestamp => ['min({timestamp})'],
	time => ['max({time})'],
	interval => [ 'justify_interval(sum({interval}))', 'justify_interval(max({interval}))' ],
	mood => [ 'max({mood})', 'min({mood})' ],
	int4s => [ 'array_agg({int4#1} ORDER BY {#1} DESC NULLS LAST)', 'array_agg(DISTINCT {int4})', '~array_agg({int4})', 'max({int4s})' ],
	texts => [ 'array_agg({text#1} ORDER BY {#1})', 'array_agg({timestamptz#1}::text ORDER BY {#1}::text)', ],
	jsonb => [
		'jsonb_agg({int4#1} ORDER BY {#1})', 'jsonb_object_agg(coalesce({text#1}, \'\'), {#1})', 'jsonb_agg({timestamptz#1} ORDER BY {#1})',
		'~jsonb_agg({text})',
	],
	json => [
		'json_agg({timestamptz#1} ORDER BY {#1})', 'json_agg({row#1} ORDER BY {#1}::text)',
		'json_object_agg(coalesce({text#1}, \'\'), {numeric#2} ORDER BY {#1}, {#2})', '~json_agg({row})',
	],
	int4range => [ 'range_intersect_agg({int4range})' ],
	int4multirange => [ 'range_agg({int4range})', 'range_agg({int4multirange})' ],
	money => [ 'sum({money})', 'max({money})' ],
	inet => ['max({inet})'],);

# {over}: rows that are equal in the window's order are not told apart; {over_key}: no two rows are equal.
my %window = (
	int8 => [
		'rank() OVER {over}', 'dense_rank() OVER {over}', 'sum({int4}) OVER {over}', 'count(*) OVER {over}',
		'count(*) FILTER (WHERE {bool}) OVER {over}', 'row_number() OVER {over_key}', 'count({any}) OVER {over_frame}',
		'sum({int4}) OVER {over_frame}',
	],
	int4 => [
		'max({int4}) OVER {over}', 'lag({int4}) OVER {over_key}', 'lead({int4}, 2, 0) OVER {over_key}', 'first_value({int4}) OVER {over_key}',
		'nth_value({int4}, 2) OVER {over_key}', 'ntile(3) OVER {over_key}', 'last_value({int4}) OVER {over_frame}', 'a_sum({int4} % 100) OVER {over}',
	],
	numeric => [ 'round(avg({numeric}) OVER {over}, 2)', 'round(sum({numeric}) OVER {over_frame}, 2)' ],
	float8 => [ 'percent_rank() OVER {over}', 'cume_dist() OVER {over}', 'sum({float8}) OVER {over_frame}' ],
	text => [
		'max({text}) OVER {over}', 'lag({text}) OVER {over_key}', 'string_agg({text}, {sep}) OVER {over_key}',
		'first_value({timestamptz}::text) OVER {over_frame}',
	],
	timestamptz => ['min({timestamptz}) OVER {over}'],
	date => ['last_value({date}) OVER {over_frame}'],
	jsonb => ['jsonb_agg({int4}) OVER {over_key}'],
	int4s => ['array_agg({int4}) OVER {over_frame}'],);

# Generate->new(relations => { name => { columns => [[name, type], ...], key => [name, ...] } })
sub new
{
	my ($class, %arg) = @_;
	return bless {%arg}, $class;
}

# The template name of a column's type, if there is one.
sub template_type
{
	my ($name) = @_;
	$name = $template_type{$name} // $name;
	return $const{$name} ? $name : undef;
}

# One query:
#	sql, params => [{ type, typed, value }, ...]	value: a literal without type, or undef
#	ordered			the rows have a total order
#	undetermined	two runs need not give the same rows
#	timed			compare within one transaction
#	modifies, locks	not a pure query
#	whole			the relation of which it returns all columns
sub query
{
	my ($self) = @_;

	$self->{q} = { params => [], undetermined => 0, timed => 0, ordered => 0, modifies => 0 };
	$self->{aliases} = 0;
	$self->{ctes} = [];
	# one rare thing at a time: the first that is refused would hide the others
	$self->{rare} = chance(0.2) ? pick(1, 1, 1, 1, 3) : 0;
	my $sql =
	    chance(0.07) ? $self->whole_table
	  : $self->rarely(0.05) ? $self->special
	  : $self->full_query(undef, pick(1, 2, 2, 3), undef, 1);
	my $q = $self->{q};
	$q->{sql} = $sql;
	return $q;
}

# May something rare come now?
sub rarely
{
	my ($self, $p) = @_;

	return 0 unless $self->{rare} && chance($p);
	$self->{rare}--;
	return 1;
}

# New values for the parameters of a query.
sub change_params
{
	my ($self, $q) = @_;

	$_->{value} = param_value($_->{type}) for @{ $q->{params} };
	return;
}

#
# Expressions
#

sub param_value { my ($type) = @_; return chance(0.07) ? undef : $plain{$type}->() }

sub param
{
	my ($self, $type) = @_;
	my $params = $self->{q}{params};
	my $i = first { $params->[$_]{type} eq $type && $params->[$_]{typed} } 0 .. $#$params;

	if (!defined $i || chance(0.7))
	{
		push @$params, { type => $type, typed => chance(0.7), value => param_value($type) };
		$i = $#$params;
	}
	return '$' . ($i + 1) . ($params->[$i]{typed} && chance(0.8) ? '' : '::' . sql_type($type));
}

# Columns of this type that can be seen from here.
sub columns
{
	my ($scope, $type) = @_;

	return @{ $scope->{group}{$type} // [] } if $scope->{group};
	return map {
		my $item = $_;
		map { "$item->{alias}.$_->[0]" } grep { ($template_type{ $_->[1] } // $_->[1]) eq $type } @{ $item->{columns} };
	} @{ $scope->{items} };
}

sub expr
{
	my ($self, $type, $scope, $depth) = @_;
	my ($templates, @columns);

	# aggregates see the columns, what is around them only the groups
	if ($scope->{group} && chance(0.4) && $aggregate{$type} && !$scope->{no_aggregates})
	{
		return $self->fill(pick(@{ $aggregate{$type} }), $scope->{ungrouped}, $depth - 1);
	}
	if ($scope->{windows} && $depth > 0 && $window{$type} && chance(0.4))
	{
		my %inner = (%$scope, windows => 0);
		return $self->fill(pick(@{ $window{$type} }), \%inner, $depth - 1);
	}
	if ($depth > 0 && $rare{$type} && $self->rarely(0.3))
	{
		return $self->fill(pick(@{ $rare{$type} }), $scope, $depth - 1);
	}
	if ($depth > 0 && $template{$type} && chance(0.55))
	{
		return $self->fill(pick(@{ $template{$type} }), $scope, $depth - 1);
	}
	@columns = columns($scope, $type);
	@columns = columns($scope->{parent}, $type)
	  if $scope->{parent} && !$scope->{local} && (!@columns || chance(0.25));
	return pick(@columns) if @columns && chance(0.85);
	return $self->param($type) if $plain{$type} && chance(0.25);
	return $const{$type}->();
}

# Fill the holes of a template.
sub fill
{
	my ($self, $template, $scope, $depth) = @_;
	my %same;

	$self->{q}{undetermined} = 1 if $template =~ s/^~//;
	$self->{q}{timed} = 1 if $template =~ s/^@//;
	$template =~ s/\{(\w*)(?:#(\d))?(?::([\w,!]+))?\}/
		my ($what, $again, $arg) = ($1, $2, $3);
		my $piece = $what ne '' ? $self->piece($what, $arg, $scope, $depth) : $same{$again};
		$same{$again} = $piece if $again;
		$piece/ge;
	return $template;
}

sub piece
{
	my ($self, $what, $arg, $scope, $depth) = @_;

	return '{a}' if $what eq 'a';    # a path in the text
	return $hole{$what}->() if $hole{$what};
	return $const{$arg}->() if $what eq 'const';
	return $self->expr($what, $scope, $depth) if $const{$what};
	return $self->expr(pick(@types), $scope, $depth) if $what eq 'any';
	return $self->expr(pick(grep { sortable($_) } @types), $scope, $depth) if $what eq 'sorted';
	if ($what eq 'compare')
	{
		my $type = pick(grep { sortable($_) } @types);
		return '(' . join(' ', $self->expr($type, $scope, $depth), $hole{cmp}->(), $self->expr($type, $scope, $depth)) . ')';
	}
	return $self->row($scope, $depth) if $what eq 'row';
	return $self->subquery($arg, $scope, $depth) if $what eq 'query';
	return $self->scalar_subquery($arg, $scope, $depth) if $what eq 'subquery';
	return $self->over($what, $scope, $depth) if $what =~ /^over/;
	die "unknown hole {$what}";
}

# A whole row.
sub row
{
	my ($self, $scope, $depth) = @_;
	my @tables = $scope->{group} ? () : grep { $_->{relation} } @{ $scope->{items} };

	return pick(@tables)->{alias} if @tables && chance(0.8);
	return $self->expr('pair', $scope, $depth);
}

sub over
{
	my ($self, $what, $scope, $depth) = @_;
	my %plain = (%$scope, windows => 0);
	my $partition = chance(0.5) ? 'PARTITION BY ' . $self->grouping_expr(\%plain) . ' ' : '';

	if ($what eq 'over')
	{
		my ($order, $frame) = ('', '');
		if (chance(0.2) && (my @columns = columns(\%plain, 'timestamptz')))
		{
			$order = 'ORDER BY ' . pick(@columns);
			$frame = q{ RANGE BETWEEN interval '1 hour' PRECEDING AND CURRENT ROW};
		}
		elsif (chance(0.8))
		{
			$order = 'ORDER BY ' . $self->grouping_expr(\%plain) . pick('', ' DESC', ' NULLS FIRST');
			$frame = pick('', '', ' GROUPS 1 PRECEDING', ' RANGE UNBOUNDED PRECEDING EXCLUDE GROUP');
		}
		elsif ($partition eq '')
		{
			return '()';
		}
		return "($partition$order$frame)";
	}
	my @keys = map {
		my $item = $_;
		map { "$item->{alias}.$_" } @{ $item->{key} // [] };
	} @{ $scope->{items} };
	$self->{q}{undetermined} = 1 if !@keys || $scope->{group} || grep { !$_->{key} } @{ $scope->{items} };
	my $order = @keys ? 'ORDER BY ' . join(', ', shuffle_keys(@keys)) : '';
	return "($partition$order)" if $what eq 'over_key' || !@keys;
	my $frame = pick(
		'ROWS 2 PRECEDING',
		'ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING',
		'ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW');
	return "($partition$order $frame)";
}

# List::Util's shuffle with our random numbers
sub shuffle_keys
{
	my @keys = @_;
	for my $i (reverse 1 .. $#keys) { my $j = int rand($i + 1); @keys[ $i, $j ] = @keys[ $j, $i ] }
	return map { $_ . pick('', '', ' DESC') } @keys;
}

# Something to group or sort by: not a literal, which would be a position.
sub grouping_expr
{
	my ($self, $scope) = @_;

	for (1 .. 8)
	{
		my $type = pick(grep { sortable($_) } @types);
		my @columns = columns({ %$scope, parent => undef }, $type);
		next unless @columns;
		return pick(@columns) if chance(0.7) || $scope->{group};
		return $self->expr_with(pick(@columns), $type);
	}
	return q{('x'::text || 'y')};
}

# A function of a column.
sub expr_with
{
	my ($self, $column, $type) = @_;

	return "date_trunc('day', $column)" if $type =~ /^timestamp/;
	return "($column % 3)" if $type eq 'int4' || $type eq 'int8';
	return "lower($column)" if $type eq 'text';
	return "($column IS NULL)" if chance(0.5);
	return "($column)::text";
}

#
# Queries
#

# The scope as a subquery sees it: no aggregates of ours, and of the groups only columns.
sub parent_scope
{
	my ($scope) = @_;
	my %group;

	return $scope unless $scope->{group};
	for my $type (keys %{ $scope->{group} })
	{
		$group{$type} = [ grep { /^a\d+\.\w+$/ } @{ $scope->{group}{$type} } ];
	}
	return { %$scope, group => \%group, no_aggregates => 1 };
}

# '(SELECT ...)' with these types of columns; '!' wants an order
sub subquery
{
	my ($self, $types, $scope, $depth) = @_;
	my $ordered = defined $types && $types =~ s/!$//;
	my $parent = parent_scope($scope);

	return '(' . $self->full_query($parent, $depth - 1, defined $types ? [ split /,/, $types ] : undef, 0, $ordered) . ')';
}

sub scalar_subquery
{
	my ($self, $type, $scope, $depth) = @_;
	my $parent = parent_scope($scope);
	my ($from, $inner) = $self->from_clause($parent, $depth - 1, 1);
	my $where = ' WHERE ' . $self->expr('bool', $inner, $depth);

	if ($aggregate{$type} && chance(0.6))
	{
		my %ungrouped = (%$inner, parent => undef);
		return "(SELECT " . $self->fill(pick(@{ $aggregate{$type} }), \%ungrouped, 1) . " FROM $from$where)";
	}
	return "(SELECT " . $self->expr($type, $inner, 1) . " AS c FROM $from$where ORDER BY 1 LIMIT 1)";
}

# A query with WITH, set operations, ORDER BY and LIMIT; notes whether the outermost one is ordered.
sub full_query
{
	my ($self, $parent, $depth, $types, $top, $want_order) = @_;
	my ($with, $sql, $sorted_by) = ('', '', '');
	my $known = @{ $self->{ctes} };

	$with = $self->with_clause($depth - 1) if $depth > 0 && !$parent && chance($top ? 0.18 : 0.05);
	$types //= [ map { pick(@types) } 1 .. pick(1, 2, 2, 3, 3, 4, 5) ];
	my $sortable = !grep { !sortable($_) } @$types;

	if ($depth > 0 && chance(0.12))
	{
		my $all = chance(0.3) || !$sortable;
		my $op = pick($sortable ? qw(UNION INTERSECT EXCEPT) : 'UNION') . ($all ? ' ALL' : '');
		$sql = '(' . $self->select($parent, $depth - 1, $types) . ") $op (" . $self->select($parent, $depth - 1, $types) . ')';
		$sql .= ' UNION (' . $self->select($parent, $depth - 1, $types) . ')' if $sortable && chance(0.2);
	}
	elsif (chance(0.04))
	{
		$sql = 'VALUES ' . join ', ', map {
			'(' . join(', ', map { $self->expr($_, { items => [], parent => $parent }, 1) } @$types) . ')'
		} 1 .. number(1, 4);
	}
	else
	{
		$sql = $self->select($parent, $depth, $types, $sortable, \$sorted_by);
	}

	my $order = $sorted_by || ($want_order && $sortable) || chance($top ? 0.5 : 0.1);
	if ($order)
	{
		my @positions = map { $_ . pick('', '', ' DESC', ' NULLS FIRST') } grep { sortable($types->[ $_ - 1 ]) } 1 .. @$types;
		@positions = shuffle_keys(map { s/ .*//r } @positions) unless $sorted_by;
		$sql .= ' ORDER BY ' . join(', ', @positions) if @positions;
	}
	if ($order && $sortable && chance(0.4))
	{
		my ($n, $m) = (number(0, 9), number(0, 4));
		my $limit = pick(" LIMIT $n", " LIMIT $n OFFSET $m", " FETCH FIRST $n ROWS WITH TIES", ' OFFSET 2', ' LIMIT ?');
		$sql .= $limit =~ s/\?/$self->limit_param/er;
	}
	elsif (chance(0.01))
	{
		$sql .= ' LIMIT ' . number(1, 5);
		$self->{q}{undetermined} = 1;
	}
	$self->{q}{ordered} = 1 if $top && $order && $sortable;
	splice @{ $self->{ctes} }, $known;
	return $with . $sql;
}

sub limit_param
{
	my ($self) = @_;
	my $params = $self->{q}{params};
	push @$params, { type => 'int4', typed => 1, value => number(1, 9) };
	return '$' . @$params;
}

sub with_clause
{
	my ($self, $depth) = @_;
	my @parts;
	my $recursive = '';

	for (1 .. pick(1, 1, 2))
	{
		my $name = 'w' . ++$self->{aliases};
		my @names = map { "c$_" } 1 .. number(1, 3);
		if (chance(0.25))
		{
			$recursive = 'RECURSIVE ';
			push @parts, $self->recursive_cte($name);
			next;
		}
		my @cols = map { [ $_, pick(@types) ] } @names;
		my $query = $self->full_query(undef, $depth, [ map { $_->[1] } @cols ], 0);
		push @parts, "$name(" . join(', ', @names) . ') AS ' . pick('', 'MATERIALIZED ', 'NOT MATERIALIZED ') . "($query)";
		push @{ $self->{ctes} }, { name => $name, columns => \@cols };
	}
	return "WITH $recursive" . join(', ', @parts) . ' ';
}

sub recursive_cte
{
	my ($self, $name) = @_;

	push @{ $self->{ctes} }, { name => $name, columns => [ [ 'c1', 'int4' ], [ 'c2', 'text' ] ] };
	return "$name(c1, c2) AS (SELECT " . number(1, 3) . ", 'x'::text UNION " . pick('', 'ALL ')
	  . "SELECT c1 + " . number(1, 3) . ", left(c2 || c1, 20) FROM $name WHERE c1 < " . number(4, 15) . ')'
	  if chance(0.4);
	my $start = pick('parent IS NULL', 'id = ' . number(1, 6), 'id = ?') =~ s/\?/$self->param('int4')/er;
	my $extra = pick('', '', " SEARCH DEPTH FIRST BY c1 SET ord", " CYCLE c1 SET looped USING path");
	return "$name(c1, c2) AS (SELECT id, x FROM tree WHERE $start UNION ALL SELECT t.id, t.x FROM tree AS t JOIN $name ON t.parent = $name.c1)$extra";
}

# One SELECT with a list of these types.  If it is DISTINCT ON, $sorted_by is set: it must be ordered by its columns.
sub select
{
	my ($self, $parent, $depth, $types, $sortable, $sorted_by) = @_;
	my ($from, $scope) = $self->from_clause($parent, $depth);
	my $kind = pick(('plain') x 5, ('group') x 2, ('aggregate') x 1, ('window') x 2, ('distinct') x 1);
	my $where = chance(0.75) ? ' WHERE ' . $self->expr('bool', $scope, $depth) : '';
	my ($list, $tail, $head, $seen) = ('', '', '', $scope);

	if ($kind eq 'group' || $kind eq 'aggregate')
	{
		my %group;
		my @by;
		my %local = (%$scope, parent => undef);
		if ($kind eq 'group')
		{
			for (1 .. number(1, 3))
			{
				my $type = pick(grep { sortable($_) } @types);
				my @columns = columns(\%local, $type) or next;
				my $column = pick(@columns);
				if (chance(0.7)) { push @{ $group{$type} }, $column; push @by, $column }
				else
				{
					my $expr = $self->expr_with($column, $type);
					my $of = $expr =~ /^date_trunc/ ? 'timestamp_' : $expr =~ /^lower|text$/ ? 'text' : $expr =~ /% 3/ ? $type : 'bool';
					push @{ $group{$of} }, $expr;
					push @by, $expr;
				}
			}
		}
		$seen = { items => [], group => \%group, ungrouped => \%local, parent => $parent };
		if (@by)
		{
			my $by = join ', ', @by;
			my $sets = "GROUPING SETS (($by), (), ($by[0]))";
			$tail = ' GROUP BY ' . pick($by, $by, "ROLLUP ($by)", "CUBE ($by)", $sets, "DISTINCT ROLLUP ($by), ($by[0])");
			push @{ $group{int4} }, "GROUPING($by)" if $tail =~ /ROLLUP|CUBE|SETS/;
		}
		$tail .= ' HAVING ' . $self->expr('bool', $seen, 1) if chance(0.25);
	}
	elsif ($kind eq 'window') { $seen = { %$scope, windows => 1 } }
	elsif ($kind eq 'distinct' && $sortable)
	{
		$head = 'DISTINCT ';
		if ($sorted_by && chance(0.5)) { $head = 'DISTINCT ON (1) '; $$sorted_by = 1 }
	}
	my $n = 0;
	$list = join ', ', map { $self->cast_of($self->expr($_, $seen, $depth), $_) . ' AS o' . ++$n } @$types;
	return "SELECT $head$list FROM $from$where$tail";
}

# In a list that another query continues, a literal must have the type that is wanted.
sub cast_of
{
	my ($self, $expr, $type) = @_;
	return $expr =~ /^(?:NULL|\$\d+|\(?-?[\d.]+\)?)$/ ? "$expr\::" . sql_type($type) : $expr;
}

# FROM: the text and what can be seen.
sub from_clause
{
	my ($self, $parent, $depth, $single) = @_;
	my %scope = (items => [], parent => $parent);
	my $item = $self->from_item($parent, $depth);
	my $sql = $item->{sql};

	push @{ $scope{items} }, $item;
	return ($sql, \%scope) if $single || $depth <= 0;
	while (@{ $scope{items} } < 3 && chance(0.4))
	{
		my $lateral = chance(0.25);
		my $kind = pick('JOIN', 'JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN', @{ $scope{items} } == 1 ? 'CROSS JOIN' : ());
		my $right = $lateral ? $self->lateral_item(\%scope, $depth - 1) : $self->from_item($parent, $depth - 1);
		if ($lateral)
		{
			$sql .= pick(" CROSS JOIN LATERAL $right->{sql}", " LEFT JOIN LATERAL $right->{sql} ON true", ", LATERAL $right->{sql}")
			  =~ s/^,/ CROSS JOIN/r;
		}
		else
		{
			my $on = $self->join_condition(\%scope, $right);
			$kind = 'CROSS JOIN' if !defined $on;
			$sql = $kind eq 'CROSS JOIN' ? "$sql CROSS JOIN $right->{sql}" : "$sql $kind $right->{sql} ON $on";
			if ($kind ne 'FULL JOIN' && $kind ne 'CROSS JOIN' && chance(0.3))
			{
				my %both = (%scope, items => [ @{ $scope{items} }, $right ]);
				$sql .= ' AND ' . $self->expr('bool', \%both, 1);
			}
		}
		push @{ $scope{items} }, $right;
	}
	return ($sql, \%scope);
}

# An equality that hash and merge joins can use.
sub join_condition
{
	my ($self, $scope, $right) = @_;

	for my $type (qw(int4 int4 text mood date))
	{
		my @left = columns({ %$scope, parent => undef }, $type);
		my @right = columns({ items => [$right] }, $type);
		return pick(@left) . ' = ' . pick(@right) if @left && @right;
	}
	return undef;
}

my @relations = (
	('t1') x 6, ('t2') x 6, ('t3') x 2, 't2_log', ('pp') x 3, 'pp1', 'pp2', ('base') x 3, 'child1', 'tree', 'unlog', ('tw') x 6, ('sec') x 3,
	'v_join', 'v_agg', 'v_barrier', 'v_invoker', 'v_row', 'v_change', 'v_local', ('mv') x 2,
	'closed', 'v_closed');
my @rare_relations = qw(sec_own sec_app v_setting tmp seq);

sub from_item
{
	my ($self, $parent, $depth) = @_;
	my $alias = 'a' . ++$self->{aliases};

	if (@{ $self->{ctes} } && chance(0.4))
	{
		my $cte = pick(@{ $self->{ctes} });
		return { alias => $alias, sql => "$cte->{name} AS $alias", columns => $cte->{columns} };
	}
	if ($depth > 0 && chance(0.15))
	{
		my @columns = map { [ "c$_", pick(@types) ] } 1 .. number(1, 4);
		my $query = $self->full_query(undef, $depth - 1, [ map { $_->[1] } @columns ], 0);
		return { alias => $alias, sql => "($query) AS $alias(" . join(', ', map { $_->[0] } @columns) . ')', columns => \@columns };
	}
	return $self->function_item($alias, { items => [], parent => $parent }, $depth) if chance(0.1);

	my $name = $self->rarely(0.15) ? pick(@rare_relations) : pick(@relations);
	my $relation = $self->{relations}{$name};
	my $sql = ($name =~ /^(?:tw|tmp)$/ ? '' : chance(0.3) ? 'r.' : '') . $name;
	$sql = "ONLY $sql" if $name =~ /^(?:base|child1|pp)$/ && chance(0.1);
	$sql .= " AS $alias";
	if ($name =~ /^t[123]$/ && $self->rarely(0.1))
	{
		$sql .= ' TABLESAMPLE BERNOULLI (50) REPEATABLE (7)';
		$self->{q}{undetermined} = 1;
	}
	return { alias => $alias, sql => $sql, columns => $relation->{columns}, key => $relation->{key}, relation => $name };
}

sub lateral_item
{
	my ($self, $scope, $depth) = @_;
	my $alias = 'a' . ++$self->{aliases};

	return $self->function_item($alias, $scope, $depth) if chance(0.5);
	my @columns = map { [ "c$_", pick(@types) ] } 1 .. number(1, 3);
	my $query = $self->full_query($scope, $depth, [ map { $_->[1] } @columns ], 0, 1);
	return { alias => $alias, sql => "($query) AS $alias(" . join(', ', map { $_->[0] } @columns) . ')', columns => \@columns };
}

my @functions = (
	[ 'generate_series({const:int4}, {idx} + 3)', [ [ 'v', 'int4' ] ], ['v'] ],
	[ 'unnest({int4s}) WITH ORDINALITY', [ [ 'v', 'int4' ], [ 'o', 'int8' ] ], ['o'] ],
	[ 'unnest({texts}, {int4s})', [ [ 'v', 'text' ], [ 'w', 'int4' ] ] ],
	[ 'regexp_split_to_table({text}, {regexp}) WITH ORDINALITY', [ [ 'v', 'text' ], [ 'o', 'int8' ] ], ['o'] ],
	[ 'jsonb_path_query({jsonb}, {path})', [ [ 'v', 'jsonb' ] ] ],
	[ 'jsonb_each(CASE WHEN jsonb_typeof({jsonb#1}) = \'object\' THEN {#1} END)', [ [ 'k', 'text' ], [ 'v', 'jsonb' ] ], ['k'] ],
	[ 'jsonb_array_elements_text(CASE WHEN jsonb_typeof({jsonb#1}) = \'array\' THEN {#1} END)', [ [ 'v', 'text' ] ] ],
	[ 'generate_series({timestamptz#1}, {#1} + interval \'{idx} hours\', \'30 minutes\')', [ [ 'v', 'timestamptz' ] ], ['v'] ],
	[ 'ROWS FROM (generate_series(1, {idx}), unnest({texts}))', [ [ 'v', 'int4' ], [ 'w', 'text' ] ] ],
	[ 'unnest(enum_range(NULL::r.mood))', [ [ 'v', 'mood' ] ], ['v'] ],
	[ 'unnest({int4multirange})', [ [ 'v', 'int4range' ] ], ['v'] ],
	[ 'string_to_table({text}, {sep})', [ [ 'v', 'text' ] ] ],
	[ 'ts_parse(\'default\', {text})', [ [ 'v', 'int4' ], [ 'w', 'text' ] ] ],);
my @rare_functions = (
	[ 'r.f_set({idx})', [ [ 'id', 'int4' ], [ 't1_id', 'int4' ] ] ],
	[ 'jsonb_to_recordset(\'[{"p": 1, "q": "z"}, {"p": 2}]\')', [ [ 'p', 'int4' ], [ 'q', 'text' ] ], undef, 'p int, q text' ],
	[ 'XMLTABLE(\'/a/b\' PASSING \'<a><b>1</b><b>2</b></a>\'::xml COLUMNS v int PATH \'.\')', [ [ 'v', 'int4' ] ] ],
	[ '(SELECT c.relname::text, c.relnatts::int FROM pg_class AS c WHERE c.relname ~ \'^t\d$\')', [ [ 'v', 'text' ], [ 'w', 'int4' ] ] ],
	[ '(SELECT s.tableoid::regclass::text, s.id FROM base AS s)', [ [ 'v', 'text' ], [ 'w', 'int4' ] ] ],
	[ '(SELECT s.id FROM t3 AS s WHERE s.ctid IS NOT NULL)', [ [ 'v', 'int4' ] ] ],);

sub function_item
{
	my ($self, $alias, $scope, $depth) = @_;
	my ($template, $columns, $key, $list) = @{ $self->rarely(0.4) ? pick(@rare_functions) : pick(@functions) };
	my $names = $list // join ', ', map { $_->[0] } @$columns;

	return { alias => $alias, sql => $self->fill($template, $scope, 1) . " AS $alias($names)", columns => $columns, key => $key };
}

# SELECT * and the like, whose columns DDL changes.
sub whole_table
{
	my ($self) = @_;
	my $name = pick(@relations);
	my $relation = $self->{relations}{$name};
	my $alias = 'a1';
	my $scope = { items => [ { alias => $alias, columns => $relation->{columns} } ] };
	my $where = chance(0.6) ? ' WHERE ' . $self->expr('bool', $scope, 1) : '';
	my $shape = number(1, 6);

	$self->{q}{whole} = $name if $shape <= 3;
	return "TABLE $name" if $shape == 1 && !@{ $self->{q}{params} } && $where eq '';
	return "SELECT * FROM $name AS $alias$where" if $shape <= 3;
	return "SELECT $alias FROM $name AS $alias$where" if $shape == 4;
	return "SELECT $alias.*, to_json($alias) AS js FROM $name AS $alias$where" if $shape == 5;
	return "SELECT count(*), max($alias\::text) FROM $name AS $alias$where";
}

# What has no place in the grammar above.
sub special
{
	my ($self) = @_;
	my $q = $self->{q};
	my $n = number(1, 5);

	if ($n == 1)
	{
		$q->{locks} = 1;
		return 'SELECT id, a FROM t2 WHERE a = ' . number(0, 11) . pick(' FOR UPDATE', ' FOR SHARE', ' FOR UPDATE SKIP LOCKED');
	}
	if ($n == 2)
	{
		$q->{modifies} = 1;
		return 'WITH m AS (UPDATE t2 SET a = a WHERE id < ' . number(1, 9) . ' RETURNING id, a) SELECT * FROM m';
	}
	return 'SELECT ROW(id, x) FROM tw' if $n == 3;
	return 'SELECT ARRAY(SELECT ROW(id, x) FROM tw ORDER BY id)' if $n == 4;
	return 'SELECT seq.is_called, t.id FROM seq, t3 AS t';
}

1;
