/*-------------------------------------------------------------------------
 *
 * page_check.c
 *	  Whether what a read showed of pages is possible.
 *
 * There must be one moment between the call and the return of the read (in a
 * transaction with one snapshot: between its beginning and the return of its
 * first read; with stale => x: from x before the call on) at which each slot
 * was as it was shown.  A version can have been current from the request for
 * its commit until the commit of the next one was acknowledged, or seen by
 * another read.  That a slot was not shown is possible while it was empty, or
 * its row was elsewhere.
 *
 * Times do not tell two commits apart that were under way at once.  So what one
 * transaction has written must in addition be shown altogether or not at all.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include "page.h"

#define MAX_VERSIONS 64			/* of a slot that are looked at */
#define OLD 2000000000			/* ns; nothing is linked so much later than it was written */
#define OUT_OF_ORDER 1000000000 /* ns */

/* What a slot may have been. */
typedef struct Version
{
	const PageWrite *write;		/* NULL: pending, or before there was anything */
	int64_t		v;				/* 0 = not known */
	int64_t		token;
	uint32_t	txn;
	int64_t		start;			/* it was current from here */
	int64_t		until;			/* to there */
	int64_t		end;			/* of its transaction */
	bool		shows;			/* the read may show it */
	bool		hides;			/* the read may leave it out, or show it without its token */
} Version;

typedef struct Versions
{
	int			n;
	Version		list[MAX_VERSIONS];
	const PageWrite *own;		/* the latest of this transaction */
} Versions;

/* What was shown of a slot. */
typedef struct Found
{
	PageTable	table;
	int			slot;
	const ShownRow *row;		/* NULL: nothing */
	bool		exact;			/* the row shows which version it is */
	Versions	versions;
	const Version *is;			/* the only version that it can be; or NULL */
} Found;

typedef struct Check
{
	const PageRead *read;
	char		name[300];
	Window		asked;			/* the read */
	Window		window;			/* what is left of it */
	int			n;
	Found		found[2 * SLOTS];
	PagePending pending[MAX_WORKERS];
} Check;

/* The snapshot of the current transaction, if it has only one. */
typedef struct TxnSnapshot
{
	int64_t		of;				/* when it began */
	Window		window;
	int64_t		tokens[NUM_PAGE_TABLES][SLOTS]; /* that it has been shown */
} TxnSnapshot;

static Check check;
static TxnSnapshot snapshot;

/*
 * Violations
 */

static double
seconds(int64_t ns)
{
	return ns == FOREVER ? 9999 : (double) ns / 1e9;
}

static void
describe(const Found *found, char *buf, size_t size)
{
	size_t		used = (size_t) snprintf(buf, size, "\n  versions of slot %d:", found->slot);

	for (int i = 0; i < found->versions.n && used < size; i++)
	{
		const Version *version = &found->versions.list[i];

		if (version->write == NULL)
			used += (size_t) snprintf(buf + used, size - used, " [pending or none, token %lld, %.6f-%.6f]",
									  (long long) version->token, seconds(version->start), seconds(version->until));
		else
			used += (size_t) snprintf(buf + used, size - used, " [v %lld token %lld txn %u, %s %d/%d, %.6f-%.6f]",
									  (long long) version->v, (long long) version->token, version->txn,
									  version->write->gone ? "gone from" : "customer", version->write->customer,
									  version->write->region, seconds(version->start), seconds(version->until));
	}
}

static void
complain(const char *what, const Found *found, const char *how)
{
	char		versions[1200];

	describe(found, versions, sizeof(versions));
	violation(what, "%s: row %lld in slot %d of page_%d, token %lld, %s; asked %.6f-%.6f, left %.6f-%.6f%s", check.name,
			  (long long) (found->row ? found->row->id : 0), found->slot, found->table,
			  (long long) (found->row ? found->row->token : 0), how, seconds(check.asked.from), seconds(check.asked.to),
			  seconds(check.window.from), seconds(check.window.to), versions);
}

/*
 * The versions that a slot may have had
 */

/* What is pending is copied before the log is looked at, into which it goes. */
static void
copy_pending(void)
{
	for (int i = 0; i < options.writers + options.readers; i++)
	{
		PagePending *pending = &page_log->pending[i];
		uint32_t	changes;

		do
		{
			changes = load(&pending->changes);
			check.pending[i].table = load(&pending->table);
			check.pending[i].slots = load(&pending->slots);
			check.pending[i].token = load(&pending->token);
			check.pending[i].start = load(&pending->start);
		} while (changes % 2 == 1 || load(&pending->changes) != changes);
	}
}

static Version *
add_version(Versions *versions, const PageWrite *write, int64_t start, int64_t end)
{
	Version    *version = &versions->list[versions->n];

	if (versions->n == MAX_VERSIONS)
		return NULL;
	versions->n++;
	*version = (Version) {.write = write,.start = start,.end = end,.until = FOREVER};
	if (write != NULL)
	{
		version->v = write->v;
		version->token = write->token;
		version->txn = write->txn;
	}
	return version;
}

/* A row may be shown, left out, or either if the customer is not known. */
static void
set_visibility(Version *version, PageTable table, int slot)
{
	const PageWrite *write = version->write;
	bool		matches = write != NULL && !write->gone &&
		page_matches(check.read, table, slot, load(&write->customer), load(&write->region));
	bool		unknown = write == NULL || load(&write->customer) == ANYBODY;

	version->shows = matches || unknown;
	version->hides = !matches || unknown;
}

/* Does "later" replace it for sure, when its transaction has ended? */
static bool
is_later(const Version *later, const Version *than)
{
	if (later->v != 0 && than->v != 0)
		return later->v > than->v;
	return later->write != NULL && than->write != NULL && later->write->pushed > than->write->pushed + OUT_OF_ORDER;
}

/* Nobody else can ever have seen it. */
static bool
is_impossible(const Versions *versions, const Version *version)
{
	for (int i = 0; i < versions->n; i++)
	{
		const Version *other = &versions->list[i];

		if (other == version || version->v == 0 || other->v == 0)
			continue;
		if (other->txn == version->txn && other->v > version->v)
			return true;
		if (other->v == version->v && version->end == FOREVER && other->end != FOREVER)
			return true;
	}
	return false;
}

static void
set_bounds(Versions *versions)
{
	for (int i = 0; i < versions->n; i++)
	{
		Version    *version = &versions->list[i];

		for (int j = 0; j < versions->n; j++)
		{
			const Version *other = &versions->list[j];

			if (is_later(other, version) && other->end < version->until)
				version->until = other->end;
		}
	}
	for (int i = 0; i < versions->n; i++)
	{
		Version    *version = &versions->list[i];

		if (version->until >= version->start && is_impossible(versions, version))
			version->start = FOREVER;
	}
}

/*
 * Walk back until nothing older can have been current: past the first that was
 * committed for sure, and all that may be linked in the wrong order.
 */
static bool
add_written(Versions *versions, PageTable table, int slot)
{
	int64_t		old = check.asked.from - OLD;
	int64_t		oldest = 0;

	for (uint32_t i = load(&page_log->slots[table][slot].last); i != 0; i = page_write(i)->older)
	{
		const PageWrite *write = page_write(i);
		const PageTxn *txn = page_txn(write->txn);
		int64_t		start = load(&txn->start);
		int64_t		end = load(&txn->end);

		if (write->pushed < oldest)
			return true;
		if (load(&txn->aborted) || load(&write->undone))
			continue;
		if (write->txn == me.page_txn && me.explicit_txn)
		{
			if (versions->own == NULL || write->v > versions->own->v)
				versions->own = write;
		}
		else if (start != 0)
		{
			if (add_version(versions, write, start, end) == NULL)
				return true;
			if (oldest == 0 && end < check.asked.from && write->pushed < old)
				oldest = write->pushed - OUT_OF_ORDER;
		}
	}
	return oldest != 0;
}

static void
find_versions(Versions *versions, PageTable table, int slot)
{
	Version    *version;

	versions->n = 0;
	versions->own = NULL;
	if (!add_written(versions, table, slot))
	{
		/* there was nothing before the first version */
		version = add_version(versions, NULL, 0, 0);
		if (version != NULL)
			version->v = -1;
	}
	for (int i = 0; i < options.writers + options.readers; i++)
	{
		const PagePending *pending = &check.pending[i];

		if (pending->slots >> slot & 1 && pending->table == (int) table && i != me.worker &&
			(version = add_version(versions, NULL, pending->start, FOREVER)) != NULL)
			version->token = pending->token;
	}
	set_bounds(versions);
}

/* What may the read show of a slot? */
static void
set_all_visibility(Versions *versions, PageTable table, int slot)
{
	for (int i = 0; i < versions->n; i++)
	{
		set_visibility(&versions->list[i], table, slot);
		if (versions->list[i].v == -1)
		{
			versions->list[i].shows = false;
			versions->list[i].hides = true;
		}
	}
}

/* A row that was shown without its token is one of the versions that have its region. */
static void
match_region(Found *found)
{
	for (int i = 0; i < found->versions.n; i++)
	{
		Version    *version = &found->versions.list[i];

		version->hides = version->shows && (version->write == NULL || load(&version->write->customer) == ANYBODY ||
											load(&version->write->region) == found->row->region);
	}
}

/*
 * A row that was shown
 */

static void
complain_of_token(const Found *found)
{
	for (uint32_t i = load(&page_log->slots[found->table][found->slot].last); i != 0; i = page_write(i)->older)
	{
		const PageWrite *write = page_write(i);

		if (write->token != found->row->token)
			continue;
		if (load(&write->undone) || load(&page_txn(write->txn)->aborted))
			complain("not committed", found, "was rolled back");
		else if (load(&page_txn(write->txn)->start) == 0)
			complain("not committed", found, "belongs to a transaction that has not asked for its commit");
		else
			complain("stale", found, "was replaced long ago");
		return;
	}
	complain("never written", found, "is known to nobody");
}

static const Version *
version_of_token(const Versions *versions, int64_t token)
{
	const Version *found = NULL;

	for (int i = 0; i < versions->n; i++)
	{
		const Version *version = &versions->list[i];

		/* a token of many statements of a trigger may be there more than once */
		if (version->token == token && (found == NULL || version->v > found->v))
			found = version;
	}
	return found;
}

static bool
check_own_row(const Found *found)
{
	const PageWrite *own = found->versions.own;
	bool		wanted = !own->gone && page_matches(check.read, found->table, found->slot, own->customer, own->region);

	if (found->row == NULL ? !wanted :
		wanted && (found->exact ? found->row->token == own->token : found->row->region == own->region))
		return true;
	complain("own write", found, "differs from what this transaction has written");
	return false;
}

static bool
check_shown(Found *found)
{
	const Version *version = version_of_token(&found->versions, found->row->token);
	int			customer;

	if (version == NULL)
	{
		complain_of_token(found);
		return false;
	}
	customer = version->write ? load(&version->write->customer) : ANYBODY;
	if (version->start == FOREVER)
		complain("half a transaction", found, "was overwritten by the same transaction or not committed");
	else if (customer != ANYBODY && found->row->customer != ANYBODY && customer != found->row->customer)
		complain("another write", found, "is shown with another customer");
	else if (!version->shows)
		complain("another write", found, "does not belong here");
	else if (version->until < check.asked.from)
		complain("stale", found, "had been replaced before");
	else if (version->start > check.asked.to)
		complain("not committed", found, "was committed after the read");
	else if (version->until < check.window.from || version->start > check.window.to)
		complain("half a transaction", found, "and other rows were never current together");
	else
	{
		found->is = version;
		if (version->start > check.window.from)
			check.window.from = version->start;
		if (version->until < check.window.to)
			check.window.to = version->until;
		return true;
	}
	return false;
}

/*
 * A slot that was not shown
 */

static bool
may_hide_at(const Versions *versions, int64_t moment)
{
	for (int i = 0; i < versions->n; i++)
	{
		const Version *version = &versions->list[i];

		if (version->hides && version->start <= moment && moment <= version->until)
			return true;
	}
	return false;
}

/* Is there any moment in the window at which the slot was hidden, or shown? */
static const Version *
version_within(const Versions *versions, Window window, bool hides, bool *several)
{
	const Version *found = NULL;

	*several = false;
	for (int i = 0; i < versions->n; i++)
	{
		const Version *version = &versions->list[i];

		if ((hides ? version->hides : version->shows) && version->start <= window.to && version->until >= window.from)
		{
			*several = found != NULL;
			found = version;
		}
	}
	return found;
}

static bool
check_hidden(Found *found)
{
	bool		several;
	const Version *version = version_within(&found->versions, check.asked, true, &several);

	if (version == NULL)
	{
		complain("stale", found, found->row != NULL ? "has another region or customer" : "is missing");
		return false;
	}
	if (!several)
		found->is = version;
	return true;
}

/* All slots that were not shown must have been hidden at one moment. */
static bool
check_moment(int64_t moment)
{
	for (int i = 0; i < check.n; i++)
	{
		const Found *found = &check.found[i];

		if (!found->exact && found->versions.own == NULL && !may_hide_at(&found->versions, moment))
			return false;
	}
	return true;
}

static const Found *
never_hidden_in_window(void)
{
	bool		several;

	for (int i = 0; i < check.n; i++)
	{
		const Found *found = &check.found[i];

		if (!found->exact && found->versions.own == NULL &&
			version_within(&found->versions, check.window, true, &several) == NULL)
			return found;
	}
	return &check.found[0];
}

static bool
find_moment(void)
{
	if (check_moment(check.window.from))
		return true;
	for (int i = 0; i < check.n; i++)
	{
		const Versions *versions = &check.found[i].versions;

		if (check.found[i].exact)
			continue;
		for (int j = 0; j < versions->n; j++)
		{
			int64_t		moment = versions->list[j].start;

			if (versions->list[j].hides && moment > check.window.from && moment <= check.window.to && check_moment(moment))
				return true;
		}
	}
	complain("half a transaction", never_hidden_in_window(), "was shown when others were not");
	return false;
}

/*
 * Whole transactions
 */

static Found *
found_of(const PageWrite *write)
{
	for (int i = 0; i < check.n; i++)
	{
		if (check.found[i].table == (PageTable) write->table && check.found[i].slot == write->slot)
			return &check.found[i];
	}
	return NULL;
}

/* Can the slot have been as it was shown, after this write? */
static bool
fits_after(const Found *found, const PageWrite *write)
{
	if (found->versions.own != NULL || write->v == 0)
		return true;
	if (found->exact)
		return found->is == NULL || found->is->v == 0 || found->is->v >= write->v;
	for (int i = 0; i < found->versions.n; i++)
	{
		const Version *version = &found->versions.list[i];

		if (version->hides && (version->v >= write->v || version->v == 0))
			return true;
	}
	return false;
}

/* The read has seen this transaction: then all of it. */
static bool
check_txn(uint32_t txn)
{
	for (uint32_t i = load(&page_txn(txn)->last); i != 0; i = page_write(i)->previous)
	{
		const PageWrite *write = page_write(i);
		Found	   *found = load(&write->undone) ? NULL : found_of(write);

		if (found != NULL && !fits_after(found, write))
		{
			complain("half a transaction", found, "is older than another row of the same transaction");
			return false;
		}
	}
	return true;
}

static bool
check_txns(void)
{
	for (int i = 0; i < check.n; i++)
	{
		const Version *version = check.found[i].is;

		if (version == NULL || version->write == NULL)
			continue;
		if (version->end >= check.asked.from && !check_txn(version->txn))
			return false;
	}
	return true;
}

/*
 * Counts
 */

static void
check_count(Shown *shown)
{
	int			least = 0;
	int			most = 0;
	int64_t		sum = 0;

	for (int i = 0; i < check.n; i++)
	{
		const Found *found = &check.found[i];
		const PageWrite *own = found->versions.own;
		bool		several;
		const Version *version = version_within(&found->versions, check.window, false, &several);
		bool		some;

		if (own != NULL)
		{
			bool		shown_own = !own->gone && page_matches(check.read, found->table, found->slot, own->customer, own->region);

			least += shown_own;
			most += shown_own;
			sum += shown_own ? own->token : 0;
			continue;
		}
		most += version != NULL;
		sum += version != NULL ? version->token : 0;
		least += version_within(&found->versions, check.window, true, &some) == NULL;
		if (several)
			sum = INT64_MIN / 2;
		else if (version != NULL && version->write == NULL)
			sum = INT64_MIN / 2;
	}
	if (shown->count < least || shown->count > most)
		violation("rows", "%s: counted %lld rows, there were %d to %d; asked %.6f-%.6f", check.name,
				  (long long) shown->count, least, most, seconds(check.asked.from), seconds(check.asked.to));
	else if (least == most && sum >= 0 && shown->sum >= 0 && shown->sum != sum)
		violation("rows", "%s: tokens add up to %lld instead of %lld; asked %.6f-%.6f", check.name,
				  (long long) shown->sum, (long long) sum, seconds(check.asked.from), seconds(check.asked.to));
}

/*
 * One snapshot for several reads
 */

static void
begin_snapshot(void)
{
	if (snapshot.of == me.began)
		return;
	memset(&snapshot, 0, sizeof(snapshot));
	snapshot.of = me.began;
	snapshot.window = (Window) {me.began, FOREVER};
}

/* The row must be the one that was shown before, if that is not elsewhere. */
static bool
check_same(const Found *found)
{
	int64_t		token = snapshot.tokens[found->table][found->slot];
	const Version *before = version_of_token(&found->versions, token);

	if (token == 0 || found->versions.own != NULL)
		return true;
	if (found->exact ? found->row->token == token : before == NULL || before->hides)
		return true;
	complain("snapshot", found, "differs from what this transaction was shown before");
	return false;
}

static void
end_snapshot(void)
{
	snapshot.window = check.window;
	for (int i = 0; i < check.n; i++)
	{
		const Found *found = &check.found[i];

		if (found->exact && found->versions.own == NULL)
			snapshot.tokens[found->table][found->slot] = found->row->token;
	}
}

/*
 * The check
 */

static const ShownRow *
row_in_slot(const Shown *shown, int slot)
{
	for (int i = 0; i < shown->n; i++)
	{
		if (shown->rows[i].slot == slot)
			return &shown->rows[i];
	}
	return NULL;
}

static bool
shown_twice(const Shown *shown)
{
	for (int i = 0; i < shown->n; i++)
	{
		if (row_in_slot(shown, shown->rows[i].slot) != &shown->rows[i])
			return true;
	}
	return false;
}

/* An old snapshot sees nothing of a table that was truncated. */
static bool
may_look_empty(const Shown *shown)
{
	return shown->n == 0 && me.isolation != READ_COMMITTED && load(&page_log->truncated[shown->table]) > me.began;
}

static void
find_all(Shown *shown, int nshown)
{
	check.n = 0;
	for (int i = 0; i < nshown; i++)
	{
		bool		all = shown[i].whole && !may_look_empty(&shown[i]);

		for (int slot = 0; slot < SLOTS; slot++)
		{
			const ShownRow *row = row_in_slot(&shown[i], slot);
			Found	   *found = &check.found[check.n];

			if (row == NULL && !all)
				continue;
			check.n++;
			found->table = shown[i].table;
			found->slot = slot;
			found->row = row;
			found->exact = row != NULL && row->token != 0;
			found->is = NULL;
			find_versions(&found->versions, shown[i].table, slot);
			set_all_visibility(&found->versions, shown[i].table, slot);
			if (row != NULL && !found->exact)
				match_region(found);
		}
	}
}

static bool
check_slots(void)
{
	for (int i = 0; i < check.n; i++)
	{
		Found	   *found = &check.found[i];
		bool		good;

		if (me.isolation != READ_COMMITTED && !check_same(found))
			return false;
		if (found->versions.own != NULL)
			good = check_own_row(found);
		else
			good = found->exact ? check_shown(found) : check_hidden(found);
		if (!good)
			return false;
	}
	return true;
}

static void
note_seen(int64_t moment)
{
	for (int i = 0; i < check.n; i++)
	{
		const Found *found = &check.found[i];

		if (found->exact && found->is != NULL && found->is->write != NULL)
			page_seen(found->is->txn, moment);
	}
}

/* A read has returned this: "shown" for each table in it. */
void
page_check(const PageRead *read, Shown *shown, int nshown, Window window)
{
	int64_t		returned = window.to;

	check.read = read;
	page_name(read, check.name, sizeof(check.name));
	if (me.isolation != READ_COMMITTED)
	{
		begin_snapshot();
		window.from = snapshot.window.from;
		if (snapshot.window.to < window.to)
			window.to = snapshot.window.to;
	}
	check.asked = check.window = window;
	for (int i = 0; i < nshown; i++)
	{
		if (shown_twice(&shown[i]))
		{
			violation("rows", "%s: a row of page_%d is shown twice", check.name, shown[i].table);
			return;
		}
	}
	copy_pending();
	find_all(shown, nshown);
	if (shown[0].count >= 0)
	{
		if (check.n > 0)
			check_count(shown);
		return;
	}
	if (check.n == 0 || !check_slots() || !find_moment() || !check_txns())
		return;
	note_seen(returned);
	if (me.isolation != READ_COMMITTED)
		end_snapshot();
}
