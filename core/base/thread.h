/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

/* Starts a thread that nobody joins, and that leaves all signals to the
 * application's own. 0 or an errno. */
int thread_start(void *(*run)(void *self), void *self);

#endif
