# pgcache: see CONTRIBUTING.md for the targets and the build options.

EXTENSION = pgcache
MODULE_big = pgcache
PGFILEDESC = "pgcache - query result cache in shared memory"

OBJS = \
	src/allow.o \
	src/analysis.o \
	src/answer.o \
	src/apply.o \
	src/binding.o \
	src/binding_key.o \
	src/binding_row.o \
	src/binding_sql.o \
	src/binding_table.o \
	src/body.o \
	src/body_call.o \
	src/body_choice.o \
	src/body_fold.o \
	src/body_plpgsql.o \
	src/body_token.o \
	src/body_type.o \
	src/bound.o \
	src/bound_plan.o \
	src/canonical.o \
	src/capture.o \
	src/churn.o \
	src/codec.o \
	src/collect.o \
	src/compute.o \
	src/deps.o \
	src/determined.o \
	src/estimate.o \
	src/early.o \
	src/extension.o \
	src/fill.o \
	src/frame.o \
	src/function.o \
	src/guc.o \
	src/hint.o \
	src/key.o \
	src/literal.o \
	src/launcher.o \
	src/lookup.o \
	src/mark.o \
	src/pack.o \
	src/pgcache.o \
	src/policy.o \
	src/pin.o \
	src/pin_value.o \
	src/prepared.o \
	src/query.o \
	src/recipe.o \
	src/refresh.o \
	src/refresh_worker.o \
	src/redact.o \
	src/redis_health.o \
	src/redis_url.o \
	src/request.o \
	src/row.o \
	src/scan.o \
	src/scan_call.o \
	src/scan_plan.o \
	src/scan_send.o \
	src/scan_shortcut.o \
	src/secret.o \
	src/settings.o \
	src/shape.o \
	src/shmem.o \
	src/snapshot.o \
	src/sql_admin.o \
	src/sql_api.o \
	src/sql_binding.o \
	src/sql_refresh.o \
	src/sql_redis.o \
	src/sql_value.o \
	src/sql_warm.o \
	src/sql_watch.o \
	src/sql_write.o \
	src/stats.o \
	src/store.o \
	src/store_arena.o \
	src/store_evict.o \
	src/store_hazard.o \
	src/store_index.o \
	src/store_statement.o \
	src/template.o \
	src/testpoint.o \
	src/tier.o \
	src/trigger.o \
	src/value.o \
	src/value_key.o \
	src/value_lease.o \
	src/value_lock.o \
	src/value_pending.o \
	src/value_publish.o \
	src/value_tier.o \
	src/value_xact.o \
	src/vary.o \
	src/verify.o \
	src/versions.o \
	src/versions_file.o \
	src/warm.o \
	src/warm_collect.o \
	src/warm_file.o \
	src/warm_script.o \
	src/warm_state.o \
	src/warm_worker.o \
	src/watch.o \
	src/watch_trigger.o \
	src/wire.o \
	src/write_behind.o \
	src/write_database.o \
	src/write_flush.o \
	src/write_identity.o \
	src/write_item.o \
	src/write_memory.o \
	src/write_pending.o \
	src/write_queue.o \
	src/write_refused.o \
	src/write_room.o \
	src/write_run.o \
	src/write_wait.o \
	src/write_worker.o

# make WITH_REDIS=no builds without hiredis; WITH_REDIS_TLS=no, WITH_LZ4=no and WITH_ZSTD=no without those
WITH_REDIS ?= yes
has_header = $(shell printf '\043include <$(1)>\n' | $(CC) -E - >/dev/null 2>&1 && echo yes || echo no)
WITH_LZ4 ?= $(call has_header,lz4.h)
WITH_ZSTD ?= $(call has_header,zstd.h)
ifeq ($(WITH_REDIS),yes)
OBJS += src/redis.o src/redis_connection.o src/redis_tls.o
WITH_REDIS_TLS ?= $(if $(filter yes,$(call has_header,hiredis/hiredis_ssl.h)),$(call has_header,openssl/ssl.h),no)
ifeq ($(WITH_REDIS_TLS),yes)
PG_CPPFLAGS_REDIS += -DPGCACHE_REDIS_TLS
SHLIB_LINK += -lhiredis_ssl
endif
SHLIB_LINK += -lhiredis
ifeq ($(WITH_REDIS_TLS),yes)
SHLIB_LINK += -lssl -lcrypto
endif
ifeq ($(WITH_LZ4),yes)
PG_CPPFLAGS_REDIS += -DPGCACHE_LZ4
SHLIB_LINK += -llz4
endif
ifeq ($(WITH_ZSTD),yes)
PG_CPPFLAGS_REDIS += -DPGCACHE_ZSTD
SHLIB_LINK += -lzstd
endif
else
OBJS += src/redis_none.o
endif

DATA = $(wildcard pgcache--*.sql)
DOCS =

EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" pgcache.control)
PG_CPPFLAGS = -DPGCACHE_VERSION='"$(EXTVERSION)"' $(PG_CPPFLAGS_REDIS)

# callbacks have the parameters their callers give
PG_CFLAGS = -Wno-unused-parameter -Wno-missing-field-initializers

# make ASSERTS=1: our own assertions; make TESTPOINTS=1: what specs/ needs
ifdef ASSERTS
PG_CPPFLAGS += -DUSE_ASSERT_CHECKING
endif
ifdef TESTPOINTS
PG_CPPFLAGS += -DPGCACHE_TESTPOINTS
endif

REGRESS = basic types limits worth expiry invalidate partitions transactions triggers \
	trigger_keys trigger_tables trigger_templates trigger_values ddl names roles \
	guc redis_url errors exact bindings bindings_admin bindings_roles bindings_tables bindings_types bodies bodies_hidden stats identity \
	varies varies_kinds functions functions_hidden functions_change functions_nested functions_exact \
	functions_exact2 functions_exact3 verify scan estimates shortcut scan_pins scan_exact wire wire_ways \
	writes_dml writes_how writes_views writes_triggers writes_code writes_copy writes_copy_into \
	writes_tree writes_ddl writes_objects writes_transactions writes_deferred writes_parallel \
	writes_undone watch watch_pins watch_ways watch_columns memory churn values values_errors values_transactions values_data \
	values_edges values_roles write_behind write_behind_roles warm refresh \
	noload
REGRESS_OPTS = --temp-instance=./tmp_check --temp-config=test/pgcache.conf --encoding=UTF8 --no-locale

# Isolation specs; they need a build with TESTPOINTS=1.
ISOLATION_SPECS = $(sort $(patsubst specs/%.spec,%,$(wildcard specs/*.spec)))
ISOLATION_OPTS = --temp-instance=./tmp_check_iso --temp-config=test/pgcache.conf \
	--outputdir=output_iso
ifdef TESTPOINTS
ISOLATION = $(ISOLATION_SPECS)
endif

TAP_TESTS_ALL = $(sort $(wildcard t/*.pl))

PG_CONFIG = pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/*.h)

installcheck-regress:
	$(pg_regress_installcheck) $(REGRESS_OPTS) $(REGRESS)

isolationcheck:
	$(pg_isolation_regress_installcheck) $(ISOLATION_OPTS) $(ISOLATION_SPECS)

tapcheck:
	rm -rf tmp_check_tap && mkdir tmp_check_tap
	TESTDIR='$(CURDIR)/tmp_check_tap' PATH="$(bindir):$$PATH" \
		PG_REGRESS='$(top_builddir)/src/test/regress/pg_regress' \
		$(PROVE) -I $(top_srcdir)/src/test/perl $(PROVE_FLAGS) $(TAP_TESTS_ALL)

# Searches the protocol's model exhaustively; needs spin.
modelcheck:
	test/model/run.sh

# A load whose history is checked; SECONDS=60, SEED, WRITERS, READERS as wanted.
consistencycheck:
	PG_CONFIG='$(PG_CONFIG)' test/consistency/run.sh

# Random queries, each past the cache, on a miss and on a hit; QUERIES, SEED as wanted.
randomcheck:
	PG_CONFIG='$(PG_CONFIG)' test/random/run.sh

# Instructions of a hit, a miss and a write, counted by valgrind's callgrind; UPDATE=1 writes new bounds.
instructionscheck:
	PG_CONFIG='$(PG_CONFIG)' test/instructions/run.sh

# Damaged values of the second tier, read without a server: seeds and variations; or libFuzzer, for FUZZ_SECONDS.
fuzzcheck:
	PG_CONFIG='$(PG_CONFIG)' test/fuzz/run.sh

fuzz:
	PG_CONFIG='$(PG_CONFIG)' test/fuzz/run.sh fuzz

# The eviction policy by itself, against others on made traces.
evictioncheck:
	$(MAKE) -s -C bench/eviction check

# The installed library under valgrind's memcheck; takes about seven minutes.
valgrindcheck:
	PG_CONFIG='$(PG_CONFIG)' test/valgrind.sh $(filter-out noload,$(REGRESS))

.PHONY: installcheck-regress isolationcheck tapcheck modelcheck consistencycheck randomcheck \
	fuzz fuzzcheck instructionscheck evictioncheck valgrindcheck
