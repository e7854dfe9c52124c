/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function becomes a thread of the library's own.
 */
#include <pthread.h>
#include <signal.h>
#include "base/thread.h"

int thread_start(void *(*run)(void *self), void *self)
{
	sigset_t all, before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, run, self);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error)
		pthread_detach(thread);
	return error;
}
