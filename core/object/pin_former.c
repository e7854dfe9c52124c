/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PINs that failed in this process: none is sent there again, whoever gives it.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "object/pin.h"

#define FORMERS_MAX 16

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	char iccid[ICCID_TEXT];
	const char *applet; /* of the table, or NULL: the SIM's */
	const char *words;
} formers[FORMERS_MAX];
static size_t count;

static const char refused[] = "has refused one in this process";
/* The card may have taken it all the same, for a right or for a wrong one. */
static const char lost[] =
	"left one without an answer in this process, which may have been wrong";
/* Where there is no room left, nothing is risked. */
static const char full[] = "is one card more than the 16 whose PIN failed in "
			   "this process";

const char *pin_former(const char *iccid, const char *applet)
{
	const char *words;

	pthread_mutex_lock(&lock);
	words = count == FORMERS_MAX ? full : NULL;
	for (size_t i = 0; i < count; i++)
		if (!strcmp(formers[i].iccid, iccid) &&
		    formers[i].applet == applet)
			words = formers[i].words;
	pthread_mutex_unlock(&lock);
	return words;
}

void pin_keep_former(const char *iccid, const char *applet)
{
	const bool heard =
		iotsafe_last_status() || iotsafe_last_code() == IOTSAFE_ERR_PIN;

	pthread_mutex_lock(&lock);
	if (count < FORMERS_MAX) {
		snprintf(formers[count].iccid, ICCID_TEXT, "%s", iccid);
		formers[count].applet = applet;
		formers[count++].words = heard ? refused : lost;
	}
	pthread_mutex_unlock(&lock);
}
