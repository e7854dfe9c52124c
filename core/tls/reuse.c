/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session finds what one before it with the same server got, and leaves
 * what it gets itself to the next. All of it lives and dies with the open
 * card, so that it never meets another one.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include "base/bytes.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/kept.h"
#include "tls/reuse.h"

/* Of the place in each card where they are. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A machine that slept has grown older too. */
static int64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

static void release(void *data)
{
	kept_free(data);
}

static struct kept *kept_of(iotsafe_card *card)
{
	struct card_guest *guest = card_guest(card);
	struct kept *kept;

	pthread_mutex_lock(&lock);
	if (!guest->data) {
		guest->data = kept_new();
		guest->release = release;
	}
	kept = guest->data;
	pthread_mutex_unlock(&lock);
	return kept;
}

int iotsafe_tls_set_resume(iotsafe_tls *tls, int on)
{
	TRY(settings_check(tls, "resumption"));
	tls->reusing = on != 0;
	return IOTSAFE_OK;
}

union peer {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	struct sockaddr_storage room;
};

/*
 * Which server it is, besides what resume_bind_all() has: by the port where its
 * name is known, since one name may have many addresses; else by address and
 * port. What has neither (a pair of sockets, a pipe) goes by the name.
 */
static int bind_peer(struct iotsafe_tls *tls, uint8_t *key, bool *known)
{
	union peer peer = {.any.sa_family = AF_UNSPEC};
	socklen_t size = sizeof(peer);
	bool named = tls->server.kind != SERVER_ANY;
	struct bytes where = {(const uint8_t *)&peer, 0};

	if (getpeername(tls->transport.fd, &peer.any, &size) < 0 ||
	    size > sizeof(peer))
		size = 0;
	if (size && peer.any.sa_family == AF_INET)
		where = named ? (struct bytes){(uint8_t *)&peer.four.sin_port,
					       sizeof(peer.four.sin_port)}
			      : (struct bytes){where.data, sizeof(peer.four)};
	else if (size && peer.any.sa_family == AF_INET6)
		where = named ? (struct bytes){(uint8_t *)&peer.six.sin6_port,
					       sizeof(peer.six.sin6_port)}
			      : (struct bytes){where.data, sizeof(peer.six)};
	else if (size > sizeof(sa_family_t))
		where.size = size;
	*known = named || where.size;
	return resume_bind(key, 'w', where);
}

static int make_key(struct iotsafe_tls *tls, bool *known)
{
	unsigned changes = card_changes(tls->card);

	TRY(resume_bind_all(tls, tls->reuse_key));
	TRY(resume_bind(
		tls->reuse_key, 'g',
		(struct bytes){(const uint8_t *)&changes, sizeof(changes)}));
	return bind_peer(tls, tls->reuse_key, known);
}

int reuse_offer(struct iotsafe_tls *tls)
{
	struct kept *kept;
	bool known = false;

	if (!tls->reusing || !tls->card)
		return IOTSAFE_OK;
	TRY(make_key(tls, &known));
	kept = kept_of(tls->card);
	tls->reuse_keyed = known && kept;
	if (tls->reuse_keyed && !tls->offered_size)
		kept_take(kept, tls->reuse_key, seconds(), &tls->offered,
			  &tls->offered_size);
	return IOTSAFE_OK;
}

/* TLS 1.2 has data of every session; this server can do something with it. */
static bool is_resumable(const struct iotsafe_tls *tls)
{
	gnutls_datum_t id = {NULL, 0};

	if (gnutls_session_get_flags(tls->session) &
	    GNUTLS_SFLAGS_SESSION_TICKET)
		return true;
	if (gnutls_protocol_get_version(tls->session) == GNUTLS_TLS1_3)
		return false;
	/* What was resumed is good again, with no word of the server's. */
	return resume_done(tls) ||
	       (gnutls_session_get_id2(tls->session, &id) >= 0 && id.size);
}

void reuse_keep(struct iotsafe_tls *tls)
{
	uint8_t *data;
	size_t size;

	if (!tls->reuse_keyed || tls->reuse_kept || !is_resumable(tls))
		return;
	tls->reuse_kept = true;
	if (resume_pack(tls, &data, &size) < 0)
		return;
	kept_put(kept_of(tls->card), tls->reuse_key, (struct bytes){data, size},
		 seconds());
	iotsafe_free(data);
}

void reuse_forget(struct iotsafe_tls *tls)
{
	if (tls->reuse_keyed)
		kept_forget(kept_of(tls->card), tls->reuse_key);
	tls->reuse_keyed = false;
}
