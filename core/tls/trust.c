/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CA certificates, wherever they come from, become the trust list of GnuTLS's
 * credentials.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <iotsafe/gnutls.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/trust.h"

/* The bundles of all systems together stay under 1 MiB. */
#define FILE_SIZE_MAX (8 << 20)

static int add_one(void *self, struct bytes der)
{
	gnutls_certificate_credentials_t cred = self;
	gnutls_datum_t datum = datum_of(der);
	int error;

	error = gnutls_certificate_set_x509_trust_mem(cred, &datum,
						      GNUTLS_X509_FMT_DER);
	if (error < 0)
		return crypto_failed(IOTSAFE_ERR_FORMAT, error,
				     "GnuTLS cannot use the certificate");
	return IOTSAFE_OK;
}

int trust_add(gnutls_certificate_credentials_t cred, struct bytes data)
{
	return crypto_certificates_read(data, add_one, cred);
}

static int read_to_end(int fd, uint8_t *room, size_t size, size_t *got)
{
	for (*got = 0; *got < size;) {
		ssize_t count = read(fd, room + *got, size - *got);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -errno;
		if (!count)
			break;
		*got += (size_t)count;
	}
	return 0;
}

static int read_open_file(int fd, const char *what, const char *path,
			  uint8_t **out, size_t *out_size)
{
	struct stat stat;
	uint8_t *room;
	int error;

	if (fstat(fd, &stat) < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "%s %s", what,
				       path);
	if (!S_ISREG(stat.st_mode))
		return error_set(IOTSAFE_ERR_IO, "%s %s: not a regular file",
				 what, path);
	if (stat.st_size > FILE_SIZE_MAX)
		return error_set(IOTSAFE_ERR_FORMAT, "%s %s: larger than 8 MiB",
				 what, path);
	/* One byte more: text ends with a NUL. */
	room = bytes_room((size_t)stat.st_size + 1);
	if (!room)
		return IOTSAFE_ERR_MEMORY;
	error = read_to_end(fd, room, (size_t)stat.st_size, out_size);
	if (error < 0) {
		iotsafe_free(room);
		*out_size = 0;
		return error_set_errno(IOTSAFE_ERR_IO, -error, "%s %s", what,
				       path);
	}
	*out = room;
	return IOTSAFE_OK;
}

int trust_read_file(const char *what, const char *path, uint8_t **out,
		    size_t *out_size)
{
	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int result;

	*out = NULL;
	*out_size = 0;
	if (fd < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "%s %s", what,
				       path);
	result = read_open_file(fd, what, path, out, out_size);
	close(fd);
	return result;
}

static int add_named(gnutls_certificate_credentials_t cred, iotsafe_card *card,
		     const char *name, const struct deadline *limit)
{
	uint8_t *data;
	size_t size;
	int result;

	TRY(card_ca(card, name, 0, limit, &data, &size));
	result = trust_add(cred, (struct bytes){data, size});
	iotsafe_free(data);
	if (result < 0)
		error_prepend("CA certificate %s on the card: ", name);
	return result;
}

int trust_add_card_roots(gnutls_certificate_credentials_t cred,
			 iotsafe_card *card, const struct deadline *limit)
{
	struct error before;
	uint8_t *data;
	size_t size;
	int result;

	error_save(&before);
	for (unsigned index = 0;; index++) {
		result = card_ca(card, NULL, index, limit, &data, &size);
		if (result == IOTSAFE_ERR_ABSENT) {
			error_restore(&before);
			return (int)index;
		}
		if (result < 0)
			return result;
		result = trust_add(cred, (struct bytes){data, size});
		iotsafe_free(data);
		if (result < 0)
			return result;
	}
}

int trust_add_card(gnutls_certificate_credentials_t cred, iotsafe_card *card,
		   const char *name, const struct deadline *limit)
{
	int count;

	if (name && *name)
		return add_named(cred, card, name, limit);
	count = trust_add_card_roots(cred, card, limit);
	if (count)
		return count;
	return error_set(IOTSAFE_ERR_ABSENT,
			 "no CA certificate on the card to trust");
}

int iotsafe_credentials_set_ca(gnutls_certificate_credentials_t cred,
			       iotsafe_card *card, const char *name)
{
	int result;

	if (!cred || !card)
		return error_set(IOTSAFE_ERR_ARG,
				 "credentials_set_ca: no credentials or no "
				 "card");
	result = trust_add_card(cred, card, name, NULL);
	return result < 0 ? result : IOTSAFE_OK;
}

int trust_add_system(gnutls_certificate_credentials_t cred)
{
	int count = gnutls_certificate_set_x509_system_trust(cred);

	if (count > 0)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_ABSENT,
			 "this system has no CA certificates to trust (package "
			 "ca-certificates): name a CA file");
}

void trust_release(gnutls_certificate_credentials_t cred)
{
	gnutls_x509_trust_list_t none;

	if (gnutls_x509_trust_list_init(&none, 1) >= 0)
		gnutls_certificate_set_trust_list(cred, none, 0);
}
