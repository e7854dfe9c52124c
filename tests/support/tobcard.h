/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cards of Trust Onboard for tests: software SIMs with a store of their own. */
#ifndef SUPPORT_TOBCARD_H
#define SUPPORT_TOBCARD_H

#include <criterion/parameterized.h>
#include <iotsafe/iotsafe.h>
#include "softpki.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* For each test: the folder that all its cards keep things in, and a server
 * with its CA. */
extern char tob_store[];
extern struct identity tob_ca, tob_server;
void tob_set_up(void);
void tob_tear_down(void);

/* The result, and words that the error's text must have (or NULL). */
void tob_check(int line, int got, int wanted, const char *words);
#define expect_good(call) tob_check(__LINE__, (call), 0, NULL)
#define expect_error(call, code, words)                                        \
	tob_check(__LINE__, (call), (code), (words))

/* Parameters go to other processes, where pointers mean nothing: tables stay
 * with their tests. */
struct criterion_test_params count_to(size_t count);

iotsafe_card *open_card(const char *profile, const char *attributes);
/* A line for this card in the variable that pin-env= names. */
void give_pin(iotsafe_card *card, const char *rest);
iotsafe_key *open_key(iotsafe_card *card, const char *name);
uint64_t exchanges(iotsafe_card *card);
/* The objects that a name lists, a line each: applet, class, label. */
char *list_words(iotsafe_card *card, const char *name);

#endif
