/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Processes that share one modem (share=yes), with the software SIM behind a
 * pseudo-terminal: their signatures, their order, and how they are killed. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <iotsafe/iotsafe.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS	   8
#define SIGNATURES 100

static char folder[] = "/tmp/iotsafe-share-XXXXXX";
static pid_t sim;

/* The program on a pseudo-terminal, when it says that it is ready. */
static void start_sim(void)
{
	char modem[100], log[100], line[200] = "";
	int out[2];

	snprintf(modem, sizeof(modem), "%s/modem", folder);
	snprintf(log, sizeof(log), "%s/log", folder);
	cr_assert(!pipe(out));
	sim = fork();
	if (!sim) {
		dup2(out[1], STDOUT_FILENO);
		execl(getenv("IOTSAFE_SIM"), "iotsafe-sim", "--pty", modem,
		      "--log", log, NULL);
		_exit(127);
	}
	close(out[1]);
	cr_assert(read(out[0], line, sizeof(line) - 1) > 0);
	cr_assert(!strncmp(line, "ready ", 6), "%s", line);
	close(out[0]);
}

static void set_up(void)
{
	cr_assert(mkdtemp(folder));
	setenv("XDG_RUNTIME_DIR", folder, 1);
	start_sim();
}

static void tear_down(void)
{
	char command[100];

	kill(sim, SIGTERM);
	waitpid(sim, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect(system(command) == 0);
}

TestSuite(share, .init = set_up, .fini = tear_down, .timeout = 300);

static const char *address(const char *attributes)
{
	static char text[200];

	snprintf(text, sizeof(text), "at:%s/modem?%s", folder, attributes);
	return text;
}

/* ---- what a process does ---- */

struct shared {
	atomic_uint done;	 /* signatures of all */
	atomic_uint waited_most; /* of others, while one was waited for */
	atomic_uint by[WORKERS];
};

static struct shared *new_shared(void)
{
	struct shared *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert(shared != MAP_FAILED);
	return shared;
}

/* With GnuTLS itself, not with what the library finds. */
static bool is_good(gnutls_pubkey_t public, uint8_t *hash, uint8_t *rs)
{
	gnutls_datum_t digest = {hash, 32}, r = {rs, 32}, s = {rs + 32, 32};
	gnutls_datum_t der;
	int result;

	if (gnutls_encode_rs_value(&der, &r, &s) < 0)
		return false;
	result = gnutls_pubkey_verify_hash2(public, GNUTLS_SIGN_ECDSA_SHA256, 0,
					    &digest, &der);
	gnutls_free(der.data);
	return result >= 0;
}

static bool load(iotsafe_key *key, gnutls_pubkey_t *public)
{
	gnutls_datum_t der;
	uint8_t *spki;
	size_t size;

	if (iotsafe_key_public_key(key, &spki, &size) < 0 ||
	    gnutls_pubkey_init(public) < 0)
		return false;
	der = (gnutls_datum_t){spki, (unsigned)size};
	return gnutls_pubkey_import(*public, &der, GNUTLS_X509_FMT_DER) >= 0;
}

static bool sign_once(iotsafe_key *key, gnutls_pubkey_t public,
		      struct shared *shared, unsigned who)
{
	unsigned before = shared->done, others, most;
	uint8_t hash[32] = {0}, *rs;
	size_t size;
	bool good;

	memcpy(hash, &before, sizeof(before));
	hash[31] = (uint8_t)who;
	if (iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &rs, &size) < 0)
		return false;
	good = size == 64 && is_good(public, hash, rs);
	iotsafe_free(rs);
	others = shared->done++ - before;
	most = shared->waited_most;
	while (others > most && !atomic_compare_exchange_weak(
					&shared->waited_most, &most, others))
		;
	shared->by[who]++;
	return good;
}

/* To the end of a process: 0 where all went well. */
static void work(struct shared *shared, unsigned who, unsigned count)
{
	gnutls_pubkey_t public;
	iotsafe_card *card;
	iotsafe_key *key;

	if (iotsafe_card_open(address("share=yes&timeout=120000"), &card) < 0 ||
	    iotsafe_key_open(card, NULL, &key) < 0 || !load(key, &public))
		goto failed;
	for (unsigned i = 0; i < count; i++)
		if (!sign_once(key, public, shared, who))
			goto failed;
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	_exit(0);
failed:
	fprintf(stderr, "process %u: %s\n", who, iotsafe_last_error());
	_exit(1);
}

static pid_t start(struct shared *shared, unsigned who, unsigned count)
{
	pid_t child = fork();

	if (!child)
		work(shared, who, count);
	cr_assert(child > 0);
	return child;
}

/* ---- what the card saw ---- */

/* Channels open at the end, and the most at a time. */
static void count_channels(int *open_now, int *most)
{
	char line[8192], path[100];
	FILE *log;

	*open_now = *most = 0;
	snprintf(path, sizeof(path), "%s/log", folder);
	log = fopen(path, "r");
	cr_assert(log);
	while (fgets(line, sizeof(line), log)) {
		if (!strstr(line, "\"sw\":\"9000\""))
			continue;
		if (strstr(line, "\"command\":\"0070000001\""))
			++*open_now;
		else if (strstr(line, "\"command\":\"007080"))
			--*open_now;
		if (*open_now > *most)
			*most = *open_now;
	}
	fclose(log);
}

Test(share, eight_processes_sign_a_hundred_times_each_and_none_is_starved)
{
	struct shared *shared = new_shared();
	pid_t children[WORKERS];
	int status, now, most;

	for (unsigned i = 0; i < WORKERS; i++)
		children[i] = start(shared, i, SIGNATURES);
	for (unsigned i = 0; i < WORKERS; i++) {
		cr_assert(waitpid(children[i], &status, 0) == children[i]);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			  "process %u: %x", i, status);
		cr_expect(shared->by[i] == SIGNATURES);
	}
	/* In the queue each of the others has one turn; what a process may
	 * lose before it stands there is the system's. */
	cr_expect(shared->waited_most <= 4 * WORKERS, "%u turns of others",
		  shared->waited_most);
	count_channels(&now, &most);
	cr_expect(now == 0 && most == 1, "%d open, %d at a time", now, most);
}

/* "LCK.." and the like, with the port. */
static const char *lock_path(const char *start)
{
	static char path[100];
	char modem[100], *port;

	snprintf(modem, sizeof(modem), "%s/modem", folder);
	port = realpath(modem, NULL);
	cr_assert(port);
	snprintf(path, sizeof(path), "/run/lock/%spts_%s", start,
		 strrchr(port, '/') + 1);
	free(port);
	return path;
}

/* Whether a channel is recorded that the process asked for, or one whose number
 * is known: the last line is "channel PID STARTED NUMBER \n". */
static bool is_recorded(pid_t pid, bool known)
{
	const char *port = strrchr(lock_path("/"), '/') + 1;
	char path[100], text[1024] = "", line[40];
	FILE *file;
	size_t size;

	snprintf(path, sizeof(path), "%s/iotsafe/port-%s", folder, port);
	file = fopen(path, "r");
	if (!file)
		return false;
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	snprintf(line, sizeof(line), "\nchannel %d ", pid);
	if (!strstr(text, line))
		return false;
	return known == (strcmp(text + size - 4, " 0 \n") != 0);
}

/* Kills a process that waits for the card, which stands still. */
static void kill_when_recorded(bool known)
{
	struct shared *shared = new_shared();
	pid_t child = start(shared, 0, 1000000);
	int status;

	for (;;) {
		while (!is_recorded(child, known))
			cr_assert(waitpid(child, &status, WNOHANG) == 0);
		kill(sim, SIGSTOP);
		/* What was answered is seen by now. */
		poll(NULL, 0, 50);
		if (is_recorded(child, known))
			break;
		kill(sim, SIGCONT);
	}
	kill(child, SIGKILL);
	cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
}

static void expect_all_closed(void)
{
	iotsafe_card *card;
	int now, most;

	cr_assert(!iotsafe_card_open(address("share=yes"), &card), "%s",
		  iotsafe_last_error());
	iotsafe_card_free(card);
	count_channels(&now, &most);
	cr_expect(now == 0, "%d open", now);
}

Test(share, what_a_killed_process_had_open_is_closed_by_the_next)
{
	kill_when_recorded(true);
	kill(sim, SIGCONT);
	expect_all_closed();
}

Test(share, what_was_opened_for_a_killed_process_is_closed_by_who_hears_of_it)
{
	kill_when_recorded(false);
	kill(sim, SIGCONT);
	expect_all_closed();
}

/* Takes the answer that nobody else hears of. */
static void swallow_answer(int port)
{
	char text[200];
	size_t size = 0;
	ssize_t got;

	do {
		got = read(port, text + size, sizeof(text) - 1 - size);
		cr_assert(got > 0);
		size += (size_t)got;
		text[size] = '\0';
	} while (!strstr(text, "OK\r"));
}

Test(share, channels_that_nobody_heard_of_are_found_when_the_card_has_no_other)
{
	char modem[100];
	int port;

	snprintf(modem, sizeof(modem), "%s/modem", folder);
	port = open(modem, O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert(port >= 0);
	for (int i = 0; i < 3; i++) {
		kill_when_recorded(false);
		kill(sim, SIGCONT);
		swallow_answer(port);
	}
	close(port);
	expect_all_closed();
}

/* The process whose turn it is, by its lock file; 0: nobody's. */
static pid_t whose_turn(void)
{
	int fd = open(lock_path("LCK.."), O_RDONLY);
	char text[16] = "";

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		close(fd);
	}
	return atoi(text);
}

/* Waits until one of them has the turn, and a while. */
static pid_t *next_victim(pid_t children[4], unsigned *seed)
{
	struct timespec some = {0, rand_r(seed) % 3000 * 1000L};
	pid_t *victim = NULL;

	while (!victim) {
		pid_t pid = whose_turn();

		for (int i = 0; i < 4; i++)
			if (children[i] == pid)
				victim = &children[i];
	}
	nanosleep(&some, NULL);
	return victim;
}

/* Anywhere: in the queue, between two exchanges, within one. */
Test(share, processes_that_are_killed_hold_nobody_up_and_leave_no_channel)
{
	struct shared *shared = new_shared();
	pid_t children[4];
	int status, now, most;
	unsigned seed = 1;

	for (unsigned i = 0; i < 4; i++)
		children[i] = start(shared, i, 1000000);
	for (unsigned round = 0; round < 120; round++) {
		unsigned seen = shared->done;
		pid_t *victim;

		/* Not before somebody got on behind the last one. */
		while (shared->done == seen) {
			cr_assert(waitpid(-1, &status, WNOHANG) == 0,
				  "one failed");
			poll(NULL, 0, 1);
		}
		victim = next_victim(children, &seed);
		kill(*victim, SIGKILL);
		cr_assert(waitpid(*victim, &status, 0) == *victim);
		cr_assert(WIFSIGNALED(status), "it failed");
		*victim = start(shared, (unsigned)(victim - children), 1000000);
	}
	for (unsigned i = 0; i < 4; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], &status, 0);
	}
	children[0] = start(shared, 0, 2);
	cr_assert(waitpid(children[0], &status, 0) == children[0]);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	count_channels(&now, &most);
	/* None of them found the card full. One is left by who is killed
	 * between reading an answer and noting it; all four are killed with
	 * none to hear the last one's. */
	cr_expect(now <= 2, "%d open", now);
}

Test(share, the_draft_of_a_lock_file_is_removed_when_its_process_is_dead)
{
	char start[2][24], paths[2][100];
	pid_t dead = fork();
	iotsafe_card *card;

	if (!dead)
		_exit(0);
	cr_assert(waitpid(dead, NULL, 0) == dead);
	snprintf(start[0], sizeof(start[0]), "LTMP.%d.", dead);
	snprintf(start[1], sizeof(start[1]), "LTMP.%d.", getppid());
	for (int i = 0; i < 2; i++) {
		int fd;

		strcpy(paths[i], lock_path(start[i]));
		fd = open(paths[i], O_WRONLY | O_CREAT, 0644);
		cr_assert(fd >= 0 && close(fd) == 0);
	}
	cr_assert(!iotsafe_card_open(address("share=yes"), &card));
	iotsafe_card_free(card);
	cr_expect(access(paths[0], F_OK) < 0, "a dead process's");
	cr_expect(unlink(paths[1]) == 0, "a living process's");
}

/* ---- alone and in turns ---- */

static void expect_busy(const char *attributes, const char *words)
{
	iotsafe_card *card;
	char who[40];

	snprintf(who, sizeof(who), "(process %d)", getpid());
	cr_expect(iotsafe_card_open(address(attributes), &card) ==
			  IOTSAFE_ERR_BUSY,
		  "%s", iotsafe_last_error());
	cr_expect(strstr(iotsafe_last_error(), who), "%s",
		  iotsafe_last_error());
	cr_expect(strstr(iotsafe_last_error(), words), "%s",
		  iotsafe_last_error());
}

Test(share, who_wants_the_port_alone_is_told_who_shares_it)
{
	iotsafe_card *card;

	cr_assert(!iotsafe_card_open(address("share=yes"), &card));
	expect_busy("", "in turns with others, by share=yes");
	iotsafe_card_free(card);
	cr_assert(!iotsafe_card_open(address(""), &card));
	iotsafe_card_free(card);
}

Test(share, who_shares_is_told_who_has_the_port_alone)
{
	iotsafe_card *card;

	cr_assert(!iotsafe_card_open(address(""), &card));
	expect_busy("share=yes", "for itself, without share=yes");
	iotsafe_card_free(card);
	cr_assert(!iotsafe_card_open(address("share=yes"), &card));
	iotsafe_card_free(card);
}

Test(share, who_wants_a_port_alone_that_one_has_alone_is_told_of_no_turns)
{
	iotsafe_card *card;

	cr_assert(!iotsafe_card_open(address(""), &card));
	expect_busy("le=no", "has it");
	cr_expect(!strstr(iotsafe_last_error(), "share=yes"), "%s",
		  iotsafe_last_error());
	iotsafe_card_free(card);
}

/* ---- what is kept between turns ---- */

static uint64_t exchanges_of_a_list(iotsafe_card *card)
{
	uint64_t before = iotsafe_card_counter(card, IOTSAFE_EXCHANGES);
	iotsafe_object *object;
	iotsafe_list *list;

	cr_assert(!iotsafe_card_list(card, NULL, &list), "%s",
		  iotsafe_last_error());
	while (!iotsafe_list_next(list, &object) && object)
		iotsafe_object_free(object);
	iotsafe_list_free(list);
	return iotsafe_card_counter(card, IOTSAFE_EXCHANGES) - before;
}

static void generate(void)
{
	iotsafe_card *card;
	iotsafe_key *key;
	int result = iotsafe_card_open(address("share=yes"), &card);

	if (!result)
		result = iotsafe_key_generate(card, "id=04", &key);
	if (!result) {
		iotsafe_key_free(key);
		iotsafe_card_free(card);
	}
	_exit(result ? 1 : 0);
}

Test(share, the_list_is_kept_until_another_process_changes_the_card)
{
	uint64_t first, second;
	iotsafe_card *card;
	pid_t child;
	int status;

	cr_assert(!iotsafe_card_open(address("share=yes"), &card));
	first = exchanges_of_a_list(card);
	second = exchanges_of_a_list(card);
	cr_expect(second < first, "%d and %d", (int)first, (int)second);
	child = fork();
	if (!child)
		generate();
	cr_assert(waitpid(child, &status, 0) == child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	cr_expect(exchanges_of_a_list(card) == first);
	cr_expect(exchanges_of_a_list(card) == second);
	iotsafe_card_free(card);
}

/* ---- waiting ---- */

/* Stops the one that has the turn, wherever it is in it. */
Test(share, who_waits_in_vain_ends_in_time_and_names_who_is_at_it)
{
	struct shared *shared = new_shared();
	pid_t child = start(shared, 0, 1000000);
	char who[40];
	iotsafe_card *card = NULL;
	int status, result;

	do {
		while (!shared->done)
			poll(NULL, 0, 1);
		kill(child, SIGSTOP);
		/* Between two turns it holds nobody up. */
		result = iotsafe_card_open(address("share=yes&timeout=1000"),
					   &card);
		if (!result) {
			iotsafe_card_free(card);
			kill(child, SIGCONT);
			shared->done = 0;
		}
	} while (!result);
	snprintf(who, sizeof(who), "(process %d)", child);
	cr_expect(result == IOTSAFE_ERR_TIMEOUT, "%s", iotsafe_last_error());
	cr_expect(strstr(iotsafe_last_error(), who), "%s",
		  iotsafe_last_error());
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	cr_expect(!iotsafe_card_open(address("share=yes"), &card), "%s",
		  iotsafe_last_error());
	iotsafe_card_free(card);
}
