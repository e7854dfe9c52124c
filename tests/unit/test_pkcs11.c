/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bindings/pkcs11: the module's life, its slots and sessions. */
#include <pthread.h>
#include "token.h"

TestSuite(pkcs11, .timeout = 60);

/* ---- life ---- */

Test(pkcs11, nothing_works_before_it_is_initialised)
{
	unsigned long count;
	ck_session_handle_t session = 0;

	set_up_card("sim:");
	EXPECT(p11->C_GetSlotList(1, NULL, &count),
	       CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(p11->C_Sign(session, NULL, 0, NULL, &count),
	       CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	remove_folder();
}

Test(pkcs11, is_initialised_once_and_again_after_its_end)
{
	set_up_card("sim:");
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	EXPECT(p11->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	EXPECT(p11->C_Finalize(folder), CKR_ARGUMENTS_BAD);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	stop();
}

static ck_rv_t no_mutex(void **mutex)
{
	(void)mutex;
	return CKR_OK;
}

static ck_rv_t no_lock(void *mutex)
{
	(void)mutex;
	return CKR_OK;
}

Test(pkcs11, takes_arguments_that_it_can_keep_to)
{
	struct ck_c_initialize_args args = {0};

	set_up_card("sim:");
	args.reserved = folder;
	EXPECT(p11->C_Initialize(&args), CKR_ARGUMENTS_BAD);
	args.reserved = NULL;
	args.create_mutex = no_mutex;
	EXPECT(p11->C_Initialize(&args), CKR_ARGUMENTS_BAD);
	args.destroy_mutex = args.lock_mutex = args.unlock_mutex = no_lock;
	EXPECT(p11->C_Initialize(&args), CKR_CANT_LOCK);
	args.flags = CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS;
	EXPECT(p11->C_Initialize(&args), CKR_OK);
	stop();
}

Test(pkcs11, gives_its_interface_as_version_3_asks_for_it)
{
	struct interface {
		const char *name;
		struct ck_function_list *functions;
		ck_flags_t flags;
	} list[2], *one;
	ck_rv_t (*get_list)(struct interface *, unsigned long *);
	ck_rv_t (*get_one)(const char *, struct ck_version *,
			   struct interface **, ck_flags_t);
	struct ck_version old = {2, 40}, new = {3, 0};
	unsigned long count = 0;

	set_up_card("sim:");
	*(void **)&get_list = load("C_GetInterfaceList");
	*(void **)&get_one = load("C_GetInterface");
	EXPECT(get_list(NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(get_list(list, &count), CKR_BUFFER_TOO_SMALL);
	EXPECT(get_list(NULL, &count), CKR_OK);
	EXPECT(get_list(list, &count), CKR_OK);
	EXPECT(count, 1);
	cr_assert(eq(str, (char *)(uintptr_t)list[0].name, "PKCS 11"));
	cr_assert(list[0].functions == p11);
	EXPECT(get_one(NULL, NULL, &one, 0), CKR_OK);
	cr_assert(one->functions == p11);
	EXPECT(get_one("PKCS 11", &old, &one, 0), CKR_OK);
	EXPECT(get_one("PKCS 11", &new, &one, 0), CKR_FUNCTION_FAILED);
	EXPECT(get_one("Vendor", NULL, &one, 0), CKR_FUNCTION_FAILED);
	EXPECT(get_one(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
	remove_folder();
}

/* ---- fork ---- */

static void use_after_fork(ck_session_handle_t session)
{
	struct ck_session_info info;
	unsigned long count = 0;

	if (p11->C_GetSessionInfo(session, &info) !=
		    CKR_CRYPTOKI_NOT_INITIALIZED ||
	    p11->C_GetSlotList(1, NULL, &count) !=
		    CKR_CRYPTOKI_NOT_INITIALIZED ||
	    p11->C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED)
		_exit(1);
	if (p11->C_Initialize(NULL) != CKR_OK ||
	    p11->C_GetSessionInfo(session, &info) != CKR_SESSION_HANDLE_INVALID)
		_exit(2);
	session = open_session(0);
	private_key(session);
	if (p11->C_Finalize(NULL) != CKR_OK)
		_exit(3);
}

Test(pkcs11, a_child_begins_anew_and_its_parent_goes_on)
{
	ck_session_handle_t session = start("sim:");
	ck_object_handle_t key = private_key(session), found[16];

	in_child(use_after_fork, session);
	EXPECT(find_class(session, CKO_PRIVATE_KEY, found), 1);
	EXPECT(found[0], key);
	stop();
}

/* ---- slots ---- */

Test(pkcs11, without_configuration_there_are_no_slots)
{
	unsigned long count = 9;

	set_up_card("");
	write_config("");
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	EXPECT(p11->C_GetSlotList(0, NULL, &count), CKR_OK);
	EXPECT(count, 0);
	stop();
}

static void expect_slot(ck_slot_id_t slot, const char *description,
			const char *label)
{
	struct ck_slot_info info;
	struct ck_token_info token;
	char text[65] = {0};

	EXPECT(p11->C_GetSlotInfo(slot, &info), CKR_OK);
	memcpy(text, info.slot_description, 64);
	cr_assert(strncmp(text, description, strlen(description)) == 0, "%s",
		  text);
	if (!label) {
		EXPECT(info.flags & CKF_TOKEN_PRESENT, 0);
		EXPECT(p11->C_GetTokenInfo(slot, &token),
		       CKR_TOKEN_NOT_PRESENT);
		return;
	}
	EXPECT(p11->C_GetTokenInfo(slot, &token), CKR_OK);
	memset(text, 0, sizeof(text));
	memcpy(text, token.label, 32);
	cr_assert(strncmp(text, label, strlen(label)) == 0, "%s", text);
	EXPECT(token.flags & CKF_LOGIN_REQUIRED, 0);
}

Test(pkcs11, lines_become_slots_and_wrong_ones_say_what_is_wrong)
{
	unsigned long count = 16;
	ck_slot_id_t slots[16];
	ck_session_handle_t session;

	set_up_card("");
	setenv("IOTSAFE_CARD", "at:/dev/null?init=AT%2BCPIN=1234", 1);
	write_config("# a comment\n\n"
		     "  name=roof trust=yes at:/dev/ttyUSB2  \n"
		     "exec:ssh gateway secret\n"
		     "name=two words at:/dev/ttyUSB3\n"
		     "trust=perhaps at:/dev/ttyUSB3\n"
		     "applets=some at:/dev/ttyUSB3\n"
		     "login=perhaps at:/dev/ttyUSB3\n"
		     "name=again at:/dev/null?init=AT%2BCPIN=1234\n");
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	EXPECT(p11->C_GetSlotList(0, slots, &count), CKR_OK);
	EXPECT(count, 7);
	/* The environment's card has the name that the file gives it; of its
	 * address the lines for the modem are not told. */
	expect_slot(0, "at:/dev/null ", "again ");
	expect_slot(1, "at:/dev/ttyUSB2 ", "roof ");
	expect_slot(2, "exec: ", "iotsafe 3 ");
	expect_slot(3, "pkcs11.conf line 5: ", NULL);
	expect_slot(4, "pkcs11.conf line 6: ", NULL);
	expect_slot(5, "pkcs11.conf line 7: ", NULL);
	expect_slot(6, "pkcs11.conf line 8: login= is yes or no", NULL);
	EXPECT(p11->C_GetSlotList(1, NULL, &count), CKR_OK);
	EXPECT(count, 3);
	count = 1;
	EXPECT(p11->C_GetSlotList(1, slots, &count), CKR_BUFFER_TOO_SMALL);
	EXPECT(p11->C_OpenSession(3, CKF_SERIAL_SESSION, NULL, NULL, &session),
	       CKR_TOKEN_NOT_PRESENT);
	stop();
}

Test(pkcs11, looking_at_tokens_costs_no_exchange_and_opens_no_port)
{
	ck_session_handle_t session;
	struct ck_token_info token;
	struct ck_info info;
	unsigned long count;

	session = start("sim:");
	EXPECT(p11->C_GetInfo(&info), CKR_OK);
	EXPECT(p11->C_GetSlotList(1, NULL, &count), CKR_OK);
	EXPECT(p11->C_GetTokenInfo(0, &token), CKR_OK);
	EXPECT(p11->C_Login(session, CKU_USER, NULL, 0), CKR_OK);
	EXPECT(p11->C_CloseSession(session), CKR_OK);
	cr_assert(access(path_of("log"), F_OK) != 0);
	session = open_session(0);
	private_key(session);
	cr_assert(eq(int, exchanges(), 4));
	stop();
}

Test(pkcs11, a_slot_that_is_none_is_refused)
{
	struct ck_token_info token;
	struct ck_slot_info slot;
	ck_session_handle_t session = start("sim:");
	unsigned long count;

	EXPECT(p11->C_GetSlotInfo(1, &slot), CKR_SLOT_ID_INVALID);
	EXPECT(p11->C_GetTokenInfo(1, &token), CKR_SLOT_ID_INVALID);
	EXPECT(p11->C_GetSlotInfo(0, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(p11->C_GetMechanismList(~0UL, NULL, &count),
	       CKR_SLOT_ID_INVALID);
	EXPECT(p11->C_OpenSession(7, CKF_SERIAL_SESSION, NULL, NULL, &session),
	       CKR_SLOT_ID_INVALID);
	EXPECT(p11->C_OpenSession(0, 0, NULL, NULL, &session),
	       CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	EXPECT(p11->C_CloseAllSessions(7), CKR_SLOT_ID_INVALID);
	stop();
}

Test(pkcs11, a_card_that_is_not_there_is_no_token)
{
	ck_session_handle_t session;
	unsigned char byte;

	set_up_card("");
	setenv("IOTSAFE_CARD", "at:/dev/iotsafe-none", 1);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	session = open_session(0);
	EXPECT(p11->C_FindObjectsInit(session, NULL, 0), CKR_TOKEN_NOT_PRESENT);
	EXPECT(p11->C_GenerateRandom(session, &byte, 1), CKR_TOKEN_NOT_PRESENT);
	stop();
}

/* ---- sessions ---- */

Test(pkcs11, a_session_is_good_until_it_is_closed)
{
	ck_session_handle_t session = start("sim:"), other = open_session(0);
	ck_object_handle_t found[16];
	struct ck_session_info info;
	unsigned long got;

	EXPECT(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	EXPECT(p11->C_CloseSession(session), CKR_OK);
	EXPECT(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
	EXPECT(p11->C_FindObjects(session, found, 16, &got),
	       CKR_SESSION_HANDLE_INVALID);
	EXPECT(p11->C_GetSessionInfo(~0UL, &info), CKR_SESSION_HANDLE_INVALID);
	EXPECT(p11->C_GetSessionInfo(0, &info), CKR_SESSION_HANDLE_INVALID);
	EXPECT(p11->C_GetSessionInfo(other, &info), CKR_OK);
	EXPECT(info.state, CKS_RW_PUBLIC_SESSION);
	EXPECT(p11->C_CloseAllSessions(0), CKR_OK);
	EXPECT(p11->C_GetSessionInfo(other, &info), CKR_SESSION_HANDLE_INVALID);
	stop();
}

Test(pkcs11, the_end_closes_what_the_caller_left_open)
{
	ck_session_handle_t session = start("sim:");
	struct ck_session_info info;

	for (int i = 0; i < 100; i++)
		open_session(0);
	EXPECT(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	EXPECT(p11->C_GetSessionInfo(session, &info),
	       CKR_SESSION_HANDLE_INVALID);
	stop();
}

Test(pkcs11, asks_for_no_pin_and_minds_none)
{
	ck_session_handle_t session = start("sim:");
	unsigned char pin[] = "1234";
	struct ck_session_info info;

	EXPECT(p11->C_Logout(session), CKR_USER_NOT_LOGGED_IN);
	EXPECT(p11->C_Login(session, CKU_SO, pin, 4), CKR_USER_TYPE_INVALID);
	EXPECT(p11->C_Login(session, CKU_USER, pin, 4), CKR_OK);
	EXPECT(p11->C_Login(session, CKU_USER, pin, 4),
	       CKR_USER_ALREADY_LOGGED_IN);
	EXPECT(p11->C_GetSessionInfo(session, &info), CKR_OK);
	EXPECT(info.state, CKS_RW_USER_FUNCTIONS);
	EXPECT(p11->C_Login(session, CKU_CONTEXT_SPECIFIC, pin, 4),
	       CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(p11->C_Logout(session), CKR_OK);
	stop();
}

Test(pkcs11, says_of_functions_it_lacks_that_it_lacks_them)
{
	ck_session_handle_t session = start("sim:");
	ck_slot_id_t slot;

	EXPECT(p11->C_DigestInit(session, NULL), CKR_FUNCTION_NOT_SUPPORTED);
	EXPECT(p11->C_CopyObject(session, 1, NULL, 0, NULL),
	       CKR_FUNCTION_NOT_SUPPORTED);
	EXPECT(p11->C_GetFunctionStatus(session), CKR_FUNCTION_NOT_PARALLEL);
	EXPECT(p11->C_SeedRandom(session, NULL, 0),
	       CKR_RANDOM_SEED_NOT_SUPPORTED);
	EXPECT(p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL),
	       CKR_NO_EVENT);
	EXPECT(p11->C_WaitForSlotEvent(0, &slot, NULL),
	       CKR_FUNCTION_NOT_SUPPORTED);
	stop();
}

/* ---- threads ---- */

static void *sign_often(void *unused)
{
	ck_session_handle_t session = open_session(0);
	struct ck_mechanism ecdsa = {CKM_ECDSA, NULL, 0};
	unsigned char hash[32] = {1}, out[64];
	ck_object_handle_t key = private_key(session);

	(void)unused;
	for (int i = 0; i < 10; i++) {
		unsigned long size = sizeof(out);

		EXPECT(p11->C_SignInit(session, &ecdsa, key), CKR_OK);
		EXPECT(p11->C_Sign(session, hash, sizeof(hash), out, &size),
		       CKR_OK);
	}
	EXPECT(p11->C_CloseSession(session), CKR_OK);
	return NULL;
}

Test(pkcs11, many_threads_share_a_card)
{
	pthread_t threads[8];

	start("sim:");
	for (int i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, sign_often, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	stop();
}
