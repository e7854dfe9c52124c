/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links by their address. */
#ifndef LINKS_H
#define LINKS_H

#include <criterion/criterion.h>
#include <string.h>
#include "base/error.h"
#include "link/link.h"

static inline int open_address(struct link *link, const char *text, int timeout)
{
	struct deadline deadline = deadline_in(timeout, -1);
	struct address address;

	cr_assert_eq(address_parse(text, &address), IOTSAFE_OK);
	return link_open(link, &address, &deadline);
}

static inline void expect_refused(const char *text, int code, const char *words)
{
	struct link link;

	cr_expect_eq(open_address(&link, text, 3000), code, "%s: %s", text,
		     iotsafe_last_error());
	cr_expect(strstr(iotsafe_last_error(), words), "\"%s\" in \"%s\"",
		  words, iotsafe_last_error());
	link_close(&link);
}

#endif
