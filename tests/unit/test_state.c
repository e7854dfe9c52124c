/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Run-time state: what a process leaves behind, and who may take it up. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/state.h"

#define PORT "/dev/null"

static char folder[] = "/tmp/iotsafe-state-XXXXXX";

/* Good until the call after the next. */
static const char *in_folder(const char *name)
{
	static char paths[2][200];
	static unsigned turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void set_up(void)
{
	cr_assert(mkdtemp(folder));
	cr_assert(!setenv("XDG_RUNTIME_DIR", folder, 1));
}

static void tear_down(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect(system(command) == 0);
}

TestSuite(state, .init = set_up, .fini = tear_down, .timeout = 60);

static bool take(const char *port, bool any, struct state_channel *out)
{
	if (!state_find_channel(port, any, out))
		return false;
	state_drop_channel(port, out);
	return true;
}

/* What another process recorded before it was killed. */
static void record_and_die(void (*record)(void))
{
	int status, ready[2];
	char byte;
	pid_t child;

	cr_assert(!pipe(ready));
	child = fork();
	if (!child) {
		record();
		byte = 1;
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	cr_assert(read(ready[0], &byte, 1) == 1);
	kill(child, SIGKILL);
	cr_assert(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	close(ready[0]);
	close(ready[1]);
}

static void two_channels(void)
{
	state_channel_asked(PORT);
	state_channel_opened(PORT, 2, "");
	state_channel_asked(PORT);
	state_channel_opened(PORT, 0, "00000000038aa32f");
}

static void write_file(const char *text, size_t size)
{
	int fd = open(in_folder("iotsafe/port-null"),
		      O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	close(fd);
}

static size_t read_file(char *out, size_t room)
{
	int fd = open(in_folder("iotsafe/port-null"), O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, out, room - 1);

	cr_assert(size > 0);
	close(fd);
	out[size] = '\0';
	return (size_t)size;
}

Test(state, what_a_killed_process_had_open_is_given_once)
{
	struct state_channel channel;

	record_and_die(two_channels);
	cr_assert(take(PORT, false, &channel));
	cr_expect(channel.number == 2 && !*channel.handle);
	cr_assert(take(PORT, false, &channel));
	cr_expect(channel.number == 0);
	cr_expect_str_eq(channel.handle, "00000000038aa32f");
	cr_expect(!take(PORT, false, &channel));
}

Test(state, what_a_living_process_has_open_is_its_own)
{
	struct state_channel channel;
	int ready[2], status;
	pid_t child;
	char byte;

	cr_assert(!pipe(ready));
	child = fork();
	if (!child) {
		two_channels();
		_exit(write(ready[1], "x", 1) == 1 && !pause());
	}
	cr_assert(read(ready[0], &byte, 1) == 1);
	cr_expect(!take(PORT, false, &channel));
	kill(child, SIGKILL);
	/* Dead, and not yet asked for: it uses nothing any more. */
	cr_assert(!waitid(P_PID, (id_t)child, &(siginfo_t){0},
			  WEXITED | WNOWAIT));
	cr_expect(take(PORT, false, &channel));
	waitpid(child, &status, 0);
}

Test(state, a_process_knows_which_of_its_own_it_has_lost)
{
	struct state_channel channel;

	two_channels();
	cr_expect(!take(PORT, false, &channel));
	state_channel_closed(PORT, 0, "00000000038aa32f");
	cr_assert(take(PORT, true, &channel));
	cr_expect(channel.number == 2);
	cr_expect(!take(PORT, true, &channel));
}

Test(state, a_channel_that_the_card_gave_anew_is_no_dead_process_s)
{
	struct state_channel channel;

	record_and_die(two_channels);
	state_channel_opened(PORT, 2, "");
	cr_assert(take(PORT, false, &channel));
	cr_expect(channel.number == 0);
	cr_expect(!take(PORT, false, &channel));
}

Test(state, a_process_with_the_pid_of_a_dead_one_is_another)
{
	struct state_channel channel;
	char text[STATE_SIZE_MAX], changed[STATE_SIZE_MAX];
	char *at;

	state_channel_asked(PORT);
	state_channel_opened(PORT, 3, "");
	read_file(text, sizeof(text));
	at = strstr(text, "channel ");
	cr_assert(at);
	snprintf(changed, sizeof(changed), "%.*schannel %d 1 3 \n",
		 (int)(at - text), text, getpid());
	write_file(changed, strlen(changed));
	cr_assert(take(PORT, false, &channel));
	cr_expect(channel.number == 3);
}

static void ask_only(void)
{
	state_channel_asked(PORT);
}

Test(state, a_channel_whose_opening_was_not_answered_is_known_as_such)
{
	struct state_channel channel;

	record_and_die(ask_only);
	cr_assert(take(PORT, false, &channel));
	cr_expect(channel.number == 0 && !*channel.handle);
	ask_only();
	state_channel_opened(PORT, 0, "");
	cr_expect(!take(PORT, true, &channel), "refused");
}

Test(state, is_of_one_start_of_the_machine_and_of_one_node)
{
	static const char *const fields[] = {"boot ", "port "};
	struct state_channel channel;
	char text[STATE_SIZE_MAX];
	size_t size;

	for (size_t i = 0; i < 2; i++) {
		char *at;

		record_and_die(two_channels);
		size = read_file(text, sizeof(text));
		at = strstr(text, fields[i]) + 5;
		*at = *at == '1' ? '2' : '1';
		write_file(text, size);
		cr_expect(!take(PORT, false, &channel));
	}
}

Test(state, channels_of_another_card_are_forgotten)
{
	struct state_channel channel;
	struct state before, after;

	state_set_iccid(PORT, "8988211000000000001");
	record_and_die(two_channels);
	cr_assert(state_read(PORT, &before));
	state_set_iccid(PORT, "8988211000000000001");
	cr_assert(state_read(PORT, &after));
	cr_expect(after.channels_count == 2 && after.changes == before.changes);
	cr_expect(state_set_iccid(PORT, "8988211000000000002"));
	cr_assert(state_read(PORT, &after));
	cr_expect(after.changes != before.changes);
	cr_expect(!take(PORT, false, &channel));
}

Test(state, a_change_of_the_card_is_seen_by_all)
{
	struct state before, after;

	cr_expect(!state_read(PORT, &before), "nothing is known yet");
	state_card_changed(PORT);
	cr_assert(state_read(PORT, &after));
	cr_expect(after.changes == before.changes + 1);
}

Test(state, more_channels_than_a_card_has_do_no_harm)
{
	struct state state;

	for (unsigned i = 1; i < 30; i++) {
		state_channel_asked(PORT);
		state_channel_opened(PORT, i % 19 + 1, "");
	}
	cr_assert(state_read(PORT, &state));
	cr_expect(state.channels_count == STATE_CHANNELS_MAX);
}

Test(state, every_file_that_is_not_as_written_is_no_file)
{
	char text[STATE_SIZE_MAX], changed[STATE_SIZE_MAX + 1];
	struct state state, again;
	size_t size;

	two_channels();
	size = read_file(text, sizeof(text));
	cr_assert(state_parse(text, size, &state));
	cr_expect(state_format(&state, changed) == size);
	cr_expect(!memcmp(text, changed, size));
	for (size_t i = 0; i < size; i++) {
		/* "channel …" lines may be left out as a whole. */
		if (text[i - !!i] == '\n')
			continue;
		cr_expect(!state_parse(text, i, &again), "cut at %zu", i);
	}
	memcpy(changed, text, size);
	changed[size] = '\0';
	cr_expect(!state_parse(changed, size + 1, &again), "a NUL behind it");
	cr_expect(!state_parse("", 0, &again));
}

Test(state, only_the_owner_can_look_into_it)
{
	struct stat status;

	two_channels();
	cr_assert(!stat(in_folder("iotsafe"), &status));
	cr_expect((status.st_mode & 07777) == 0700);
	cr_assert(!stat(in_folder("iotsafe/port-null"), &status));
	cr_expect((status.st_mode & 07777) == 0600);
	cr_expect(access(in_folder("iotsafe/port-null.new"), F_OK) != 0);
}

/* What others could have written is not believed, and not written to. */
Test(state, a_folder_that_others_can_write_is_not_used)
{
	struct state_channel channel;
	char text[STATE_SIZE_MAX];
	size_t size;

	record_and_die(two_channels);
	size = read_file(text, sizeof(text));
	cr_assert(!chmod(in_folder("iotsafe"), 0777));
	/* /run/iotsafe, if there is one, has no such port. */
	cr_expect(!take(PORT, false, &channel));
	cr_assert(!chmod(in_folder("iotsafe"), 0700));
	write_file(text, size);
	cr_expect(take(PORT, false, &channel));
}

Test(state, a_link_or_a_pipe_in_its_place_is_not_followed)
{
	struct state_channel channel;
	char text[STATE_SIZE_MAX];
	int fd;

	record_and_die(two_channels);
	read_file(text, sizeof(text));
	cr_assert(!rename(in_folder("iotsafe/port-null"), in_folder("other")));
	cr_assert(!symlink(in_folder("other"), in_folder("iotsafe/port-null")));
	cr_expect(!take(PORT, false, &channel));
	cr_assert(!unlink(in_folder("iotsafe/port-null")));
	cr_assert(!mkfifo(in_folder("iotsafe/port-null"), 0600));
	cr_expect(!take(PORT, false, &channel));
	fd = open(in_folder("other"), O_RDONLY);
	cr_expect(fd >= 0);
	close(fd);
}

Test(state, without_a_place_for_it_nothing_is_known_and_nothing_fails)
{
	struct state_channel channel;
	struct state state;

	cr_assert(!setenv("XDG_RUNTIME_DIR", "/nonexistent", 1));
	state_channel_asked("/dev/full");
	state_channel_opened(NULL, 1, "");
	state_channel_opened("", 1, "");
	cr_expect(!state_read(NULL, &state));
	cr_expect(!state_read("/dev/no such port", &state));
	cr_expect(!take("", true, &channel));
}

/* ---- processes ---- */

static void *reap(void *pid)
{
	waitpid(*(pid_t *)pid, NULL, 0);
	return NULL;
}

/* Its locks are released while it ends: whoever gets them then must not find
 * it alive, whether its parent has been told meanwhile or not. */
Test(state, a_process_whose_files_are_closed_is_gone)
{
	time_t begun = time(NULL);

	/* or as many as a busy machine makes, where fork() is slow */
	for (unsigned i = 0; i < 3000 && time(NULL) < begun + 10; i++) {
		pthread_t parent;
		int ends[2];
		pid_t child;
		char byte;

		cr_assert(!pipe(ends));
		child = fork();
		if (!child)
			_exit(0);
		close(ends[1]);
		cr_assert(!pthread_create(&parent, NULL, reap, &child));
		cr_assert(read(ends[0], &byte, 1) == 0);
		cr_expect(state_process_is_gone(child), "round %u", i);
		pthread_join(parent, NULL);
		close(ends[0]);
	}
}
