/*
 * versions.pml
 *	  The protocol of src/versions.c and src/lookup.c, for the model checker SPIN.
 *
 * Writers change one or both of two tables and commit or abort.  Readers fill
 * and hit one entry that depends on both tables.  An evictor drops it at any
 * time.  Every read and write of shared memory is a step of its own, so all
 * interleavings are searched.
 *
 * The claim: a read that begins after a commit was acknowledged, or after
 * anybody was shown what it wrote, does not return an older version (assertion
 * in hit).
 *
 * Broken on purpose, each of which must fail (see run.sh):
 *	  ONE_STAMP		finish does not stamp again
 *	  LATE_CLOCK	the clock is read after the snapshot is taken
 *	  EARLY_FINISH	pending is cleared before the commit is visible
 *	  NO_PENDING	settle does not look at pending
 *
 * IDENTIFICATION
 *	  test/model/versions.pml
 */

#define TABLES 2
#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef READERS
#define READERS 2
#endif

byte clock = 1;
byte seq[TABLES];
byte pending[TABLES];

byte visible[TABLES];			/* version a new snapshot sees */
byte known[TABLES];				/* highest version somebody was told of: its writer
								 * that it is committed, or a reader its content */

bool stored;					/* the entry: */
byte entry_seq[TABLES];
byte entry_version[TABLES];

/* advance the clock, then raise the slot to it: two steps */
inline stamp(t)
{
	atomic { clock++; now = clock };
	atomic {
		if
		:: seq[t] < now -> seq[t] = now
		:: else
		fi;
		now = 0
	}
}

inline announce(t)
{
	pending[t]++;
	stamp(t)
}

inline finish(t)
{
#ifndef ONE_STAMP
	stamp(t);
#endif
	pending[t]--
}

inline announce_all()
{
	if
	:: writes[0] -> announce(0)
	:: else
	fi;
	if
	:: writes[1] -> announce(1)
	:: else
	fi
}

inline finish_all()
{
	if
	:: writes[0] -> finish(0)
	:: else
	fi;
	if
	:: writes[1] -> finish(1)
	:: else
	fi
}

inline become_visible()
{
	/* leaving the ProcArray: all tables at once */
	d_step {
		if
		:: writes[0] -> visible[0]++; version[0] = visible[0]
		:: else
		fi;
		if
		:: writes[1] -> visible[1]++; version[1] = visible[1]
		:: else
		fi
	}
}

inline tell()
{
	d_step {
		if
		:: known[0] < version[0] -> known[0] = version[0]
		:: else
		fi;
		if
		:: known[1] < version[1] -> known[1] = version[1]
		:: else
		fi
	}
}

active [WRITERS] proctype writer()
{
	byte now;
	bool writes[TABLES];
	byte version[TABLES];

	if
	:: writes[0] = true
	:: writes[1] = true
	:: d_step { writes[0] = true; writes[1] = true }
	fi;

	announce_all();
#ifdef EARLY_FINISH
	finish_all();
	become_visible();
#else
	if
	:: become_visible()			/* commit */
	:: skip						/* abort */
	fi;
	finish_all();
#endif
	tell()
}

/* answer from the entry if every slot still has the stored seq */
inline hit()
{
	/* finding and pinning is one step: it is done under the partition lock */
	d_step {
		found = stored;
		pinned_seq[0] = entry_seq[0];
		pinned_seq[1] = entry_seq[1];
		pinned_version[0] = entry_version[0];
		pinned_version[1] = entry_version[1]
	};
	if
	:: found && seq[0] == pinned_seq[0] ->
		if
		:: seq[1] == pinned_seq[1] ->
			assert(pinned_version[0] >= before[0] && pinned_version[1] >= before[1])
		:: else -> found = false
		fi
	:: else -> found = false
	fi;
	d_step { pinned_seq[0] = 0; pinned_seq[1] = 0; pinned_version[0] = 0; pinned_version[1] = 0 }
}

inline take_snapshot()
{
	d_step { version[0] = visible[0]; version[1] = visible[1] }
}

inline settle(t)
{
	if
#ifndef NO_PENDING
	:: good && pending[t] != 0 -> good = false
	:: good && pending[t] == 0 ->
#else
	:: good ->
#endif
		settled[t] = seq[t];
		if
		:: settled[t] > since -> good = false
		:: else
		fi
	:: !good
	fi
}

inline fill()
{
#ifdef LATE_CLOCK
	take_snapshot();
	since = clock;
#else
	since = clock;
	take_snapshot();
#endif
	good = true;
	settle(0);
	settle(1);
	if
	:: good ->
		d_step {
			stored = true;
			entry_seq[0] = settled[0];
			entry_seq[1] = settled[1];
			entry_version[0] = version[0];
			entry_version[1] = version[1]
		}
	:: else
	fi;
	tell();
	d_step { since = 0; good = false; settled[0] = 0; settled[1] = 0; version[0] = 0; version[1] = 0 }
}

active [READERS] proctype reader()
{
	byte before[TABLES];		/* known when the read began */
	byte since;
	byte version[TABLES];
	byte settled[TABLES];
	byte pinned_seq[TABLES];
	byte pinned_version[TABLES];
	bool found;
	bool good;
	byte reads = 0;

	do
	:: reads < 2 ->
		d_step { before[0] = known[0]; before[1] = known[1]; reads++ };
		hit();
		if
		:: !found -> fill()
		:: else
		fi
	:: else -> break
	od
}

active proctype evictor()
{
	stored = false
}
