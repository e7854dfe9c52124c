/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Byte streams: pseudo-terminals, sockets, children, and who may open them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/error.h"
#include "far_end.h"
#include "link/stream.h"
#include "streams.h"

static const struct stream_settings usual = {115200, STREAM_FLOW_NONE};

static int open_path(struct stream *stream, const char *path)
{
	memset(stream, 0, sizeof(*stream));
	stream->fd = stream->child_fd = -1;
	snprintf(stream->name, sizeof(stream->name), "at:%s", path);
	return stream_open_port(stream, path, &usual);
}

/* --- Ports ------------------------------------------------------------------
 */

Test(stream, a_pseudo_terminal_carries_all_bytes_both_ways)
{
	struct far_end far;
	struct stream stream;
	uint8_t sent[256], received[256];
	struct deadline deadline = deadline_in(2000, -1);
	size_t done, size = 0;

	/* No thread's work here: CR would be its line. */
	far_start(&far, NULL, 0);
	close(far.stop[1]);
	pthread_join(far.thread, NULL);
	for (int i = 0; i < 256; i++)
		sent[i] = (uint8_t)i;
	cr_assert_eq(open_path(&stream, far.path), IOTSAFE_OK);
	cr_assert_eq(stream_write(&stream, sent, 256, &done, &deadline),
		     IOTSAFE_OK);
	cr_expect_eq(done, 256);
	cr_assert_eq(read(far.master, received, 256), 256);
	cr_expect_arr_eq(received, sent, 256);
	cr_assert_eq(write(far.master, sent, 256), 256);
	while (size < 256) {
		int result = stream_read(&stream, received + size, 256 - size,
					 &deadline);

		cr_assert_gt(result, 0);
		size += (size_t)result;
	}
	cr_expect_arr_eq(received, sent, 256);
	cr_expect_eq(stream_read_now(&stream, received, 256), 0);
	stream_close(&stream);
}

Test(stream, a_read_ends_at_its_deadline_and_with_a_cancel)
{
	struct far_end far;
	struct stream stream;
	struct deadline deadline;
	uint8_t byte;
	int64_t start = deadline_now();

	far_start(&far, NULL, 0);
	cr_assert_eq(open_path(&stream, far.path), IOTSAFE_OK);
	deadline = deadline_in(100, far.cancel[0]);
	cr_expect_eq(stream_read(&stream, &byte, 1, &deadline),
		     IOTSAFE_ERR_TIMEOUT);
	cr_expect_geq(deadline_now() - start, 99);
	deadline = deadline_in(60000, far.cancel[0]);
	cr_assert_eq(write(far.cancel[1], "x", 1), 1);
	cr_expect_eq(stream_read(&stream, &byte, 1, &deadline),
		     IOTSAFE_ERR_CANCELLED);
	stream_close(&stream);
	far_stop(&far);
}

Test(stream, a_write_that_is_not_taken_ends_at_its_deadline)
{
	static uint8_t much[1 << 20];
	struct deadline deadline = deadline_in(100, -1);
	struct far_end far;
	struct stream stream;
	size_t done;

	far_start(&far, NULL, 0);
	close(far.stop[1]);
	pthread_join(far.thread, NULL);
	cr_assert_eq(open_path(&stream, far.path), IOTSAFE_OK);
	cr_expect_eq(
		stream_write(&stream, much, sizeof(much), &done, &deadline),
		IOTSAFE_ERR_TIMEOUT);
	cr_expect_gt(done, 0);
	cr_expect_lt(done, sizeof(much));
	stream_close(&stream);
}

Test(stream, a_port_that_hangs_up_is_closed)
{
	struct far_end far;
	struct stream stream;
	char text[10];

	far_start(&far, NULL, 0);
	cr_assert_eq(open_path(&stream, far.path), IOTSAFE_OK);
	far_stop(&far);
	cr_expect_eq(read_all(&stream, text, sizeof(text), 1000),
		     IOTSAFE_ERR_CLOSED);
	cr_expect(strstr(iotsafe_last_error(), "the modem has gone"));
	cr_expect_eq(write_text(&stream, "x", 1000), IOTSAFE_ERR_CLOSED);
	stream_close(&stream);
	stream_close(&stream);
}

Test(stream, a_port_is_ours_alone_until_it_is_closed)
{
	struct stream first, second;
	struct far_end far;
	char pid[40];

	snprintf(pid, sizeof(pid), "(process %d)", (int)getpid());
	far_start(&far, NULL, 0);
	cr_assert_eq(open_path(&first, far.path), IOTSAFE_OK);
	cr_expect_eq(open_path(&second, far.path), IOTSAFE_ERR_BUSY);
	cr_expect(strstr(iotsafe_last_error(), far.path));
	cr_expect(strstr(iotsafe_last_error(), "port busy"));
	cr_expect(strstr(iotsafe_last_error(), pid), "%s",
		  iotsafe_last_error());
	stream_close(&second);
	stream_close(&first);
	cr_expect_eq(open_path(&second, far.path), IOTSAFE_OK);
	stream_close(&second);
	far_stop(&far);
}

Test(stream, a_child_that_inherited_a_port_does_not_keep_it_busy)
{
	struct stream stream;
	struct far_end far;
	int ends[2];
	char byte;
	pid_t pid;

	far_start(&far, NULL, 0);
	cr_assert_eq(open_path(&stream, far.path), IOTSAFE_OK);
	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	stream_close(&stream);
	cr_expect_eq(open_path(&stream, far.path), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	stream_close(&stream);
	close(ends[1]);
	waitpid(pid, NULL, 0);
	far_stop(&far);
}

Test(stream, a_link_in_the_file_system_is_followed)
{
	char path[64];
	struct stream stream;
	struct far_end far;

	far_start(&far, NULL, 0);
	snprintf(path, sizeof(path), "/tmp/iotsafe-test-%d", (int)getpid());
	cr_assert_eq(symlink(far.path, path), 0);
	cr_expect_eq(open_path(&stream, path), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	stream_close(&stream);
	unlink(path);
	cr_assert_eq(symlink("/nonexistent/port", path), 0);
	cr_expect_eq(open_path(&stream, path), IOTSAFE_ERR_IO);
	cr_expect(strstr(iotsafe_last_error(), "no such port"));
	unlink(path);
	far_stop(&far);
}

Test(stream, a_port_without_permission_names_the_group)
{
	struct stream stream;
	struct far_end far;

	far_start(&far, NULL, 0);
	/* As root the port can be given to a group we then are not in. */
	if (getuid() == 0)
		cr_assert_eq(chown(far.path, 0, 20), 0);
	cr_assert_eq(chmod(far.path, getuid() == 0 ? 0060 : 0), 0);
	if (getuid() == 0)
		cr_assert_eq(setgroups(0, NULL) | setegid(65534) |
				     seteuid(65534),
			     0);
	cr_expect_eq(open_path(&stream, far.path), IOTSAFE_ERR_IO);
	cr_expect(strstr(iotsafe_last_error(), "no permission"), "%s",
		  iotsafe_last_error());
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
	far_stop(&far);
}

Test(stream, an_unusual_rate_is_refused_before_anything_is_lost)
{
	const struct stream_settings odd = {12345, STREAM_FLOW_NONE};
	struct stream stream = {.fd = -1, .child_fd = -1, .name = "at:x"};
	struct far_end far;

	far_start(&far, NULL, 0);
	cr_expect_eq(stream_open_descriptor(&stream, far.path, &odd),
		     IOTSAFE_ERR_ARG);
	cr_expect(strstr(iotsafe_last_error(), "baud=12345"));
	cr_expect_eq(open_path(&stream, far.path), IOTSAFE_OK);
	stream_close(&stream);
	far_stop(&far);
}

Test(stream, rate_and_flow_control_reach_the_terminal)
{
	const struct stream_settings slow = {9600, STREAM_FLOW_XON};
	struct stream stream = {.fd = -1, .child_fd = -1, .name = "at:x"};
	struct termios termios;
	struct far_end far;

	far_start(&far, NULL, 0);
	cr_assert_eq(tcgetattr(far.slave, &termios), 0);
	termios.c_cflag |= HUPCL;
	cr_assert_eq(tcsetattr(far.slave, TCSANOW, &termios), 0);
	cr_assert_eq(stream_open_descriptor(&stream, far.path, &slow),
		     IOTSAFE_OK);
	cr_assert_eq(tcgetattr(far.slave, &termios), 0);
	cr_expect_eq(cfgetospeed(&termios), B9600);
	cr_expect(termios.c_iflag & IXON);
	cr_expect_not(termios.c_cflag & HUPCL);
	cr_expect_not(termios.c_lflag & (ECHO | ICANON | ISIG));
	stream_close(&stream);
	far_stop(&far);
}

Test(stream, a_socket_is_a_port)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stream stream;
	char text[10];
	int listener, peer;

	snprintf(address.sun_path, sizeof(address.sun_path),
		 "/tmp/iotsafe-test-%d.sock", (int)getpid());
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(
		bind(listener, (struct sockaddr *)&address, sizeof(address)),
		0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(open_path(&stream, address.sun_path), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	peer = accept(listener, NULL, NULL);
	cr_assert_eq(write(peer, "OK", 2), 2);
	close(peer);
	cr_expect_eq(read_all(&stream, text, sizeof(text), 1000),
		     IOTSAFE_ERR_CLOSED);
	cr_expect_str_eq(text, "OK");
	/* No SIGPIPE: the test would die of it. */
	cr_expect_eq(write_text(&stream, "x", 1000), IOTSAFE_ERR_CLOSED);
	stream_close(&stream);
	close(listener);
	cr_expect_eq(open_path(&stream, address.sun_path), IOTSAFE_ERR_IO);
	unlink(address.sun_path);
}

Test(stream, no_descriptor_is_left_behind)
{
	struct stream stream;
	struct far_end far;
	int before, after;

	far_start(&far, NULL, 0);
	before = dup(0);
	close(before);
	for (int i = 0; i < 50; i++) {
		cr_assert_eq(open_path(&stream, far.path), IOTSAFE_OK);
		stream_close(&stream);
		cr_assert_eq(open_path(&stream, "/dev/nonexistent"),
			     IOTSAFE_ERR_IO);
	}
	after = dup(0);
	close(after);
	cr_expect_eq(before, after);
	far_stop(&far);
}
