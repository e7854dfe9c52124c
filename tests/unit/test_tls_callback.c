/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What GnuTLS gets from the sign callback, whatever the card does: never a
 * positive number, GNUTLS_E_AGAIN or GNUTLS_E_INTERRUPTED, for which it goes on
 * without CertificateVerify. Registering the key passes through here, and each
 * answer with it.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <dlfcn.h>
#include <gnutls/abstract.h>
#include <iotsafe/gnutls.h>
#include <string.h>
#include "tlsfixture.h"

TestSuite(callback, .init = fixture_set_up, .fini = fixture_tear_down,
	  .timeout = 300);

static gnutls_privkey_sign_hash_func real_sign;
static atomic_int asked, last_answer, unsafe_answer;
static pthread_t asked_in;

static int listen_in(gnutls_privkey_t key, gnutls_sign_algorithm_t algorithm,
		     void *self, unsigned flags, const gnutls_datum_t *hash,
		     gnutls_datum_t *signature)
{
	int answer = real_sign(key, algorithm, self, flags, hash, signature);

	asked_in = pthread_self();
	asked++;
	last_answer = answer;
	if (answer > 0 || answer == GNUTLS_E_AGAIN ||
	    answer == GNUTLS_E_INTERRUPTED)
		unsafe_answer = answer;
	return answer;
}

/* In the place of GnuTLS's function for the core in this program. */
int gnutls_privkey_import_ext4(gnutls_privkey_t key, void *self,
			       gnutls_privkey_sign_data_func sign_data,
			       gnutls_privkey_sign_hash_func sign_hash,
			       gnutls_privkey_decrypt_func decrypt,
			       gnutls_privkey_deinit_func deinit,
			       gnutls_privkey_info_func info, unsigned flags)
{
	int (*import)(gnutls_privkey_t, void *, gnutls_privkey_sign_data_func,
		      gnutls_privkey_sign_hash_func,
		      gnutls_privkey_decrypt_func, gnutls_privkey_deinit_func,
		      gnutls_privkey_info_func, unsigned);
	void *found = dlsym(RTLD_NEXT, "gnutls_privkey_import_ext4");

	cr_assert(found != NULL);
	memcpy(&import, &found, sizeof(import));
	real_sign = sign_hash;
	return import(key, self, sign_data, sign_hash ? listen_in : NULL,
		      decrypt, deinit, info, flags);
}

static void expect_safe_answer(int code, const char *what)
{
	cr_assert(eq(int, unsafe_answer, 0), "%s: the callback gave %d (%s)",
		  what, unsafe_answer, gnutls_strerror(unsafe_answer));
	cr_assert(ge(int, asked, 1), "%s: the callback was not asked", what);
	cr_assert(
		eq(int, last_answer, code < 0 ? IOTSAFE_GNUTLS_ERROR(code) : 0),
		"%s", what);
}

/* Codes of GnuTLS's among them: what came from below unchanged would be
 * taken for GnuTLS's own. */
static const int failures[] = {
	IOTSAFE_ERR_ARG,    IOTSAFE_ERR_MEMORY,	   IOTSAFE_ERR_SUPPORT,
	IOTSAFE_ERR_IO,	    IOTSAFE_ERR_BUSY,	   IOTSAFE_ERR_TIMEOUT,
	IOTSAFE_ERR_MODEM,  IOTSAFE_ERR_CANCELLED, IOTSAFE_ERR_CARD,
	IOTSAFE_ERR_DENIED, IOTSAFE_ERR_PIN,	   IOTSAFE_ERR_ABSENT,
	IOTSAFE_ERR_FORMAT, IOTSAFE_ERR_AMBIGUOUS, IOTSAFE_ERR_VERIFY,
	IOTSAFE_ERR_CLOSED, IOTSAFE_WANT_READ,	   IOTSAFE_WANT_WRITE,
	IOTSAFE_WANT_CARD,  GNUTLS_E_AGAIN,	   GNUTLS_E_INTERRUPTED,
};

Test(callback, turns_each_failure_into_one_that_ends_the_handshake)
{
	gnutls_datum_t hash = {(uint8_t[32]){1}, 32}, signature;
	gnutls_privkey_t privkey;
	iotsafe_key *key;

	gnutls_privkey_init(&privkey);
	expect_good(iotsafe_key_open(&card, NULL, &key));
	expect_good(iotsafe_key_import(key, privkey));
	iotsafe_key_free(key);
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		int answer;

		card.fail_sign = failures[i];
		answer = gnutls_privkey_sign_hash2(privkey,
						   GNUTLS_SIGN_ECDSA_SHA256, 0,
						   &hash, &signature);
		expect_safe_answer(failures[i], "a failure");
		cr_assert(eq(int, answer, last_answer));
		cr_assert(eq(int, gnutls_error_is_fatal(answer), 1));
	}
	gnutls_privkey_deinit(privkey);
	expect_nothing_in_use();
}

/* ---- handshakes ---- */

enum ahead {
	AHEAD_QUICK,	 /* is there when the server asks */
	AHEAD_SLOW,	 /* is waited for by the signature */
	AHEAD_CANCELLED, /* meanwhile, by the card's user */
	AHEAD_STUCK,	 /* longer than the handshake may take */
	AHEAD_NEVER,
};

struct course {
	const char *name;
	enum ahead ahead;
	int sign_ms;   /* -1: longer than the handshake may take */
	int fail_sign; /* with this code */
	bool wrong;
	int code; /* of the callback and of the handshake */
};

static struct course courses[] = {
	{"all well", AHEAD_QUICK, 0, 0, false, 0},
	{"a slow card", AHEAD_QUICK, 300, 0, false, 0},
	{"nothing ahead", AHEAD_NEVER, 300, 0, false, 0},
	{"ahead is slow", AHEAD_SLOW, 300, 0, false, 0},
	{"refused", AHEAD_QUICK, 0, IOTSAFE_ERR_CARD, false, IOTSAFE_ERR_CARD},
	{"busy", AHEAD_NEVER, 50, IOTSAFE_ERR_BUSY, false, IOTSAFE_ERR_BUSY},
	{"lost", AHEAD_SLOW, 0, IOTSAFE_ERR_IO, false, IOTSAFE_ERR_IO},
	{"cancelled", AHEAD_QUICK, 50, IOTSAFE_ERR_CANCELLED, false,
	 IOTSAFE_ERR_CANCELLED},
	{"cancelled ahead", AHEAD_CANCELLED, 0, 0, false,
	 IOTSAFE_ERR_CANCELLED},
	{"no signature", AHEAD_QUICK, 0, 0, true, IOTSAFE_ERR_FORMAT},
	{"too slow", AHEAD_QUICK, -1, 0, false, IOTSAFE_ERR_TIMEOUT},
	{"stuck ahead", AHEAD_STUCK, 1, 0, false, IOTSAFE_ERR_TIMEOUT},
};
#define COURSES (sizeof(courses) / sizeof(courses[0]))

static void set_card(const struct course *course)
{
	static const int milliseconds[] = {
		[AHEAD_QUICK] = 0,	  [AHEAD_SLOW] = 300,
		[AHEAD_CANCELLED] = 1500, [AHEAD_STUCK] = 600000,
		[AHEAD_NEVER] = 0,
	};

	card.prepare_ms = patience(milliseconds[course->ahead]);
	card.cancel_prepare = course->ahead == AHEAD_CANCELLED;
	card.never_ahead = course->ahead == AHEAD_NEVER;
	card.sign_ms = course->sign_ms < 0 ? 600000 : course->sign_ms;
	card.fail_sign = course->fail_sign;
	card.wrong = course->wrong;
}

/* What the row asks for: a course, a protocol, and a caller who waits or one
 * who does not, whose callback runs in a thread. One who does not wait has no
 * deadline. */
#define WAITING(row)  ((row) % 6 < 3)
#define PROTOCOL(row) ((enum protocol)((row) % 3))
#define COURSE(row)   (&courses[(row) / 6])

ParameterizedTestParameters(callback, signs_or_ends_and_never_says_again)
{
	static int rows[6 * COURSES];
	size_t count = 0;

	for (int i = 0; i < (int)(6 * COURSES); i++)
		if (WAITING(i) || COURSE(i)->code != IOTSAFE_ERR_TIMEOUT)
			rows[count++] = i;
	return cr_make_param_array(int, rows, count);
}

static int shake_hands(iotsafe_tls *tls, int fd, bool waiting, int limit)
{
	int wanted;

	if (waiting)
		return iotsafe_tls_handshake(tls, fd, patience(limit));
	return shake_hands_without_waiting(tls, fd, patience(30000), &wanted);
}

/* The whole of a row; 1 if the callback was not asked within the limit. */
static int go_through(int row, int limit)
{
	const struct course *course = COURSE(row);
	iotsafe_tls *tls = new_session(PROTOCOL(row), &card);
	struct peer peer;
	int result;

	set_card(course);
	peer_start(&peer, wish_for(PROTOCOL(row)));
	result = shake_hands(tls, peer.fd, WAITING(row), limit);
	if (result == IOTSAFE_OK) {
		expect_echo(tls, "hello");
		expect_good(iotsafe_tls_close(tls, 1000));
	}
	end_session(tls, &peer);
	if (!asked && course->code == IOTSAFE_ERR_TIMEOUT)
		return 1;
	expect_safe_answer(result, course->name);
	cr_assert(eq(int, !pthread_equal(asked_in, pthread_self()),
		     !WAITING(row)));
	/* The server has seen the signature, or no handshake. */
	cr_assert(eq(int, peer.result < 0, result < 0), "%s", course->name);
	return result;
}

/* Limits that a busy machine does not keep to are made longer. */
ParameterizedTest(int *row, callback, signs_or_ends_and_never_says_again,
		  .timeout = 300)
{
	const struct course *course = COURSE(*row);
	bool timed = course->code == IOTSAFE_ERR_TIMEOUT;
	int limit = timed ? 500 : 60000, result;

	do {
		result = go_through(*row, limit);
		limit *= 2;
	} while (result == 1 && limit < 60000);
	/* On a busy machine the server may ask later than it was cancelled. */
	if (course->ahead != AHEAD_CANCELLED || result < 0)
		cr_assert(eq(int, result, course->code), "%s: %s", course->name,
			  iotsafe_last_error());
}

/* Who gives the session up while its callback waits for the card. */
Test(callback, that_is_given_up_ends_and_does_not_say_again)
{
	for (int protocol = TLS13; protocol <= DTLS12; protocol++) {
		struct peer peer;
		iotsafe_tls *tls = new_session((enum protocol)protocol, &card);
		int wants = IOTSAFE_OK;

		asked = 0;
		card.sign_ms = 600000;
		card.busy = 0;
		peer_start(&peer, wish_for((enum protocol)protocol));
		card.never_ahead = true;
		while (card.busy == 0 &&
		       (wants = iotsafe_tls_handshake(tls, peer.fd, 0)) <=
			       IOTSAFE_WANT_READ)
			wait_as_told(tls, 10);
		cr_assert(eq(int, card.busy, 1), "%d: %s", wants,
			  iotsafe_last_error());
		end_session(tls, &peer);
		expect_safe_answer(IOTSAFE_ERR_CANCELLED, "given up");
		cr_assert(lt(int, peer.result, 0));
	}
}
