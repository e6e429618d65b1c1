/*
 * hazard.pml
 *	  How an entry is pinned without a lock and freed when it is unlinked
 *	  (src/store_hazard.c, src/store_index.c), for the model checker SPIN.
 *
 * One bucket with one entry, in one of three blocks of memory.  Two backends
 * replace it or take it out, and free what is not in use; two readers look for it.
 * Every read and write of shared memory is a step of its own.  A freed block is
 * used again for another entry.
 *
 * The claim: a block that a reader uses is not freed, and at the end nothing waits
 * to be freed but what is linked.  Memory is taken to be sequentially consistent;
 * that the barriers make it so is argued in the code.
 *
 * Broken on purpose, each of which must fail (see run.sh):
 *	  ADVANCE_FIRST	the version is advanced before the entry is unlinked
 *	  SCAN_FIRST	hazard pointers are read before the version is advanced
 *	  NO_RECHECK	a reader does not look at the version again
 *	  EARLY_RECHECK	... looks before it writes its hazard pointer
 *	  NO_RESCAN		what was in use is put in the limbo and not looked at again
 *
 * IDENTIFICATION
 *	  test/model/hazard.pml
 */

#define READERS 2
#define UNLINKERS 2
#define BLOCKS 3

byte head = 1;					/* the block of the linked entry, + 1; 0 = none */
byte version;
byte hazard[READERS];			/* block + 1 */
bool unlinked[BLOCKS];			/* the flag in the entry */
bool limbo[BLOCKS];
bool taken[BLOCKS];				/* by an entry, else free */
byte uses[BLOCKS];				/* readers that rely on it; not in the code */
bool locked;					/* the partition's lock */
bool limbo_locked;
byte done;

inline free_block(b)
{
	d_step { assert(uses[b] == 0); taken[b] = false; unlinked[b] = false }
}

/* sets busy */
inline scan(b)
{
	busy = false;
	r = 0;
	do
	:: r < READERS -> atomic { busy = busy || hazard[r] == b + 1; r++ }
	:: else -> r = 0; break
	od
}

inline reap()
{
	atomic { !limbo_locked -> limbo_locked = true };
	i = 0;
	do
	:: i < BLOCKS && limbo[i] ->
		scan(i);
		if
		:: !busy -> limbo[i] = false; free_block(i)
		:: else
		fi;
		i++
	:: i < BLOCKS && !limbo[i] -> i++
	:: else -> i = 0; break
	od;
	atomic { limbo_locked = false; busy = false }
}

proctype unlinker()
{
	byte old, new, i, r;
	bool busy;

	atomic { !locked -> locked = true };
	old = head;
	if
	:: new = 0					/* take out */
	:: d_step {					/* replace */
			!taken[0] || !taken[1] || !taken[2] ->
			if
			:: !taken[0] -> new = 1
			:: taken[0] && !taken[1] -> new = 2
			:: else -> new = 3
			fi;
			taken[new - 1] = true
		}
	fi;
#ifdef ADVANCE_FIRST
	version++;
#endif
#ifdef SCAN_FIRST
	if
	:: old != 0 -> scan(old - 1)
	:: else
	fi;
#endif
	head = new;
	if
	:: old != 0 -> unlinked[old - 1] = true
	:: else
	fi;
#ifndef ADVANCE_FIRST
	version++;
#endif
	locked = false;

	if
	:: old != 0 ->
		old--;
#ifndef SCAN_FIRST
		scan(old);
#endif
		if
		:: !busy -> free_block(old)
		:: else ->
			limbo[old] = true;
#ifndef NO_RESCAN
			reap()
#endif
		fi
	:: else
	fi;
	atomic { old = 0; new = 0; busy = false; done++ }
}

proctype reader(byte me)
{
	byte v, b, i, r;
	bool busy, flag;

again:
	v = version;
	b = head;
	if
	:: b == 0 ->
		if
		:: version == v -> goto out
		:: else -> goto again
		fi
	:: else
	fi;
#ifdef EARLY_RECHECK
	if
	:: version != v -> goto again
	:: else
	fi;
#endif
	hazard[me] = b;
#if !defined(NO_RECHECK) && !defined(EARLY_RECHECK)
	if
	:: version != v ->
		hazard[me] = 0;
		reap();
		goto again
	:: else
	fi;
#endif
	d_step { assert(taken[b - 1]); uses[b - 1]++ };
	flag = unlinked[b - 1];
	uses[b - 1]--;
	hazard[me] = 0;
	if
	:: flag -> reap()
	:: else
	fi;
out:
	atomic { v = 0; b = 0; flag = false; done++ }
}

/* Whoever comes later frees what is left. */
proctype sweeper()
{
	byte i, r;
	bool busy;

	done == READERS + UNLINKERS;
#ifndef NO_RESCAN
	reap();
#endif
	assert(!limbo[0] && !limbo[1] && !limbo[2]);
	assert(taken[0] + taken[1] + taken[2] == (head != 0))
}

init
{
	atomic {
		taken[0] = true;
		run unlinker();
		run unlinker();
		run reader(0);
		run reader(1);
		run sweeper()
	}
}
