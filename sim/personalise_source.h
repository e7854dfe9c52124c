/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_PERSONALISE_SOURCE_H
#define SIM_PERSONALISE_SOURCE_H

#include "loads.h"

#define SOURCE_COUNT 8

/* An option of personalise that brings an object. */
struct source {
	const char *option;
	enum load_kind kind;
	bool (*read)(const char *text, struct load *load);
};

extern const struct source sources[SOURCE_COUNT];

/* Reads what the option names; says why not. */
bool source_read(const struct source *source, const char *text,
		 struct load *load);

#endif
