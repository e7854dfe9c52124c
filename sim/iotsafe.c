// SPDX-License-Identifier: LGPL-2.1-or-later
/* GSMA IoT SAFE (IoT.05): the table of the applet's commands. */
#include "iotsafe_parts.h"

#include "iotsafe_session.h"

static const struct command_row rows[] = {
	{0x24, "PUT PUBLIC KEY INIT", iotsafe_put_init, false},
	{0x2A, "COMPUTE SIGNATURE INIT", iotsafe_sign_init, false},
	{0x2B, "COMPUTE SIGNATURE UPDATE", iotsafe_sign_update, false},
	{0x2C, "VERIFY SIGNATURE INIT", iotsafe_verify_init, false},
	{0x2D, "VERIFY SIGNATURE UPDATE", iotsafe_verify_update, false},
	{0x46, "COMPUTE DH", iotsafe_compute_dh, true},
	{0x48, "COMPUTE PRF", iotsafe_compute_prf, true},
	{0x4A, "COMPUTE HKDF", iotsafe_compute_hkdf, true},
	{0x84, "GET RANDOM", iotsafe_get_random, false},
	{0xB0, "READ FILE", iotsafe_read_file, false},
	{0xB9, "GENERATE KEY PAIR", iotsafe_generate_key_pair, false},
	{0xCB, "GET DATA", iotsafe_get_data, false},
	{0xCD, "READ PUBLIC KEY", iotsafe_read_public_key, false},
	{0xD8, "PUT PUBLIC KEY UPDATE", iotsafe_put_update, false},
};

static void leave(struct card *card, struct channel *channel)
{
	session_leave(card, channel);
	channel->iotsafe.list_from = 0;
}

const struct applet iotsafe_applet = {
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(*rows),
	.leave = leave,
};
