/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The digits of an ICCID become the bytes of EF_ICCID: two a byte, the first
 * one low, the rest filled with F.
 */
#include <string.h>
#include "base/bytes.h"
#include "link/digits.h"

#define DIGITS_MAX ((size_t)(2 * LINK_ICCID_SIZE))
#define DIGITS_MIN 18

static void turn_pairs(char digits[DIGITS_MAX])
{
	for (size_t i = 0; i < DIGITS_MAX; i += 2) {
		char first = digits[i];

		digits[i] = digits[i + 1];
		digits[i + 1] = first;
	}
}

static bool is_number(const char digits[DIGITS_MAX])
{
	size_t count = 0;

	while (count < DIGITS_MAX && digits[count] != 'F')
		count++;
	for (size_t i = count; i < DIGITS_MAX; i++)
		if (digits[i] != 'F')
			return false;
	return count >= DIGITS_MIN;
}

bool digits_to_iccid(const char *text, uint8_t iccid[LINK_ICCID_SIZE])
{
	char digits[DIGITS_MAX];
	size_t size;

	text += strspn(text, " \"");
	size = strspn(text, "0123456789Ff");
	if (size > DIGITS_MAX || text[size + strspn(text + size, " \"")])
		return false;
	memset(digits, 'F', sizeof(digits));
	for (size_t i = 0; i < size; i++)
		digits[i] = text[i] == 'f' ? 'F' : text[i];
	/* An ICCID begins with 89 (ITU-T E.118): this is a copy of the file. */
	if (digits[0] == '9' && digits[1] == '8')
		turn_pairs(digits);
	if (!is_number(digits))
		return false;
	turn_pairs(digits);
	return hex_decode(digits, DIGITS_MAX, iccid);
}
