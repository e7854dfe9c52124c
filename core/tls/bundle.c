/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CA certificates of a file, or of the files of a directory, complete the chain
 * of a certificate and verify it at any time.
 */
#include <dirent.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/bundle.h"
#include "tls/trust.h"

/* Bundles of all systems have fewer. */
#define BUNDLE_MAX 2048

struct bundle {
	struct bytes *items; /* DER, each released by iotsafe_free() */
	size_t count;
};

static void bundle_release(struct bundle *bundle)
{
	for (size_t i = 0; i < bundle->count; i++)
		iotsafe_free((void *)(uintptr_t)bundle->items[i].data);
	free(bundle->items);
}

static int add_one(void *self, struct bytes certificate)
{
	struct bundle *bundle = self;
	struct bytes *items;
	uint8_t *copy;
	size_t size;

	if (bundle->count == BUNDLE_MAX)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "CA certificates: more than %d", BUNDLE_MAX);
	items = realloc(bundle->items, (bundle->count + 1) * sizeof(*items));
	if (!items)
		return error_set(IOTSAFE_ERR_MEMORY,
				 "CA certificates: no memory");
	bundle->items = items;
	TRY(bytes_give(certificate.data, certificate.size, &copy, &size));
	items[bundle->count++] = (struct bytes){copy, size};
	return IOTSAFE_OK;
}

static int add_file(struct bundle *bundle, const char *path)
{
	uint8_t *data;
	size_t size;
	int result;

	TRY(trust_read_file("CA certificates", path, &data, &size));
	result = crypto_certificates_read((struct bytes){data, size}, add_one,
					  bundle);
	iotsafe_free(data);
	if (result == IOTSAFE_ERR_FORMAT)
		error_append(" (file %s)", path);
	return result;
}

/* Other files may lie beside the certificates. */
static int add_entry(struct bundle *bundle, const char *folder,
		     const char *name)
{
	struct stat status;
	char *path;
	int result = IOTSAFE_OK;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return error_set(IOTSAFE_ERR_MEMORY,
				 "CA certificates: no memory");
	if (!stat(path, &status) && S_ISREG(status.st_mode))
		result = add_file(bundle, path);
	free(path);
	return result == IOTSAFE_ERR_FORMAT ? IOTSAFE_OK : result;
}

static int add_folder(struct bundle *bundle, DIR *directory, const char *path)
{
	const struct dirent *entry;
	int result = IOTSAFE_OK;

	while (result >= 0 && (entry = readdir(directory)))
		result = add_entry(bundle, path, entry->d_name);
	return result;
}

static int bundle_read(struct bundle *bundle, const char *path)
{
	DIR *directory = opendir(path);
	int result;

	if (!directory && errno != ENOTDIR)
		return error_set_errno(IOTSAFE_ERR_IO, errno,
				       "CA certificates %s", path);
	if (!directory)
		return add_file(bundle, path);
	result = add_folder(bundle, directory, path);
	closedir(directory);
	if (result >= 0 && !bundle->count)
		result = error_set(IOTSAFE_ERR_ABSENT,
				   "CA certificates: none in the files of %s",
				   path);
	return result;
}

static struct bytes find_issuer(const struct bundle *bundle,
				struct bytes certificate)
{
	for (size_t i = 0; i < bundle->count; i++)
		if (crypto_certificate_signed(bundle->items[i], certificate))
			return bundle->items[i];
	return (struct bytes){NULL, 0};
}

/* ---- completing a chain ---- */

static struct bytes top_of(const iotsafe_key *key, unsigned *count)
{
	struct bytes top = key_chain(key, 0);

	for (*count = 0; key_chain(key, *count).size; ++*count)
		top = key_chain(key, *count);
	return top;
}

static int complete(iotsafe_key *key, void *self)
{
	const struct bundle *bundle = self;
	unsigned count;
	struct bytes top = top_of(key, &count);

	if (!count)
		return key_without_certificate(key);
	while (!crypto_certificate_is_root(top)) {
		struct bytes issuer = find_issuer(bundle, top);

		if (!issuer.size)
			return error_set(IOTSAFE_ERR_ABSENT,
					 "key %s: none of the %zu CA "
					 "certificates has issued certificate "
					 "%u of its chain",
					 key_title(key), bundle->count,
					 count - 1);
		if (crypto_certificate_is_root(issuer))
			return IOTSAFE_OK;
		TRY(key_add_issuer(key, issuer));
		top = key_chain(key, count++);
	}
	return IOTSAFE_OK;
}

static int complete_chain(iotsafe_key *key, const char *path)
{
	struct bundle bundle = {NULL, 0};
	int result;

	if (!key || !path)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	result = bundle_read(&bundle, path);
	if (result >= 0)
		result = key_learn_and(key, complete, &bundle);
	bundle_release(&bundle);
	return result;
}

/* ---- verification ---- */

static void say_time(time_t at, char out[32])
{
	struct tm parts;

	gmtime_r(&at, &parts);
	strftime(out, 32, "%Y-%m-%d", &parts);
}

/* `index` 0: the device's. */
static int check_times(gnutls_x509_crt_t crt, unsigned index, int64_t at,
		       unsigned flags)
{
	const time_t from = gnutls_x509_crt_get_activation_time(crt);
	const time_t to = gnutls_x509_crt_get_expiration_time(crt);
	const char *whose = index ? "CA" : "device";
	char day[32];

	if (at < from) {
		say_time(from, day);
		return error_set(IOTSAFE_ERR_UNTRUSTED,
				 "certificate %u of the chain (%s) is not "
				 "valid before %s",
				 index, whose, day);
	}
	if (at <= to || (index && flags & IOTSAFE_VERIFY_IGNORE_CA_EXPIRY))
		return IOTSAFE_OK;
	say_time(to, day);
	return error_set(IOTSAFE_ERR_UNTRUSTED,
			 "certificate %u of the chain (%s) has expired on %s",
			 index, whose, day);
}

/* From the device's certificate to a root of the bundle. */
struct path {
	gnutls_x509_crt_t crts[CHAIN_MAX + 1];
	unsigned count;
	struct bytes top;
};

static int add_step(struct path *path, struct bytes der)
{
	gnutls_datum_t datum = datum_of(der);
	gnutls_x509_crt_t crt;

	if (path->count == CHAIN_MAX + 1)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "certificate: a chain of more than %d",
				 CHAIN_MAX);
	if (gnutls_x509_crt_init(&crt) < 0)
		return error_set(IOTSAFE_ERR_MEMORY, "certificate: no memory");
	if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) < 0) {
		gnutls_x509_crt_deinit(crt);
		return error_set(IOTSAFE_ERR_FORMAT,
				 "certificate: GnuTLS cannot read it");
	}
	path->crts[path->count++] = crt;
	path->top = der;
	return IOTSAFE_OK;
}

/* What came with the certificate may be a chain of another one: it is taken
 * only where its signatures say so. */
static int find_path(const struct bundle *given, const struct bundle *bundle,
		     struct path *path)
{
	TRY(add_step(path, given->items[0]));
	for (;;) {
		struct bytes issuer = find_issuer(bundle, path->top);

		if (!issuer.size)
			issuer = find_issuer(given, path->top);
		if (!issuer.size || bytes_equal(issuer, path->top))
			return IOTSAFE_OK;
		TRY(add_step(path, issuer));
	}
}

static bool is_in(const struct bundle *bundle, struct bytes certificate)
{
	for (size_t i = 0; i < bundle->count; i++)
		if (bytes_equal(bundle->items[i], certificate))
			return true;
	return false;
}

static int tell_status(unsigned status)
{
	gnutls_datum_t words;
	int result;

	if (gnutls_certificate_verification_status_print(
		    status, GNUTLS_CRT_X509, &words, 0) < 0)
		return error_set(IOTSAFE_ERR_UNTRUSTED,
				 "certificate: not trusted (status %#x)",
				 status);
	result = error_set(IOTSAFE_ERR_UNTRUSTED, "certificate: %s",
			   (const char *)words.data);
	gnutls_free(words.data);
	return result;
}

/* GnuTLS's clock is the process's, so that times are compared here. */
static int check_path(const struct path *path, int64_t at, unsigned flags)
{
	const unsigned last = path->count - 1;
	unsigned status = 0;

	if (gnutls_x509_crt_list_verify(
		    path->crts, path->count, &path->crts[last], 1, NULL, 0,
		    GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
			    GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS,
		    &status) < 0)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "certificate: GnuTLS cannot verify it");
	if (status)
		return tell_status(status);
	for (unsigned i = 0; i < path->count; i++)
		TRY(check_times(path->crts[i], i, at, flags));
	return IOTSAFE_OK;
}

static int verify(const struct bundle *given, const struct bundle *bundle,
		  int64_t at, unsigned flags)
{
	struct path path = {.count = 0};
	int result = find_path(given, bundle, &path);

	if (result >= 0 &&
	    (!crypto_certificate_is_root(path.top) || !is_in(bundle, path.top)))
		result = error_set(IOTSAFE_ERR_UNTRUSTED,
				   "certificate: its chain of %u ends without "
				   "a root that is trusted",
				   path.count);
	if (result >= 0)
		result = check_path(&path, at, flags);
	while (path.count)
		gnutls_x509_crt_deinit(path.crts[--path.count]);
	return result;
}

static int certificate_verify(const uint8_t *data, size_t data_size,
			      const char *path, int64_t at_time, unsigned flags)
{
	const int64_t at = at_time == -1 ? (int64_t)time(NULL) : at_time;
	struct bundle given = {NULL, 0}, bundle = {NULL, 0};
	int result;

	if (!data || !path || at < 0 ||
	    flags & ~(unsigned)IOTSAFE_VERIFY_IGNORE_CA_EXPIRY)
		return error_set(IOTSAFE_ERR_ARG,
				 "certificate: no certificate, no bundle, no "
				 "time or unknown flags");
	result = crypto_certificates_read((struct bytes){data, data_size},
					  add_one, &given);
	if (result >= 0)
		result = bundle_read(&bundle, path);
	if (result >= 0)
		result = verify(&given, &bundle, at, flags);
	bundle_release(&given);
	bundle_release(&bundle);
	return result;
}

const struct bundle_module iotsafe_bundle_module = {
	.version = IOTSAFE_VERSION,
	.complete_chain = complete_chain,
	.certificate_verify = certificate_verify,
};

#ifdef MODULES_LINKED_IN
__attribute__((constructor)) static void enter(void)
{
	bundle_enter(&iotsafe_bundle_module);
}
#endif
