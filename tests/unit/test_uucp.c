/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock files of serial ports, for a port that nobody has. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "link/uucp.h"

#define HOUR 3600

static char port[40], path[UUCP_PATH_MAX];

static void set_up(void)
{
	snprintf(port, sizeof(port), "/dev/iotsafe.test.%d", getpid());
	cr_assert(uucp_lock(port, path) == 0);
	cr_assert(strncmp(path, "/run/lock/LCK..", 15) == 0, "\"%s\"", path);
}

static void tear_down(void)
{
	unlink(path);
}

TestSuite(uucp, .init = set_up, .fini = tear_down);

/* In the place of ours, with the age in seconds. */
static void leave(const char *text, int age)
{
	struct timespec times[2] = {{time(NULL) - age, 0},
				    {time(NULL) - age, 0}};
	int fd = open(path, O_WRONLY | O_TRUNC);

	cr_assert(fd >= 0);
	cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	cr_assert(futimens(fd, times) == 0);
	close(fd);
}

static pid_t lock_again(void)
{
	char own[UUCP_PATH_MAX];
	pid_t holder = uucp_lock(port, own);

	cr_assert((*own != '\0') == !holder);
	return holder;
}

Test(uucp, file_of_a_living_process_is_left_alone)
{
	char text[20];

	snprintf(text, sizeof(text), "%10d\n", getppid());
	leave(text, 10 * HOUR);
	cr_assert(lock_again() == getppid());
}

Test(uucp, file_of_a_dead_process_is_taken_over)
{
	/* Beyond all numbers of processes (Linux's are below 4194304). */
	leave("2147483000\n", 0);
	cr_assert(lock_again() == 0);
}

Test(uucp, file_without_a_number_is_just_being_written)
{
	leave("", 0);
	cr_assert(lock_again() == -1);
}

Test(uucp, file_without_a_number_is_taken_over_when_it_is_old)
{
	leave("", HOUR);
	cr_assert(lock_again() == 0);
}

/* The clock has gone back since: nobody is just about to write it. */
Test(uucp, file_without_a_number_is_taken_over_when_it_is_of_the_future)
{
	leave("", -HOUR);
	cr_assert(lock_again() == 0);
}
