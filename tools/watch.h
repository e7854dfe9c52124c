/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Watches over what the main thread waits for: says on a terminal how long it
 * takes, and on SIGINT, SIGTERM and SIGHUP ends it in good order, so that no
 * channel stays open on the card. A second signal ends the program at once.
 * Ends the same way a command whose time is up. */
#ifndef TOOLS_WATCH_H
#define TOOLS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <iotsafe/iotsafe.h>

/* False if it cannot; errno says why. `quiet` says nothing about waits. */
bool watch_start(bool quiet);
void watch_stop(void);

/* The card whose operations a signal cancels; NULL before it is freed. */
void watch_card(iotsafe_card *card);

/* A wait begins ("waiting for the card"); the one before ends. */
void watch_begin(const char *what);
/* One of several waits that began then (clock_after(0)), by number. */
void watch_go_on(const char *what, size_t number, size_t of, int64_t since);
/* No wait is under way. Harmless at any time. */
void watch_end(void);

/* From now on the command has so many milliseconds; then its operations on the
 * card are cancelled, those that begin later, too. The first limit holds. */
void watch_limit(int milliseconds);
/* The time is up. */
bool watch_late(void);
/* Milliseconds left, and those given where there is no limit. */
int watch_left(int otherwise);

/* Nothing more is to be begun: the time is up, or a signal came. */
bool watch_over(void);

/* Readable once a signal has come; -1 before watch_start(). */
int watch_fd(void);

/* The signal that came, 0 if none. */
int watch_signal(void);

#endif
