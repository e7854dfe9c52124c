/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bindings/pkcs11: objects, key pairs, agreement. */
#include "token.h"

TestSuite(pkcs11_key, .timeout = 120);

static struct ck_mechanism ecdsa = {CKM_ECDSA, NULL, 0};
static unsigned char p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48,
			       0xCE, 0x3D, 0x03, 0x01, 0x07};

/* ---- objects ---- */

static ck_object_handle_t find_by_id(ck_session_handle_t session,
				     ck_object_class_t class, const char *id)
{
	struct ck_attribute template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_ID, (void *)(uintptr_t)id, strlen(id)},
	};
	ck_object_handle_t found[16];

	EXPECT(find(session, template, 2, found), 1);
	return found[0];
}

/* On this card the private key is 006, the public one 007, the certificate
 * 008. */
Test(pkcs11_key, an_identity_has_one_id_whatever_the_card_says)
{
	ck_session_handle_t session = start("sim:zariot");
	unsigned char of_key[512], of_certificate[512];
	ck_object_handle_t certificate;
	size_t size;

	find_by_id(session, CKO_PRIVATE_KEY, "006");
	certificate = find_by_id(session, CKO_CERTIFICATE, "006");
	size = get(session, find_by_id(session, CKO_PUBLIC_KEY, "006"),
		   CKA_PUBLIC_KEY_INFO, of_key, sizeof(of_key));
	EXPECT(get(session, certificate, CKA_PUBLIC_KEY_INFO, of_certificate,
		   sizeof(of_certificate)),
	       size);
	cr_assert(memcmp(of_key, of_certificate, size) == 0);
	/* Those of the CAs are their own. */
	find_by_id(session, CKO_CERTIFICATE, "009");
	stop();
}

Test(pkcs11_key, every_pair_of_a_full_card_is_a_pair)
{
	static const char *const ids[] = {"\x01", "\x07", "\x08"};
	ck_session_handle_t session = start("sim:full");
	ck_object_handle_t found[16];
	unsigned char id[20];

	EXPECT(find_class(session, CKO_PRIVATE_KEY, found), 3);
	for (int i = 0; i < 3; i++) {
		EXPECT(get(session, found[i], CKA_ID, id, sizeof(id)), 1);
		cr_assert(eq(int, id[0], ids[i][0]));
		find_by_id(session, CKO_PUBLIC_KEY, ids[i]);
	}
	find_by_id(session, CKO_CERTIFICATE, "\x01");
	stop();
}

Test(pkcs11_key, a_public_key_that_the_card_keeps_comes_from_its_certificate)
{
	ck_session_handle_t session = start("sim:?fault=sw=CD:6982");
	ck_object_handle_t found[16], key;
	unsigned char point[80];

	key = find_by_id(session, CKO_PUBLIC_KEY, "\x01");
	EXPECT(get(session, key, CKA_EC_POINT, point, sizeof(point)), 67);
	EXPECT(find_class(session, CKO_PUBLIC_KEY, found), 1);
	find_by_id(session, CKO_CERTIFICATE, "\x01");
	stop();
}

Test(pkcs11_key, a_certificate_of_another_key_is_nobodys)
{
	ck_session_handle_t session = start("sim:?fault=wrong-certificate");
	ck_object_handle_t found[16];
	unsigned char id[20];

	EXPECT(find_class(session, CKO_CERTIFICATE, found), 3);
	for (int i = 0; i < 3; i++)
		cr_assert(get(session, found[i], CKA_ID, id, sizeof(id)) == 0 ||
			  id[0] != 1);
	stop();
}

Test(pkcs11_key, attributes_say_what_programs_go_by)
{
	ck_session_handle_t session = start("sim:");
	ck_object_handle_t key = private_key(session), found[16];
	unsigned char yes, no, secret, point[80];
	struct ck_attribute template[] = {
		{CKA_SIGN, &yes, 1},	 {CKA_ALWAYS_AUTHENTICATE, &no, 1},
		{CKA_VALUE, &secret, 1}, {CKA_MODULUS, NULL, 0},
		{CKA_LABEL, &secret, 1}, {CKA_EC_PARAMS, NULL, 0},
	};

	/* The worst that was met is told; every one has its answer. */
	EXPECT(p11->C_GetAttributeValue(session, key, template, 6),
	       CKR_BUFFER_TOO_SMALL);
	cr_assert(yes == 1 && no == 0);
	EXPECT(template[2].value_len, CK_UNAVAILABLE_INFORMATION);
	EXPECT(template[3].value_len, CK_UNAVAILABLE_INFORMATION);
	EXPECT(template[4].value_len, CK_UNAVAILABLE_INFORMATION);
	EXPECT(template[5].value_len, sizeof(p256));
	EXPECT(p11->C_GetAttributeValue(session, key, &template[2], 1),
	       CKR_ATTRIBUTE_SENSITIVE);
	EXPECT(p11->C_GetAttributeValue(session, key, &template[3], 1),
	       CKR_ATTRIBUTE_TYPE_INVALID);
	EXPECT(p11->C_GetAttributeValue(session, 12345, template, 1),
	       CKR_OBJECT_HANDLE_INVALID);
	EXPECT(p11->C_GetAttributeValue(session, key, NULL, 1),
	       CKR_ARGUMENTS_BAD);
	EXPECT(find_class(session, CKO_PUBLIC_KEY, found), 1);
	EXPECT(get(session, found[0], CKA_EC_POINT, point, sizeof(point)), 67);
	cr_assert(point[0] == 4 && point[1] == 65 && point[2] == 4);
	EXPECT(p11->C_DestroyObject(session, key), CKR_ACTION_PROHIBITED);
	stop();
}

static int trusted(const char *options)
{
	char address[256];
	ck_object_handle_t found[16];
	ck_session_handle_t session;
	unsigned char flag;
	int count = 0;

	set_up_card("");
	snprintf(address, sizeof(address), "%ssim:?store=%s\n", options,
		 folder);
	write_config(address);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	session = open_session(0);
	for (unsigned long i = find_class(session, CKO_CERTIFICATE, found);
	     i--;) {
		EXPECT(get(session, found[i], CKA_TRUSTED, &flag, 1), 1);
		count += flag;
	}
	stop();
	return count;
}

Test(pkcs11_key, authorities_are_trusted_only_if_configured_so)
{
	cr_assert(eq(int, trusted(""), 0));
	cr_assert(eq(int, trusted("trust=no "), 0));
	cr_assert(eq(int, trusted("trust=yes "), 2));
}

/* ---- key pairs and agreement ---- */

static ck_rv_t generate(ck_session_handle_t session, const char *id,
			unsigned char *params, size_t params_size,
			ck_object_handle_t keys[2])
{
	struct ck_mechanism mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	struct ck_attribute public = {CKA_EC_PARAMS, params, params_size};
	struct ck_attribute private = {CKA_ID, (void *)(uintptr_t)id,
				       strlen(id)};

	return p11->C_GenerateKeyPair(session, &mechanism, &public, 1, &private,
				      1, &keys[0], &keys[1]);
}

Test(pkcs11_key, a_pair_is_made_in_the_free_slot_and_agrees_with_another)
{
	ck_session_handle_t session = start("sim:"), other = open_session(0);
	ck_object_handle_t before = private_key(session), keys[2], twin[2];
	ck_object_handle_t secret, found[16];
	unsigned char point[80], value[32];
	struct ck_ecdh1_derive_params params = {CKD_NULL, 0, NULL, 0, point};
	struct ck_mechanism ecdh = {CKM_ECDH1_DERIVE, &params, sizeof(params)};
	unsigned long wanted = 16;
	struct ck_attribute length = {CKA_VALUE_LEN, &wanted, sizeof(wanted)};

	EXPECT(generate(session, "", p256, sizeof(p256), keys), CKR_OK);
	EXPECT(find_class(session, CKO_PRIVATE_KEY, found), 2);
	cr_assert(found[0] == before && found[1] == keys[1]);
	/* There is no second free slot, and none is overwritten unnamed. */
	EXPECT(generate(session, "", p256, sizeof(p256), twin),
	       CKR_DEVICE_MEMORY);
	params.public_data_len =
		get(session, keys[0], CKA_EC_POINT, point, sizeof(point));
	EXPECT(p11->C_DeriveKey(session, &ecdh, keys[1], NULL, 0, &secret),
	       CKR_OK);
	EXPECT(get(session, secret, CKA_VALUE, value, sizeof(value)), 32);
	EXPECT(p11->C_DestroyObject(session, secret), CKR_OK);
	EXPECT(p11->C_DeriveKey(other, &ecdh, keys[1], &length, 1, &secret),
	       CKR_OK);
	EXPECT(get(session, secret, CKA_VALUE, point, sizeof(point)), 16);
	cr_assert(memcmp(point, value + 16, 16) == 0);
	/* A secret goes with its session. */
	EXPECT(p11->C_CloseSession(other), CKR_OK);
	EXPECT(p11->C_DestroyObject(session, secret),
	       CKR_OBJECT_HANDLE_INVALID);
	/* Named, the slot gets another pair; the former one's handle is stale.
	 */
	EXPECT(generate(session, "\x04", p256, sizeof(p256), twin), CKR_OK);
	cr_assert(twin[1] != keys[1]);
	EXPECT(p11->C_DeriveKey(session, &ecdh, keys[1], NULL, 0, &secret),
	       CKR_KEY_HANDLE_INVALID);
	stop();
}

Test(pkcs11_key, a_search_goes_on_while_objects_come_and_go)
{
	ck_session_handle_t session = start("sim:"), other = open_session(0);
	ck_object_handle_t found[16], keys[2];
	unsigned long got;

	EXPECT(p11->C_FindObjectsInit(other, NULL, 0), CKR_OK);
	EXPECT(p11->C_FindObjects(other, found, 1, &got), CKR_OK);
	EXPECT(found[0], private_key(session));
	EXPECT(generate(session, "", p256, sizeof(p256), keys), CKR_OK);
	EXPECT(p11->C_FindObjects(other, found + 1, 15, &got), CKR_OK);
	/* A public key and three certificates, and the new pair. */
	EXPECT(got, 6);
	EXPECT(found[5], keys[1]);
	for (int i = 0; i < 6; i++)
		cr_assert(found[i] < found[i + 1]);
	stop();
}

Test(pkcs11_key, a_pair_that_cannot_be_made_is_refused_beforehand)
{
	unsigned char p384[] = {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
	ck_session_handle_t session = start("sim:"), reader;
	ck_object_handle_t keys[2];

	EXPECT(generate(session, "", p384, sizeof(p384), keys),
	       CKR_CURVE_NOT_SUPPORTED);
	EXPECT(generate(session, "", NULL, 0, keys), CKR_TEMPLATE_INCOMPLETE);
	/* The identity's slot lets none be made. */
	EXPECT(generate(session, "\x01", p256, sizeof(p256), keys),
	       CKR_ATTRIBUTE_VALUE_INVALID);
	EXPECT(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &reader),
	       CKR_OK);
	EXPECT(generate(reader, "", p256, sizeof(p256), keys),
	       CKR_SESSION_READ_ONLY);
	stop();
}

Test(pkcs11_key, parameters_of_an_agreement_are_checked)
{
	unsigned char point[65] = {0x04};
	struct ck_ecdh1_derive_params params = {CKD_NULL, 0, NULL, 65, point};
	struct ck_mechanism ecdh = {CKM_ECDH1_DERIVE, &params, sizeof(params)};
	struct ck_attribute label = {CKA_LABEL, point, 1};
	ck_session_handle_t session = start("sim:");
	ck_object_handle_t keys[2], secret;

	EXPECT(p11->C_DeriveKey(session, &ecdh, private_key(session), NULL, 0,
				&secret),
	       CKR_KEY_FUNCTION_NOT_PERMITTED);
	EXPECT(generate(session, "", p256, sizeof(p256), keys), CKR_OK);
	EXPECT(p11->C_DeriveKey(session, &ecdsa, keys[1], NULL, 0, &secret),
	       CKR_MECHANISM_INVALID);
	params.kdf = 2;
	EXPECT(p11->C_DeriveKey(session, &ecdh, keys[1], NULL, 0, &secret),
	       CKR_MECHANISM_PARAM_INVALID);
	params.kdf = CKD_NULL;
	params.public_data_len = 64;
	EXPECT(p11->C_DeriveKey(session, &ecdh, keys[1], NULL, 0, &secret),
	       CKR_MECHANISM_PARAM_INVALID);
	ecdh.parameter_len--;
	EXPECT(p11->C_DeriveKey(session, &ecdh, keys[1], NULL, 0, &secret),
	       CKR_MECHANISM_PARAM_INVALID);
	label.value_len = CK_UNAVAILABLE_INFORMATION;
	params.public_data_len = 65;
	ecdh.parameter_len++;
	EXPECT(p11->C_DeriveKey(session, &ecdh, keys[1], &label, 1, &secret),
	       CKR_ATTRIBUTE_VALUE_INVALID);
	/* A point that is not on the curve. */
	cr_assert(p11->C_DeriveKey(session, &ecdh, keys[1], NULL, 0, &secret) !=
		  CKR_OK);
	stop();
}

Test(pkcs11_key, random_bytes_come_in_any_number)
{
	ck_session_handle_t session = start("sim:");
	static unsigned char bytes[300], none[300];

	EXPECT(p11->C_GenerateRandom(session, bytes, 0), CKR_OK);
	EXPECT(p11->C_GenerateRandom(session, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(p11->C_GenerateRandom(session, bytes, sizeof(bytes)), CKR_OK);
	cr_assert(memcmp(bytes + 200, none, 100) != 0);
	stop();
}
