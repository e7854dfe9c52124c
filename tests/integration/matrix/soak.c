/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soak [COUNT [PERCENT [SEED]]]: COUNT handshakes of one process, in which
 * PERCENT of the exchanges with the card fail in a random way. Ends with 1, and
 * tells the round, unless
 * - the client takes a session where, and only where, the server took the
 *   client it knows;
 * - every handshake that no fault struck succeeds, whatever came before it;
 * - none hangs; and memory, descriptors, threads and channels do not grow.
 */
#include <dirent.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "operations.h"
#include "simulator.h"

/* Faults are planned for so many exchanges of a round: recovery has its own. */
#define PLANNED	  24
#define RULES_MAX 12

/* Where something is planned the limit of an operation is short. */
#define SHORT 500
#define LONG  60000
#define HANGS 120 /* seconds */

/* What the allocator may keep for itself: threads that have gone leave some. */
#define MEMORY_SLACK (96 * 1024)

/* A new handle, as programs that start and end. */
#define REOPEN_EVERY 50

enum manner { ANYWHERE, AT_SIGNATURE };

/* `%s` is an instruction of a signature, `%u` the exchange. */
static const struct kind {
	const char *name;
	enum manner manner;
	const char *rule;
	bool lasting; /* what was read wrongly is kept by the handle */
	bool other;   /* another SIM from then on */
} kinds[] = {
	{"SIM swapped", ANYWHERE, "swap@%u", true, true},
	{"port hang-up", ANYWHERE, "unplug@%u", false, false},
	{"silence", ANYWHERE, "silence@%u-%u", false, false},
	{"noise on the line", ANYWHERE, "garble@%u-%u", false, false},
	{"garbage", ANYWHERE, "garbage@%u-%u", true, false},
	{"one wrong digit", ANYWHERE, "digit@%u-%u", true, false},
	{"URC storm", ANYWHERE, "storm@%u-%u", false, false},
	{"card reset", ANYWHERE, "card-reset@%u-%u", false, false},
	{"modem reset", ANYWHERE, "modem-reset@%u-%u", false, false},
	{"channel lost", ANYWHERE, "channel-lost@%u-%u", false, false},
	{"SIM removed", ANYWHERE, "pull@%u", false, false},
	{"half an answer", ANYWHERE, "half@%u-%u", false, false},
	{"an answer cut short", ANYWHERE, "truncate@%u-%u", false, false},
	{"busy for a moment", AT_SIGNATURE, "cme=%s:14@1-1", false, false},
	{"6F00", AT_SIGNATURE, "sw=%s:6F00@1-1", false, false},
	{"a corrupted signature", AT_SIGNATURE, "flip-signature@1-1", false,
	 false},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct {
	unsigned long count, percent, seed;
	uint64_t random;
	unsigned long round;
	char plan[512];
	bool lasting, other;
	/* What came of it. */
	unsigned long opened, refused, struck, channels;
	unsigned long planned[KINDS];
	unsigned long codes[40];
} soak = {.count = 10000, .percent = 1, .seed = 1};

/* xorshift64 (Marsaglia 2003): the same faults for the same seed. */
static uint64_t random_number(void)
{
	soak.random ^= soak.random << 13;
	soak.random ^= soak.random >> 7;
	soak.random ^= soak.random << 17;
	return soak.random;
}

static void add_rule(size_t *size, unsigned exchange)
{
	static const char *const of_signature[] = {"2A", "2B", "C0"};
	size_t index = random_number() % KINDS;
	const struct kind *kind = &kinds[index];
	char *at = soak.plan + *size;
	size_t room = sizeof(soak.plan) - *size;

	if (*size) {
		*at++ = ',';
		room--;
		++*size;
	}
	soak.planned[index]++;
	soak.lasting |= kind->lasting;
	soak.other |= kind->other;
	if (kind->manner == AT_SIGNATURE)
		*size += (size_t)snprintf(at, room, kind->rule,
					  of_signature[random_number() % 3]);
	else
		*size += (size_t)snprintf(at, room, kind->rule, exchange,
					  exchange);
}

/* What will go wrong in this round, if it comes so far. */
static void make_plan(bool full)
{
	size_t size = 0;
	int rules = 0;

	soak.plan[0] = '\0';
	/* A card whose channels got lost is reset by somebody in the end. */
	if (full) {
		size = (size_t)snprintf(soak.plan, sizeof(soak.plan),
					"card-reset@1-1");
		rules++;
	}
	for (unsigned i = 1; i <= PLANNED && rules < RULES_MAX; i++) {
		if (random_number() % 100 >= soak.percent)
			continue;
		add_rule(&size, i);
		rules++;
	}
}

static _Noreturn void fail(const char *what)
{
	printf("round %lu of seed %lu: %s (faults: %s): %s\n", soak.round,
	       soak.seed, what, soak.plan, iotsafe_last_error());
	exit(1);
}

static void hangs(int signal)
{
	static const char words[] = "soak: a handshake hangs\n";

	(void)signal;
	if (write(STDOUT_FILENO, words, sizeof(words) - 1) < 0)
		_exit(2);
	_exit(1);
}

/* ---- what must not grow ---- */

struct size {
	size_t memory;
	int descriptors, threads;
};

static int entries(const char *path)
{
	DIR *folder = opendir(path);
	int count = 0;

	if (!folder)
		give_up(path);
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static struct size look(void)
{
	return (struct size){mallinfo2().uordblks, entries("/proc/self/fd"),
			     entries("/proc/self/task")};
}

static void compare(struct size before, struct size after)
{
	if (after.memory > before.memory + MEMORY_SLACK) {
		printf("memory grew from %zu to %zu bytes\n", before.memory,
		       after.memory);
		exit(1);
	}
	if (after.descriptors != before.descriptors ||
	    after.threads != before.threads) {
		printf("%d descriptors and %d threads became %d and %d\n",
		       before.descriptors, before.threads, after.descriptors,
		       after.threads);
		exit(1);
	}
}

/* ---- rounds ---- */

static void reopen(struct simulator *sim, struct subject *subject)
{
	simulator_faults(sim, "");
	subject_close(subject);
	if (subject_open(subject) < 0)
		fail("the card cannot be opened");
}

/* The identity of the SIM that is in the modem now. */
static void look_again(struct subject *subject)
{
	struct original *original = subject->original;
	const struct identity ca = original->ca, server = original->server;

	original_free(original);
	*original = (struct original){.ca = ca, .server = server};
	original_read(original, subject->address);
}

static void judge(const struct subject *subject, int result, bool struck)
{
	if (subject->opened != subject->accepted)
		fail(subject->opened ? "the client took a session that the "
				       "server had refused"
				     : "the server took a session that the "
				       "client had refused");
	if (!subject->opened && !struck)
		fail("no fault, and no session");
	soak.struck += struck;
	if (subject->opened)
		soak.opened++;
	else
		soak.refused++;
	if (result < 0 && -result < 40)
		soak.codes[-result]++;
}

static void run_round(struct simulator *sim, struct subject *subject,
		      bool *full)
{
	static const char *const versions[] = {
		"NORMAL:-VERS-ALL:+VERS-TLS1.3",
		"NORMAL:-VERS-ALL:+VERS-TLS1.2",
	};
	bool struck;
	int result;

	soak.lasting = soak.other = false;
	make_plan(*full);
	subject->polling = random_number() % 2;
	subject->priority = versions[random_number() % 2];
	iotsafe_card_set_timeout(subject->card, soak.plan[0] ? SHORT : LONG);
	simulator_faults(sim, soak.plan);
	alarm(HANGS);
	result = subject_handshake(subject);
	alarm(0);
	struck = simulator_count(sim, "struck") > 0;
	judge(subject, result, struck);
	if (struck && soak.lasting)
		reopen(sim, subject);
	if (struck && soak.other)
		look_again(subject);
	*full = struck && simulator_count(sim, "channels") > 1;
	soak.channels += *full;
}

static void progress(bool now)
{
	static time_t last;
	time_t seconds = time(NULL);

	if (!now && seconds < last + 2)
		return;
	last = seconds;
	printf("%lu of %lu handshakes, %lu met a fault, %lu failed for it\n",
	       soak.round, soak.count, soak.struck, soak.refused);
	fflush(stdout);
}

static void figures(struct size before, struct size after, time_t seconds)
{
	for (size_t i = 0; i < KINDS; i++)
		printf("%6lu x %s\n", soak.planned[i], kinds[i].name);
	for (int i = 0; i < 40; i++)
		if (soak.codes[i])
			printf("%6lu x %s\n", soak.codes[i],
			       iotsafe_error_name(-i));
	printf("%lu handshakes in %ld s, seed %lu: %lu met a fault, %lu "
	       "failed for it, 0 accepted wrongly, 0 hung; memory %+ld bytes, "
	       "descriptors %+d, threads %+d; %lu times the card lost track "
	       "of its channels\n",
	       soak.count, (long)seconds, soak.seed, soak.struck, soak.refused,
	       (long)(after.memory - before.memory),
	       after.descriptors - before.descriptors,
	       after.threads - before.threads, soak.channels);
}

static void run(struct simulator *sim, struct subject *subject)
{
	unsigned long warm = soak.count / 5;
	struct size before = {0}, after;
	time_t start = time(NULL);
	bool full = false;

	if (subject_open(subject) < 0)
		fail("the card cannot be opened");
	for (soak.round = 1; soak.round <= soak.count; soak.round++) {
		run_round(sim, subject, &full);
		if (soak.round % REOPEN_EVERY == 0 || soak.round == warm)
			reopen(sim, subject);
		if (soak.round == warm)
			before = look();
		progress(false);
	}
	reopen(sim, subject);
	after = look();
	compare(before, after);
	subject_close(subject);
	figures(before, after, time(NULL) - start);
}

static void read_words(int argc, char **argv)
{
	unsigned long *const numbers[] = {&soak.count, &soak.percent,
					  &soak.seed};

	for (int i = 1; i < argc && i <= 3; i++)
		*numbers[i - 1] = strtoul(argv[i], NULL, 10);
	if (argc > 4 || soak.count < 5 || soak.percent > 100 || !soak.seed) {
		fprintf(stderr, "usage: soak [COUNT [PERCENT [SEED]]]\n");
		exit(2);
	}
	/* Small seeds take a while to look random. */
	soak.random = soak.seed * 0x9E3779B97F4A7C15U;
}

int main(int argc, char **argv)
{
	struct original original = {.list = ""};
	struct server server;
	struct subject subject = {.original = &original, .server = &server};
	struct simulator sim;
	char address[160];

	read_words(argc, argv);
	signal(SIGALRM, hangs);
	mallopt(M_ARENA_MAX, 1);
	original.ca =
		identity_make((struct identity_wish){.name = "CA", .ca = true});
	original.server =
		identity_make((struct identity_wish){.name = "server",
						     .issuer = &original.ca,
						     .dns = "server.example"});
	server_start(&server);
	simulator_start(&sim, NULL);
	snprintf(address, sizeof(address), "at:%s?interface=csim&timeout=%d",
		 sim.link, LONG);
	original_read(&original, address);
	subject.address = address;
	run(&sim, &subject);
	original_free(&original);
	identity_free(&original.ca);
	identity_free(&original.server);
	simulator_stop(&sim);
	server_stop(&server);
	return 0;
}
