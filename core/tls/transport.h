/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The caller's descriptor under GnuTLS: never blocks, whatever its flags. */
#ifndef TLS_TRANSPORT_H
#define TLS_TRANSPORT_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

struct transport {
	int given; /* borrowed */
	int fd;	   /* the same; a duplicate while a thread works; -1: gone */
	bool socket;
	bool datagram;
	bool refused; /* a datagram came back: nobody listens, at present */
	bool dry;     /* the last call found nothing to read, or no room */
	bool full;    /* ... and it was no room */
	bool fresh;   /* a datagram was read since GnuTLS last asked for one */
	bool quiet;   /* keep from GnuTLS that the peer has hung up ... */
	bool lost;    /* ... which it has: what was written went nowhere */
	bool ended;   /* nothing more will come */
	int error;    /* errno of the call that failed, 0 for none */
};

/* IOTSAFE_ERR_ARG where the descriptor is of the wrong kind. */
int transport_open(struct transport *transport, int fd, bool datagram);

/* While another thread works the caller may close his descriptor, and its
 * number become another file's: the thread gets a duplicate. */
int transport_lend(struct transport *transport);

/* The thread is done. IOTSAFE_ERR_IO where that has happened: nothing is read
 * or written any more then. */
int transport_take_back(struct transport *transport);

/* The same without a word. */
void transport_release(struct transport *transport);

/* Puts the transport under the session; it must outlive it. */
void transport_install(struct transport *transport, gnutls_session_t session);

/* Takes what is there to be read and will not be: a socket that is closed over
 * it resets the connection, and the peer loses the alert that tells it why. */
void transport_drain(struct transport *transport);

/* Bytes of one datagram that the path is known to carry. */
unsigned transport_mtu(const struct transport *transport);

#endif
