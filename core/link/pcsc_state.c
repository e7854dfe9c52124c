/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * States of readers become what is in them.
 */
#include <string.h>
#include "base/deadline.h"
#include "link/pcsc_state.h"

LONG pcsc_read_presence(SCARDCONTEXT context, struct pcsc_readers *readers)
{
	SCARD_READERSTATE states[PCSC_READERS_MAX];
	LONG result;

	memset(states, 0, sizeof(states));
	for (size_t i = 0; i < readers->count; i++)
		states[i].szReader = readers->list[i].name;
	/* Nothing is known yet, so that it returns at once. */
	result =
		SCardGetStatusChange(context, 0, states, (DWORD)readers->count);
	for (size_t i = 0; i < readers->count; i++)
		readers->list[i].has_card =
			(states[i].dwEventState & SCARD_STATE_PRESENT) != 0;
	return result == SCARD_E_TIMEOUT ? SCARD_S_SUCCESS : result;
}

bool pcsc_card_has_gone(SCARDCONTEXT context, const char *reader,
			int milliseconds)
{
	const struct deadline end = deadline_in(milliseconds, -1);
	SCARD_READERSTATE state = {.szReader = reader};

	/* Other programs that come and go are changes, too. */
	do {
		if (SCardGetStatusChange(context, (DWORD)deadline_left(&end),
					 &state, 1) != SCARD_S_SUCCESS)
			return false;
		if (!(state.dwEventState & SCARD_STATE_PRESENT))
			return true;
		state.dwCurrentState = state.dwEventState;
	} while (!deadline_passed(&end));
	return false;
}
