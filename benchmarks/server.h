/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A TLS server in a thread, at the other end of a socket pair. */
#ifndef BENCHMARKS_SERVER_H
#define BENCHMARKS_SERVER_H

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdbool.h>

struct server {
	gnutls_certificate_credentials_t credentials;
	bool datagram;
	/* One session at a time. */
	pthread_t thread;
	int fd;
	int result;	    /* of gnutls_handshake() */
	bool authenticated; /* the client's certificate was verified */
};

/* Loads the server's certificate and the CA of its clients; ends the program
 * with a sentence if that fails. */
void server_load(struct server *server, const char *certificate,
		 const char *key, const char *ca);

/* Serves one session; gives the client's end of the socket pair. */
int server_start(struct server *server);

/* Waits for the end of it and closes the server's end. */
void server_join(struct server *server);

void server_free(struct server *server);

#endif
