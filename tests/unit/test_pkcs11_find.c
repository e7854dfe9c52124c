/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bindings/pkcs11: searches, and what they read. */
#include "token.h"

TestSuite(pkcs11_find, .timeout = 120);

Test(pkcs11_find, searching_by_label_reads_only_what_has_it)
{
	ck_session_handle_t session = start("sim:");
	char label[] = "client-cert";
	struct ck_attribute template = {CKA_LABEL, label, strlen(label)};
	ck_object_handle_t found[16];
	unsigned char value[1000];

	EXPECT(find(session, &template, 1, found), 1);
	cr_assert(eq(int, exchanges(), 8));
	cr_assert(get(session, found[0], CKA_VALUE, value, sizeof(value)) >
		  300);
	EXPECT(find(session, &template, 1, found), 1);
	cr_assert(eq(int, exchanges(), 8));
	stop();
}

/* Opening and the list, the first certificate in two pieces, and the public
 * key that ties it to its private one. */
#define COST_OF_FIRST (4 + 4 + 2)

Test(pkcs11_find, a_search_reads_no_further_than_it_is_asked_to)
{
	ck_session_handle_t session = start("sim:");
	ck_object_class_t class = CKO_CERTIFICATE;
	unsigned char id[] = {1};
	struct ck_attribute template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_ID, id, sizeof(id)},
	};
	ck_object_handle_t found[16];
	unsigned long got;

	EXPECT(p11->C_FindObjectsInit(session, template, 2), CKR_OK);
	/* The search has the template's values, not the caller's memory. */
	id[0] = 9;
	class = CKO_SECRET_KEY;
	EXPECT(p11->C_FindObjects(session, found, 1, &got), CKR_OK);
	EXPECT(got, 1);
	cr_assert(eq(int, exchanges(), COST_OF_FIRST));
	EXPECT(get(session, found[0], CKA_ID, id, sizeof(id)), 1);
	EXPECT(id[0], 1);
	EXPECT(p11->C_FindObjects(session, found, 0, &got), CKR_OK);
	cr_assert(eq(int, exchanges(), COST_OF_FIRST));
	EXPECT(p11->C_FindObjects(session, found, 16, &got), CKR_OK);
	EXPECT(got, 0);
	cr_assert(exchanges() > COST_OF_FIRST);
	EXPECT(p11->C_FindObjectsFinal(session), CKR_OK);
	stop();
}

/* Of each of the two others a beginning, which shows that it is of another
 * key. */
#define COST_OF_OTHERS (2 + 2)

Test(pkcs11_find, what_shows_another_key_is_read_no_further)
{
	ck_session_handle_t session = start("sim:");
	ck_object_class_t class = CKO_CERTIFICATE;
	unsigned char id[] = {1}, begun[1000], whole[1000];
	struct ck_attribute template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_ID, id, sizeof(id)},
	};
	ck_object_handle_t found[16];
	size_t size;
	int cost;

	EXPECT(find(session, template, 2, found), 1);
	cr_assert(eq(int, exchanges(), COST_OF_FIRST + COST_OF_OTHERS));
	/* The rest stands behind the beginning, which is not read again. */
	EXPECT(find(session, template, 1, found), 3);
	cr_assert(eq(int, exchanges(), COST_OF_FIRST + 2 * COST_OF_OTHERS));
	size = get(session, found[2], CKA_VALUE, begun, sizeof(begun));
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	cost = exchanges();
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	session = open_session(0);
	EXPECT(find(session, template, 1, found), 3);
	cr_assert(eq(int, exchanges() - cost,
		     COST_OF_FIRST + 2 * COST_OF_OTHERS));
	EXPECT(get(session, found[2], CKA_VALUE, whole, sizeof(whole)), size);
	cr_assert(memcmp(begun, whole, size) == 0);
	stop();
}

Test(pkcs11_find, a_certificate_is_found_by_its_names_from_its_beginning)
{
	ck_session_handle_t session = start("sim:");
	unsigned char subject[200];
	struct ck_attribute template[] = {
		{CKA_LABEL, "ca", 2},
		{CKA_SUBJECT, subject, 0},
	};
	ck_object_handle_t found[16], again[16];
	int cost;

	EXPECT(find(session, template, 1, found), 1);
	template[1].value_len =
		get(session, found[0], CKA_SUBJECT, subject, sizeof(subject));
	subject[template[1].value_len - 1] ^= 1;
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	session = open_session(0);
	cost = exchanges();
	EXPECT(find(session, template, 2, again), 0);
	/* Opening, the list, and a beginning. */
	cr_assert(eq(int, exchanges(), cost + 4 + 2));
	subject[template[1].value_len - 1] ^= 1;
	EXPECT(find(session, template, 2, again), 1);
	stop();
}

/* How many certificates of this subject a card has that has this file. */
static unsigned long found_by_subject(const uint8_t *der, size_t size,
				      struct ck_attribute *subject)
{
	ck_object_handle_t found[16];
	unsigned long count;
	char command[512];
	FILE *file = fopen(path_of("file.der"), "w");

	cr_assert(fwrite(der, 1, size, file) == size);
	fclose(file);
	snprintf(command, sizeof(command),
		 "$IOTSAFE_SIM personalise --store %s --profile blank "
		 "--certificate %s/file.der --id 31 >%s/out",
		 folder, folder, folder);
	cr_assert(system(command) == 0);
	snprintf(command, sizeof(command), "sim:blank?store=%s", folder);
	setenv("IOTSAFE_CARD", command, 1);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	count = find(open_session(0), subject, 1, found);
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	return count;
}

/* Its names were taken from its beginning: who searches by them is given
 * nothing that has not been read whole. */
Test(pkcs11_find, what_begins_like_a_certificate_is_not_found_if_it_is_none)
{
	static const uint8_t ecdsa[] = {0x2A, 0x86, 0x48, 0xCE,
					0x3D, 0x04, 0x03, 0x02};
	ck_session_handle_t session = start("sim:");
	uint8_t der[1024], names[200], *algorithm = NULL;
	struct ck_attribute subject = {CKA_SUBJECT, names, 0};
	ck_object_handle_t found[16];
	size_t size;

	cr_assert(find_class(session, CKO_CERTIFICATE, found) > 0);
	size = get(session, found[0], CKA_VALUE, der, sizeof(der));
	subject.value_len =
		get(session, found[0], CKA_SUBJECT, names, sizeof(names));
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	EXPECT(found_by_subject(der, size, &subject), 1);
	/* The one at its end must be the one that was signed with. */
	for (size_t i = 0; i + sizeof(ecdsa) <= size; i++)
		if (!memcmp(der + i, ecdsa, sizeof(ecdsa)))
			algorithm = der + i;
	cr_assert(algorithm && algorithm > der + 255);
	algorithm[7] ^= 1;
	EXPECT(found_by_subject(der, size, &subject), 0);
	remove_folder();
}

Test(pkcs11_find, what_the_list_excludes_is_not_read)
{
	ck_session_handle_t session = start("sim:");
	ck_object_class_t class = CKO_PRIVATE_KEY;
	unsigned long type = CKK_RSA;
	struct ck_attribute keys[] = {{CKA_CLASS, &class, sizeof(class)},
				      {CKA_KEY_TYPE, &type, sizeof(type)}};
	struct ck_attribute label = {CKA_LABEL, folder, 5};
	ck_object_handle_t found[16];

	EXPECT(find(session, keys, 2, found), 0);
	EXPECT(find(session, &label, 1, found), 0);
	/* A value that is said to be longer than memory is no object's. */
	label.value_len = CK_UNAVAILABLE_INFORMATION;
	EXPECT(find(session, &label, 1, found), 0);
	cr_assert(eq(int, exchanges(), 4));
	stop();
}

Test(pkcs11_find, templates_that_make_no_sense_find_nothing)
{
	ck_session_handle_t session = start("sim:");
	ck_object_class_t class = CKO_SECRET_KEY;
	struct ck_attribute template = {CKA_CLASS, &class, sizeof(class)};
	ck_object_handle_t found[16];
	unsigned long got;

	EXPECT(find(session, &template, 1, found), 0);
	template.type = CKA_VENDOR_DEFINED;
	EXPECT(find(session, &template, 1, found), 0);
	template = (struct ck_attribute){CKA_CLASS, &class, 1};
	EXPECT(p11->C_FindObjectsInit(session, &template, 1),
	       CKR_ATTRIBUTE_VALUE_INVALID);
	EXPECT(p11->C_FindObjectsInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
	EXPECT(p11->C_FindObjects(session, found, 16, &got),
	       CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(p11->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	EXPECT(p11->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
	EXPECT(p11->C_FindObjects(session, NULL, 16, &got), CKR_ARGUMENTS_BAD);
	/* A few at a time. */
	EXPECT(p11->C_FindObjects(session, found, 3, &got), CKR_OK);
	EXPECT(got, 3);
	EXPECT(p11->C_FindObjects(session, found, 16, &got), CKR_OK);
	EXPECT(got, 2);
	stop();
}

Test(pkcs11_find, looking_for_what_no_card_has_opens_no_port)
{
	ck_session_handle_t session = start("sim:");
	ck_object_class_t class = CKO_DATA;
	unsigned char yes = 1;
	struct ck_attribute data = {CKA_CLASS, &class, sizeof(class)};
	struct ck_attribute trusted = {CKA_TRUSTED, &yes, 1};
	ck_object_handle_t found[16];

	EXPECT(find(session, &data, 1, found), 0);
	EXPECT(find(session, &trusted, 1, found), 0);
	cr_assert(access(path_of("log"), F_OK) != 0);
	stop();
}
