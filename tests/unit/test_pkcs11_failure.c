/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bindings/pkcs11: what goes wrong on the way to the card. */
#include "token.h"

TestSuite(pkcs11_failure, .timeout = 120);

static unsigned char hash[64] = "a hash, of which nobody knows more";
static struct ck_mechanism ecdsa = {CKM_ECDSA, NULL, 0};

static ck_rv_t sign_with(ck_session_handle_t session, ck_object_handle_t key)
{
	unsigned char out[64];
	unsigned long size = sizeof(out);

	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
	return p11->C_Sign(session, hash, 32, out, &size);
}

/* The modem is a script, which may be another one when it is started anew. */
static void write_modem(const char *card, const char *options)
{
	FILE *file = fopen(path_of("modem"), "w");

	fprintf(file, "exec \"$IOTSAFE_SIM\" --stdio --store %s/%s %s\n",
		folder, card, options);
	fclose(file);
}

static ck_session_handle_t start_modem(const char *card, const char *options)
{
	char address[128];

	set_up_card("");
	mkdir(path_of("mine"), 0700);
	mkdir(path_of("other"), 0700);
	write_modem(card, options);
	snprintf(address, sizeof(address), "exec:sh %s/modem", folder);
	setenv("IOTSAFE_CARD", address, 1);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	return open_session(0);
}

Test(pkcs11_failure, a_modem_that_was_away_is_used_again_by_the_same_handles)
{
	ck_session_handle_t session = start_modem("mine", "--fault die=2A");
	ck_object_handle_t key = private_key(session), found[16];
	struct ck_session_info info;

	EXPECT(sign_with(session, key), CKR_DEVICE_ERROR);
	EXPECT(p11->C_GetSessionInfo(session, &info), CKR_OK);
	/* And while nothing answers. */
	write_modem("mine", "--fault die=A4");
	EXPECT(sign_with(session, key), CKR_DEVICE_ERROR);
	EXPECT(find_class(session, CKO_PRIVATE_KEY, found), 1);
	/* Or the SIM is not seen yet. */
	write_modem("mine", "--fault cme=70:10@1-1");
	EXPECT(sign_with(session, key), CKR_DEVICE_ERROR);
	EXPECT(p11->C_GetSessionInfo(session, &info), CKR_OK);
	EXPECT(sign_with(session, key), CKR_OK);
	EXPECT(private_key(session), key);
	stop();
}

Test(pkcs11_failure, another_card_behind_the_modem_never_signs_for_the_handle)
{
	ck_session_handle_t session = start_modem("mine", "--fault die=2A");
	ck_object_handle_t key = private_key(session);
	ck_rv_t result = CKR_DEVICE_ERROR;
	int tries = 0;

	EXPECT(sign_with(session, key), CKR_DEVICE_ERROR);
	write_modem("other", "");
	/* That is seen when the card is opened, and told once more. */
	while (result == CKR_DEVICE_ERROR && tries++ < 3)
		result = sign_with(session, key);
	EXPECT(result, CKR_DEVICE_REMOVED);
	EXPECT(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	session = open_session(0);
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_KEY_HANDLE_INVALID);
	EXPECT(sign_with(session, private_key(session)), CKR_OK);
	stop();
}

Test(pkcs11_failure, of_a_card_without_a_number_nobody_says_that_it_is_the_same)
{
	ck_session_handle_t session =
		start_modem("mine --quirk no-iccid", "--fault die=B0");
	ck_object_handle_t key = private_key(session), found[16];
	unsigned long count;

	EXPECT(p11->C_FindObjectsInit(session, NULL, 0), CKR_DEVICE_REMOVED);
	write_modem("other --quirk no-iccid", "");
	EXPECT(p11->C_FindObjects(session, found, 16, &count),
	       CKR_SESSION_HANDLE_INVALID);
	session = open_session(0);
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_KEY_HANDLE_INVALID);
	EXPECT(sign_with(session, private_key(session)), CKR_OK);
	stop();
}

static ck_rv_t sign_rsa(ck_session_handle_t session, ck_object_handle_t key)
{
	/* RFC 8017 section 9.2: of a hash by SHA-256. */
	unsigned char info[51] = {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60,
				  0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
				  0x01, 0x05, 0x00, 0x04, 0x20};
	struct ck_mechanism pkcs1 = {CKM_RSA_PKCS, NULL, 0};
	unsigned char out[256];
	unsigned long size = sizeof(out);

	EXPECT(p11->C_SignInit(session, &pkcs1, key), CKR_OK);
	return p11->C_Sign(session, info, sizeof(info), out, &size);
}

Test(pkcs11_failure, who_logged_in_before_the_modem_was_away_may_do_so_anew)
{
	static const char card[] = "mine --profile trust-onboard";
	static unsigned char pin[] = "0000";
	ck_session_handle_t session = start_modem(card, "--fault die=2A");
	ck_object_handle_t found[16];

	EXPECT(find_class(session, CKO_PRIVATE_KEY, found), 2);
	EXPECT(p11->C_Login(session, CKU_USER, pin, 4), CKR_OK);
	EXPECT(sign_rsa(session, found[0]), CKR_DEVICE_ERROR);
	write_modem(card, "");
	EXPECT(sign_rsa(session, found[0]), CKR_USER_NOT_LOGGED_IN);
	EXPECT(p11->C_Login(session, CKU_USER, pin, 4), CKR_OK);
	EXPECT(sign_rsa(session, found[0]), CKR_OK);
	stop();
}

Test(pkcs11_failure, a_sim_that_was_taken_out_is_removed)
{
	ck_session_handle_t session = start("sim:?fault=pull=2A");
	ck_object_handle_t key = private_key(session);

	EXPECT(sign_with(session, key), CKR_DEVICE_REMOVED);
	EXPECT(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	stop();
}

Test(pkcs11_failure, of_a_card_in_anothers_place_no_session_is_left)
{
	ck_session_handle_t session = start("sim:?fault=swap=2A"), other;
	ck_object_handle_t key = private_key(session);

	other = open_session(0);
	EXPECT(sign_with(session, key), CKR_DEVICE_ERROR);
	EXPECT(sign_with(session, key), CKR_DEVICE_REMOVED);
	EXPECT(p11->C_CloseSession(other), CKR_SESSION_HANDLE_INVALID);
	EXPECT(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	session = open_session(0);
	EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_KEY_HANDLE_INVALID);
	private_key(session);
	stop();
}

Test(pkcs11_failure, refusals_and_bad_signatures_are_errors_of_the_device)
{
	ck_session_handle_t session = start("sim:?fault=sw=2B:6F00");
	struct ck_session_info info;

	EXPECT(sign_with(session, private_key(session)), CKR_DEVICE_ERROR);
	EXPECT(p11->C_GetSessionInfo(session, &info), CKR_OK);
	EXPECT(info.device_error, 0x6F00);
	stop();
	loaded = NULL;
	session = start("sim:?fault=flip-signature");
	EXPECT(sign_with(session, private_key(session)), CKR_DEVICE_ERROR);
	stop();
}

Test(pkcs11_failure, a_file_that_holds_no_certificate_is_not_shown)
{
	ck_session_handle_t session = start("sim:?fault=garbage=B0");
	ck_object_handle_t found[16];

	EXPECT(find_class(session, CKO_CERTIFICATE, found), 0);
	EXPECT(find_class(session, CKO_PRIVATE_KEY, found), 1);
	stop();
}
