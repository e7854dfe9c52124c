/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Children as streams and as modems. Not for valgrind, under which the
 * failure of posix_spawn() cannot be seen. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/error.h"
#include "links.h"
#include "streams.h"

static int open_child(struct stream *stream, const char *const *argv)
{
	memset(stream, 0, sizeof(*stream));
	stream->fd = stream->child_fd = -1;
	strcpy(stream->name, "exec:child");
	return stream_open_child(stream, (char *const *)(uintptr_t)argv, true,
				 true);
}

/* --- Streams ---------------------------------------------------------------
 */

Test(child, a_child_is_read_and_written)
{
	static const char *const argv[] = {"cat", NULL};
	struct deadline deadline = deadline_in(2000, -1);
	struct stream stream;
	char text[6] = "";

	cr_assert_eq(open_child(&stream, argv), IOTSAFE_OK);
	cr_assert_eq(write_text(&stream, "hello", 1000), IOTSAFE_OK);
	cr_assert_eq(stream_read(&stream, (uint8_t *)text, 5, &deadline), 5);
	cr_expect_str_eq(text, "hello");
	stream_close(&stream);
}

Test(child, a_child_begins_with_no_signal_blocked_or_ignored)
{
	static const char *const argv[] = {"grep", "-E", "^Sig(Blk|Ign)",
					   "/proc/self/status", NULL};
	struct stream stream;
	unsigned long long blocked, ignored;
	char text[200];
	sigset_t signals;

	sigfillset(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	cr_assert_eq(open_child(&stream, argv), IOTSAFE_OK);
	cr_expect_eq(read_all(&stream, text, sizeof(text), 2000),
		     IOTSAFE_ERR_CLOSED);
	cr_assert_eq(
		sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored),
		2);
	cr_expect_eq(blocked, 0);
	/* 32 and 33 are the C library's own. */
	cr_expect_eq(ignored & 0x7FFFFFFF, 0);
	stream_close(&stream);
}

Test(child, a_child_has_three_descriptors)
{
	static const char *const argv[] = {"ls", "/proc/self/fd", NULL};
	struct stream stream;
	char text[200];

	/* The application's do not get there, nor do ours; 3 is the directory
	 * that ls reads. */
	cr_assert_geq(open("/dev/null", O_RDONLY), 0);
	cr_assert_eq(open_child(&stream, argv), IOTSAFE_OK);
	cr_assert_neq(fcntl(stream.fd, F_GETFD) & FD_CLOEXEC, 0);
	read_all(&stream, text, sizeof(text), 2000);
	cr_expect_str_eq(text, "0\n1\n2\n3\n");
	stream_close(&stream);
}

Test(child, a_child_works_where_standard_input_and_output_are_closed)
{
	static const char *const argv[] = {"cat", NULL};
	struct deadline deadline = deadline_in(2000, -1);
	struct stream stream;
	char text[6] = "";

	close(0);
	cr_assert_eq(open_child(&stream, argv), IOTSAFE_OK);
	cr_assert_eq(write_text(&stream, "hello", 1000), IOTSAFE_OK);
	cr_assert_eq(stream_read(&stream, (uint8_t *)text, 5, &deadline), 5);
	cr_expect_str_eq(text, "hello");
	stream_close(&stream);
}

static void expect_no_children(void)
{
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
	cr_expect_eq(errno, ECHILD);
}

Test(child, a_child_that_ends_with_its_input_is_reaped_at_once)
{
	static const char *const argv[] = {"cat", NULL};
	int64_t start = deadline_now();
	struct stream stream;

	cr_assert_eq(open_child(&stream, argv), IOTSAFE_OK);
	stream_close(&stream);
	cr_expect_lt(deadline_now() - start, 400);
	expect_no_children();
}

Test(child, a_child_that_will_not_end_is_killed)
{
	static const char *const argv[] = {
		"sh", "-c",
		"trap '' TERM; echo ready; while :; do sleep 1; done", NULL};
	struct deadline deadline = deadline_in(2000, -1);
	struct stream stream;
	uint8_t byte;
	int64_t start;

	cr_assert_eq(open_child(&stream, argv), IOTSAFE_OK);
	cr_assert_eq(stream_read(&stream, &byte, 1, &deadline), 1);
	start = deadline_now();
	stream_close(&stream);
	cr_expect_lt(deadline_now() - start, 2000);
	expect_no_children();
}

Test(child, a_child_that_another_reaped_is_no_trouble)
{
	static const char *const argv[] = {"true", NULL};
	struct stream stream;
	char text[10];

	signal(SIGCHLD, SIG_IGN);
	cr_assert_eq(open_child(&stream, argv), IOTSAFE_OK);
	cr_expect_eq(read_all(&stream, text, sizeof(text), 2000),
		     IOTSAFE_ERR_CLOSED);
	cr_expect(strstr(iotsafe_last_error(), "the modem has gone"));
	stream_close(&stream);
}

/* --- Modems ----------------------------------------------------------------
 */

Test(child, a_program_that_is_not_there_is_named)
{
	expect_refused("exec:/nonexistent/modem -x", IOTSAFE_ERR_IO,
		       "exec:/nonexistent/modem -x: cannot start "
		       "/nonexistent/modem");
}

Test(child, says_how_a_child_ended)
{
	expect_refused("exec:true", IOTSAFE_ERR_CLOSED,
		       "ended with exit status 0");
	expect_refused("exec:sh -c 'exit 7'", IOTSAFE_ERR_CLOSED,
		       "ended with exit status 7");
	expect_refused("exec:sh -c 'kill -9 $$'", IOTSAFE_ERR_CLOSED,
		       "ended by signal 9");
}

Test(child, a_child_that_says_nothing_ends_with_the_deadline)
{
	struct link link;
	int64_t start = deadline_now();

	cr_expect_eq(open_address(&link,
				  "exec:sh -c 'read x; read y; read z;"
				  " read end'",
				  300),
		     IOTSAFE_ERR_TIMEOUT);
	cr_expect(strstr(iotsafe_last_error(), "nothing answers"));
	cr_expect_lt(deadline_now() - start, 2000);
}

Test(child, a_child_that_ignores_its_end_costs_no_more_than_the_deadline)
{
	struct link link;
	int64_t start = deadline_now();

	cr_expect_eq(open_address(&link, "exec:sleep 100", 300),
		     IOTSAFE_ERR_TIMEOUT);
	cr_expect_lt(deadline_now() - start, 500);
	expect_no_children();
}

Test(child, the_environment_names_the_software_SIM)
{
	setenv("IOTSAFE_SIM", "/nonexistent/sim", 1);
	expect_refused("sim:", IOTSAFE_ERR_IO, "cannot start /nonexistent/sim");
}

/* A modem of four lines, that keeps its own arguments. */
static const char modem[] =
	"#!/bin/bash\n"
	"printf '%s|' \"$@\" >\"$0.args\"\n"
	"while read -r -d $'\\r' line; do\n"
	"case $line in *CSIM*) printf '+CSIM: 4,\"9000\"\\r\\n';; esac\n"
	"printf 'OK\\r\\n'\n"
	"done\n";

static void write_modem(char *path)
{
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	cr_assert(file);
	fputs(modem, file);
	fchmod(fd, 0700);
	fclose(file);
}

Test(child, the_software_SIM_gets_profile_and_attributes)
{
	char path[] = "/tmp/iotsafe-test-XXXXXX", args[64], line[200] = "";
	struct link link;
	FILE *file;

	write_modem(path);
	setenv("IOTSAFE_SIM", path, 1);
	cr_assert_eq(
		open_address(
			&link,
			"sim:thales?quirk=urc,echo&timeout=9&"
			"card-ms=2A:5&quirk=split&link=hat&gap-ms=1&ta1=96&clock-mhz=4",
			5000),
		IOTSAFE_OK, "%s", iotsafe_last_error());
	link_close(&link);
	snprintf(args, sizeof(args), "%s.args", path);
	file = fopen(args, "r");
	cr_assert(file && fgets(line, sizeof(line), file));
	fclose(file);
	cr_expect_str_eq(
		line,
		"--stdio|--profile|thales|--quirk|urc,echo|"
		"--card-ms|2A:5|--quirk|split|--link|hat|--gap-ms|1|--ta1|96|--clock-mhz|4|");
	remove(args);
	remove(path);
}

Test(child, a_command_is_a_modem)
{
	const uint8_t command[] = {0x00, 0x70, 0x00, 0x00, 0x01};
	struct deadline deadline = deadline_in(5000, -1);
	uint8_t response[LINK_RESPONSE_MAX];
	size_t size = sizeof(response);
	char path[] = "/tmp/iotsafe-test-XXXXXX", text[100], args[64];
	struct link link;

	write_modem(path);
	snprintf(text, sizeof(text), "exec:%s one 'two three'", path);
	cr_assert_eq(open_address(&link, text, 5000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	cr_assert_eq(link_exchange(&link, NULL, command, sizeof(command),
				   response, &size, &deadline),
		     IOTSAFE_OK);
	cr_expect_eq(size, 2);
	cr_expect_eq(link.counters.exchanges, 1);
	link_close(&link);
	snprintf(args, sizeof(args), "%s.args", path);
	remove(args);
	remove(path);
}

Test(child, no_descriptor_is_left_behind)
{
	static const char *const argv[] = {"true", NULL};
	static const char *const none[] = {"/nonexistent/program", NULL};
	struct stream stream;
	int before, after;

	before = dup(0);
	close(before);
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(open_child(&stream, argv), IOTSAFE_OK);
		stream_close(&stream);
		cr_assert_eq(open_child(&stream, none), IOTSAFE_ERR_IO);
	}
	after = dup(0);
	close(after);
	cr_expect_eq(before, after);
}

Test(child, the_software_SIM_is_not_looked_for_in_PATH)
{
	char directory[] = "/tmp/iotsafe-test-XXXXXX";
	char path[64], args[80];
	struct link link;
	FILE *file;

	cr_assert(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/iotsafe-sim", directory);
	snprintf(args, sizeof(args), "%s.args", path);
	file = fopen(path, "w");
	cr_assert(file);
	fputs(modem, file);
	fclose(file);
	chmod(path, 0700);
	setenv("PATH", directory, 1);
	unsetenv("IOTSAFE_SIM");
	/* The installed one may be there or not. */
	if (open_address(&link, "sim:", 5000) == IOTSAFE_OK)
		link_close(&link);
	cr_expect_eq(access(args, F_OK), -1);
	remove(args);
	remove(path);
	remove(directory);
}
