/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cards by address: shared within a process, never between processes. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fakemodem.h"
#include "object/key.h"
#include "script.h"

/* Asked by LeakSanitizer: a child has the memory of its parent's threads and
 * not the threads, and its search stumbles over them. */
static pid_t parent;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return parent && getpid() != parent;
}

static struct identity identity;
static struct fakecard fake;
static struct fakemodem modem;

static void set_up(void)
{
	parent = getpid();
	identity = identity_make((struct identity_wish){.name = "client"});
	fake = (struct fakecard){
		.objects = {{.class = IOTSAFE_CLASS_PRIVATE_KEY,
			     .id = "01",
			     .key = &identity},
			    {.class = IOTSAFE_CLASS_PUBLIC_KEY,
			     .id = "01",
			     .key = &identity},
			    {.class = IOTSAFE_CLASS_FILE,
			     .id = "02",
			     .content = &identity}}};
	fakemodem_start(&modem, &fake);
}

static void tear_down(void)
{
	fakemodem_stop(&modem);
	identity_free(&identity);
}

TestSuite(registry, .init = set_up, .fini = tear_down, .timeout = 60);

static iotsafe_card *open_card(const char *address)
{
	iotsafe_card *card;

	expect_good(iotsafe_card_open(address, &card));
	return card;
}

static void expect_signature(iotsafe_key *key)
{
	uint8_t hash[32] = {9}, *out;
	size_t size;

	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	cr_assert(fakecard_verify(&identity, hash, 32, out, size));
	iotsafe_free(out);
}

Test(registry, gives_the_same_card_for_the_same_address)
{
	iotsafe_card *one = open_card(modem.address);
	iotsafe_card *two = open_card(modem.address);

	cr_assert(one == two);
	cr_assert(fake.asked[FAKE_MANAGE_CHANNEL] == 1);
	cr_assert_str_eq(iotsafe_card_address(one), modem.address);
	iotsafe_card_free(one);
	cr_assert(fakecard_channels(&fake) == 1);
	iotsafe_card_free(two);
	cr_assert(fakecard_channels(&fake) == 0);
}

Test(registry, knows_an_address_however_it_is_written)
{
	char spelling[3][160];
	iotsafe_card *card, *other;

	sprintf(spelling[0], "%s?aid=A0000005590010&baud=9600", modem.address);
	sprintf(spelling[1],
		"AT%s?baud=%%39600&timeout=7000&aid=A0000005590010",
		modem.address + 2);
	sprintf(spelling[2], "at:%%2F%s?aid=A0000005590010&baud=9600",
		modem.address + 4);
	card = open_card(spelling[0]);
	for (int i = 1; i < 3; i++) {
		other = open_card(spelling[i]);
		cr_assert(other == card, "%s", spelling[i]);
		iotsafe_card_free(other);
	}
	iotsafe_card_free(card);
}

Test(registry, relative_paths_are_those_of_the_folder_at_the_opening)
{
	char folder[] = "/tmp/iotsafe-paths.XXXXXX", wanted[128];
	iotsafe_card *card, *same;

	cr_assert(mkdtemp(folder) && !chdir(folder));
	cr_assert(!symlink(modem.address + strlen("at:"), "modem"));
	card = open_card("at:modem?pin-file=./pins");
	sprintf(wanted, "at:%s/modem?pin-file=%s/./pins", folder, folder);
	cr_assert_str_eq(iotsafe_card_address(card), wanted);
	cr_assert(!chdir("/"));
	same = open_card(wanted);
	cr_assert(same == card);
	iotsafe_card_free(same);
	iotsafe_card_free(card);
	expect_error(iotsafe_card_open("at:modem", &card), IOTSAFE_ERR_IO,
		     "at:/modem: no such port");
	cr_assert(!chdir(folder) && !unlink("modem") && !rmdir(folder));
	expect_error(iotsafe_card_open("unix:modem", &card), IOTSAFE_ERR_ARG,
		     "address: the folder of modem has no path");
	expect_error(iotsafe_card_open("unix:@modem", &card), IOTSAFE_ERR_IO,
		     "unix:@modem: ");
}

Test(registry, a_relative_path_may_be_too_long)
{
	char folder[] = "/tmp/iotsafe-paths.XXXXXX", address[1020] = "at:";
	iotsafe_card *card;

	memset(address + 3, 'x', sizeof(address) - 4);
	cr_assert(mkdtemp(folder) && !chdir(folder));
	expect_error(iotsafe_card_open(address, &card), IOTSAFE_ERR_ARG,
		     "too long a one");
	cr_assert(!rmdir(folder));
}

Test(registry, takes_the_address_from_the_environment)
{
	iotsafe_card *card;

	setenv("IOTSAFE_CARD", modem.address, 1);
	card = open_card(NULL);
	cr_assert_str_eq(iotsafe_card_address(card), modem.address);
	iotsafe_card_free(card);
}

Test(registry, a_card_stays_while_anything_of_it_is_used)
{
	iotsafe_card *card = open_card(modem.address);
	iotsafe_object *object;
	iotsafe_file *file;
	iotsafe_list *list;
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(iotsafe_file_open(card, "id=02", &file));
	expect_good(iotsafe_card_list(card, NULL, &list));
	iotsafe_card_free(card);
	cr_assert(fakecard_channels(&fake) == 1);
	expect_signature(key);
	iotsafe_key_free(key);
	expect_good(iotsafe_file_read(file, &out, &size));
	cr_assert(size == identity.der.size);
	iotsafe_free(out);
	iotsafe_file_free(file);
	cr_assert(fakecard_channels(&fake) == 0);
	/* Records are copies. */
	expect_good(iotsafe_list_next(list, &object));
	iotsafe_list_free(list);
	cr_assert_str_eq(iotsafe_object_name(object),
			 "iotsafe:id=01;type=private");
	iotsafe_object_free(object);
}

Test(registry, a_card_that_does_not_open_leaves_nothing_behind)
{
	iotsafe_card *card;
	char address[96];

	sprintf(address, "%s?aid=A000000001", modem.address);
	for (int i = 0; i < 5; i++) {
		expect_error(iotsafe_card_open(address, &card),
			     IOTSAFE_ERR_ABSENT, "no IoT SAFE applet");
		cr_assert_null(card);
		cr_assert(fakecard_channels(&fake) == 0);
	}
	card = open_card(modem.address);
	iotsafe_card_free(card);
}

struct user {
	pthread_t thread;
	int result, good;
	char words[200];
};

static void *come_and_go(void *self)
{
	struct user *user = self;
	uint8_t hash[32] = {5}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;

	for (int i = 0; i < 15 && user->result >= 0; i++) {
		user->result = iotsafe_card_open(modem.address, &card);
		if (user->result < 0)
			break;
		user->result = iotsafe_key_open(card, NULL, &key);
		iotsafe_card_free(card);
		if (user->result < 0)
			break;
		user->result = iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32,
						&out, &size);
		user->good += user->result >= 0;
		iotsafe_free(out);
		iotsafe_key_free(key);
		/* Out of step, so that often nobody has the card. */
		poll(NULL, 0, i % 4 * 5);
	}
	snprintf(user->words, sizeof(user->words), "%s", iotsafe_last_error());
	return NULL;
}

Test(registry, threads_may_come_and_go)
{
	struct user users[2] = {{0}};

	/* Closing takes its time, while the next one opens already. */
	fake.delay = 5;
	for (int i = 0; i < 2; i++)
		cr_assert(!pthread_create(&users[i].thread, NULL, come_and_go,
					  &users[i]));
	for (int i = 0; i < 2; i++) {
		pthread_join(users[i].thread, NULL);
		cr_assert(users[i].good == 15, "%d: %s: %s", i,
			  iotsafe_error_name(users[i].result), users[i].words);
	}
	cr_assert(fakecard_channels(&fake) == 0);
}

/* ---- fork ---- */

static int child_fails(iotsafe_card *card, iotsafe_key *key)
{
	uint8_t hash[32] = {1}, *out;
	iotsafe_list *list;
	size_t size;

	if (iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size) !=
	    IOTSAFE_ERR_CLOSED)
		return 1;
	if (!strstr(iotsafe_last_error(), "open it again"))
		return 2;
	if (iotsafe_card_list(card, NULL, &list) != IOTSAFE_ERR_CLOSED)
		return 3;
	if (iotsafe_card_cancel(card) != IOTSAFE_ERR_CLOSED)
		return 4;
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	return 0;
}

static void expect_exit(pid_t child)
{
	int status;

	cr_assert(child > 0 && waitpid(child, &status, 0) == child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
}

Test(registry, a_child_touches_nothing_of_its_parent_s)
{
	iotsafe_card *card = open_card(modem.address);
	unsigned lines, exchanges;
	iotsafe_key *key;
	pid_t child;

	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_signature(key);
	lines = modem.lines;
	exchanges = fake.exchanges;
	child = fork();
	if (!child)
		_exit(child_fails(card, key));
	expect_exit(child);
	cr_assert(modem.lines == lines && fake.exchanges == exchanges);
	expect_signature(key);
	cr_assert(fake.exchanges == exchanges + 2, "the channel is there yet");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static int child_forgets(const char *address)
{
	uint8_t hash[32] = {1}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;

	return iotsafe_card_open(address, &card) ||
	       iotsafe_key_open(card, NULL, &key) ||
	       iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size);
}

static int child_signs(const char *address)
{
	uint8_t hash[32] = {1}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;

	if (iotsafe_card_open(address, &card) ||
	    iotsafe_key_open(card, NULL, &key))
		return 1;
	if (iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size))
		return 2;
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	return 0;
}

Test(registry, a_child_may_open_the_card_itself)
{
	iotsafe_card *card = open_card(modem.address);
	pid_t child;

	iotsafe_card_free(card);
	child = fork();
	if (!child)
		_exit(child_signs(modem.address));
	expect_exit(child);
	cr_assert(fakecard_channels(&fake) == 0);
}

Test(registry, leaves_no_channel_when_a_program_ends_without_a_word)
{
	pid_t child = fork();

	if (!child)
		exit(child_forgets(modem.address));
	expect_exit(child);
	cr_assert(fake.asked[FAKE_UPDATE] == 1);
	cr_assert(fakecard_channels(&fake) == 0);
}

/* 0: the grandchild got the port that its parent had, and left without a word.
 */
static int goes_into_the_background(const char *address)
{
	const pid_t loader = getpid();
	iotsafe_card *card;

	if (iotsafe_card_open(address, &card))
		return 3;
	if (fork())
		_exit(0);
	/* It is somebody else's child once all of the parent is closed. */
	while (getppid() == loader)
		usleep(1000);
	return child_signs(address);
}

Test(registry, a_child_gets_the_port_when_its_parent_has_ended)
{
	int ends[2], status = 4;
	pid_t child;

	cr_assert(!pipe(ends));
	child = fork();
	if (!child) {
		status = goes_into_the_background(modem.address);
		_exit(write(ends[1], &status, sizeof(status)) < 0);
	}
	close(ends[1]);
	expect_exit(child);
	cr_assert(read(ends[0], &status, sizeof(status)) == sizeof(status));
	cr_assert(status == 0, "%d", status);
	cr_assert(fakecard_channels(&fake) == 0);
}

static unsigned openings;
static bool hides;

static void exchange_sim(struct fakemodem *self, const char *line)
{
	static char first[32];

	if (!*first)
		snprintf(first, sizeof(first), "%s", line);
	openings += !strcmp(line, first);
	if (openings < 2)
		return;
	self->card->iccid = "98001032547698103215";
	self->card->no_iccid = hides;
}

static int finds_another_card(const char *address, const char *words)
{
	const pid_t loader = getpid();
	iotsafe_card *card, *again;
	iotsafe_key *key;

	if (iotsafe_card_open(address, &card) ||
	    iotsafe_key_open(card, "id=01", &key))
		return 1;
	if (fork())
		_exit(0);
	while (getppid() == loader)
		usleep(1000);
	if (key_open_card(key, &again) != IOTSAFE_ERR_CLOSED)
		return 2;
	return strstr(iotsafe_last_error(), words) ? 0 : 3;
}

/* Where nothing on the card tells the public key, the number is all that says
 * whether the key is the same. */
static void expect_another_card(const char *words)
{
	int ends[2], status = 4;
	pid_t child;

	modem.heard = exchange_sim;
	memset(&fake.objects[1], 0, 2 * sizeof(fake.objects[1]));
	cr_assert(!pipe(ends));
	child = fork();
	if (!child) {
		status = finds_another_card(modem.address, words);
		_exit(write(ends[1], &status, sizeof(status)) < 0);
	}
	close(ends[1]);
	expect_exit(child);
	cr_assert(read(ends[0], &status, sizeof(status)) == sizeof(status));
	cr_assert(openings == 2, "%u", openings);
	cr_assert(status == 0, "%d", status);
}

Test(registry, a_child_takes_no_other_card_than_its_parent_s)
{
	expect_another_card("its ICCID is 89000123456789012351, was ");
}

Test(registry, a_child_takes_no_card_that_does_not_tell_which_it_is)
{
	hides = true;
	expect_another_card("its ICCID is not told, was ");
}

/* 0: a child has all that its parent has by the numbers of what it closed. */
static int closes_what_it_does_not_know(const char *address)
{
	iotsafe_card *card;
	int status = 1;

	if (iotsafe_card_open(address, &card))
		return 2;
	for (int fd = 3; fd < 100; fd++)
		close(fd);
	for (int fd = 3; fd < 100; fd++)
		if (open("/dev/null", O_WRONLY) != fd)
			return 3;
	if (fork()) {
		wait(&status);
		return status;
	}
	for (int fd = 3; fd < 100; fd++)
		if (write(fd, "", 1) != 1)
			_exit(4);
	_exit(0);
}

Test(registry, a_child_loses_nothing_that_took_the_number_of_the_port)
{
	pid_t child = fork();

	if (!child)
		_exit(closes_what_it_does_not_know(modem.address) != 0);
	expect_exit(child);
}

/* Descriptors of the port; one is the fake's. */
static int copies_of_port(void)
{
	struct stat port, other;
	int count = 0;

	if (fstat(modem.slave, &port))
		return -1;
	for (int fd = 0; fd < 1024; fd++)
		count += fstat(fd, &other) == 0 &&
			 other.st_dev == port.st_dev &&
			 other.st_ino == port.st_ino;
	return count;
}

static const char *awaited; /* NULL: the first line of all */
static int in_parent, in_child;

static void fork_at(struct fakemodem *self, const char *line)
{
	int status;
	pid_t child;

	if (awaited ? strcmp(line, awaited) != 0 : self->lines != 1)
		return;
	in_parent = copies_of_port();
	child = fork();
	if (!child)
		_exit(copies_of_port());
	if (waitpid(child, &status, 0) == child && WIFEXITED(status))
		in_child = WEXITSTATUS(status);
}

static void expect_no_copy(void)
{
	cr_assert(in_parent == 2, "%d", in_parent);
	cr_assert(in_child == 1, "%d", in_child);
}

/* It would keep the port locked for as long as it lives. */
Test(registry, a_child_has_no_port_that_its_parent_is_just_opening)
{
	iotsafe_card *card;

	modem.heard = fork_at;
	card = open_card(modem.address);
	expect_no_copy();
	iotsafe_card_free(card);
}

Test(registry, a_child_has_no_port_that_its_parent_is_just_closing)
{
	char address[96];

	awaited = "AT+BYE";
	modem.heard = fork_at;
	sprintf(address, "%s?exit=AT%%2BBYE", modem.address);
	iotsafe_card_free(open_card(address));
	expect_no_copy();
}

Test(registry, a_child_is_told_that_its_parent_has_the_port)
{
	iotsafe_card *card = open_card(modem.address), *own;
	pid_t child = fork();

	if (!child)
		_exit(iotsafe_card_open(modem.address, &own) == IOTSAFE_ERR_BUSY
			      ? 0
			      : 1);
	expect_exit(child);
	iotsafe_card_free(card);
}
