/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A TLS server in a thread, at the other end of a socket pair, and a network
 * between. */
#ifndef BENCHMARKS_SERVER_H
#define BENCHMARKS_SERVER_H

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdbool.h>
#include "relay.h"

struct server {
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t tickets; /* the key of them */
	bool datagram;
	/* Gives tickets; the client waits for a byte behind them. */
	bool resumes;
	double delay_ms, loss; /* of the network */
	/* One session at a time. */
	pthread_t thread;
	int fd;
	int result;	    /* of gnutls_handshake() */
	bool authenticated; /* the client's certificate was verified */
	struct relay relay;
	pthread_t network;
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
