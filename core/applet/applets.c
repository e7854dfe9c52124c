/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of applets: an AID becomes what the applet does.
 */
#include <string.h>
#include "applet/applet.h"
#include "applet/module.h"
#include "base/error.h"

/* Known AIDs of applets that speak IoT.05, the standard's own first. */
static const struct aid iotsafe_aids[] = {
	/* GSMA */
	{{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10}, 7},
	/* Thales; ends in "ISA" */
	{{0xA0, 0x00, 0x00, 0x00, 0x30, 0x53, 0xF1, 0x24, 0x01, 0x77, 0x01,
	  0x01, 0x49, 0x53, 0x41},
	 15},
	/* NTT DOCOMO Business */
	{{0xA0, 0x00, 0x00, 0x01, 0x15, 0x70, 0x00, 0x00, 0x00, 0x00, 0x00,
	  0x00, 0x49, 0x53, 0x41, 0x02},
	 16},
	/* CIRA, Orange's demonstrations. ISO/IEC 18013-5 uses the same
	 * bytes, so it comes last. */
	{{0xA0, 0x00, 0x00, 0x02, 0x48, 0x04, 0x00}, 7},
};

/* Gemalto's "mobile IAS": Trust Onboard's applet for keys. */
static const struct aid mias_aids[] = {
	{{0xA0, 0x00, 0x00, 0x00, 0x18, 0x80, 0x00, 0x00, 0x00, 0x06, 0x62,
	  0x41, 0x51},
	 13},
};

/* Files of Trust Onboard's preview generation. The beginning is 3GPP's, so
 * that other cards may have it: see the applet's probe. */
static const struct aid mf_aids[] = {
	{{0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x01, 0xFF, 0x33, 0xFF, 0xFF,
	  0x89, 0x01, 0x01, 0x01, 0x00},
	 16},
};

#define ROW(name, aids)                                                        \
	{                                                                      \
		name, aids, sizeof(aids) / sizeof((aids)[0])                   \
	}

const struct applet_row applet_rows[APPLETS] = {
	[APPLET_IOTSAFE] = ROW("iotsafe", iotsafe_aids),
	[APPLET_MIAS] = ROW("mias", mias_aids),
	[APPLET_MF] = ROW("mf", mf_aids),
};

/* What is linked in. */
static const struct applet_kind *kinds[APPLETS] = {
	[APPLET_IOTSAFE] = &applet_iotsafe,
#ifdef WITHOUT_MODULES
	[APPLET_MIAS] = &applet_mias,
	[APPLET_MF] = &applet_mf,
#endif
};

void applet_enter(enum applet_number number, const struct applet_kind *kind)
{
	kinds[number] = kind;
}

int applet_load(enum applet_number number, const struct applet_kind **kind)
{
	const struct applet_module *module;
	void *found;

	*kind = kinds[number];
	if (*kind)
		return IOTSAFE_OK;
	TRY(module_load("applet-mias", "trust-onboard", "iotsafe_applet_module",
			&found));
	module = found;
	*kind = module->kinds[number];
	return IOTSAFE_OK;
}

enum applet_number applet_by_name(const char *name)
{
	unsigned number = 0;

	while (number < APPLETS && strcmp(applet_rows[number].name, name) != 0)
		number++;
	return (enum applet_number)number;
}

static bool has_aid(const struct applet_row *row, const struct aid *aid)
{
	for (size_t i = 0; i < row->aids_count; i++)
		if (aid_is(&row->aids[i], aid))
			return true;
	return false;
}

enum applet_number applet_by_aid(const struct aid *aid)
{
	for (unsigned number = 0; number < APPLETS; number++)
		if (has_aid(&applet_rows[number], aid))
			return (enum applet_number)number;
	return APPLET_IOTSAFE;
}
