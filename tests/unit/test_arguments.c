/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is missing is told: every public function with NULL where it wants
 * something. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <iotsafe/gnutls.h>
#include "fakecard.h"
#include "script.h"

#define BAD(call) expect_error((call), IOTSAFE_ERR_ARG, "")

/* Bytes out that hold something; each call must make them none. */
static uint8_t *out;
static size_t size;

static void spoil(void)
{
	out = (uint8_t *)1;
	size = 77;
}

#define BAD_BYTES(call)                                                        \
	do {                                                                   \
		spoil();                                                       \
		BAD(call);                                                     \
		cr_assert(!out && !size, "%s", #call);                         \
	} while (0)

#define BAD_OBJECT(type, call)                                                 \
	do {                                                                   \
		type *object = (type *)1;                                      \
		BAD(call);                                                     \
		cr_assert_null(object, "%s", #call);                           \
	} while (0)

static struct identity identity;
static struct fakecard fake;
static iotsafe_card *card;

static void set_up(void)
{
	identity = identity_make((struct identity_wish){.name = "client"});
	fake = (struct fakecard){
		.objects = {{.class = IOTSAFE_CLASS_PRIVATE_KEY,
			     .id = "01",
			     .key = &identity},
			    {.class = IOTSAFE_CLASS_FILE,
			     .id = "02",
			     .content = &identity}}};
	card = fakecard_open(&fake);
}

static void tear_down(void)
{
	iotsafe_card_free(card);
	identity_free(&identity);
}

TestSuite(arguments, .init = set_up, .fini = tear_down);

Test(arguments, of_cards_are_needed)
{
	static const uint8_t command[4];
	iotsafe_link link = fakecard_link(&fake);

	unsetenv("IOTSAFE_CARD");
	BAD_OBJECT(iotsafe_card, iotsafe_card_open(NULL, &object));
	BAD_OBJECT(iotsafe_card, iotsafe_card_open("", &object));
	BAD(iotsafe_card_open("sim:", NULL));
	BAD_OBJECT(iotsafe_card, iotsafe_card_open_link(NULL, NULL, &object));
	BAD(iotsafe_card_open_link(&link, NULL, NULL));
	BAD(iotsafe_card_cancel(NULL));
	BAD(iotsafe_card_set_timeout(NULL, 1000));
	BAD_BYTES(iotsafe_card_random(NULL, 1, &out, &size));
	BAD_BYTES(iotsafe_card_random(card, 0, &out, &size));
	BAD_BYTES(iotsafe_card_random(card, 65537, &out, &size));
	BAD(iotsafe_card_random(card, 1, NULL, &size));
	BAD(iotsafe_card_random(card, 1, &out, NULL));
	BAD_BYTES(iotsafe_card_transact(NULL, command, 4, &out, &size));
	BAD_BYTES(iotsafe_card_transact(card, NULL, 4, &out, &size));
	BAD(iotsafe_card_transact(card, command, 4, NULL, &size));
	BAD(iotsafe_card_transact(card, command, 4, &out, NULL));
	BAD_BYTES(iotsafe_card_public_key(NULL, NULL, &out, &size));
	BAD(iotsafe_card_public_key(card, NULL, NULL, &size));
	BAD(iotsafe_card_public_key(card, NULL, &out, NULL));
	BAD_OBJECT(iotsafe_info, iotsafe_card_info(NULL, &object));
	BAD(iotsafe_card_info(card, NULL));
	cr_assert(iotsafe_card_counter(NULL, IOTSAFE_EXCHANGES) == 0);
	cr_assert_str_eq(iotsafe_card_address(NULL), "");
	cr_assert_str_eq(iotsafe_card_iccid(NULL), "");
	iotsafe_card_free(NULL);
}

Test(arguments, of_lists_and_objects_are_needed)
{
	BAD_OBJECT(iotsafe_list, iotsafe_card_list(NULL, NULL, &object));
	BAD_OBJECT(iotsafe_list, iotsafe_card_list(card, "a=b", &object));
	BAD(iotsafe_card_list(card, NULL, NULL));
	BAD_OBJECT(iotsafe_object, iotsafe_list_next(NULL, &object));
	BAD_BYTES(iotsafe_object_id(NULL, &out, &size));
	BAD_BYTES(iotsafe_object_label(NULL, &out, &size));
	cr_assert_str_eq(iotsafe_object_applet(NULL), "");
	cr_assert_str_eq(iotsafe_object_key_type(NULL), "");
	cr_assert_str_eq(iotsafe_object_name(NULL), "");
	cr_assert(iotsafe_object_class(NULL) == 0);
	cr_assert(iotsafe_object_flags(NULL) == 0);
	cr_assert(iotsafe_object_algorithms(NULL) == 0);
	cr_assert(iotsafe_object_size(NULL) == 0);
	cr_assert(iotsafe_info_count(NULL) == 0);
	cr_assert_null(iotsafe_info_name(NULL, 0));
	cr_assert_null(iotsafe_info_value(NULL, 0));
	iotsafe_list_free(NULL);
	iotsafe_object_free(NULL);
	iotsafe_info_free(NULL);
}

Test(arguments, of_the_getters_of_a_list_are_needed)
{
	iotsafe_object *object;
	iotsafe_list *list;

	expect_good(iotsafe_card_list(card, NULL, &list));
	BAD(iotsafe_list_next(list, NULL));
	expect_good(iotsafe_list_next(list, &object));
	BAD(iotsafe_object_id(object, NULL, &size));
	BAD(iotsafe_object_id(object, &out, NULL));
	BAD(iotsafe_object_label(object, NULL, &size));
	BAD(iotsafe_object_label(object, &out, NULL));
	iotsafe_object_free(object);
	iotsafe_list_free(list);
}

Test(arguments, of_keys_are_needed)
{
	static const uint8_t hash[32];
	iotsafe_key *key;

	BAD_OBJECT(iotsafe_key, iotsafe_key_open(NULL, NULL, &object));
	BAD_OBJECT(iotsafe_key, iotsafe_key_open(card, "id=", &object));
	BAD_OBJECT(iotsafe_key,
		   iotsafe_key_open(card, "id=02;type=cert", &object));
	BAD(iotsafe_key_open(card, NULL, NULL));
	expect_good(iotsafe_key_open(card, NULL, &key));
	BAD_OBJECT(iotsafe_object, iotsafe_key_object(NULL, &object));
	BAD(iotsafe_key_object(key, NULL));
	BAD_BYTES(
		iotsafe_key_sign(NULL, IOTSAFE_SHA256, hash, 32, &out, &size));
	BAD_BYTES(iotsafe_key_sign(key, IOTSAFE_SHA256, NULL, 32, &out, &size));
	BAD(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, NULL, &size));
	BAD(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, NULL));
	BAD_BYTES(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 0, &out, &size));
	BAD_BYTES(iotsafe_key_public_key(NULL, &out, &size));
	BAD(iotsafe_key_public_key(key, NULL, &size));
	BAD(iotsafe_key_public_key(key, &out, NULL));
	BAD_BYTES(iotsafe_key_certificate(NULL, 0, &out, &size));
	BAD(iotsafe_key_certificate(key, 0, NULL, &size));
	BAD(iotsafe_key_certificate(key, 0, &out, NULL));
	BAD(iotsafe_key_set_certificate(NULL, hash, 32));
	BAD(iotsafe_key_set_certificate(key, NULL, 32));
	cr_assert(iotsafe_key_verifies(NULL) == 0);
	BAD_BYTES(iotsafe_signature_to_der(NULL, 64, &out, &size));
	BAD(iotsafe_signature_to_der(hash, 32, NULL, &size));
	BAD(iotsafe_signature_to_der(hash, 32, &out, NULL));
	iotsafe_key_free(key);
	iotsafe_key_free(NULL);
}

Test(arguments, of_files_are_needed)
{
	iotsafe_file *file;

	BAD_OBJECT(iotsafe_file, iotsafe_file_open(NULL, "id=02", &object));
	BAD_OBJECT(iotsafe_file,
		   iotsafe_file_open(card, "id=02;type=private", &object));
	BAD(iotsafe_file_open(card, "id=02", NULL));
	expect_good(iotsafe_file_open(card, "id=02", &file));
	BAD_OBJECT(iotsafe_object, iotsafe_file_object(NULL, &object));
	BAD(iotsafe_file_object(file, NULL));
	BAD_BYTES(iotsafe_file_read(NULL, &out, &size));
	BAD(iotsafe_file_read(file, NULL, &size));
	BAD_BYTES(iotsafe_file_read_start(NULL, &out, &size));
	BAD(iotsafe_file_read_start(file, NULL, &size));
	BAD(iotsafe_file_read(file, &out, NULL));
	iotsafe_file_free(file);
	iotsafe_file_free(NULL);
	iotsafe_free(NULL);
}

Test(arguments, of_gnutls_are_needed)
{
	gnutls_certificate_credentials_t cred;
	gnutls_privkey_t privkey;
	iotsafe_key *key;

	cr_assert(gnutls_certificate_allocate_credentials(&cred) == 0);
	cr_assert(gnutls_privkey_init(&privkey) == 0);
	expect_good(iotsafe_key_open(card, NULL, &key));
	BAD(iotsafe_key_import(NULL, privkey));
	BAD(iotsafe_key_import(key, NULL));
	BAD(iotsafe_credentials_set(NULL, card, NULL, 0));
	BAD(iotsafe_credentials_set(cred, NULL, NULL, 0));
	BAD(iotsafe_credentials_set(cred, card, NULL, 0x80));
	iotsafe_key_free(key);
	gnutls_privkey_deinit(privkey);
	gnutls_certificate_free_credentials(cred);
}

Test(arguments, of_sessions_are_needed)
{
	static const uint8_t data[1];

	BAD(iotsafe_tls_new(card, 0, NULL));
	BAD_OBJECT(iotsafe_tls, iotsafe_tls_new(card, 0x80, &object));
	BAD(iotsafe_tls_set_key(NULL, NULL));
	BAD(iotsafe_tls_set_certificate(NULL, NULL));
	BAD(iotsafe_tls_set_server_name(NULL, "a"));
	BAD(iotsafe_tls_set_ca_file(NULL, "a"));
	BAD(iotsafe_tls_set_ca_data(NULL, data, 1));
	BAD(iotsafe_tls_set_ca_card(NULL, NULL));
	BAD(iotsafe_tls_set_verify(NULL, 0));
	BAD(iotsafe_tls_set_alpn(NULL, "h2"));
	BAD(iotsafe_tls_set_versions(NULL, 12, 13));
	BAD(iotsafe_tls_set_priority(NULL, "NORMAL"));
	BAD(iotsafe_tls_handshake(NULL, 0, 0));
	BAD(iotsafe_tls_poll(NULL, &(int){0}, &(int){0}, &(int){0}));
	BAD(iotsafe_tls_send(NULL, data, 1, 0, &size));
	BAD_BYTES(iotsafe_tls_receive(NULL, 1, 0, &out, &size));
	cr_assert(iotsafe_tls_pending(NULL) == 0);
	BAD(iotsafe_tls_close(NULL, 0));
	cr_assert_str_eq(iotsafe_tls_version(NULL), "");
	cr_assert_str_eq(iotsafe_tls_cipher_suite(NULL), "");
	cr_assert_str_eq(iotsafe_tls_alpn(NULL), "");
	BAD_BYTES(iotsafe_tls_peer_certificate(NULL, 0, &out, &size));
	BAD_BYTES(iotsafe_tls_export(NULL, "a", NULL, 0, 1, &out, &size));
	cr_assert(iotsafe_tls_certificate_used(NULL) == 0);
	iotsafe_tls_free(NULL);
}

Test(arguments, of_an_open_session_are_needed)
{
	iotsafe_tls *tls;

	expect_good(iotsafe_tls_new(NULL, 0, &tls));
	BAD(iotsafe_tls_set_ca_file(tls, NULL));
	BAD(iotsafe_tls_set_ca_data(tls, NULL, 1));
	BAD(iotsafe_tls_set_versions(tls, 13, 12));
	BAD(iotsafe_tls_set_versions(tls, 11, 12));
	BAD(iotsafe_tls_poll(tls, NULL, NULL, NULL));
	BAD(iotsafe_tls_handshake(tls, -1, 0));
	BAD_BYTES(iotsafe_tls_export(tls, NULL, NULL, 0, 1, &out, &size));
	BAD(iotsafe_tls_peer_certificate(tls, 0, NULL, &size));
	iotsafe_tls_free(tls);
}

Test(arguments, of_what_the_card_computes_are_needed)
{
	static const uint8_t data[64];
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, "id=01", &key));
	BAD_BYTES(iotsafe_key_sign_data(NULL, 1, 0, data, 1, &out, &size));
	BAD_BYTES(iotsafe_key_sign_data(key, 1, 0, NULL, 1, &out, &size));
	BAD_BYTES(iotsafe_key_sign_data(key, 1, 4, data, 1, &out, &size));
	BAD_BYTES(iotsafe_key_sign_data(key, 1, -1, data, 1, &out, &size));
	BAD(iotsafe_key_sign_data(key, 1, 0, data, 1, NULL, &size));
	BAD(iotsafe_key_sign_data(key, 1, 0, data, 1, &out, NULL));
	BAD_OBJECT(iotsafe_key, iotsafe_key_generate(NULL, NULL, &object));
	BAD_OBJECT(iotsafe_key, iotsafe_key_generate(card, "a=b", &object));
	BAD(iotsafe_key_generate(card, NULL, NULL));
	BAD_BYTES(iotsafe_key_agree(NULL, NULL, data, 1, &out, &size));
	BAD_BYTES(iotsafe_key_agree(key, NULL, NULL, 1, &out, &size));
	BAD_BYTES(iotsafe_key_agree(key, NULL, data, 0, &out, &size));
	BAD_BYTES(iotsafe_key_agree(key, "a=b", data, 1, &out, &size));
	BAD(iotsafe_key_agree(key, NULL, data, 1, NULL, &size));
	iotsafe_key_free(key);
	BAD(iotsafe_card_put_public_key(NULL, NULL, data, 1));
	BAD(iotsafe_card_put_public_key(card, NULL, NULL, 1));
	BAD(iotsafe_card_verify(NULL, NULL, 1, data, 32, data, 64));
	BAD(iotsafe_card_verify(card, NULL, 1, NULL, 32, data, 64));
	BAD(iotsafe_card_verify(card, NULL, 1, data, 32, NULL, 64));
	BAD(iotsafe_card_verify(card, "a=b", 1, data, 32, data, 64));
	BAD(iotsafe_card_verify_data(NULL, NULL, 1, 0, data, 1, data, 64));
	BAD(iotsafe_card_verify_data(card, NULL, 1, 4, data, 1, data, 64));
}

Test(arguments, of_what_the_card_derives_are_needed)
{
	static const uint8_t data[64];

	BAD_BYTES(iotsafe_card_mac(NULL, "x", data, 1, &out, &size));
	BAD_BYTES(iotsafe_card_mac(card, "x", NULL, 1, &out, &size));
	BAD_BYTES(iotsafe_card_mac(card, "a=b", data, 1, &out, &size));
	BAD_BYTES(iotsafe_card_prf(NULL, "x", NULL, 0, "l", data, 1, 1, &out,
				   &size));
	BAD_BYTES(iotsafe_card_prf(card, "x", NULL, 1, "l", data, 1, 1, &out,
				   &size));
	BAD_BYTES(iotsafe_card_prf(card, "x", NULL, 0, NULL, data, 1, 1, &out,
				   &size));
	BAD_BYTES(iotsafe_card_prf(card, "x", NULL, 0, "l", NULL, 1, 1, &out,
				   &size));
	BAD_BYTES(iotsafe_card_psk(NULL, NULL, "i", NULL, 0, &out, &size));
	BAD_BYTES(iotsafe_card_psk(card, NULL, NULL, NULL, 0, &out, &size));
	BAD_BYTES(iotsafe_card_psk(card, NULL, "i", NULL, 1, &out, &size));
	BAD_BYTES(iotsafe_card_hkdf_extract(NULL, 1, data, 1, data, 1, &out,
					    &size));
	BAD_BYTES(iotsafe_card_hkdf_extract(card, 1, NULL, 1, data, 1, &out,
					    &size));
	BAD_BYTES(iotsafe_card_hkdf_extract(card, 1, data, 1, NULL, 1, &out,
					    &size));
	BAD_BYTES(iotsafe_card_hkdf_extract(card, 3, data, 1, data, 1, &out,
					    &size));
	BAD_BYTES(iotsafe_hkdf_expand(1, NULL, 1, data, 1, 1, &out, &size));
	BAD_BYTES(iotsafe_hkdf_expand(1, data, 1, NULL, 1, 1, &out, &size));
	BAD(iotsafe_hkdf_expand(1, data, 1, data, 1, 1, NULL, &size));
	BAD_BYTES(iotsafe_signature_from_der(NULL, 1, 32, &out, &size));
	BAD_BYTES(iotsafe_signature_from_der(data, 1, 32, &out, &size));
	BAD(iotsafe_signature_from_der(data, 1, 32, NULL, &size));
}
