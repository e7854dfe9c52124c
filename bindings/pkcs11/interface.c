/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ways in: tables of functions, as PKCS #11 2.40 and 3.0 ask for them.
 */
#include <string.h>
#include "cryptoki.h"

/* In the place of every function that there is nothing for. In C the caller
 * clears the arguments away, so that one does for all. */
static ck_rv_t not_there(void)
{
	return CKR_FUNCTION_NOT_SUPPORTED;
}

/* Older than version 2.0; kept for programs that ask for them. */
static ck_rv_t not_parallel(ck_session_handle_t session)
{
	(void)session;
	return CKR_FUNCTION_NOT_PARALLEL;
}

#define NOT_THERE(name) .name = (CK_##name)not_there

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-function-type"
static struct ck_function_list functions = {
	.version = {2, 40},
	.C_Initialize = C_Initialize,
	.C_Finalize = C_Finalize,
	.C_GetInfo = C_GetInfo,
	.C_GetFunctionList = C_GetFunctionList,
	.C_GetSlotList = C_GetSlotList,
	.C_GetSlotInfo = C_GetSlotInfo,
	.C_GetTokenInfo = C_GetTokenInfo,
	.C_GetMechanismList = C_GetMechanismList,
	.C_GetMechanismInfo = C_GetMechanismInfo,
	.C_OpenSession = C_OpenSession,
	.C_CloseSession = C_CloseSession,
	.C_CloseAllSessions = C_CloseAllSessions,
	.C_GetSessionInfo = C_GetSessionInfo,
	.C_Login = C_Login,
	.C_Logout = C_Logout,
	.C_DestroyObject = C_DestroyObject,
	.C_GetAttributeValue = C_GetAttributeValue,
	.C_FindObjectsInit = C_FindObjectsInit,
	.C_FindObjects = C_FindObjects,
	.C_FindObjectsFinal = C_FindObjectsFinal,
	.C_DecryptInit = C_DecryptInit,
	.C_Decrypt = C_Decrypt,
	.C_SignInit = C_SignInit,
	.C_Sign = C_Sign,
	.C_SignUpdate = C_SignUpdate,
	.C_SignFinal = C_SignFinal,
	.C_GenerateKeyPair = C_GenerateKeyPair,
	.C_DeriveKey = C_DeriveKey,
	.C_SeedRandom = C_SeedRandom,
	.C_GenerateRandom = C_GenerateRandom,
	.C_GetFunctionStatus = not_parallel,
	.C_CancelFunction = not_parallel,
	.C_WaitForSlotEvent = C_WaitForSlotEvent,
	NOT_THERE(C_InitToken),
	NOT_THERE(C_InitPIN),
	NOT_THERE(C_SetPIN),
	NOT_THERE(C_GetOperationState),
	NOT_THERE(C_SetOperationState),
	NOT_THERE(C_CreateObject),
	NOT_THERE(C_CopyObject),
	NOT_THERE(C_GetObjectSize),
	NOT_THERE(C_SetAttributeValue),
	NOT_THERE(C_EncryptInit),
	NOT_THERE(C_Encrypt),
	NOT_THERE(C_EncryptUpdate),
	NOT_THERE(C_EncryptFinal),
	NOT_THERE(C_DecryptUpdate),
	NOT_THERE(C_DecryptFinal),
	NOT_THERE(C_DigestInit),
	NOT_THERE(C_Digest),
	NOT_THERE(C_DigestUpdate),
	NOT_THERE(C_DigestKey),
	NOT_THERE(C_DigestFinal),
	NOT_THERE(C_SignRecoverInit),
	NOT_THERE(C_SignRecover),
	NOT_THERE(C_VerifyInit),
	NOT_THERE(C_Verify),
	NOT_THERE(C_VerifyUpdate),
	NOT_THERE(C_VerifyFinal),
	NOT_THERE(C_VerifyRecoverInit),
	NOT_THERE(C_VerifyRecover),
	NOT_THERE(C_DigestEncryptUpdate),
	NOT_THERE(C_DecryptDigestUpdate),
	NOT_THERE(C_SignEncryptUpdate),
	NOT_THERE(C_DecryptVerifyUpdate),
	NOT_THERE(C_GenerateKey),
	NOT_THERE(C_WrapKey),
	NOT_THERE(C_UnwrapKey),
};
#pragma GCC diagnostic pop

EXPORT ck_rv_t C_GetFunctionList(struct ck_function_list **list)
{
	if (!list)
		return CKR_ARGUMENTS_BAD;
	*list = &functions;
	return CKR_OK;
}

/* ---- version 3.0 ---- */

/* One interface: what 3.0 has beyond 2.40 is messages, which cards have not. */
static const struct interface interfaces[] = {{"PKCS 11", &functions, 0}};

EXPORT ck_rv_t C_GetInterfaceList(struct interface *list, unsigned long *count)
{
	unsigned long room;

	if (!count)
		return CKR_ARGUMENTS_BAD;
	room = *count;
	*count = 1;
	if (!list)
		return CKR_OK;
	if (!room)
		return CKR_BUFFER_TOO_SMALL;
	list[0] = interfaces[0];
	return CKR_OK;
}

EXPORT ck_rv_t C_GetInterface(const char *name,
			      const struct ck_version *version,
			      const struct interface **interface,
			      ck_flags_t flags)
{
	if (!interface)
		return CKR_ARGUMENTS_BAD;
	*interface = NULL;
	if ((name && strcmp(name, interfaces[0].name) != 0) ||
	    (version && (version->major != functions.version.major ||
			 version->minor != functions.version.minor)) ||
	    flags & ~interfaces[0].flags)
		return CKR_FUNCTION_FAILED;
	*interface = &interfaces[0];
	return CKR_OK;
}
