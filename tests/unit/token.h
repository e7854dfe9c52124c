/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PKCS #11 module as a program sees it: loaded by name, spoken to through
 * its table, with a software SIM of its own behind each slot. */
#ifndef TESTS_UNIT_TOKEN_H
#define TESTS_UNIT_TOKEN_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#define CRYPTOKI_GNU
#include <p11-kit/pkcs11.h>

/* The module's functions, and the folder of this test. */
static struct ck_function_list *p11;
static void *loaded;
static char folder[64];

#define EXPECT(expression, result)                                             \
	do {                                                                   \
		unsigned long got_ = (expression);                             \
		cr_assert(eq(ulong, got_, result), "%s gave 0x%lx",            \
			  #expression, got_);                                  \
	} while (0)

static void *load(const char *name)
{
	if (!loaded)
		loaded = dlopen(getenv("IOTSAFE_PKCS11"), RTLD_NOW);
	cr_assert(loaded != NULL, "%s", dlerror());
	return dlsym(loaded, name);
}

static char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_config(const char *text)
{
	FILE *file;

	mkdir(path_of("iotsafe"), 0700);
	file = fopen(path_of("iotsafe/pkcs11.conf"), "w");
	fputs(text, file);
	fclose(file);
}

/* A card of this profile, with more attributes of its address; "" for none. */
static void set_up_card(const char *card)
{
	ck_rv_t (*get_list)(struct ck_function_list * *list);
	char address[256];

	snprintf(folder, sizeof(folder), "/tmp/iotsafe-token-XXXXXX");
	cr_assert(mkdtemp(folder) != NULL);
	snprintf(address, sizeof(address), "%s%cstore=%s&log=%s/log", card,
		 strchr(card, '?') ? '&' : '?', folder, folder);
	unsetenv("IOTSAFE_CARD");
	unsetenv("IOTSAFE_TRACE");
	if (*card)
		setenv("IOTSAFE_CARD", address, 1);
	setenv("XDG_CONFIG_HOME", folder, 1);
	*(void **)&get_list = load("C_GetFunctionList");
	EXPECT(get_list(&p11), CKR_OK);
}

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert(system(command) == 0);
}

/* How many exchanges the card has had. */
static int exchanges(void)
{
	FILE *file = fopen(path_of("log"), "r");
	int count = 0, c;

	while (file && (c = getc(file)) != EOF)
		count += c == '\n';
	if (file)
		fclose(file);
	return count;
}

static ck_session_handle_t open_session(ck_slot_id_t slot)
{
	ck_session_handle_t session;

	EXPECT(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
				  NULL, NULL, &session),
	       CKR_OK);
	return session;
}

static ck_session_handle_t start(const char *card)
{
	set_up_card(card);
	EXPECT(p11->C_Initialize(NULL), CKR_OK);
	return open_session(0);
}

static void stop(void)
{
	EXPECT(p11->C_Finalize(NULL), CKR_OK);
	remove_folder();
}

/* The handles of all objects that the template fits, at most 16. */
static unsigned long find(ck_session_handle_t session,
			  struct ck_attribute *template, unsigned long count,
			  ck_object_handle_t found[16])
{
	unsigned long got;

	EXPECT(p11->C_FindObjectsInit(session, template, count), CKR_OK);
	EXPECT(p11->C_FindObjects(session, found, 16, &got), CKR_OK);
	EXPECT(p11->C_FindObjectsFinal(session), CKR_OK);
	return got;
}

static unsigned long find_class(ck_session_handle_t session,
				ck_object_class_t class,
				ck_object_handle_t found[16])
{
	struct ck_attribute template = {CKA_CLASS, &class, sizeof(class)};

	return find(session, &template, 1, found);
}

static ck_object_handle_t private_key(ck_session_handle_t session)
{
	ck_object_handle_t found[16];

	cr_assert(find_class(session, CKO_PRIVATE_KEY, found) >= 1);
	return found[0];
}

/* The attribute's value; its size is returned. */
static size_t get(ck_session_handle_t session, ck_object_handle_t object,
		  ck_attribute_type_t type, void *out, size_t room)
{
	struct ck_attribute attribute = {type, out, room};

	EXPECT(p11->C_GetAttributeValue(session, object, &attribute, 1),
	       CKR_OK);
	return attribute.value_len;
}

static inline void in_child(void (*check)(ck_session_handle_t session),
			    ck_session_handle_t session)
{
	int status;
	pid_t child = fork();

	if (!child) {
		check(session);
		_exit(0);
	}
	cr_assert(waitpid(child, &status, 0) == child);
	cr_assert(eq(int, status, 0));
}

#endif
