/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The module's life: initialised, finalised, and what a fork leaves of it.
 */
#include <iotsafe/iotsafe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#include "module.h"
#include "slot.h"

/* Readers are the calls; C_Initialize and C_Finalize write. */
static pthread_rwlock_t running = PTHREAD_RWLOCK_INITIALIZER;
static _Atomic pid_t owner; /* 0: not initialised */

/* A child may have locks that a thread of the parent held, and objects that
 * one was changing: it leaves all of it alone. */
static bool is_foreign(void)
{
	return owner && owner != getpid();
}

ck_rv_t module_enter(void)
{
	if (!owner || is_foreign())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	pthread_rwlock_rdlock(&running);
	if (owner)
		return CKR_OK;
	pthread_rwlock_unlock(&running);
	return CKR_CRYPTOKI_NOT_INITIALIZED;
}

ck_rv_t module_leave(ck_rv_t result)
{
	pthread_rwlock_unlock(&running);
	return result;
}

/* PKCS #11 2.40 section 5.4: four functions or none; and with the program's
 * own alone we could not wait for a card. */
static ck_rv_t check_arguments(const struct ck_c_initialize_args *args)
{
	int given;

	if (!args)
		return CKR_OK;
	given = !!args->create_mutex + !!args->destroy_mutex +
		!!args->lock_mutex + !!args->unlock_mutex;
	if (args->reserved || (given && given != 4))
		return CKR_ARGUMENTS_BAD;
	if (given && !(args->flags & CKF_OS_LOCKING_OK))
		return CKR_CANT_LOCK;
	return CKR_OK;
}

static ck_rv_t initialize(void)
{
	if (owner)
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	TRY(slot_table_make());
	owner = getpid();
	return CKR_OK;
}

ck_rv_t C_Initialize(void *args)
{
	ck_rv_t result;

	TRY(check_arguments(args));
	if (is_foreign()) {
		slot_table_abandon();
		running = (pthread_rwlock_t)PTHREAD_RWLOCK_INITIALIZER;
		owner = 0;
	}
	pthread_rwlock_wrlock(&running);
	result = initialize();
	pthread_rwlock_unlock(&running);
	return result;
}

ck_rv_t C_Finalize(void *reserved)
{
	ck_rv_t result = CKR_OK;

	if (reserved)
		return CKR_ARGUMENTS_BAD;
	if (!owner || is_foreign())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	pthread_rwlock_wrlock(&running);
	if (owner)
		slot_table_free();
	else
		result = CKR_CRYPTOKI_NOT_INITIALIZED;
	owner = 0;
	pthread_rwlock_unlock(&running);
	return result;
}

ck_rv_t C_GetInfo(struct ck_info *info)
{
	static const char maker[] = "libiotsafe",
			  what[] = "SIM cards, IoT SAFE";

	TRY(module_enter());
	if (!info)
		return module_leave(CKR_ARGUMENTS_BAD);
	memset(info, 0, sizeof(*info));
	info->cryptoki_version = (struct ck_version){2, 40};
	info->library_version = (struct ck_version){IOTSAFE_VERSION_MAJOR,
						    IOTSAFE_VERSION_MINOR};
	memset(info->manufacturer_id, ' ', sizeof(info->manufacturer_id));
	memcpy(info->manufacturer_id, maker, strlen(maker));
	memset(info->library_description, ' ',
	       sizeof(info->library_description));
	memcpy(info->library_description, what, strlen(what));
	return module_leave(CKR_OK);
}
