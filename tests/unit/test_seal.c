/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sealed messages: the vectors of docs/seal.md, what is refused, and counters
 * that nothing sets back. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/error.h"
#include "format/cose.h"
#include "format/seal_state.h"
#include "script.h"

static char folder[64], ours[96], theirs[96];

static void set_up(void)
{
	strcpy(folder, "/tmp/iotsafe-seal-XXXXXX");
	cr_assert(mkdtemp(folder));
	snprintf(ours, sizeof(ours), "%s/client", folder);
	snprintf(theirs, sizeof(theirs), "%s/server", folder);
}

static void tear_down(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	cr_assert(!system(command));
}

TestSuite(seal, .init = set_up, .fini = tear_down);

/* The secret of the vectors: 00 01 … 1F; the key id "device-7". */
static int open_seal(const char *path, unsigned options, iotsafe_seal **seal)
{
	uint8_t secret[32];

	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)i;
	return iotsafe_seal_new(secret, sizeof(secret),
				(const uint8_t *)"device-7", 8, path, options,
				seal);
}

static iotsafe_seal *client(void)
{
	iotsafe_seal *seal;

	expect_good(open_seal(ours, IOTSAFE_SEAL_CREATE, &seal));
	return seal;
}

static iotsafe_seal *server(void)
{
	iotsafe_seal *seal;

	expect_good(open_seal(theirs, IOTSAFE_SEAL_CREATE | IOTSAFE_SEAL_SERVER,
			      &seal));
	return seal;
}

static void send_text(iotsafe_seal *seal, const char *text, uint8_t **out,
		      size_t *size)
{
	expect_good(iotsafe_seal_encrypt(seal, (const uint8_t *)text,
					 strlen(text), NULL, 0, out, size));
}

static void expect_text(iotsafe_seal *seal, const uint8_t *data, size_t size,
			const char *text)
{
	uint8_t *out;
	size_t out_size;

	expect_good(iotsafe_seal_decrypt(seal, data, size, NULL, 0, &out,
					 &out_size));
	cr_assert(out_size == strlen(text) && !memcmp(out, text, out_size));
	iotsafe_free(out);
}

static void expect_refused(iotsafe_seal *seal, const uint8_t *data, size_t size,
			   int code, const char *words)
{
	uint8_t *out = (uint8_t *)1;
	size_t out_size;

	expect_error(iotsafe_seal_decrypt(seal, data, size, NULL, 0, &out,
					  &out_size),
		     code, words);
	cr_assert(!out && !out_size);
}

/* ---- the format ---- */

static const char *const vectors[] = {
	"D08343A10103A204486465766963652D37064100505449485E14CD649F7C49BB82698E859E",
	"D08343A10103A204486465766963652D3706410155388EF7010457E5F8BE9C247DA1B111DAB09893595B",
	"D08343A10103A204486465766963652D37064102551A75B435FF1A61A3490B313B633416C5207109643E",
	"D08343A10103A204486465766963652D3706410055C8ED54DEE0616A6BCCB45FBE11D0686D15D21FA94F",
};

Test(seal, makes_the_messages_of_the_manual)
{
	iotsafe_seal *there = client(), *here = server();
	uint8_t *out;
	size_t size;

	send_text(there, "", &out, &size);
	expect_bytes(out, size, vectors[0]);
	send_text(there, "hello", &out, &size);
	expect_bytes(out, size, vectors[1]);
	expect_good(iotsafe_seal_encrypt(there, (const uint8_t *)"hello", 5,
					 (const uint8_t *)"topic", 5, &out,
					 &size));
	expect_bytes(out, size, vectors[2]);
	send_text(here, "hello", &out, &size);
	expect_bytes(out, size, vectors[3]);
	iotsafe_seal_free(there);
	iotsafe_seal_free(here);
}

Test(seal, carries_messages_both_ways)
{
	iotsafe_seal *there = client(), *here = server();
	char text[16];
	uint8_t *out;
	size_t size;

	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "%d", i);
		send_text(there, text, &out, &size);
		expect_text(here, out, size, text);
		iotsafe_free(out);
		send_text(here, text, &out, &size);
		expect_text(there, out, size, text);
		iotsafe_free(out);
	}
	iotsafe_seal_free(there);
	iotsafe_seal_free(here);
}

Test(seal, takes_the_largest_message_and_no_larger)
{
	static uint8_t data[65537], extra[65537];
	iotsafe_seal *there = client(), *here = server();
	uint8_t *out, *back;
	size_t size, back_size;

	expect_good(iotsafe_seal_encrypt(there, data, 65536, extra, 65536, &out,
					 &size));
	expect_good(iotsafe_seal_decrypt(here, out, size, extra, 65536, &back,
					 &back_size));
	cr_assert(back_size == 65536 && !memcmp(back, data, back_size));
	iotsafe_free(out);
	iotsafe_free(back);
	expect_error(
		iotsafe_seal_encrypt(there, data, 65537, NULL, 0, &out, &size),
		IOTSAFE_ERR_ARG, "65536");
	expect_error(
		iotsafe_seal_encrypt(there, data, 1, extra, 65537, &out, &size),
		IOTSAFE_ERR_ARG, "65536");
	iotsafe_seal_free(there);
	iotsafe_seal_free(here);
}

/* ---- what is refused ---- */

Test(seal, refuses_a_message_with_any_bit_changed_and_takes_it_unchanged)
{
	iotsafe_seal *there = client(), *here = server();
	uint8_t *out, *back;
	size_t size, back_size;

	send_text(there, "hello", &out, &size);
	for (size_t i = 0; i < size * 8; i++) {
		out[i / 8] ^= (uint8_t)(1 << i % 8);
		cr_assert(iotsafe_seal_decrypt(here, out, size, NULL, 0, &back,
					       &back_size) < 0);
		cr_assert(!back && !back_size);
		out[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < size; i++)
		expect_refused(here, out, i, IOTSAFE_ERR_FORMAT, "no sealed");
	expect_refused(there, out, size, IOTSAFE_ERR_VERIFY, "other end");
	expect_text(here, out, size, "hello");
	iotsafe_free(out);
	iotsafe_seal_free(there);
	iotsafe_seal_free(here);
}

Test(seal, binds_what_stands_beside_the_message)
{
	iotsafe_seal *there = client(), *here = server();
	uint8_t *out, *back;
	size_t size, back_size;

	expect_good(iotsafe_seal_encrypt(there, (const uint8_t *)"x", 1,
					 (const uint8_t *)"a", 1, &out, &size));
	expect_refused(here, out, size, IOTSAFE_ERR_VERIFY, "changed");
	expect_error(iotsafe_seal_decrypt(here, out, size, (const uint8_t *)"b",
					  1, &back, &back_size),
		     IOTSAFE_ERR_VERIFY, "changed");
	expect_good(iotsafe_seal_decrypt(here, out, size, (const uint8_t *)"a",
					 1, &back, &back_size));
	iotsafe_free(back);
	iotsafe_free(out);
	iotsafe_seal_free(there);
	iotsafe_seal_free(here);
}

#define MANY 140

Test(seal, takes_each_of_the_64_newest_once)
{
	iotsafe_seal *there = client(), *here = server();
	uint8_t *out[MANY];
	size_t size[MANY];

	for (int i = 0; i < MANY; i++)
		send_text(there, "x", &out[i], &size[i]);
	/* Out of order, and with a gap; then the ends of the window. */
	expect_text(here, out[1], size[1], "x");
	expect_text(here, out[0], size[0], "x");
	expect_refused(here, out[1], size[1], IOTSAFE_ERR_VERIFY, "seen");
	expect_refused(here, out[0], size[0], IOTSAFE_ERR_VERIFY, "seen");
	expect_text(here, out[70], size[70], "x");
	expect_refused(here, out[6], size[6], IOTSAFE_ERR_VERIFY, "older");
	expect_text(here, out[7], size[7], "x");
	expect_refused(here, out[7], size[7], IOTSAFE_ERR_VERIFY, "seen");
	expect_refused(here, out[70], size[70], IOTSAFE_ERR_VERIFY, "seen");
	/* What is known survives the process. */
	iotsafe_seal_free(here);
	expect_good(open_seal(theirs, IOTSAFE_SEAL_SERVER, &here));
	for (int i = 8; i < 70; i++)
		expect_text(here, out[i], size[i], "x");
	for (int i = 0; i <= 70; i++)
		expect_refused(here, out[i], size[i], IOTSAFE_ERR_VERIFY,
			       "seen");
	expect_text(here, out[134], size[134], "x");
	expect_refused(here, out[70], size[70], IOTSAFE_ERR_VERIFY, "seen");
	expect_text(here, out[71], size[71], "x");
	expect_text(here, out[135], size[135], "x");
	for (int i = 0; i < MANY; i++)
		iotsafe_free(out[i]);
	iotsafe_seal_free(there);
	iotsafe_seal_free(here);
}

Test(seal, refuses_another_key_id)
{
	static const uint8_t secret[32];
	iotsafe_seal *there, *here;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_seal_new(secret, 32, (const uint8_t *)"a", 1, ours,
				     IOTSAFE_SEAL_CREATE, &there));
	expect_good(iotsafe_seal_new(
		secret, 32, (const uint8_t *)"b", 1, theirs,
		IOTSAFE_SEAL_CREATE | IOTSAFE_SEAL_SERVER, &here));
	send_text(there, "x", &out, &size);
	expect_refused(here, out, size, IOTSAFE_ERR_VERIFY, "another key id");
	iotsafe_free(out);
	iotsafe_seal_free(there);
	iotsafe_seal_free(here);
}

Test(seal, refuses_arguments_that_mean_nothing)
{
	static const uint8_t secret[1025];
	const uint8_t *kid = secret;
	iotsafe_seal *seal = (iotsafe_seal *)1;
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_seal_new(secret, 15, kid, 1, ours, 2, &seal),
		     IOTSAFE_ERR_ARG, "15 bytes");
	cr_assert(!seal);
	expect_error(iotsafe_seal_new(secret, 1025, kid, 1, ours, 2, &seal),
		     IOTSAFE_ERR_ARG, "1025 bytes");
	expect_error(iotsafe_seal_new(secret, 32, kid, 0, ours, 2, &seal),
		     IOTSAFE_ERR_ARG, "key id");
	expect_error(iotsafe_seal_new(secret, 32, kid, 65, ours, 2, &seal),
		     IOTSAFE_ERR_ARG, "key id");
	expect_error(iotsafe_seal_new(secret, 32, kid, 1, ours, 4, &seal),
		     IOTSAFE_ERR_ARG, "options");
	expect_error(iotsafe_seal_new(NULL, 32, kid, 1, ours, 2, &seal),
		     IOTSAFE_ERR_ARG, "NULL");
	expect_error(iotsafe_seal_new(secret, 32, kid, 1, NULL, 2, &seal),
		     IOTSAFE_ERR_ARG, "NULL");
	expect_error(iotsafe_seal_new(secret, 32, kid, 1, "", 2, &seal),
		     IOTSAFE_ERR_ARG, "no state file");
	expect_error(iotsafe_seal_new(secret, 32, kid, 1, "/tmp/", 2, &seal),
		     IOTSAFE_ERR_ARG, "no state file");
	expect_error(iotsafe_seal_encrypt(NULL, kid, 1, NULL, 0, &out, &size),
		     IOTSAFE_ERR_ARG, "NULL");
	expect_error(iotsafe_seal_decrypt(NULL, kid, 1, NULL, 0, &out, &size),
		     IOTSAFE_ERR_ARG, "NULL");
	iotsafe_seal_free(NULL);
}

/* ---- the state file ---- */

static uint32_t number_of(const uint8_t *data, size_t size)
{
	struct cose message;

	cr_assert(cose_read((struct bytes){data, size}, &message));
	return message.counter;
}

static uint32_t send_number(iotsafe_seal *seal)
{
	uint32_t number;
	uint8_t *out;
	size_t size;

	send_text(seal, "x", &out, &size);
	number = number_of(out, size);
	iotsafe_free(out);
	return number;
}

Test(seal, never_uses_a_number_twice_however_it_ended)
{
	iotsafe_seal *seal = client();
	uint32_t next = 0;

	for (int round = 1; round < 200; round += 17) {
		for (int i = 0; i < round; i++) {
			uint32_t number = send_number(seal);

			cr_assert(number >= next, "%u again", number);
			next = number + 1;
		}
		/* Closing writes nothing: as after a power cut. */
		iotsafe_seal_free(seal);
		expect_good(open_seal(ours, 0, &seal));
	}
	iotsafe_seal_free(seal);
}

Test(seal, wastes_no_number_where_each_process_sends_one)
{
	iotsafe_seal *seal = client();

	for (uint32_t i = 0; i < 5; i++) {
		cr_assert(send_number(seal) == i);
		iotsafe_seal_free(seal);
		expect_good(open_seal(ours, 0, &seal));
	}
	iotsafe_seal_free(seal);
}

/* 1 + 2 + 4 + … + 64: a few writes for many messages. */
Test(seal, reserves_more_numbers_the_more_are_used)
{
	iotsafe_seal *seal = client();

	for (int i = 0; i < 100; i++)
		send_number(seal);
	iotsafe_seal_free(seal);
	expect_good(open_seal(ours, 0, &seal));
	cr_assert(send_number(seal) == 127);
	iotsafe_seal_free(seal);
}

Test(seal, begins_only_when_told_and_only_once)
{
	iotsafe_seal *seal;

	expect_error(open_seal(ours, 0, &seal), IOTSAFE_ERR_ABSENT,
		     "take a new secret");
	seal = client();
	iotsafe_seal_free(seal);
	expect_error(open_seal(ours, IOTSAFE_SEAL_CREATE, &seal),
		     IOTSAFE_ERR_ARG, "not the first use");
	expect_good(open_seal(ours, 0, &seal));
	iotsafe_seal_free(seal);
}

Test(seal, holds_its_file_alone)
{
	iotsafe_seal *seal = client(), *other;

	expect_error(open_seal(ours, 0, &other), IOTSAFE_ERR_BUSY, "in use");
	/* Also once the file has been replaced. */
	send_number(seal);
	expect_error(open_seal(ours, 0, &other), IOTSAFE_ERR_BUSY, "in use");
	iotsafe_seal_free(seal);
	expect_good(open_seal(ours, 0, &other));
	iotsafe_seal_free(other);
}

static size_t load(const char *path, uint8_t *data, size_t room)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	cr_assert(file);
	size = fread(data, 1, room, file);
	fclose(file);
	return size;
}

static void store(const char *path, const uint8_t *data, size_t size)
{
	FILE *file = fopen(path, "wb");

	cr_assert(file && fwrite(data, 1, size, file) == size);
	fclose(file);
}

Test(seal, tells_a_damaged_file_and_does_not_begin_anew)
{
	iotsafe_seal *seal = client();
	uint8_t data[200];
	size_t size;

	send_number(seal);
	iotsafe_seal_free(seal);
	size = load(ours, data, sizeof(data));
	cr_assert(size == 72);
	for (size_t i = 0; i < size; i++) {
		store(ours, data, i);
		expect_error(open_seal(ours, 0, &seal), IOTSAFE_ERR_FORMAT,
			     "damaged");
		expect_error(open_seal(ours, IOTSAFE_SEAL_CREATE, &seal),
			     IOTSAFE_ERR_ARG, "is there already");
	}
	data[size] = 0;
	store(ours, data, size + 1);
	expect_error(open_seal(ours, 0, &seal), IOTSAFE_ERR_FORMAT, "damaged");
	for (size_t i = 0; i < size; i++) {
		data[i] ^= 1;
		store(ours, data, size);
		cr_assert(open_seal(ours, 0, &seal) < 0 && !seal);
		data[i] ^= 1;
	}
	store(ours, data, size);
	expect_good(open_seal(ours, 0, &seal));
	iotsafe_seal_free(seal);
}

Test(seal, tells_the_file_of_another_secret_or_end)
{
	static const uint8_t other[32];
	iotsafe_seal *seal = client();

	iotsafe_seal_free(seal);
	expect_error(open_seal(ours, IOTSAFE_SEAL_SERVER, &seal),
		     IOTSAFE_ERR_VERIFY, "another secret");
	expect_error(iotsafe_seal_new(other, 32, (const uint8_t *)"device-7", 8,
				      ours, 0, &seal),
		     IOTSAFE_ERR_VERIFY, "another secret");
}

Test(seal, keeps_its_file_private)
{
	iotsafe_seal *seal;
	struct stat status;
	char link_name[128];

	umask(0);
	seal = client();
	cr_assert(!stat(ours, &status) && (status.st_mode & 0777) == 0600);
	send_number(seal);
	cr_assert(!stat(ours, &status) && (status.st_mode & 0777) == 0600);
	iotsafe_seal_free(seal);
	cr_assert(!chmod(ours, 0622));
	expect_error(open_seal(ours, 0, &seal), IOTSAFE_ERR_DENIED, "alone");
	cr_assert(!chmod(ours, 0600));
	snprintf(link_name, sizeof(link_name), "%s/link", folder);
	cr_assert(!symlink(ours, link_name));
	expect_error(open_seal(link_name, 0, &seal), IOTSAFE_ERR_IO, "opened");
	cr_assert(!unlink(link_name) && !link(ours, link_name));
	expect_error(open_seal(link_name, 0, &seal), IOTSAFE_ERR_DENIED,
		     "plain");
	expect_error(open_seal(folder, 0, &seal), IOTSAFE_ERR_IO, "opened");
	expect_error(open_seal("/no/such/place", 0, &seal), IOTSAFE_ERR_IO,
		     "no such directory");
}

Test(seal, stays_where_it_was_opened)
{
	iotsafe_seal *seal;

	cr_assert(!chdir(folder));
	expect_good(open_seal("client", IOTSAFE_SEAL_CREATE, &seal));
	cr_assert(!chdir("/"));
	cr_assert(send_number(seal) == 0);
	iotsafe_seal_free(seal);
	expect_good(open_seal(ours, 0, &seal));
	cr_assert(send_number(seal) == 1);
	iotsafe_seal_free(seal);
}

/* A place in which nothing can be written any more: nothing goes out, nothing
 * comes in, and both go on when there is room again. */
Test(seal, gives_nothing_out_that_is_not_on_disk)
{
	iotsafe_seal *there = client(), *here = server();
	uint8_t *message, *out;
	size_t message_size, size;
	char block[128], command[300];

	send_text(there, "x", &message, &message_size);
	/* Directories where the new files would be. */
	for (int i = 0; i < 2; i++) {
		snprintf(block, sizeof(block), "%s.new", i ? theirs : ours);
		cr_assert(!mkdir(block, 0700));
	}
	expect_error(iotsafe_seal_encrypt(there, (const uint8_t *)"y", 1, NULL,
					  0, &out, &size),
		     IOTSAFE_ERR_IO, "cannot be written");
	cr_assert(!out && !size);
	expect_refused(here, message, message_size, IOTSAFE_ERR_IO,
		       "cannot be written");
	snprintf(command, sizeof(command), "rmdir '%s.new' '%s.new'", ours,
		 theirs);
	cr_assert(!system(command));
	expect_text(here, message, message_size, "x");
	cr_assert(send_number(there) == 1);
	iotsafe_free(message);
	iotsafe_seal_free(there);
	iotsafe_seal_free(here);
}

/* The first use of a secret fails for want of room: it may begin again. */
Test(seal, begins_again_where_it_could_not_begin)
{
	iotsafe_seal *seal;
	char block[128];

	snprintf(block, sizeof(block), "%s.new", ours);
	cr_assert(!mkdir(block, 0700));
	expect_error(open_seal(ours, IOTSAFE_SEAL_CREATE, &seal),
		     IOTSAFE_ERR_IO, "cannot be written");
	cr_assert(!rmdir(block));
	expect_error(open_seal(ours, 0, &seal), IOTSAFE_ERR_ABSENT, NULL);
	seal = client();
	cr_assert(send_number(seal) == 0);
	iotsafe_seal_free(seal);
	expect_error(open_seal(ours, IOTSAFE_SEAL_CREATE, &seal),
		     IOTSAFE_ERR_ARG, "there already");
	expect_good(open_seal(ours, 0, &seal));
	cr_assert(send_number(seal) == 1);
	iotsafe_seal_free(seal);
}

Test(seal, is_of_no_use_to_a_forked_child)
{
	iotsafe_seal *seal = client(), *other;
	uint8_t *out;
	size_t size;
	int status;
	pid_t child = fork();

	if (!child) {
		int result = iotsafe_seal_encrypt(seal, (const uint8_t *)"x", 1,
						  NULL, 0, &out, &size);

		iotsafe_seal_free(seal);
		_exit(result == IOTSAFE_ERR_CLOSED ? 0 : 1);
	}
	cr_assert(waitpid(child, &status, 0) == child && !status);
	/* The parent's lock is still there, and so are its numbers. */
	expect_error(open_seal(ours, 0, &other), IOTSAFE_ERR_BUSY, "in use");
	cr_assert(send_number(seal) == 0);
	iotsafe_seal_free(seal);
}

#define THREADS	 4
#define MESSAGES 100

static atomic_uint taken[THREADS * MESSAGES];

static void *send_many(void *seal)
{
	for (int i = 0; i < MESSAGES; i++)
		taken[send_number(seal)]++;
	return NULL;
}

Test(seal, gives_threads_different_numbers)
{
	iotsafe_seal *seal = client();
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		cr_assert(!pthread_create(&threads[i], NULL, send_many, seal));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS * MESSAGES; i++)
		cr_assert(taken[i] == 1, "%d: %u times", i, taken[i]);
	iotsafe_seal_free(seal);
}

/* Sets the counter as if so many had been sent. */
static void set_reserved(uint64_t number)
{
	struct seal_state state;
	struct seal_counters counters = {.reserved = number};
	static const uint8_t key[] = {
		0x66, 0x8E, 0x95, 0x70, 0xF7, 0x1F, 0xDE, 0xBB,
		0x21, 0x2A, 0x58, 0xB4, 0x41, 0x2A, 0x3D, 0x59,
		0x7E, 0xA0, 0x47, 0x54, 0xF0, 0x6F, 0x9C, 0x9A,
		0x97, 0x6B, 0xC2, 0xC3, 0xE2, 0x4C, 0xC5, 0xA0,
	};

	memcpy(state.key, key, sizeof(key));
	expect_good(seal_state_open(&state, ours, false));
	expect_good(seal_state_save(&state, &counters));
	seal_state_close(&state);
}

Test(seal, ends_with_its_numbers)
{
	iotsafe_seal *there = client(), *here = server();
	uint8_t *out;
	size_t size;

	iotsafe_seal_free(there);
	set_reserved(UINT32_MAX - 1);
	expect_good(open_seal(ours, 0, &there));
	for (int i = 0; i < 2; i++) {
		send_text(there, "x", &out, &size);
		cr_assert(number_of(out, size) == UINT32_MAX - 1 + (uint32_t)i);
		expect_text(here, out, size, "x");
		expect_refused(here, out, size, IOTSAFE_ERR_VERIFY, "seen");
		iotsafe_free(out);
	}
	expect_error(iotsafe_seal_encrypt(there, (const uint8_t *)"x", 1, NULL,
					  0, &out, &size),
		     IOTSAFE_ERR_SUPPORT, "all 2^32 numbers");
	iotsafe_seal_free(there);
	iotsafe_seal_free(here);
}

/* ---- CBOR ---- */

Test(cose, has_one_encoding_of_each_message)
{
#define HEAD "D0 83 43A10103 A2 04 "
#define TAG  "000102030405060708090A0B0C0D0E0F"
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{HEAD "41 6B 06 41 00 50" TAG, true},
		{HEAD "41 6B 06 44 FFFFFFFF 50" TAG, true},
		{HEAD "58 18" TAG "0011223344556677 06 42 0100 50" TAG, true},
		/* longer forms of a size or a number */
		{HEAD "58 01 6B 06 41 00 50" TAG, false},
		{HEAD "41 6B 06 42 0001 50" TAG, false},
		{HEAD "41 6B 06 41 00 58 10" TAG, false},
		{HEAD "41 6B 06 41 00 59 0010" TAG, false},
		{HEAD "41 6B 06 41 00 5A 00000010" TAG, false},
		{HEAD "41 6B 06 41 00 5B 0000000000000010" TAG, false},
		{HEAD "41 6B 06 41 00 5F 50" TAG "FF", false},
		/* empty, too long, too short */
		{HEAD "40 06 41 00 50" TAG, false},
		{HEAD "41 6B 06 40 50" TAG, false},
		{HEAD "41 6B 06 45 0100000000 50" TAG, false},
		{HEAD "41 6B 06 41 00 4F 0102030405060708090A0B0C0D0E0F",
		 false},
		{HEAD "41 6B 06 41 00 51" TAG, false},
		{HEAD "41 6B 06 41 00 50" TAG "00", false},
		{HEAD "41 6B 06 41 00 5A FFFFFFFF" TAG, false},
		/* another label, order, tag, algorithm, type */
		{HEAD "41 6B 05 41 00 50" TAG, false},
		{"D0 83 43A10103 A2 06 41 00 04 41 6B 50" TAG, false},
		{"D1 83 43A10103 A2 04 41 6B 06 41 00 50" TAG, false},
		{"83 43A10103 A2 04 41 6B 06 41 00 50" TAG, false},
		{"D0 83 43A10101 A2 04 41 6B 06 41 00 50" TAG, false},
		{HEAD "61 6B 06 41 00 50" TAG, false},
		{HEAD "41 6B 06 41 00 F6", false},
	};
	uint8_t data[256];
	struct cose message;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t size = unhex(cases[i].text, data, sizeof(data));

		cr_assert(cose_read((struct bytes){data, size}, &message) ==
				  cases[i].good,
			  "%s", cases[i].text);
	}
}
