/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A TLS session of the card's identity with a server in a thread of its own
 * becomes what each of the two makes of the other. */
#include <poll.h>
#include <string.h>
#include "operations.h"
#include "simulator.h"

/* ---- the server ---- */

static void *serve(void *self)
{
	struct server *server = self;

	for (;;) {
		sem_wait(&server->begun);
		if (!server->peer)
			return NULL;
		peer_serve(server->peer);
		sem_post(&server->ended);
	}
}

void server_start(struct server *server)
{
	server->peer = NULL;
	if (sem_init(&server->begun, 0, 0) || sem_init(&server->ended, 0, 0) ||
	    pthread_create(&server->thread, NULL, serve, server))
		give_up("a server");
}

static void server_begin(struct server *server, struct peer *peer,
			 struct peer_wish wish)
{
	peer_prepare(peer, wish);
	server->peer = peer;
	sem_post(&server->begun);
}

static void server_end(struct server *server)
{
	peer_stop(server->peer);
	sem_wait(&server->ended);
	peer_forget(server->peer);
}

void server_stop(struct server *server)
{
	server->peer = NULL;
	sem_post(&server->begun);
	pthread_join(server->thread, NULL);
	sem_destroy(&server->begun);
	sem_destroy(&server->ended);
}

/* ---- handshake ---- */

static int exchange_a_byte(iotsafe_tls *tls)
{
	static const uint8_t byte[1] = {'x'};
	uint8_t *data;
	size_t size;
	int result = iotsafe_tls_send(tls, byte, 1, 30000, NULL);

	if (result < 0)
		return result;
	result = iotsafe_tls_receive(tls, 1, 30000, &data, &size);
	if (result < 0)
		return result;
	iotsafe_free(data);
	return size == 1 ? IOTSAFE_OK : IOTSAFE_ERR_CLOSED;
}

static int wait_as_told(iotsafe_tls *tls, int want)
{
	struct pollfd entry;
	int fd, events, timeout;
	int result = iotsafe_tls_poll(tls, &fd, &events, &timeout);

	if (result < 0)
		return result;
	entry = (struct pollfd){.fd = fd, .events = (short)events};
	poll(&entry, 1, timeout);
	return want;
}

/* As programs with an event loop do it. */
static int handshake_by_polling(iotsafe_tls *tls, int fd)
{
	int result;

	do {
		result = iotsafe_tls_handshake(tls, fd, 0);
		if (result <= IOTSAFE_WANT_READ && result >= IOTSAFE_WANT_CARD)
			result = wait_as_told(tls, result);
	} while (result <= IOTSAFE_WANT_READ && result >= IOTSAFE_WANT_CARD);
	return result;
}

static int shake_hands(const struct subject *subject, int fd)
{
	const struct identity *ca = &subject->original->ca;
	iotsafe_tls *tls;
	int result = iotsafe_tls_new(subject->card, 0, &tls);

	if (result < 0)
		return result;
	result = iotsafe_tls_set_server_name(tls, "server.example");
	if (result >= 0)
		result = iotsafe_tls_set_ca_data(tls, ca->der.data,
						 ca->der.size);
	if (result >= 0)
		result = subject->polling
				 ? handshake_by_polling(tls, fd)
				 : iotsafe_tls_handshake(tls, fd, 60000);
	if (result >= 0)
		result = exchange_a_byte(tls);
	if (result >= 0)
		result = iotsafe_tls_close(tls, 30000);
	iotsafe_tls_free(tls);
	return result;
}

int subject_handshake(struct subject *subject)
{
	const struct original *original = subject->original;
	struct peer peer;
	int result;

	server_begin(subject->server, &peer,
		     (struct peer_wish){.priority = subject->priority,
					.server = &original->server,
					.client_ca = &original->root});
	result = shake_hands(subject, peer.fd);
	server_end(subject->server);
	subject->opened = result >= 0;
	subject->accepted = peer.result == 0 && peer.echoed == 1 &&
			    !strcmp(peer.subject, original->subject);
	return result;
}
