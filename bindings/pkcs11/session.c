/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handles become sessions. A handle has its slot's number in front, so that the
 * slot can be locked before the session is looked for.
 */
#include <stdlib.h>
#include <string.h>
#include "login.h"
#include "object.h"
#include "session.h"

/* 32 bits where unsigned long has no more: the slot, then a counter. */
#define SLOT_SHIFT  24
#define SERIAL_MASK ((1UL << SLOT_SHIFT) - 1)

static struct session *find(struct slot *slot, ck_session_handle_t handle)
{
	struct session *session = slot->sessions;

	while (session && session->handle != handle)
		session = session->next;
	return session;
}

ck_rv_t session_enter(ck_session_handle_t handle, struct session **session)
{
	struct slot *slot;

	TRY(module_enter());
	slot = slot_find(handle >> SLOT_SHIFT);
	if (!slot)
		return module_leave(CKR_SESSION_HANDLE_INVALID);
	pthread_mutex_lock(&slot->lock);
	*session = find(slot, handle);
	if (*session)
		return CKR_OK;
	pthread_mutex_unlock(&slot->lock);
	return module_leave(CKR_SESSION_HANDLE_INVALID);
}

/* Of a card that has gone no session is left (PKCS #11 2.40 section 5.6). */
static ck_rv_t leave_slot(struct slot *slot, ck_rv_t result)
{
	if (slot->gone) {
		session_close_all(slot);
		slot_forget(slot);
	}
	pthread_mutex_unlock(&slot->lock);
	return module_leave(result);
}

ck_rv_t session_leave(struct session *session, ck_rv_t result)
{
	return leave_slot(session->slot, result);
}

/* ---- opening and closing ---- */

static void close_session(struct session *session)
{
	object_drop_of_session(session->slot, session->handle);
	find_end(&session->finding);
	sign_end(&session->signing);
	free(session);
}

void session_close_all(struct slot *slot)
{
	while (slot->sessions) {
		struct session *session = slot->sessions;

		slot->sessions = session->next;
		close_session(session);
	}
	slot->logged_in = false;
}

static ck_rv_t open_session(struct slot *slot, ck_flags_t flags,
			    ck_session_handle_t *handle)
{
	static _Atomic unsigned long serial;
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return CKR_HOST_MEMORY;
	do {
		session->handle =
			slot->id << SLOT_SHIFT | (++serial & SERIAL_MASK);
	} while (!(session->handle & SERIAL_MASK) ||
		 find(slot, session->handle));
	session->slot = slot;
	session->flags = flags & (CKF_RW_SESSION | CKF_SERIAL_SESSION);
	session->next = slot->sessions;
	slot->sessions = session;
	*handle = session->handle;
	return CKR_OK;
}

ck_rv_t C_OpenSession(ck_slot_id_t id, ck_flags_t flags, void *application,
		      ck_notify_t notify, ck_session_handle_t *handle)
{
	struct slot *slot;
	ck_rv_t result;

	(void)application;
	(void)notify;
	TRY(module_enter());
	slot = slot_find(id);
	if (!slot)
		return module_leave(CKR_SLOT_ID_INVALID);
	if (!handle)
		return module_leave(CKR_ARGUMENTS_BAD);
	if (!(flags & CKF_SERIAL_SESSION))
		return module_leave(CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	if (!slot->config.address)
		return module_leave(CKR_TOKEN_NOT_PRESENT);
	pthread_mutex_lock(&slot->lock);
	result = open_session(slot, flags, handle);
	return leave_slot(slot, result);
}

ck_rv_t C_CloseSession(ck_session_handle_t handle)
{
	struct session *session, **at;
	struct slot *slot;

	TRY(session_enter(handle, &session));
	slot = session->slot;
	for (at = &slot->sessions; *at != session; at = &(*at)->next)
		;
	*at = session->next;
	close_session(session);
	if (!slot->sessions)
		slot->logged_in = false;
	return leave_slot(slot, CKR_OK);
}

ck_rv_t C_CloseAllSessions(ck_slot_id_t id)
{
	struct slot *slot;

	TRY(module_enter());
	slot = slot_find(id);
	if (!slot)
		return module_leave(CKR_SLOT_ID_INVALID);
	pthread_mutex_lock(&slot->lock);
	session_close_all(slot);
	return leave_slot(slot, CKR_OK);
}

/* ---- state ---- */

static ck_state_t state_of(const struct session *session)
{
	bool writes = session->flags & CKF_RW_SESSION;

	if (session->slot->logged_in)
		return writes ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
	return writes ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
}

ck_rv_t C_GetSessionInfo(ck_session_handle_t handle,
			 struct ck_session_info *info)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	if (!info)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	info->slot_id = session->slot->id;
	info->state = state_of(session);
	info->flags = session->flags;
	info->device_error = session->slot->device_error;
	return session_leave(session, CKR_OK);
}

static ck_rv_t login(struct slot *slot, ck_user_type_t user,
		     const unsigned char *pin, unsigned long size)
{
	if (user == CKU_CONTEXT_SPECIFIC)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (user != CKU_USER)
		return CKR_USER_TYPE_INVALID;
	if (slot->logged_in)
		return CKR_USER_ALREADY_LOGGED_IN;
	/* Only the card knows whether it wants one. */
	if (login_may_be_wanted(slot) && (pin || slot->locked)) {
		TRY(object_need_all(slot));
		if (slot->locked)
			TRY(login_with(slot, pin, size));
	}
	slot->logged_in = true;
	return CKR_OK;
}

/* Where the token says that nobody need log in, it is a matter of state for
 * programs that do so all the same: there is no PIN to compare theirs with. */
ck_rv_t C_Login(ck_session_handle_t handle, ck_user_type_t user,
		unsigned char *pin, unsigned long pin_size)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	return session_leave(session,
			     login(session->slot, user, pin, pin_size));
}

ck_rv_t C_Logout(ck_session_handle_t handle)
{
	struct session *session;
	bool was;

	TRY(session_enter(handle, &session));
	was = session->slot->logged_in;
	session->slot->logged_in = false;
	return session_leave(session, was ? CKR_OK : CKR_USER_NOT_LOGGED_IN);
}
