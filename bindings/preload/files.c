/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Many programs want a file: they look whether it is there, put a folder in
 * front, or read it themselves. So a line in a file may name the key, where a
 * PEM block would have it:
 *
 *     -----BEGIN CERTIFICATE-----
 *     ...
 *     -----END CERTIFICATE-----
 *     iotsafe:label=client
 *
 * GnuTLS passes over that line when it looks for certificates. What looks for a
 * key comes by here; GnuTLS's own calls do so, too, since its library is linked
 * so that they can be interposed.
 */
#include <dlfcn.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME	  "iotsafe:"
#define NAME_ROOM 1024

#define EXPORTED __attribute__((visibility("default")))

/* The function of this name behind ours. */
#define OTHERS(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

/* GnuTLS's type holds keys in software only: which of them stand for a name is
 * known here. */
struct stand_in {
	struct stand_in *next;
	gnutls_x509_privkey_t key;
	char name[NAME_ROOM];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stand_in *stand_ins;

/* ---- the line ---- */

static bool copy_line(const char *line, size_t size, char name[NAME_ROOM])
{
	size_t length = 0;

	while (length < size && (unsigned char)line[length] > ' ')
		length++;
	if (length >= NAME_ROOM)
		return false;
	memcpy(name, line, length);
	name[length] = '\0';
	return true;
}

/* A real key wins. */
static bool find_name(const gnutls_datum_t *data, char name[NAME_ROOM])
{
	static const char block[] = "PRIVATE KEY-----";
	const char *text = data ? (const char *)data->data : NULL;
	const char *end = text ? text + data->size : NULL;
	const char *line = text;

	if (!text || memmem(text, data->size, block, sizeof(block) - 1))
		return false;
	while ((size_t)(end - line) >= strlen(SCHEME)) {
		if (!memcmp(line, SCHEME, strlen(SCHEME)))
			return copy_line(line, (size_t)(end - line), name);
		line = memchr(line, '\n', (size_t)(end - line));
		if (!line++)
			break;
	}
	return false;
}

/* ---- keys that stand for a name ---- */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void survive_fork(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

static void forget(gnutls_x509_privkey_t key)
{
	struct stand_in **at, *found;

	pthread_mutex_lock(&lock);
	for (at = &stand_ins; *at && (*at)->key != key; at = &(*at)->next)
		;
	found = *at;
	if (found)
		*at = found->next;
	pthread_mutex_unlock(&lock);
	free(found);
}

static int remember(gnutls_x509_privkey_t key, const char *name)
{
	struct stand_in *made = malloc(sizeof(*made));

	if (!made)
		return GNUTLS_E_MEMORY_ERROR;
	made->key = key;
	strcpy(made->name, name);
	pthread_mutex_lock(&lock);
	made->next = stand_ins;
	stand_ins = made;
	pthread_mutex_unlock(&lock);
	return 0;
}

static bool recall(gnutls_x509_privkey_t key, char name[NAME_ROOM])
{
	struct stand_in *at;

	pthread_mutex_lock(&lock);
	for (at = stand_ins; at && at->key != key; at = at->next)
		;
	if (at)
		strcpy(name, at->name);
	pthread_mutex_unlock(&lock);
	return at != NULL;
}

/* ---- what programs and GnuTLS call ---- */

EXPORTED int gnutls_x509_privkey_import(gnutls_x509_privkey_t key,
					const gnutls_datum_t *data,
					gnutls_x509_crt_fmt_t format)
{
	char name[NAME_ROOM];

	forget(key);
	if (find_name(data, name))
		return remember(key, name);
	return OTHERS(gnutls_x509_privkey_import)(key, data, format);
}

EXPORTED int gnutls_x509_privkey_import2(gnutls_x509_privkey_t key,
					 const gnutls_datum_t *data,
					 gnutls_x509_crt_fmt_t format,
					 const char *password, unsigned flags)
{
	char name[NAME_ROOM];

	forget(key);
	if (find_name(data, name))
		return remember(key, name);
	return OTHERS(gnutls_x509_privkey_import2)(key, data, format, password,
						   flags);
}

EXPORTED void gnutls_x509_privkey_deinit(gnutls_x509_privkey_t key)
{
	forget(key);
	OTHERS(gnutls_x509_privkey_deinit)(key);
}

EXPORTED int gnutls_privkey_import_x509(gnutls_privkey_t privkey,
					gnutls_x509_privkey_t key,
					unsigned flags)
{
	char name[NAME_ROOM];
	int result;

	/* It may have got a key since. */
	if (gnutls_x509_privkey_get_pk_algorithm(key) != GNUTLS_PK_UNKNOWN ||
	    !recall(key, name))
		return OTHERS(gnutls_privkey_import_x509)(privkey, key, flags);
	result = gnutls_privkey_import_url(privkey, name, 0);
	if (result >= 0 && flags & GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE)
		gnutls_x509_privkey_deinit(key);
	return result;
}

EXPORTED int gnutls_privkey_import_x509_raw(gnutls_privkey_t privkey,
					    const gnutls_datum_t *data,
					    gnutls_x509_crt_fmt_t format,
					    const char *password,
					    unsigned flags)
{
	char name[NAME_ROOM];

	if (find_name(data, name))
		return gnutls_privkey_import_url(privkey, name, 0);
	return OTHERS(gnutls_privkey_import_x509_raw)(privkey, data, format,
						      password, flags);
}
