/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bindings/pkcs11: a SIM with Trust Onboard: both identities, decryption, and
 * the applet's PIN. */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include "token.h"

TestSuite(pkcs11_tob, .timeout = 120);

static struct ck_mechanism pkcs1 = {CKM_RSA_PKCS, NULL, 0};

/* The card's number, as its store has it: digits swapped, a filler behind. */
static void read_iccid(char out[21])
{
	unsigned char raw[10];
	FILE *file = fopen(path_of("trust-onboard/iccid"), "r");

	cr_assert(file && fread(raw, 1, sizeof(raw), file) == sizeof(raw));
	fclose(file);
	for (int i = 0; i < 10; i++)
		snprintf(out + 2 * i, 3, "%X%X", raw[i] & 0xF, raw[i] >> 4);
	out[strcspn(out, "F")] = '\0';
}

/* The store is there once the card was looked at. */
static ck_session_handle_t start_with_pin(const char *pin)
{
	char line[128], iccid[21];
	ck_object_handle_t found[16];

	unsetenv("TOB_PIN");
	find_class(start("sim:trust-onboard?pin-env=TOB_PIN"), CKO_CERTIFICATE,
		   found);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	read_iccid(iccid);
	snprintf(line, sizeof(line), "%s applet=mias %s", iccid, pin);
	setenv("TOB_PIN", line, 1);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	return open_session(0);
}

static ck_object_handle_t find_one(ck_session_handle_t session,
				   ck_object_class_t class, const char *label)
{
	struct ck_attribute template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
	};
	ck_object_handle_t found[16];

	EXPECT(find(session, template, 2, found), 1);
	return found[0];
}

/* ---- objects ---- */

Test(pkcs11_tob, both_identities_have_one_id_each)
{
	static const struct {
		const char *label;
		unsigned char id[2];
		size_t id_size;
	} rows[] = {{"signing", {0x31}, 1}, {"available", {0x03, 0x02}, 2}};
	ck_session_handle_t session = start_with_pin("0000");
	unsigned char id[8], may;

	for (size_t i = 0; i < 2; i++) {
		ck_object_handle_t key =
			find_one(session, CKO_PRIVATE_KEY, rows[i].label);

		EXPECT(get(session, key, CKA_ID, id, 8), rows[i].id_size);
		cr_assert(memcmp(id, rows[i].id, rows[i].id_size) == 0);
		EXPECT(get(session,
			   find_one(session, CKO_CERTIFICATE, rows[i].label),
			   CKA_ID, id, 8),
		       rows[i].id_size);
		cr_assert(memcmp(id, rows[i].id, rows[i].id_size) == 0);
		EXPECT(get(session, key, CKA_DECRYPT, &may, 1), 1);
		cr_assert(may == 1);
	}
	stop();
}

Test(pkcs11_tob, a_public_key_without_an_object_has_its_keys_label)
{
	ck_session_handle_t session = start_with_pin("0000");
	unsigned char id[8];

	EXPECT(get(session, find_one(session, CKO_PUBLIC_KEY, "available"),
		   CKA_ID, id, 8),
	       2);
	EXPECT(get(session, find_one(session, CKO_PUBLIC_KEY, "signing"),
		   CKA_ID, id, 8),
	       1);
	stop();
}

Test(pkcs11_tob, without_the_pin_the_certificates_are_there)
{
	ck_session_handle_t session = start("sim:trust-onboard");
	ck_object_handle_t found[16];

	EXPECT(find_class(session, CKO_CERTIFICATE, found), 2);
	stop();
}

/* Of those with IoT SAFE beside it that applet is enough, unless all are
 * wanted.
 */
Test(pkcs11_tob, applets_behind_iot_safe_are_shown_where_the_line_says_so)
{
	static const char card[] = "sim:trust-onboard-iotsafe";
	ck_object_handle_t found[16];
	char line[64];
	unsigned long first;

	first = find_class(start(card), CKO_CERTIFICATE, found);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	snprintf(line, sizeof(line), "applets=all %s\n", card);
	write_config(line);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	EXPECT(find_class(open_session(1), CKO_CERTIFICATE, found), first + 2);
	stop();
}

/* ---- signatures ---- */

static gnutls_pubkey_t public_key(ck_session_handle_t session,
				  const char *label)
{
	static unsigned char spki[512];
	gnutls_datum_t datum = {spki, 0};
	gnutls_pubkey_t pubkey;

	datum.size = (unsigned)get(session,
				   find_one(session, CKO_CERTIFICATE, label),
				   CKA_PUBLIC_KEY_INFO, spki, sizeof(spki));
	gnutls_pubkey_init(&pubkey);
	cr_assert(gnutls_pubkey_import(pubkey, &datum, GNUTLS_X509_FMT_DER) >=
		  0);
	return pubkey;
}

/* DigestInfos of RFC 8017 section 9.2. */
static const struct {
	gnutls_sign_algorithm_t sign;
	const char *front;
	size_t front_size, size;
} digests[] = {
	{GNUTLS_SIGN_RSA_SHA1,
	 "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14", 15,
	 20},
	{GNUTLS_SIGN_RSA_SHA224,
	 "\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x04\x05\x00"
	 "\x04\x1c",
	 19, 28},
	{GNUTLS_SIGN_RSA_SHA256,
	 "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00"
	 "\x04\x20",
	 19, 32},
	{GNUTLS_SIGN_RSA_SHA512,
	 "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00"
	 "\x04\x40",
	 19, 64},
};

static void sign_all(ck_session_handle_t session, const char *label)
{
	ck_object_handle_t key = find_one(session, CKO_PRIVATE_KEY, label);
	gnutls_pubkey_t pubkey = public_key(session, label);

	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		unsigned char info[128] = {0}, signature[256];
		unsigned long size = sizeof(signature);
		gnutls_datum_t hash, made = {signature, 256};

		memcpy(info, digests[i].front, digests[i].front_size);
		hash = (gnutls_datum_t){info + digests[i].front_size,
					(unsigned)digests[i].size};
		EXPECT(p11->C_SignInit(session, &pkcs1, key), CKR_OK);
		EXPECT(p11->C_Sign(session, info,
				   digests[i].front_size + digests[i].size,
				   signature, &size),
		       CKR_OK);
		EXPECT(size, 256);
		cr_assert(gnutls_pubkey_verify_hash2(pubkey, digests[i].sign,
						     GNUTLS_VERIFY_ALLOW_BROKEN,
						     &hash, &made) >= 0);
	}
	gnutls_pubkey_deinit(pubkey);
}

Test(pkcs11_tob, both_keys_sign_digest_infos_of_every_hash)
{
	ck_session_handle_t session = start_with_pin("0000");

	sign_all(session, "signing");
	sign_all(session, "available");
	stop();
}

Test(pkcs11_tob, pss_is_for_the_key_that_signs_here)
{
	struct ck_rsa_pkcs_pss_params params = {CKM_SHA256, CKG_MGF1_SHA256,
						32};
	struct ck_mechanism pss = {CKM_RSA_PKCS_PSS, &params, sizeof(params)};
	ck_session_handle_t session = start_with_pin("0000");
	unsigned char hash[32] = {1}, signature[256];
	unsigned long size = sizeof(signature);

	EXPECT(p11->C_SignInit(session, &pss,
			       find_one(session, CKO_PRIVATE_KEY, "signing")),
	       CKR_KEY_FUNCTION_NOT_PERMITTED);
	EXPECT(p11->C_SignInit(session, &pss,
			       find_one(session, CKO_PRIVATE_KEY, "available")),
	       CKR_OK);
	EXPECT(p11->C_Sign(session, hash, 32, signature, &size), CKR_OK);
	EXPECT(size, 256);
	stop();
}

/* ---- decryption ---- */

static void expect_decrypted(ck_session_handle_t session, const char *label)
{
	ck_object_handle_t key = find_one(session, CKO_PRIVATE_KEY, label);
	gnutls_pubkey_t pubkey = public_key(session, label);
	unsigned char text[] = "premaster", out[256];
	gnutls_datum_t plain = {text, 9}, cryptogram;
	unsigned long size = 0;
	int before;

	cr_assert(gnutls_pubkey_encrypt_data(pubkey, 0, &plain, &cryptogram) >=
		  0);
	EXPECT(p11->C_Decrypt(session, cryptogram.data, 256, out, &size),
	       CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(p11->C_DecryptInit(session, &pkcs1, key), CKR_OK);
	EXPECT(p11->C_DecryptInit(session, &pkcs1, key), CKR_OPERATION_ACTIVE);
	before = exchanges();
	EXPECT(p11->C_Decrypt(session, cryptogram.data, 256, NULL, &size),
	       CKR_OK);
	EXPECT(size, 245);
	size = 244;
	EXPECT(p11->C_Decrypt(session, cryptogram.data, 256, out, &size),
	       CKR_BUFFER_TOO_SMALL);
	EXPECT(size, 245);
	cr_assert(eq(int, exchanges(), before));
	EXPECT(p11->C_Decrypt(session, cryptogram.data, 256, out, &size),
	       CKR_OK);
	EXPECT(size, 9);
	cr_assert(memcmp(out, text, 9) == 0);
	/* One code, whatever is wrong inside. */
	for (int i = 0; i < 4; i++) {
		cryptogram.data[255 - i] ^= 1;
		size = sizeof(out);
		EXPECT(p11->C_DecryptInit(session, &pkcs1, key), CKR_OK);
		EXPECT(p11->C_Decrypt(session, cryptogram.data, 256, out,
				      &size),
		       CKR_ENCRYPTED_DATA_INVALID);
	}
	EXPECT(p11->C_DecryptInit(session, &pkcs1, key), CKR_OK);
	EXPECT(p11->C_Decrypt(session, cryptogram.data, 255, out, &size),
	       CKR_ENCRYPTED_DATA_LEN_RANGE);
	gnutls_free(cryptogram.data);
	gnutls_pubkey_deinit(pubkey);
}

Test(pkcs11_tob, both_keys_decrypt)
{
	ck_session_handle_t session = start_with_pin("0000");
	struct ck_mechanism_info info;

	EXPECT(p11->C_GetMechanismInfo(0, CKM_RSA_PKCS, &info), CKR_OK);
	EXPECT(info.flags & CKF_DECRYPT, CKF_DECRYPT);
	expect_decrypted(session, "signing");
	expect_decrypted(session, "available");
	stop();
}

Test(pkcs11_tob, keys_of_iot_safe_do_not_decrypt)
{
	ck_session_handle_t session = start("sim:rsa");
	struct ck_mechanism_info info;

	EXPECT(p11->C_GetMechanismInfo(0, CKM_RSA_PKCS, &info), CKR_OK);
	EXPECT(info.flags & CKF_DECRYPT, 0);
	EXPECT(p11->C_DecryptInit(session, &pkcs1, private_key(session)),
	       CKR_KEY_FUNCTION_NOT_PERMITTED);
	stop();
}

/* ---- login ---- */

static ck_flags_t token_flags(void)
{
	struct ck_token_info info;

	EXPECT(p11->C_GetTokenInfo(0, &info), CKR_OK);
	return info.flags & (CKF_LOGIN_REQUIRED | CKF_USER_PIN_COUNT_LOW |
			     CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED);
}

static ck_rv_t login(ck_session_handle_t session, const char *pin)
{
	return p11->C_Login(session, CKU_USER, (unsigned char *)(uintptr_t)pin,
			    strlen(pin));
}

Test(pkcs11_tob, the_applets_pin_may_be_given_by_login)
{
	ck_session_handle_t session = start("sim:trust-onboard");
	ck_object_handle_t found[16], key;
	unsigned char info[51] = {0}, out[256];
	unsigned long size = sizeof(out);

	/* The card was not looked at. */
	EXPECT(token_flags(), 0);
	find_class(session, CKO_CERTIFICATE, found);
	EXPECT(token_flags(), CKF_LOGIN_REQUIRED);
	key = find_one(session, CKO_PRIVATE_KEY, "signing");
	memcpy(info, digests[2].front, 19);
	EXPECT(p11->C_SignInit(session, &pkcs1, key), CKR_OK);
	EXPECT(p11->C_Sign(session, info, 51, out, &size),
	       CKR_USER_NOT_LOGGED_IN);
	EXPECT(login(session, "0000"), CKR_OK);
	EXPECT(p11->C_SignInit(session, &pkcs1, key), CKR_OK);
	EXPECT(p11->C_Sign(session, info, 51, out, &size), CKR_OK);
	sign_all(session, "available");
	stop();
}

static ck_session_handle_t start_with_login(void)
{
	char line[128];

	set_up_card("");
	snprintf(line, sizeof(line), "login=yes sim:trust-onboard?store=%s\n",
		 folder);
	write_config(line);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	return open_session(0);
}

Test(pkcs11_tob, a_login_is_asked_for_at_once_where_the_line_says_so)
{
	ck_session_handle_t session = start_with_login();

	EXPECT(token_flags(), CKF_LOGIN_REQUIRED);
	EXPECT(login(session, "9999"), CKR_PIN_INCORRECT);
	EXPECT(token_flags(), CKF_LOGIN_REQUIRED | CKF_USER_PIN_COUNT_LOW);
	EXPECT(login(session, "0000"), CKR_OK);
	sign_all(session, "signing");
	stop();
}

Test(pkcs11_tob, private_keys_are_private_where_the_line_asks_for_a_login)
{
	ck_session_handle_t session = start_with_login();
	ck_object_handle_t found[16], key;
	unsigned char private = 2;

	EXPECT(find_class(session, CKO_PRIVATE_KEY, found), 0);
	EXPECT(find_class(session, CKO_CERTIFICATE, found), 2);
	EXPECT(get(session, found[0], CKA_PRIVATE, &private, 1), 1);
	cr_assert(private == 0);
	EXPECT(login(session, "0000"), CKR_OK);
	EXPECT(find_class(session, CKO_PRIVATE_KEY, found), 2);
	key = found[0];
	EXPECT(get(session, key, CKA_PRIVATE, &private, 1), 1);
	cr_assert(private == 1);
	EXPECT(p11->C_SignInit(session, &pkcs1, key), CKR_OK);
	EXPECT(p11->C_SignInit(session, NULL, 0), CKR_OK);
	EXPECT(p11->C_Logout(session), CKR_OK);
	EXPECT(find_class(session, CKO_PRIVATE_KEY, found), 0);
	EXPECT(p11->C_SignInit(session, &pkcs1, key), CKR_USER_NOT_LOGGED_IN);
	EXPECT(p11->C_DecryptInit(session, &pkcs1, key),
	       CKR_USER_NOT_LOGGED_IN);
	stop();
}

Test(pkcs11_tob, a_wrong_pin_costs_one_try_and_the_token_counts_them)
{
	ck_session_handle_t session = start("sim:trust-onboard");

	EXPECT(login(session, "123456789"), CKR_PIN_LEN_RANGE);
	EXPECT(p11->C_Login(session, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
	EXPECT(login(session, "123"), CKR_PIN_LEN_RANGE);
	EXPECT(token_flags(), CKF_LOGIN_REQUIRED);
	EXPECT(login(session, "9999"), CKR_PIN_INCORRECT);
	EXPECT(token_flags(), CKF_LOGIN_REQUIRED | CKF_USER_PIN_COUNT_LOW);
	EXPECT(login(session, "9999"), CKR_PIN_INCORRECT);
	EXPECT(token_flags(), CKF_LOGIN_REQUIRED | CKF_USER_PIN_COUNT_LOW |
				      CKF_USER_PIN_FINAL_TRY);
	EXPECT(login(session, "9999"), CKR_PIN_LOCKED);
	EXPECT(token_flags(), CKF_LOGIN_REQUIRED | CKF_USER_PIN_LOCKED);
	EXPECT(login(session, "0000"), CKR_PIN_LOCKED);
	stop();
}

Test(pkcs11_tob, nobody_logs_in_where_the_address_has_the_pin)
{
	ck_session_handle_t session = start_with_pin("0000");
	ck_object_handle_t found[16];

	find_class(session, CKO_CERTIFICATE, found);
	EXPECT(token_flags(), 0);
	/* No matter of the card's. */
	EXPECT(login(session, "9999"), CKR_OK);
	sign_all(session, "signing");
	stop();
}

Test(pkcs11_tob, nobody_logs_in_to_iot_safe)
{
	ck_session_handle_t session = start("sim:gsma");
	ck_object_handle_t found[16];

	find_class(session, CKO_CERTIFICATE, found);
	EXPECT(token_flags(), 0);
	EXPECT(login(session, "9999"), CKR_OK);
	EXPECT(token_flags(), 0);
	stop();
}
