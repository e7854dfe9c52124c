/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the session object share: settings.c fills the first
 * half of it, handshake.c works on the second, record.c follows. */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include <gnutls/gnutls.h>
#include <iotsafe/iotsafe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include "base/bytes.h"
#include "base/deadline.h"
#include "base/error.h"
#include "tls/job.h"
#include "tls/privkey.h"
#include "tls/transport.h"

#define SERVER_NAME_MAX 253 /* RFC 1035 2.3.4, as text */
#define CARD_CA_MAX	8
#define PINS_MAX	8
#define PIN_SIZE	32 /* SHA-256 of a SubjectPublicKeyInfo */
#define ALPN_MAX	8
#define RECORD_MAX	16384 /* RFC 8446 5.1 */
/* Messages in a row that bring no data: more are taken for an attack. */
#define IDLE_MESSAGES_MAX 64

enum server_kind { SERVER_UNSET = 0, SERVER_ANY, SERVER_NAME, SERVER_ADDRESS };

struct server {
	enum server_kind kind;
	char name[SERVER_NAME_MAX + 1];
	char title[SERVER_NAME_MAX + 3]; /* "" where any will do */
	uint8_t address[16];
	unsigned address_size;
};

#define RESUME_DIGEST_SIZE 32

enum stage {
	STAGE_NEW = 0,
	STAGE_IDENTITY, /* the card is asked for key and certificates */
	STAGE_HANDSHAKE,
	STAGE_OPEN,
	STAGE_FAILED
};

struct iotsafe_tls {
	pid_t owner;
	gnutls_session_t session;
	gnutls_certificate_credentials_t cred;

	/* What was asked for. */
	iotsafe_card *card; /* NULL: no client certificate */
	char *key_name;
	char *certificate_name;
	uint8_t *certificate;
	size_t certificate_size;
	struct server server;
	int verify;		    /* enum iotsafe_verify */
	bool trusting;		    /* somebody said whom to trust */
	char *card_ca[CARD_CA_MAX]; /* "": all roots */
	unsigned card_ca_count;
	char *ca_key; /* a public key of the card, instead of CAs */
	bool pinning; /* a server is known by its key, not by CAs */
	uint8_t pins[PINS_MAX][PIN_SIZE];
	unsigned pins_count;
	char *card_pins[PINS_MAX];
	unsigned card_pins_count;
	uint8_t trust[RESUME_DIGEST_SIZE]; /* of all that says whom */
	bool raw_key;			   /* RFC 7250, our side */
	bool card_random;
	bool psk; /* see psk.h */
	int psk_kind;
	uint8_t *offered; /* iotsafe_tls_set_session() */
	size_t offered_size;
	bool reusing; /* see reuse.h */
	char *alpn;
	char *priority;
	int lowest;
	int highest;
	bool without_13; /* the key cannot sign what TLS 1.3 wants */

	/* What has come of it. */
	enum stage stage;
	struct transport transport;
	iotsafe_key *key;
	struct signing signing;
	struct job job;
	struct job ahead; /* see ahead.h */
	atomic_bool ahead_under_way;
	bool waiting_allowed; /* of the call under way: timeout was not 0 */
	bool resuming;	      /* the session offered may spare us the card */
	bool trust_loaded;    /* what the card says about whom to trust */
	bool verified;
	bool refused;	    /* by us: the record of errors has the reason */
	bool stepped_aside; /* the verification let the caller go once */
	int want;	    /* the last WANT code, or 0 */
	struct error read_failure; /* what every later call answers */
	struct error write_failure;

	/* Records. */
	uint8_t record[RECORD_MAX];
	size_t record_at;
	size_t record_end;
	size_t held_size; /* what GnuTLS took and has not sent yet */
	uint8_t held_digest[32];
	bool closed; /* we said good-bye */
	bool reuse_keyed, reuse_kept;
	uint8_t reuse_key[RESUME_DIGEST_SIZE];
	char alpn_chosen[256]; /* RFC 7301 3.1: at most 255 bytes */
};

/* RFC 6347 4.2.4.1 begins with a second; cards take up to that, and networks
 * that cards live in (NB-IoT) longer: sending again that early only costs. */
#define RETRANSMIT_MS 2000

/* session.c */

/* Checks that the handle is one and belongs to this process. */
int session_check(const struct iotsafe_tls *tls, const char *operation);

/*
 * After GNUTLS_E_AGAIN: waits for the descriptor until the deadline, or
 * returns the WANT code where the caller may not wait. `idle` counts how
 * often GnuTLS was called in vain.
 */
int session_wait(struct iotsafe_tls *tls, const struct deadline *deadline,
		 unsigned *idle, const char *operation);

/* SHA-256, 32 bytes. */
int session_hash(struct bytes data, uint8_t *out);

/* True where this side shows a key without certificate (RFC 7250). */
bool session_is_raw(const struct iotsafe_tls *tls, gnutls_ctype_target_t side);

/* pin.c */

/* Adds the key in a public-key object of the card. */
int pin_load(struct iotsafe_tls *tls, const char *name);
int pin_check(struct iotsafe_tls *tls);

/* verify.c */

int verify_server(gnutls_session_t session);

/* resume.c */

/* Session data is good only for what was bound: adds one more thing. */
int resume_bind(uint8_t digest[RESUME_DIGEST_SIZE], char what,
		struct bytes data);
int resume_bind_text(uint8_t digest[RESUME_DIGEST_SIZE], char what,
		     const char *text);
/* All that a session of these settings is bound to. */
int resume_bind_all(const struct iotsafe_tls *tls,
		    uint8_t digest[RESUME_DIGEST_SIZE]);
/* iotsafe_tls_session() of an open session. */
int resume_pack(struct iotsafe_tls *tls, uint8_t **out, size_t *out_size);
/* Offers the session that was set, where it fits. */
int resume_apply(struct iotsafe_tls *tls);
bool resume_done(const struct iotsafe_tls *tls);

/* handshake.c */

/* Reads, once, what the card has to say about whom to trust. */
int handshake_load_trust(struct iotsafe_tls *tls);

/* settings.c */

/* Checks that `what` may still be set. */
int settings_check(const struct iotsafe_tls *tls, const char *what);
/* Puts a copy of the text into the slot; NULL clears it. */
int settings_replace(char **slot, const char *text);
void settings_release(struct iotsafe_tls *tls);
/* Splits at commas. Gives the count of names, or an error. */
int settings_split_alpn(const char *protocols, gnutls_datum_t out[ALPN_MAX]);

/* offer.c */

int offer_settings(struct iotsafe_tls *tls);

/* For when ClientHello is made, from a hook: no limit but ours. */
void offer_no_limit(gnutls_session_t session);
/* What a key signs with that TLS 1.3 cannot use, in words. */
const char *offer_only_12(const iotsafe_key *key);
/* For a key that signs with RSA PKCS#1 v1.5 alone, or with ECDSA and without
 * SHA-256: TLS 1.3 has no such signatures of clients (RFC 8446 4.2.3).
 * IOTSAFE_ERR_SUPPORT where no other version is allowed, or, with `agreed`,
 * where it is this one that the server has chosen. */
int offer_without_13(struct iotsafe_tls *tls, bool agreed);

/* failure.c */

/* `"broker.example"`, or "the server". */
const char *failure_peer(const struct iotsafe_tls *tls);
/* The code and the sentence for a fatal result of GnuTLS. */
int failure_of(struct iotsafe_tls *tls, int result, const char *operation);

#endif
