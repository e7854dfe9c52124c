/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A key's handle in several threads: what it gives out without a turn of the
 * card, while others find its public key and certificates anew. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fakecard.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"
#include "script.h"

static struct identity a, b;
static struct fakecard fake;
static iotsafe_card *card;
static iotsafe_key *key;

static void set_up(void)
{
	a = identity_make((struct identity_wish){.name = "a"});
	b = identity_make((struct identity_wish){.name = "b"});
	fake = (struct fakecard){.objects = {
					 {.class = IOTSAFE_CLASS_PRIVATE_KEY,
					  .id = "01",
					  .label = "client",
					  .key = &a},
					 {.class = IOTSAFE_CLASS_PUBLIC_KEY,
					  .id = "01",
					  .label = "client",
					  .key = &a},
					 {.class = IOTSAFE_CLASS_FILE,
					  .id = "02",
					  .content = &a},
				 }};
	card = fakecard_open(&fake);
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(key_learn(key, NULL));
}

static void tear_down(void)
{
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	identity_free(&a);
	identity_free(&b);
}

TestSuite(shared, .init = set_up, .fini = tear_down, .timeout = 300);

static struct bytes der_of(const struct identity *identity)
{
	return (struct bytes){identity->der.data, identity->der.size};
}

/* ---- what was given out ---- */

#define TIMES 4

Test(shared, public_keys_stay_as_they_were_given)
{
	struct bytes given[TIMES];
	uint8_t first[1 + TIMES], data[TIMES][80];

	for (int i = 0; i < TIMES; i++) {
		struct entry entry = {.spki = data[i], .spki_size = 80};

		memset(data[i], i, sizeof(data[i]));
		expect_good(key_replace_spki(key, &entry));
		given[i] = key_spki(key);
		first[i] = given[i].data[0];
	}
	for (int i = 0; i < TIMES; i++) {
		cr_assert(first[i] == i);
		cr_assert(bytes_equal(given[i], (struct bytes){data[i], 80}));
	}
}

/* The certificate, and behind it what differs each time. */
static int renew(uint32_t number)
{
	uint8_t behind[1000] = {0x30, 0x82, 0x03, 0xE4};
	uint8_t data[2000];

	cr_assert(a.der.size + sizeof(behind) <= sizeof(data));
	memcpy(behind + 4, &number, sizeof(number));
	memcpy(data, a.der.data, a.der.size);
	memcpy(data + a.der.size, behind, sizeof(behind));
	return iotsafe_key_set_certificate(key, data,
					   a.der.size + sizeof(behind));
}

Test(shared, certificates_that_are_over_take_no_memory)
{
	size_t before;

	expect_good(renew(0));
	before = mallinfo2().uordblks;
	for (uint32_t i = 1; i < 1000; i++)
		expect_good(renew(i));
	cr_assert(mallinfo2().uordblks < before + 10000);
	cr_assert(bytes_equal(key_chain(key, 0), der_of(&a)));
	cr_assert(iotsafe_key_set_certificate(key, b.der.data, b.der.size) ==
		  IOTSAFE_ERR_VERIFY);
	cr_assert(!key_chain(key, 0).size);
}

/* As the card has another private key in the identity's place. */
static struct record renamed(const char *label)
{
	struct record record = *key_record(key);

	record.label_size = (uint8_t)strlen(label);
	memcpy(record.label, label, record.label_size);
	return record;
}

Test(shared, names_stay_as_they_were_given)
{
	const struct record other = renamed("other"),
			    client = renamed("client");
	const struct record *given = key_record(key);
	const char *title = key_title(key);

	for (int i = 0; i < TIMES; i++) {
		expect_good(key_take_record(key, &other));
		cr_assert_str_eq(key_title(key), "\"other\"");
		cr_assert_str_eq(title, "\"client\"");
		cr_assert_eq(given->label_size, 6);
		expect_good(key_take_record(key, &client));
		cr_assert(key_title(key) == title,
			  "the same took memory again");
	}
}

/* ---- who asks meanwhile ---- */

static atomic_bool over;
static struct bytes expected;

static void *make_requests(void *unused)
{
	uint8_t *out;
	size_t size;

	while (!over) {
		struct bytes spki = key_spki(key);

		cr_assert(bytes_equal(spki, expected));
		expect_good(iotsafe_key_csr(key, "CN=device", NULL, NULL, &out,
					    &size));
		cr_assert(memmem(out, size, expected.data, expected.size));
		iotsafe_free(out);
		expect_good(iotsafe_key_jws(key, "JWT", NULL,
					    (const uint8_t *)"{}", 2, &out,
					    &size));
		iotsafe_free(out);
	}
	return unused;
}

/* As from disk, which who asks for the public key itself does not believe. */
static void find_anew(int times)
{
	uint8_t *out;
	size_t size;

	for (int i = 0; i < times; i++) {
		key->cached = true;
		expect_good(iotsafe_key_public_key(key, &out, &size));
		cr_assert(bytes_equal((struct bytes){out, size}, expected));
		iotsafe_free(out);
	}
}

Test(shared, requests_and_tokens_are_made_while_it_is_found_anew)
{
	pthread_t threads[3];

	expected = key_spki(key);
	for (int i = 0; i < 3; i++)
		cr_assert(!pthread_create(&threads[i], NULL, make_requests,
					  NULL));
	find_anew(200);
	over = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

static void *read_names(void *unused)
{
	iotsafe_object *object;
	const char *title;
	uint8_t *label;
	size_t size;

	while (!over) {
		title = key_title(key);
		cr_assert(!strcmp(title, "\"client\"") ||
			  !strcmp(title, "\"other\""));
		cr_assert(key_algorithms(key));
		expect_good(iotsafe_key_object(key, &object));
		expect_good(iotsafe_object_label(object, &label, &size));
		cr_assert((size == 6 && !memcmp(label, "client", 6)) ||
			  (size == 5 && !memcmp(label, "other", 5)));
		iotsafe_free(label);
		iotsafe_object_free(object);
	}
	return unused;
}

Test(shared, names_are_whole_while_it_becomes_another)
{
	const struct record other = renamed("other"),
			    client = renamed("client");
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		cr_assert(!pthread_create(&threads[i], NULL, read_names, NULL));
	for (int i = 0; i < 20000; i++)
		expect_good(key_take_record(key, i % 2 ? &client : &other));
	over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* Its issuer is in no file: what is completed stays as it is. */
static void *complete_chains(void *path)
{
	while (!over)
		cr_assert(iotsafe_key_complete_chain(key, path) ==
			  IOTSAFE_ERR_ABSENT);
	return NULL;
}

Test(shared, chains_are_completed_while_certificates_are_renewed)
{
	char path[] = "/tmp/iotsafe-chain-XXXXXX";
	int fd = mkstemp(path);
	pthread_t threads[2];

	cr_assert(fd >= 0);
	cr_assert(write(fd, b.der.data, b.der.size) == (ssize_t)b.der.size);
	close(fd);
	for (int i = 0; i < 2; i++)
		cr_assert(!pthread_create(&threads[i], NULL, complete_chains,
					  path));
	for (uint32_t i = 0; i < 2000; i++)
		expect_good(renew(i));
	over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	unlink(path);
}
