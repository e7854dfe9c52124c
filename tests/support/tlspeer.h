/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The far side of a TLS or DTLS session: a GnuTLS server in a thread, which
 * behaves as well or as badly as a test asks. */
#ifndef SUPPORT_TLSPEER_H
#define SUPPORT_TLSPEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "softpki.h"

/* What it does once the handshake is done. */
enum peer_manner {
	PEER_ECHO = 0,	  /* sends back what comes, until the good-bye */
	PEER_BYE,	  /* says good-bye at once */
	PEER_HANG_UP,	  /* closes without */
	PEER_CUT,	  /* closes within a record */
	PEER_RENEGOTIATE, /* TLS 1.2: asks for another handshake, then echo */
	PEER_UPDATE,	  /* TLS 1.3: new keys, then echo */
	PEER_WARN,	  /* sends warnings without end */
	PEER_EMPTY,	  /* sends empty datagrams, then echo */
	PEER_DEAF,	  /* reads nothing, until the test ends */
};

struct peer_wish {
	bool datagram;
	bool cookie;	      /* DTLS: asks for one (RFC 6347 4.2.1) */
	const char *priority; /* "NORMAL" */
	const struct identity *server;
	const struct identity
		*client_ca; /* NULL: no certificate is asked for */
	bool optional;	    /* the client may do without */
	enum peer_manner manner;
	/* Closes when it has handled so many handshake messages. */
	int messages;
	/* Sent instead of a handshake. */
	const char *garbage;
	bool silent; /* reads, and never answers */
	/* Sends each datagram only when the client has looked for one in
	 * vain: peer_let_go() is called from the test's own poll(2). */
	bool late;
	const char *alpn;
	/* Gives tickets, and resumes by those given with the same key. */
	const gnutls_datum_t *tickets;
	bool raw; /* shows its key without certificate, takes the same */
	/* Who has this key, under this name; "" and NULL: nobody. */
	const char *psk_identity;
	gnutls_datum_t psk;
	/* Sent behind its own certificate. */
	const struct identity *chain[4];
	int fd; /* 0: the peer makes the connection itself */
};

struct peer {
	struct peer_wish wish;
	pthread_t thread;
	int fd; /* the client's end */
	int own_fd;
	int stop_fd;
	pthread_mutex_t lock; /* of what is held back */
	struct datagram {
		struct datagram *next;
		size_t size;
		uint8_t data[];
	} * held;
	int handled;
	/* After peer_join(). */
	int result;	      /* of gnutls_handshake() */
	int alert;	      /* the last one that came, -1 */
	char subject[128];    /* of the client's certificate */
	unsigned chain;	      /* how many certificates the client sent */
	char name[256];	      /* SNI */
	uint8_t exported[32]; /* label "EXPORTER-test", no context */
	size_t echoed;
	bool resumed;
	uint8_t client_spki[128]; /* a raw public key of P-256 has 91 bytes */
	size_t client_spki_size;
	uint8_t client_random[32];
	char suite[64];
	bool extended; /* RFC 7627 */
};

void peer_start(struct peer *peer, struct peer_wish wish);
/* The first of the datagrams held back arrives now; false if there is none. */
bool peer_let_go(struct peer *peer);
/* Closes the client's end and waits for the thread. */
void peer_join(struct peer *peer);

/* The same in four steps, for a thread that serves many: peer_serve() is its
 * part, and ends at the latest after peer_stop(). */
void peer_prepare(struct peer *peer, struct peer_wish wish);
void peer_serve(struct peer *peer);
void peer_stop(struct peer *peer);
void peer_forget(struct peer *peer);

#endif
