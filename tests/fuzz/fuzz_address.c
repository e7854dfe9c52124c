/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Card addresses and names of objects: strings of any kind become values
 * inside their bounds, and a name that is understood is written so that it
 * names the same again. */
#include <string.h>
#include "base/address.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void address(const char *text)
{
	static struct address parsed;
	long number;
	bool flag;

	if (address_parse(text, &parsed) < 0)
		return;
	CHECK(parsed.attributes_count <= ADDRESS_ATTRIBUTES_MAX);
	CHECK(strlen(parsed.path) < ADDRESS_SIZE_MAX);
	for (size_t i = 0; i < parsed.attributes_count; i++) {
		const char *name = parsed.attributes[i].name;

		CHECK(*name && address_get(&parsed, name));
		if (address_get_number(&parsed, name, -5, 5, 0, &number) == 0)
			CHECK(number >= -5 && number <= 5);
		address_get_flag(&parsed, name, false, &flag);
	}
}

static void name(const char *text)
{
	static struct name parsed, again;
	char written[ADDRESS_SIZE_MAX];

	if (name_parse(text, &parsed) < 0)
		return;
	CHECK(parsed.id_size <= NAME_ID_MAX);
	CHECK(parsed.label_size <= NAME_LABEL_MAX);
	CHECK(strlen(parsed.card) < ADDRESS_SIZE_MAX);
	if (name_is_empty(&parsed) || !parsed.class)
		return;
	name_format(parsed.class, parsed.certificate, parsed.id, parsed.id_size,
		    parsed.label, parsed.label_size,
		    *parsed.applet ? parsed.applet : NULL, written,
		    sizeof(written));
	CHECK(name_parse(written, &again) == 0);
	CHECK(again.class == parsed.class);
	CHECK(!strcmp(again.applet, parsed.applet));
	if (parsed.id_size)
		CHECK(again.id_size == parsed.id_size &&
		      !memcmp(again.id, parsed.id, parsed.id_size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	CHECK(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	address(text);
	name(text);
	free(text);
	return 0;
}
