/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program on GnuTLS that never heard of us, in the manner of daemons:
 *
 *     gnutlsclient PORT CERTIFICATE KEY [WORD...]
 *
 * Loads the files, does what the words say, and shakes hands.
 *
 *     exit, _exit     goes into the background: the parent ends so
 *     wait            a child does the rest, the parent waits for it
 *     clearenv        the environment is emptied
 *     closefds        and so are descriptors from 3 on
 *     chdir           goes to another folder
 *     output=FILE     standard error becomes that file
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int result, const char *what)
{
	if (result < 0)
		errx(1, "%s: %s", what, gnutls_strerror(result));
}

static void wait_for(pid_t child)
{
	int status = 0;

	waitpid(child, &status, 0);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void divide(const char *word)
{
	const pid_t parent = getpid();
	const pid_t child = fork();

	if (child && !strcmp(word, "wait"))
		wait_for(child);
	if (child && !strcmp(word, "exit"))
		exit(0);
	if (child)
		_exit(0);
	/* A pipe of its may end before its port does. */
	while (strcmp(word, "wait") != 0 && getppid() == parent)
		usleep(1000);
}

static void obey(const char *word)
{
	const char *file = word + strlen("output=");
	int fd;

	if (!strcmp(word, "clearenv")) {
		clearenv();
	} else if (!strcmp(word, "chdir")) {
		check(chdir("/"), word);
	} else if (!strcmp(word, "closefds")) {
		for (fd = 3; fd < 64; fd++)
			close(fd);
	} else if (!strncmp(word, "output=", strlen("output="))) {
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
			exit(2);
	} else {
		divide(word);
	}
}

static int dial(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "connect");
	return fd;
}

int main(int argc, char **argv)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	int fd, result;

	if (argc < 4)
		return 2;
	check(gnutls_certificate_allocate_credentials(&credentials), "memory");
	check(gnutls_certificate_set_x509_key_file(
		      credentials, argv[2], argv[3], GNUTLS_X509_FMT_PEM),
	      "files");
	for (int i = 4; i < argc; i++)
		obey(argv[i]);
	check(gnutls_init(&session, GNUTLS_CLIENT), "memory");
	check(gnutls_set_default_priority(session), "priorities");
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	fd = dial(argv[1]);
	gnutls_transport_set_int(session, fd);
	do
		result = gnutls_handshake(session);
	while (result < 0 && !gnutls_error_is_fatal(result));
	check(result, "handshake");
	gnutls_bye(session, GNUTLS_SHUT_WR);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
	return 0;
}
