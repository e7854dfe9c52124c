/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The card works while the network does: the first half of the signature goes
 * to it as the ClientHello goes to the server.
 */
#include "base/error.h"
#include "object/key.h"
#include "tls/ahead.h"

/* A command that is cut off costs more than it takes: the link has to get back
 * in step, and that of PC/SC to be opened again. */
#define GRACE_MS 1000

static int begin_signature(void *self)
{
	struct iotsafe_tls *tls = self;
	const struct deadline limit = deadline_in(-1, tls->ahead.cancel_fd);

	return key_prepare(tls->key, &limit, &tls->ahead_under_way);
}

/* Where a server is verified on the card that comes first, and would undo
 * it. */
static bool is_likely(const struct iotsafe_tls *tls)
{
	return tls->key && !tls->resuming && !tls->psk && !tls->ca_key &&
	       key_may_prepare(tls->key);
}

void ahead_start(struct iotsafe_tls *tls)
{
	struct error kept;

	if (!is_likely(tls))
		return;
	error_save(&kept);
	tls->ahead_under_way = false;
	if (job_prepare(&tls->ahead) >= 0)
		job_start(&tls->ahead, begin_signature, tls);
	error_restore(&kept);
}

/* Who signs before it has begun would find nothing, and it would then begin
 * one that nobody wants. */
int ahead_settle(struct job *ahead, const struct deadline *limit)
{
	const struct deadline now = deadline_in(0, -1);
	struct error kept;
	int result;

	if (!ahead || !ahead->running)
		return IOTSAFE_OK;
	error_save(&kept);
	/* Whoever cancels what the card does means the signature that waits
	 * for it; one who did so before did not. */
	if (job_collect(ahead, &now, &result) == IOTSAFE_ERR_TIMEOUT &&
	    job_collect(ahead, limit, &result) >= 0 &&
	    result == IOTSAFE_ERR_CANCELLED)
		return result;
	error_restore(&kept);
	return IOTSAFE_OK;
}

static void collect_within(struct job *ahead, int milliseconds)
{
	const struct deadline limit = deadline_in(milliseconds, -1);
	struct error kept;
	int result;

	error_save(&kept);
	if (ahead->running)
		job_collect(ahead, &limit, &result);
	error_restore(&kept);
}

void ahead_release(struct job *ahead)
{
	collect_within(ahead, 0);
	if (!ahead->running)
		job_end(ahead);
}

void ahead_end(struct iotsafe_tls *tls)
{
	if (tls->ahead_under_way)
		collect_within(&tls->ahead, GRACE_MS);
	job_end(&tls->ahead);
}
