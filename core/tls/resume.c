/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An open session becomes bytes that resume it, and such bytes an offer to
 * the server. A resumed session is not verified again and asks nothing of the
 * card, so the bytes are good only for what was checked when they were made.
 */
#include <string.h>
#include "base/bytes.h"
#include "base/error.h"
#include "tls/session.h"

/* In front of GnuTLS's own data: what it is, and a digest over that data and
 * everything it is bound to. */
#define MAGIC	   "IoTSAFE\1"
#define MAGIC_SIZE 8
#define HEAD_SIZE  (MAGIC_SIZE + RESUME_DIGEST_SIZE)

int resume_bind(uint8_t digest[RESUME_DIGEST_SIZE], char what,
		struct bytes data)
{
	uint8_t joined[2 * RESUME_DIGEST_SIZE + 1];
	const size_t size = RESUME_DIGEST_SIZE;

	memcpy(joined, digest, size);
	joined[size] = (uint8_t)what;
	TRY(session_hash(data, joined + size + 1));
	return session_hash((struct bytes){joined, sizeof(joined)}, digest);
}

int resume_bind_text(uint8_t digest[RESUME_DIGEST_SIZE], char what,
		     const char *text)
{
	struct bytes data = {(const uint8_t *)text, text ? strlen(text) : 0};

	return text ? resume_bind(digest, what, data) : IOTSAFE_OK;
}

/* Whom the session is with, how that was checked, and who we are in it. */
int resume_bind_all(const struct iotsafe_tls *tls,
		    uint8_t digest[RESUME_DIGEST_SIZE])
{
	const uint8_t kinds[] = {
		tls->transport.datagram,   (uint8_t)tls->verify,
		(uint8_t)tls->server.kind, tls->raw_key,
		(uint8_t)tls->lowest,	   (uint8_t)tls->highest};

	memcpy(digest, tls->trust, RESUME_DIGEST_SIZE);
	TRY(resume_bind(digest, '?', (struct bytes){kinds, sizeof(kinds)}));
	TRY(resume_bind_text(digest, 'n', tls->server.name));
	/* GnuTLS offers an old session as it was, and then fails where that
	 * is not good enough any more. */
	TRY(resume_bind_text(digest, 'r', tls->priority));
	if (tls->card)
		TRY(resume_bind_text(digest, 'c',
				     iotsafe_card_address(tls->card)));
	TRY(resume_bind_text(digest, 'k', tls->key_name));
	TRY(resume_bind_text(digest, 'f', tls->certificate_name));
	return resume_bind(
		digest, 'd',
		(struct bytes){tls->certificate, tls->certificate_size});
}

static int bind_session(const struct iotsafe_tls *tls, struct bytes data,
			uint8_t digest[RESUME_DIGEST_SIZE])
{
	TRY(resume_bind_all(tls, digest));
	return resume_bind(digest, '=', data);
}

int iotsafe_tls_set_session(iotsafe_tls *tls, const uint8_t *data,
			    size_t data_size)
{
	uint8_t *copy = NULL;
	size_t size = 0;

	TRY(settings_check(tls, "session data"));
	if (data_size) {
		if (!data || data_size <= HEAD_SIZE ||
		    memcmp(data, MAGIC, MAGIC_SIZE) != 0)
			return error_set(IOTSAFE_ERR_ARG,
					 "session data: these bytes are none");
		TRY(bytes_give(data, data_size, &copy, &size));
	}
	iotsafe_free(tls->offered);
	tls->offered = copy;
	tls->offered_size = size;
	return IOTSAFE_OK;
}

/* What does not fit is passed over: the handshake will be a full one. */
int resume_apply(struct iotsafe_tls *tls)
{
	uint8_t digest[RESUME_DIGEST_SIZE];
	struct bytes data;

	if (!tls->offered_size)
		return IOTSAFE_OK;
	data = (struct bytes){tls->offered + HEAD_SIZE,
			      tls->offered_size - HEAD_SIZE};
	TRY(bind_session(tls, data, digest));
	if (!memcmp(digest, tls->offered + MAGIC_SIZE, sizeof(digest)))
		tls->resuming = gnutls_session_set_data(tls->session, data.data,
							data.size) >= 0;
	return IOTSAFE_OK;
}

/* GnuTLS would wait for a ticket of TLS 1.3 that has not come; in TLS 1.2 the
 * handshake brings what there is. */
static bool has_ticket(const struct iotsafe_tls *tls)
{
	return gnutls_protocol_get_version(tls->session) != GNUTLS_TLS1_3 ||
	       gnutls_session_get_flags(tls->session) &
		       GNUTLS_SFLAGS_SESSION_TICKET;
}

static int pack(const struct iotsafe_tls *tls, struct bytes data, uint8_t **out,
		size_t *out_size)
{
	const size_t size = HEAD_SIZE + data.size;

	*out = bytes_room(size);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	memcpy(*out, MAGIC, MAGIC_SIZE);
	memcpy(*out + HEAD_SIZE, data.data, data.size);
	return bytes_settle(bind_session(tls, data, *out + MAGIC_SIZE), size,
			    out, out_size);
}

int resume_pack(struct iotsafe_tls *tls, uint8_t **out, size_t *out_size)
{
	gnutls_datum_t data;
	int result;

	if (!has_ticket(tls) ||
	    gnutls_session_get_data2(tls->session, &data) < 0)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "session data: the server has given nothing "
				 "to resume by");
	result = pack(tls, (struct bytes){data.data, data.size}, out, out_size);
	bytes_wipe(data.data, data.size);
	gnutls_free(data.data);
	return result;
}

int iotsafe_tls_session(iotsafe_tls *tls, uint8_t **out, size_t *out_size)
{
	if (!bytes_ready(out, out_size))
		return error_set(IOTSAFE_ERR_ARG, "tls: no room given");
	TRY(session_check(tls, "session data"));
	if (tls->stage != STAGE_OPEN)
		return error_set(IOTSAFE_ERR_ARG,
				 "session data: the handshake is not finished");
	return resume_pack(tls, out, out_size);
}

bool resume_done(const struct iotsafe_tls *tls)
{
	return tls->resuming && gnutls_session_is_resumed(tls->session);
}

int iotsafe_tls_resumed(iotsafe_tls *tls)
{
	return session_check(tls, "resumed") >= 0 && tls->stage == STAGE_OPEN &&
	       resume_done(tls);
}
