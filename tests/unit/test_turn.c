/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns on a card: their order, their time and how they are cancelled. */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "fakecard.h"
#include "object/turn.h"
#include "script.h"

static struct identity identity, other;

static void set_up(void)
{
	identity = identity_make((struct identity_wish){.name = "one"});
	other = identity_make((struct identity_wish){.name = "two"});
}

static void tear_down(void)
{
	identity_free(&identity);
	identity_free(&other);
}

TestSuite(turn, .init = set_up, .fini = tear_down, .timeout = 60);

/* ---- the queue ---- */

struct waiter {
	struct turns *turns;
	int timeout;
	const struct deadline *limit;
	atomic_int result;
	struct turn turn;
	atomic_int *place; /* counts who has had the turn */
	int had;	   /* this one's place */
	char words[128];
	pthread_t thread;
};

static void *wait_for_turn(void *self)
{
	struct waiter *waiter = self;

	waiter->result = turn_begin(waiter->turns, &waiter->turn,
				    waiter->timeout, waiter->limit);
	if (waiter->result < 0)
		snprintf(waiter->words, sizeof(waiter->words), "%s",
			 iotsafe_last_error());
	if (waiter->result == 0) {
		waiter->had = ++*waiter->place;
		turn_end(waiter->turns, &waiter->turn);
	}
	return NULL;
}

static bool is_queued(const struct waiter *waiter)
{
	bool found = false;

	pthread_mutex_lock(&waiter->turns->lock);
	for (struct turn *turn = waiter->turns->first; turn; turn = turn->next)
		found = found || turn == &waiter->turn;
	pthread_mutex_unlock(&waiter->turns->lock);
	return found;
}

/* Starts the thread and returns when it stands in the queue, or did. */
static void start(struct waiter *waiter)
{
	waiter->result = 1;
	cr_assert(
		!pthread_create(&waiter->thread, NULL, wait_for_turn, waiter));
	while (!is_queued(waiter) && waiter->result == 1)
		poll(NULL, 0, 1);
}

Test(turn, is_had_at_once_where_nobody_works)
{
	struct turns turns;
	struct turn turn;

	turns_init(&turns);
	for (int i = 0; i < 3; i++) {
		cr_assert(turn_begin(&turns, &turn, 1000, NULL) == 0);
		cr_assert(!deadline_passed(&turn.deadline));
		cr_assert(!deadline_cancelled(&turn.deadline));
		turn_end(&turns, &turn);
	}
	cr_assert_null(turns.first);
	turns_destroy(&turns);
}

Test(turn, comes_in_the_order_of_asking)
{
	struct waiter waiters[6];
	atomic_int place = 0;
	struct turns turns;
	struct turn turn;

	turns_init(&turns);
	cr_assert(turn_begin(&turns, &turn, 5000, NULL) == 0);
	for (int i = 0; i < 6; i++) {
		waiters[i] = (struct waiter){
			.turns = &turns, .timeout = 5000, .place = &place};
		start(&waiters[i]);
	}
	turn_end(&turns, &turn);
	for (int i = 0; i < 6; i++) {
		pthread_join(waiters[i].thread, NULL);
		cr_assert(waiters[i].result == 0);
		cr_assert(waiters[i].had == i + 1, "%d had place %d", i,
			  waiters[i].had);
	}
	turns_destroy(&turns);
}

Test(turn, that_does_not_come_in_time_is_told)
{
	struct waiter waiters[2];
	atomic_int place = 0;
	struct turns turns;
	struct turn turn;

	turns_init(&turns);
	cr_assert(turn_begin(&turns, &turn, 5000, NULL) == 0);
	waiters[0] = (struct waiter){
		.turns = &turns, .timeout = 30, .place = &place};
	waiters[1] = (struct waiter){
		.turns = &turns, .timeout = 5000, .place = &place};
	start(&waiters[0]);
	start(&waiters[1]);
	pthread_join(waiters[0].thread, NULL);
	cr_assert(waiters[0].result == IOTSAFE_ERR_TIMEOUT);
	cr_assert(strstr(waiters[0].words, "still busy"), "%s",
		  waiters[0].words);
	/* The one behind it is not held up. */
	turn_end(&turns, &turn);
	pthread_join(waiters[1].thread, NULL);
	cr_assert(waiters[1].result == 0);
	cr_assert_null(turns.first);
	turns_destroy(&turns);
}

Test(turn, ends_no_later_than_its_caller_s_limit)
{
	struct deadline limit = deadline_in(30, -1);
	struct turns turns;
	struct turn first, second;

	turns_init(&turns);
	cr_assert(turn_begin(&turns, &first, 5000, &limit) == 0);
	cr_assert(first.deadline.at == limit.at);
	expect_error(turn_begin(&turns, &second, 5000, &limit),
		     IOTSAFE_ERR_TIMEOUT, "card: still busy");
	turn_end(&turns, &first);
	turns_destroy(&turns);
}

Test(turn, a_cancel_reaches_all_who_wait_or_work_and_no_one_else)
{
	struct waiter waiters[3];
	atomic_int place = 0;
	struct turns turns;
	struct turn turn;

	turns_init(&turns);
	cr_assert(turn_begin(&turns, &turn, 5000, NULL) == 0);
	for (int i = 0; i < 3; i++) {
		waiters[i] = (struct waiter){
			.turns = &turns, .timeout = 5000, .place = &place};
		start(&waiters[i]);
	}
	turns_cancel(&turns);
	cr_assert(deadline_cancelled(&turn.deadline));
	for (int i = 0; i < 3; i++) {
		pthread_join(waiters[i].thread, NULL);
		cr_assert(waiters[i].result == IOTSAFE_ERR_CANCELLED);
	}
	turn_end(&turns, &turn);
	cr_assert(turn_begin(&turns, &turn, 5000, NULL) == 0);
	cr_assert(!deadline_cancelled(&turn.deadline));
	turn_end(&turns, &turn);
	turns_destroy(&turns);
}

Test(turn, ends_with_its_caller_s_own_cancel)
{
	struct deadline limit = deadline_in(5000, eventfd(0, EFD_NONBLOCK));
	struct turns turns;
	struct turn first, second;

	turns_init(&turns);
	cr_assert(turn_begin(&turns, &first, 5000, NULL) == 0);
	eventfd_write(limit.cancel_fd, 1);
	expect_error(turn_begin(&turns, &second, 5000, &limit),
		     IOTSAFE_ERR_CANCELLED, "operation cancelled");
	turn_end(&turns, &first);
	close(limit.cancel_fd);
	turns_destroy(&turns);
}

/* ---- on a card ---- */

static void personalise(struct fakecard *fake, const struct identity *key)
{
	*fake = (struct fakecard){
		.objects = {{.class = IOTSAFE_CLASS_PRIVATE_KEY,
			     .id = "01",
			     .key = key},
			    {.class = IOTSAFE_CLASS_PUBLIC_KEY,
			     .id = "01",
			     .key = key}}};
}

struct signer {
	iotsafe_key *key;
	const struct identity *identity;
	unsigned rounds, good;
	int result;
	char words[200];
	atomic_int done;
	pthread_t thread;
};

static void *sign_often(void *self)
{
	struct signer *signer = self;
	uint8_t hash[32] = {0}, *out;
	size_t size;

	for (unsigned i = 0; i < signer->rounds; i++) {
		memcpy(hash, &i, sizeof(i));
		signer->result = iotsafe_key_sign(signer->key, IOTSAFE_SHA256,
						  hash, 32, &out, &size);
		if (signer->result < 0)
			break;
		signer->good +=
			fakecard_verify(signer->identity, hash, 32, out, size);
		iotsafe_free(out);
	}
	if (signer->result < 0)
		snprintf(signer->words, sizeof(signer->words), "%s",
			 iotsafe_last_error());
	signer->done = 1;
	return NULL;
}

static iotsafe_key *open_key(iotsafe_card *card)
{
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, NULL, &key));
	return key;
}

static void start_signer(struct signer *signer)
{
	cr_assert(!pthread_create(&signer->thread, NULL, sign_often, signer));
}

Test(turn, eight_threads_on_one_key_get_correct_signatures)
{
	struct signer signers[8];
	struct fakecard fake;
	iotsafe_card *card;
	iotsafe_key *key;

	personalise(&fake, &identity);
	card = fakecard_open(&fake);
	key = open_key(card);
	for (int i = 0; i < 8; i++) {
		signers[i] = (struct signer){
			.key = key, .identity = &identity, .rounds = 10};
		start_signer(&signers[i]);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(signers[i].thread, NULL);
		cr_assert(signers[i].result == 0, "%s", signers[i].words);
		cr_assert(signers[i].good == 10);
	}
	cr_assert(fake.overlaps == 0, "one exchange at a time");
	cr_assert(iotsafe_card_counter(card, IOTSAFE_SIGNATURES) == 80);
	cr_assert(fake.asked[FAKE_PUBLIC_KEY] == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(turn, two_cards_work_side_by_side)
{
	struct fakecard fakes[2];
	struct signer signers[2];
	iotsafe_card *cards[2];

	for (int i = 0; i < 2; i++) {
		personalise(&fakes[i], i ? &other : &identity);
		cards[i] = fakecard_open(&fakes[i]);
		signers[i] = (struct signer){.key = open_key(cards[i]),
					     .identity = i ? &other : &identity,
					     .rounds = 5};
		fakes[i].delay = 30;
		fakes[i].beside = &fakes[!i];
	}
	start_signer(&signers[0]);
	start_signer(&signers[1]);
	for (int i = 0; i < 2; i++) {
		pthread_join(signers[i].thread, NULL);
		cr_assert(signers[i].good == 5, "%s", signers[i].words);
	}
	cr_assert(fakes[0].met + fakes[1].met > 0, "never at the same time");
	for (int i = 0; i < 2; i++) {
		iotsafe_key_free(signers[i].key);
		iotsafe_card_free(cards[i]);
	}
}

Test(turn, a_cancel_ends_who_works_and_who_waits_but_not_who_comes)
{
	struct signer signers[2];
	struct fakecard fake;
	iotsafe_card *card;
	iotsafe_key *key;
	struct signer after;

	personalise(&fake, &identity);
	card = fakecard_open(&fake);
	key = open_key(card);
	fake.delay = 50;
	for (int i = 0; i < 2; i++) {
		signers[i] = (struct signer){
			.key = key, .identity = &identity, .rounds = 1000};
		start_signer(&signers[i]);
	}
	/* Again and again: now and then one is between two operations. */
	while (!signers[0].done || !signers[1].done) {
		expect_good(iotsafe_card_cancel(card));
		poll(NULL, 0, 20);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(signers[i].thread, NULL);
		cr_assert(signers[i].result == IOTSAFE_ERR_CANCELLED, "%d: %s",
			  i, signers[i].words);
	}
	fake.delay = 0;
	after = (struct signer){.key = key, .identity = &identity, .rounds = 1};
	sign_often(&after);
	cr_assert(after.good == 1, "%s", after.words);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	cr_assert(fakecard_channels(&fake) == 0);
}

Test(turn, time_spent_waiting_counts)
{
	struct signer signers[2];
	struct fakecard fake;
	iotsafe_card *card;
	iotsafe_key *key;

	personalise(&fake, &identity);
	card = fakecard_open(&fake);
	key = open_key(card);
	fake.delay = 400;
	signers[0] =
		(struct signer){.key = key, .identity = &identity, .rounds = 1};
	start_signer(&signers[0]);
	while (fake.exchanges < 5)
		poll(NULL, 0, 1);
	expect_good(iotsafe_card_set_timeout(card, 100));
	signers[1] =
		(struct signer){.key = key, .identity = &identity, .rounds = 1};
	sign_often(&signers[1]);
	cr_assert(signers[1].result == IOTSAFE_ERR_TIMEOUT);
	cr_assert(strstr(signers[1].words, "still busy"), "%s",
		  signers[1].words);
	pthread_join(signers[0].thread, NULL);
	cr_assert(signers[0].good == 1, "its own time was longer: %s",
		  signers[0].words);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(turn, an_operation_of_many_exchanges_ends_in_time)
{
	struct fakecard fake;
	iotsafe_card *card;
	int64_t begun;
	uint8_t *out;
	size_t size;

	personalise(&fake, &identity);
	card = fakecard_open(&fake);
	expect_good(iotsafe_card_set_timeout(card, 100));
	fake.delay = 30;
	begun = deadline_now();
	expect_error(iotsafe_card_random(card, 65536, &out, &size),
		     IOTSAFE_ERR_TIMEOUT, "did not answer in time");
	cr_assert(deadline_now() - begun < 1000);
	fake.delay = 0;
	iotsafe_card_free(card);
}
