/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The certificates of a key are looked at as a server will: dates, and who
 * issued them.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "certificate.h"
#include "doctor.h"

/* A chain has three mostly. */
#define CHAIN_MAX 8

#define DAY 86400

/* Renewing takes weeks where a card is concerned. */
#define SOON (30 * DAY)

/* 2024-01-01: before that, no host has run this. */
#define CLOCK_LEAST 1704067200

struct chain {
	struct certificate list[CHAIN_MAX];
	unsigned count;
};

static void read_chain(iotsafe_key *key, struct chain *chain)
{
	uint8_t *der;
	size_t size;

	while (chain->count < CHAIN_MAX &&
	       iotsafe_key_certificate(key, chain->count, &der, &size) >= 0) {
		bool good =
			certificate_read(&chain->list[chain->count], der, size);

		iotsafe_free(der);
		if (!good)
			return;
		chain->count++;
	}
}

static void day_of(time_t when, char day[16])
{
	struct tm parts;

	if (!gmtime_r(&when, &parts) || !strftime(day, 16, "%Y-%m-%d", &parts))
		snprintf(day, 16, "no date");
}

static void say_dates(struct doctor *doctor, bool issuer,
		      const struct certificate *certificate)
{
	const char *whose = issuer ? "The intermediate" : "The";
	time_t now = time(NULL);
	time_t from = gnutls_x509_crt_get_activation_time(certificate->crt);
	time_t until = gnutls_x509_crt_get_expiration_time(certificate->crt);
	char first[16], last[16];

	day_of(from, first);
	day_of(until, last);
	if (now < from)
		doctor_say(doctor, LEVEL_PROBLEM, "not-yet-valid",
			   "Set this host's clock (date); if the clock is "
			   "right, wait or have the certificate issued anew.",
			   "%s certificate is not valid before %s.", whose,
			   first);
	else if (now > until && issuer)
		doctor_say(
			doctor, LEVEL_WARNING, "issuer-expired",
			"Servers that look at its dates refuse us; have yours "
			"trust it without them. `iotsafe cert --verify BUNDLE "
			"--ignore-ca-expiry` does so here.",
			"The certificate of an authority above it expired on "
			"%s: \"%s\".",
			last, certificate->subject);
	else if (now > until)
		doctor_say(
			doctor, LEVEL_PROBLEM, "expired",
			"Ask for a new one with `iotsafe csr` and have it put "
			"on the card, or give it as a file (--cert FILE).",
			"%s certificate expired on %s.", whose, last);
	else if (until - now < SOON)
		doctor_say(doctor, LEVEL_WARNING, "expires-soon",
			   "Ask for a new one with `iotsafe csr`.",
			   "%s certificate expires on %s.", whose, last);
	else
		doctor_say(doctor, LEVEL_OK, "dates", NULL,
			   "%s certificate is valid until %s.", whose, last);
}

static bool issues(gnutls_x509_crt_t issuer, gnutls_x509_crt_t of)
{
	unsigned status = 0;

	/* The signature alone: dates are told apart. */
	return gnutls_x509_crt_check_issuer(of, issuer) &&
	       gnutls_x509_crt_verify(
		       of, &issuer, 1,
		       GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
			       GNUTLS_VERIFY_DISABLE_CA_SIGN |
			       GNUTLS_VERIFY_ALLOW_ANY_X509_V1_CA_CRT,
		       &status) >= 0 &&
	       !status;
}

/* One of the certificates that stand behind one another. */
static bool one_issues(const uint8_t *data, size_t size, gnutls_x509_crt_t of)
{
	bool found = false;

	for (size_t at = 0; at < size && !found && (!at || data[at] == 0x30);
	     at += certificate_size(data + at, size - at)) {
		struct certificate issuer = {0};

		found = certificate_read(&issuer, data + at, size - at) &&
			issues(issuer.crt, of);
		certificate_free(&issuer);
	}
	return found;
}

static bool file_issues(iotsafe_card *card, const char *name,
			gnutls_x509_crt_t of)
{
	iotsafe_file *file;
	uint8_t *data;
	size_t size;
	bool found = false;

	if (iotsafe_file_open(card, name, &file) < 0)
		return false;
	if (iotsafe_file_read(file, &data, &size) >= 0) {
		found = one_issues(data, size, of);
		iotsafe_free(data);
	}
	iotsafe_file_free(file);
	return found;
}

static bool card_has_issuer(iotsafe_card *card, gnutls_x509_crt_t of)
{
	iotsafe_object *object;
	iotsafe_list *list;
	bool found = false;

	if (iotsafe_card_list(card, "type=cert", &list) < 0)
		return false;
	while (!found && iotsafe_list_next(list, &object) >= 0 && object) {
		found = file_issues(card, iotsafe_object_name(object), of);
		iotsafe_object_free(object);
	}
	iotsafe_list_free(list);
	return found;
}

static void read_one(struct doctor *doctor, const char *name)
{
	iotsafe_file *file;
	uint8_t *data;
	size_t size;

	if (iotsafe_file_open(doctor->cli->card, name, &file) < 0)
		return;
	if (iotsafe_file_read(file, &data, &size) >= 0)
		iotsafe_free(data);
	else
		doctor_say_failure(
			doctor, LEVEL_PROBLEM, "unreadable-certificate",
			"Look at the library's words; if it is always "
			"this file, report it with a trace (iotsafe "
			"--trace all).",
			"A certificate of the card cannot be read.");
	iotsafe_file_free(file);
}

void doctor_read_certificates(struct doctor *doctor)
{
	size_t before = doctor->count;
	iotsafe_object *object;
	iotsafe_list *list;

	if (iotsafe_card_list(doctor->cli->card, "type=cert", &list) < 0)
		return;
	while (doctor->count == before &&
	       iotsafe_list_next(list, &object) >= 0 && object) {
		read_one(doctor, iotsafe_object_name(object));
		iotsafe_object_free(object);
	}
	iotsafe_list_free(list);
}

static bool system_has_issuer(gnutls_x509_crt_t of)
{
	gnutls_x509_trust_list_t trust;
	gnutls_x509_crt_t issuer;
	bool found;

	if (gnutls_x509_trust_list_init(&trust, 0) < 0)
		return false;
	found = gnutls_x509_trust_list_add_system_trust(trust, 0, 0) > 0 &&
		gnutls_x509_trust_list_get_issuer(trust, of, &issuer, 0) >= 0;
	gnutls_x509_trust_list_deinit(trust, 1);
	return found;
}

static void say_chain(struct doctor *doctor, const struct chain *chain)
{
	const struct certificate *top = &chain->list[chain->count - 1];

	for (unsigned i = 0; i + 1 < chain->count; i++)
		if (!issues(chain->list[i + 1].crt, chain->list[i].crt)) {
			doctor_say(doctor, LEVEL_PROBLEM, "chain-broken",
				   "Have the right certificates put on the "
				   "card.",
				   "Certificate %u of the chain did not issue "
				   "certificate %u, whatever its name says.",
				   i + 2, i + 1);
			return;
		}
	if (issues(top->crt, top->crt))
		doctor_say(doctor, LEVEL_WARNING, "self-signed",
			   "The server must know this very certificate; else "
			   "ask a CA for one with `iotsafe csr`.",
			   "The certificate is signed by its own key: \"%s\".",
			   top->subject);
	else if (card_has_issuer(doctor->cli->card, top->crt))
		doctor_say(doctor, LEVEL_OK, "chain", NULL,
			   "The chain is complete: the card has the CA \"%s\".",
			   top->issuer);
	else if (system_has_issuer(top->crt))
		doctor_say(doctor, LEVEL_OK, "chain", NULL,
			   "The chain is complete: this system trusts the CA "
			   "\"%s\".",
			   top->issuer);
	else
		doctor_say(doctor, LEVEL_WARNING, "chain-incomplete",
			   "Make sure that the server has the certificate of "
			   "this CA and of every CA below it; or give them "
			   "with the key's: `iotsafe cert NAME --complete "
			   "BUNDLE --out chain.pem`, then --cert ./chain.pem.",
			   "The issuer of the certificate, \"%s\", is neither "
			   "on the card nor known to this system.",
			   top->issuer);
}

/* A record for others says nothing of who this is. */
static void hide_names(struct doctor *doctor, const struct chain *chain)
{
	for (unsigned i = 0; i < chain->count; i++) {
		redact_add(&doctor->redact, chain->list[i].subject);
		redact_add(&doctor->redact, chain->list[i].issuer);
	}
}

static void say_clock(struct doctor *doctor)
{
	char day[16];

	if (time(NULL) >= CLOCK_LEAST)
		return;
	day_of(time(NULL), day);
	doctor_say(doctor, LEVEL_WARNING, "clock",
		   "Set it (date, or a time service): certificates of servers "
		   "are not accepted before.",
		   "The clock of this host stands at %s.", day);
}

void doctor_certificates(struct doctor *doctor, iotsafe_key *key)
{
	struct chain chain = {0};

	say_clock(doctor);
	read_chain(key, &chain);
	if (!chain.count) {
		doctor_say(
			doctor, LEVEL_PROBLEM, "bad-certificate",
			"Have the certificate put on the card again, in DER.",
			"The certificate on the card cannot be read.");
		return;
	}
	if (!doctor->cli->options.subject)
		hide_names(doctor, &chain);
	doctor_say(doctor, LEVEL_OK, "certificate", NULL,
		   "The certificate belongs to the key: \"%s\".",
		   chain.list[0].subject);
	for (unsigned i = 0; i < chain.count; i++)
		say_dates(doctor, i > 0, &chain.list[i]);
	say_chain(doctor, &chain);
	for (unsigned i = 0; i < chain.count; i++)
		certificate_free(&chain.list[i]);
}
