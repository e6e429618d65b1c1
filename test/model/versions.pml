/*
 * versions.pml
 *	  The protocol of src/versions.c, src/mark.c, src/prepared.c, src/snapshot.c
 *	  and src/lookup.c, for the model checker SPIN.
 *
 * Two writers change one or both of two tables and commit, abort or prepare.
 * Two readers share one entry: a query that reads table 0 and, depending on what
 * it finds there, table 1 as well.  A reader's snapshot is new for every read
 * (READ COMMITTED) or was taken before (REPEATABLE READ, a cursor, ...).  Every
 * read and write of shared memory is a step of its own, so all interleavings
 * are searched.
 *
 * The claim (WRONG, and the assertions in hit): what a read finds in the cache is
 *	  with a new snapshot	not older than what was visible to anybody when the read
 *							began, be it acknowledged or not
 *	  with an old snapshot	what this snapshot sees, neither older nor newer
 *	  with verification		what a snapshot sees that is taken after the entry was
 *							found and before it was checked
 *
 * Parts of the model:
 *	  OLD_SNAPSHOTS	readers with old snapshots.  FILLER and HITTER tell which:
 *					0 new, 1 old, 2 both are tried
 *	  ELSEWHERE		other transactions come and go.  That is tried where it lets a
 *					snapshot pass most easily: just before it is taken.
 *	  OLD_ONE		another transaction runs from the beginning
 *	  PREPARED		a writer may be prepared, and is then finished by others
 *	  CATALOG		table 1 is a catalog: seen by invalidation messages, not by
 *					snapshot
 *	  VERIFY		a hit is compared with the query run again
 *	  ORDERS		a writer stamps its tables in any order
 *	  EVICTION		the entry is dropped at any time
 *	  READS			every reader may hit and fill, so many times.  Without it
 *					one reader fills and the other hits, once: a fill writes
 *					nothing but the entry and a hit nothing at all, so a wrong
 *					hit needs no more than the fill that stored what it found.
 *					That makes the search so much smaller that the other parts can
 *					be added.
 *	  WRITERS		their number, 2 if not set
 *
 * Broken on purpose, each of which must fail (see run.sh):
 *	  ONE_STAMP		finish does not stamp again
 *	  LATE_CLOCK	the clock is read after the snapshot is taken
 *	  MESSAGES_FIRST	the clock is read after messages are accepted
 *	  EARLY_FINISH	pending is cleared before the commit is visible
 *	  UNSENT_FINISH	pending is cleared before messages are sent
 *	  EARLY_REAP	the slots of a prepared transaction are finished as soon as
 *					they are handed over
 *	  LOCKED_REAP	... when it is visible, but before its locks are released
 *	  EARLY_DRAW	the clock is advanced before pending is raised
 *	  NO_PENDING	settle does not look at pending
 *	  EARLY_DEPS	dependencies are those known before the computation
 *	  LATE_LAST_XID	last_xid is raised after pending is cleared
 *	  LATE_VISIBLE_XID	visible_xid is raised after pending is cleared
 *	  EARLY_VISIBLE_XID	visible_xid is read before the commit is visible
 *	  UNSEEN_HIT	a hit does not ask whether the old snapshot sees the entry
 *	  UNPINNED_HIT	... asks before the entry is found
 *	  UNSEEN_FILL	a fill does not ask whether the old snapshot sees the result
 *	  UNTIMED_FILL	... reads the clock after it has settled: that the old snapshot sees a
 *					slot says nothing of a writer that is not finished
 *	  EARLY_VERIFY	the entry is checked before the snapshot is taken
 *
 * Not broken, although the code does it otherwise:
 *	  XID_AFTER_SEQ	last_xid is raised after the first stamp.  Nothing is stored
 *					before pending is cleared, so only that must come later.
 *
 * IDENTIFICATION
 *	  test/model/versions.pml
 */

#define TABLES 2
#define READERS 2
#define STAMPERS 3				/* two writers and the reaper */
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef FILLER
#define FILLER 2
#endif
#ifndef HITTER
#define HITTER 2
#endif

#define RAISE(var, value) if :: (var) < (value) -> var = (value) :: else fi

/*
 * Shared memory
 */

byte clock = 1;
byte seq[TABLES] = 1;
byte pending[TABLES];
#ifdef OLD_SNAPSHOTS
byte last_xid[TABLES];
byte visible_xid[TABLES];
#endif

bool stored;					/* the entry: */
byte entry_since;				/* 0: of no matter, since it is out of date */
byte entry_version[TABLES];		/* 0 for a table that was not read */

#ifdef PREPARED
byte prepared;					/* the list of src/prepared.c, for one: */
#define HANDED_OVER 1
#define VISIBLE 2				/* or gone */
#define RELEASED 3				/* so are its locks */
bool prepared_table, prepared_both;
byte prepared_xid;
#endif

/*
 * PostgreSQL
 */

byte visible[TABLES];			/* version a new snapshot sees */
#ifdef CATALOG
byte sent;						/* version of table 1 that messages tell of */
#endif
#ifdef OLD_SNAPSHOTS
byte next_xid = 1;
byte running;					/* a bit for every XID */
byte completed;					/* highest XID that has ended */
byte ended;						/* number of XIDs that have ended */
#endif

/*
 * The search
 */

/* Private to a process, but to be renumbered. */
byte drawn[STAMPERS * TABLES];	/* clock reading not yet in the slot */
byte since[READERS];
byte found_since[READERS];		/* the entry's */

bool flip;						/* is table 1 read at even versions of table 0? */
byte writers_begun;				/* like processes begin in their order; the other
								 * orders are the same with other names */
bool pinned;					/* a hit is being checked */
bool over;						/* nothing can be hit any more, so writers and
								 * fills stop */

#ifdef READS
#define STOP skip
#else
#define STOP over = true
#endif

/* What the query reads, and what is known of it when the result is stored */
#define READS_BOTH(version0) (((version0) + flip) & 1)
#ifdef EARLY_DEPS
#define DEPENDS_ON_BOTH(version0) false
#else
#define DEPENDS_ON_BOTH(version0) READS_BOTH(version0)
#endif

#define OUT_OF_DATE \
	(seq[0] > entry_since || (DEPENDS_ON_BOTH(entry_version[0]) && seq[1] > entry_since))

/*
 * Clock readings are only compared: the seq of a slot, and those drawn for it,
 * with each other and with the clock readings of readers and of the entry.  So
 * they are replaced by small numbers in the same order: readings by multiples of
 * BAND, what lies between two of them by the numbers between.
 */
c_code {
#define BAND 8
#define READINGS (1 + 2 * READERS)

static int	nreadings;
static unsigned char reading_was[READINGS];
static unsigned char reading_is[READINGS];

static void
renumber_readings(unsigned char *cells, int n)
{
	for (int i = 0; i < n; i++)
		reading_was[nreadings++] = cells[i];
}

/* the reading that a stamp comes after */
static int
band(int value)
{
	int			result = 0;

	for (int i = 0; i < READINGS; i++)
		if (reading_was[i] && reading_was[i] < value && reading_is[i] > result)
			result = reading_is[i];
	return result;
}

static void
renumber(void)
{
	nreadings = 0;
	renumber_readings(now.since, READERS);
	renumber_readings(now.found_since, READERS);
	renumber_readings(&now.entry_since, 1);
	now.clock = 1;
	for (int i = 0; i < READINGS; i++)
	{
		int			rank = 1;

		for (int j = 0; j < READINGS; j++)
		{
			int			first = 1;

			for (int k = 0; k < j; k++)
				first = first && reading_was[k] != reading_was[j];
			rank += first && reading_was[j] && reading_was[j] < reading_was[i];
		}
		reading_is[i] = reading_was[i] ? rank * BAND : 0;
		if (reading_is[i] > now.clock)
			now.clock = reading_is[i];
	}
	for (int r = 0; r < READERS; r++)
	{
		now.since[r] = reading_is[r];
		now.found_since[r] = reading_is[READERS + r];
	}
	now.entry_since = reading_is[2 * READERS];

	for (int t = 0; t < TABLES; t++)
	{
		unsigned char *cell[1 + STAMPERS] = {&now.seq[t]};
		int			was[1 + STAMPERS] = {now.seq[t]};
		int			n = 1;

		for (int s = 0; s < STAMPERS; s++)
		{
			if (now.drawn[s * TABLES + t])
			{
				cell[n] = &now.drawn[s * TABLES + t];
				was[n++] = now.drawn[s * TABLES + t];
			}
		}
		for (int i = 0; i < n; i++)
		{
			*cell[i] = band(was[i]) + 1;
			for (int j = 0; j < n; j++)
				*cell[i] += was[j] < was[i] && band(was[j]) == band(was[i]);
			if (*cell[i] > now.clock)
				now.clock = *cell[i];
		}
	}
}
}

/*
 * Writers.  "t" is the table at work, "more" tells that the other one follows.
 */

inline next_table()
{
	if
	:: more -> more = false; t = 1 - t
	:: else -> break
	fi
}

/* advance the clock, then raise the slot to it: two steps */
inline draw()
{
	d_step { !over; clock++; drawn[me * TABLES + t] = clock; c_code { renumber(); } }
}

inline raise_seq()
{
	d_step {
		RAISE(seq[t], drawn[me * TABLES + t]);
		drawn[me * TABLES + t] = 0;
		if
		:: OUT_OF_DATE -> entry_since = 0
		:: else
		fi;
		c_code { renumber(); };
#ifndef READS
		if
		:: stored && !pinned && OUT_OF_DATE -> STOP
		:: else
		fi
#endif
	}
}

inline stamp()
{
	draw();
	raise_seq()
}

inline raise_last_xid()
{
#ifdef OLD_SNAPSHOTS
	d_step { RAISE(last_xid[t], xid) }
#else
	skip
#endif
}

inline raise_visible_xid()
{
#ifdef OLD_SNAPSHOTS
	d_step { RAISE(visible_xid[t], next) }
#else
	skip
#endif
}

inline read_next_xid()
{
#ifdef OLD_SNAPSHOTS
	next = next_xid
#else
	skip
#endif
}

inline announce()
{
	do
	::
#ifdef EARLY_DRAW
		draw();
#endif
		pending[t]++;
#if !defined(XID_AFTER_SEQ) && !defined(LATE_LAST_XID)
		raise_last_xid();
#endif
#ifndef EARLY_DRAW
		draw();
#endif
		raise_seq();
#ifdef XID_AFTER_SEQ
		raise_last_xid();
#endif
		next_table()
	od
}

inline finish()
{
	do
	::
#ifndef LATE_VISIBLE_XID
		raise_visible_xid();
#endif
#ifndef ONE_STAMP
		stamp();
#endif
#ifdef LATE_LAST_XID
		pending[t]--;
		raise_last_xid();
		next_table()
#elif defined(LATE_VISIBLE_XID)
		pending[t]--;
		raise_visible_xid();
		next_table()
#else
		atomic { pending[t]--; next_table() }
#endif
	od
}

inline begin_transaction()
{
#ifdef OLD_SNAPSHOTS
	xid = next_xid;
	running = running | (1 << xid);
	next_xid++
#else
	skip
#endif
}

/* leave the ProcArray */
inline end_transaction()
{
#ifdef OLD_SNAPSHOTS
	running = running & ~(1 << xid);
	RAISE(completed, xid);
	ended++
#else
	skip
#endif
}

/* all tables at once */
inline become_visible()
{
	d_step {
		!over;
		visible[t]++;
		if
		:: more -> visible[1 - t]++
		:: else
		fi;
#ifdef CATALOG
		if
		:: t == 1 || more -> message = visible[1]
		:: else
		fi;
#endif
		end_transaction()
	}
}

inline be_gone()
{
	d_step { !over; end_transaction() }
}

inline send_messages()
{
#ifdef CATALOG
	d_step { RAISE(sent, message) }
#else
	skip
#endif
}

proctype writer(byte me)
{
	byte xid, next, message;
	bool t, more, first, both;

	atomic {
		writers_begun == me -> writers_begun++;
		begin_transaction();
		if
		:: t = 0
		:: t = 1
		:: more = true
#ifdef ORDERS
		:: t = 1; more = true
#endif
		fi;
		first = t;
		both = more
	};
	announce();						/* PRE_COMMIT, PRE_PREPARE */
	if
	::
#ifdef EARLY_FINISH
		atomic { t = first; more = both; read_next_xid() };
		finish();
#endif
#ifdef EARLY_VISIBLE_XID
		read_next_xid();
#endif
		atomic { t = first; more = both };
		if
		:: become_visible()			/* commit */
		:: be_gone()				/* abort */
		fi;
#ifndef UNSENT_FINISH
		send_messages();
#endif
#ifndef EARLY_FINISH
#ifndef EARLY_VISIBLE_XID
		read_next_xid();
#endif
		finish();					/* release of locks */
#endif
#ifdef UNSENT_FINISH
		send_messages();
#endif
#ifdef PREPARED
	:: d_step {						/* PREPARE */
			prepared == 0 -> prepared = HANDED_OVER;
			prepared_table = first;
			prepared_both = both;
			prepared_xid = xid
		}
#endif
	fi;
	atomic { xid = 0; next = 0; message = 0; t = 0; first = 0; both = 0 }
}

#ifdef PREPARED
/* COMMIT PREPARED or ROLLBACK PREPARED, by whomever */
proctype finisher()
{
	byte xid, message;
	bool t, more;

	d_step { prepared == HANDED_OVER -> t = prepared_table; more = prepared_both; xid = prepared_xid };
	if
	:: become_visible()
	:: be_gone()
	fi;
	prepared = VISIBLE;
	send_messages();
	d_step { prepared = RELEASED; t = 0; more = 0; xid = 0; message = 0 }
}

/* whoever notices */
proctype reaper(byte me)
{
	byte next;
	bool t, more;

	d_step {
#if defined(EARLY_REAP)
		prepared >= HANDED_OVER
#elif defined(LOCKED_REAP)
		prepared >= VISIBLE
#else
		prepared == RELEASED
#endif
		-> t = prepared_table; more = prepared_both
	};
	read_next_xid();
	finish();
	atomic { t = 0; next = 0 }
}
#endif

#ifdef OLD_ONE
proctype old_one()
{
	byte xid;

	d_step { xid = 1; end_transaction(); xid = 0 }
}
#endif

/*
 * Readers.  "good" tells that no check has failed yet, "both" that the result
 * depends on both tables.
 */

/* What the query returns */
inline compute()
{
	version[0] = visible[0];
	if
	:: !READS_BOTH(version[0]) -> version[1] = 0
#ifdef CATALOG
	:: READS_BOTH(version[0]) -> version[1] = catalog	/* it was cached */
#endif
	:: READS_BOTH(version[0]) -> version[1] = visible[1]
	fi
}

inline take_old_snapshot()
{
#ifdef OLD_SNAPSHOTS
#ifdef ELSEWHERE
	if
	:: begin_transaction(); end_transaction(); xid = 0
	:: skip
	fi;
#endif
	xmax = completed + 1;
	xmin = 1;
	do
	:: xmin < xmax && !(running & (1 << xmin)) -> xmin++
	:: else -> break
	od;
	snapshot_ended = ended;
	compute()
#else
	false
#endif
}

/* Does the old snapshot see all that was announced for a slot? */
inline sees(table)
{
	if
	:: last_xid[table] < xmin
	:: else ->
		atomic {
			if
			:: visible_xid[table] < xmax
			:: else -> good = false
			fi
		}
	fi
}

/* ... for all, or else is it the same as one taken now? */
inline sees_all()
{
#ifdef OLD_SNAPSHOTS
	if
	:: good && old ->
		sees(0);
		if
		:: good && both -> sees(1)
		:: else
		fi;
		atomic {
			if
			:: !good && ended == snapshot_ended -> good = true
			:: else
			fi
		}
	:: else
	fi
#else
	skip
#endif
}

inline check_seq(table)
{
	atomic {
		if
		:: good && seq[table] > found_since[me] -> good = false
		:: else
		fi
	}
}

inline check_entry()
{
	check_seq(0);
	if
	:: both -> check_seq(1)
	:: else
	fi
}

/*
 * May the entry not be the answer?  With a new snapshot a read may have begun
 * just now, when it finds the entry.
 */
#define DIFFERS(op) \
	(entry_version[0] op visible[0] || (READS_BOTH(entry_version[0]) && entry_version[1] op visible[1]))
#ifdef OLD_SNAPSHOTS
#define WRONG \
	((old && (entry_version[0] != version[0] || entry_version[1] != version[1])) || (!old && DIFFERS(<)))
#else
#define WRONG DIFFERS(<)
#endif

/* finding and pinning is one step: it is done under the partition lock */
inline pin()
{
	pinned = true;
	found_since[me] = entry_since;
	both = DEPENDS_ON_BOTH(entry_version[0]);
	good = true
}

#ifdef VERIFY

inline hit()
{
	d_step {
		stored -> pin();
		version[0] = entry_version[0];
		version[1] = entry_version[1]
	};
#ifdef EARLY_VERIFY
	check_entry();
#endif
	/* take a snapshot, and stop if it agrees */
	atomic { version[0] != visible[0] || (READS_BOTH(version[0]) && version[1] != visible[1]) };
#ifndef EARLY_VERIFY
	check_entry();
#endif
	assert(!good)
}

#else

/* answer from the entry if it may be; only what would be wrong is followed */
inline hit()
{
#ifdef UNPINNED_HIT
	atomic { good = true; both = READS_BOTH(version[0]) };
	sees_all();
	d_step { good && stored && WRONG && !OUT_OF_DATE -> pin() };
#else
	d_step { stored && WRONG && !OUT_OF_DATE -> pin() };
#ifndef UNSEEN_HIT
	sees_all();
#endif
#endif
	check_entry();
	assert(!good)
}

#endif

#ifdef UNTIMED_FILL
#define IN_TIME(table) (old || seq[table] <= since[me])
#else
#define IN_TIME(table) (seq[table] <= since[me])
#endif

inline settle(table)
{
#ifndef NO_PENDING
	atomic {
		if
		:: good && pending[table] != 0 -> good = false
		:: else
		fi
	};
#endif
	atomic {
		if
		:: good && !IN_TIME(table) -> good = false
		:: else
		fi
	}
}

inline read_clock()
{
	d_step { !over; since[me] = clock; c_code { renumber(); } }
}

inline accept_messages()
{
#ifdef CATALOG
	catalog = sent
#else
	skip
#endif
}

inline fill()
{
#ifdef MESSAGES_FIRST
	accept_messages();
#endif
#ifndef LATE_CLOCK
	read_clock();
#endif
#ifndef MESSAGES_FIRST
	accept_messages();
#endif
	atomic {
		if
		:: old
		:: !old -> compute()
		fi;
		good = true;
		both = DEPENDS_ON_BOTH(version[0])
	};
#ifdef LATE_CLOCK
	read_clock();
#endif
	settle(0);
	if
	:: both -> settle(1)
	:: else
	fi;
#ifdef UNTIMED_FILL
	if
	:: old -> read_clock()
	:: else
	fi;
#endif
#ifndef UNSEEN_FILL
	sees_all();
#endif
	d_step {
		if
		:: good ->
			stored = true;
			entry_since = since[me];
			entry_version[0] = version[0];
			entry_version[1] = version[1]
		:: else
		fi;
		if
		:: !good || OUT_OF_DATE -> entry_since = 0; STOP
		:: else
		fi;
		since[me] = 0;
		c_code { renumber(); }
	}
}

inline forget()
{
	good = false;
	both = false;
	found_since[me] = 0;
#ifdef CATALOG
	catalog = 0;
#endif
	if
	:: !old -> version[0] = 0; version[1] = 0
	:: else
	fi
}

proctype reader(byte me; bool old)
{
	bool good, both;
	byte version[TABLES];
#ifdef OLD_SNAPSHOTS
	byte xid, xmin, xmax, snapshot_ended;
#endif
#ifdef CATALOG
	byte catalog;
#endif

	if
	:: old -> atomic { take_old_snapshot() }
	:: else
	fi;
#ifdef READS
	byte reads;

	do
	:: reads < READS ->
		reads++;
		if
		:: hit()
		:: fill()
		fi;
		atomic { forget() }
	:: else -> break
	od
#else
	if
	:: me == 0 -> fill()
	:: me == 1 -> hit(); STOP
	fi;
	atomic { forget() }
#endif
}

#ifdef EVICTION
proctype evictor()
{
	/* a pinned one stays: the reader has its own copy here */
	d_step {
		stored -> stored = false;
		entry_since = 0;
		entry_version[0] = 0;
		entry_version[1] = 0;
		if
		:: !pinned -> STOP
		:: else
		fi
	}
}
#endif

init
{
	atomic {
		if
		:: flip = false
		:: flip = true
		fi;
#ifdef OLD_ONE
		running = 1 << next_xid;
		next_xid++;
		run old_one();
#endif
		run writer(0);
#if WRITERS > 1
		run writer(1);
#endif
#ifdef PREPARED
		run finisher();
		run reaper(2);
#endif
#ifdef EVICTION
		run evictor();
#endif
#ifdef OLD_SNAPSHOTS
		if
		:: FILLER != 1 -> run reader(0, false)
		:: FILLER != 0 -> run reader(0, true)
		fi;
		if
		:: HITTER != 1 -> run reader(1, false)
		:: HITTER != 0 -> run reader(1, true)
		fi;
#else
		run reader(0, false);
		run reader(1, false);
#endif
	}
}
