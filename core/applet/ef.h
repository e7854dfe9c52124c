/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elementary files as the applets of Trust Onboard have them (ISO/IEC 7816-4
 * 7.1, 11.1.1): selected by a path, read in pieces. */
#ifndef APPLET_EF_H
#define APPLET_EF_H

#include "applet/applet.h"

/* How an applet wants it. */
struct ef_manner {
	/* 80 or 81, in the file control parameters: that which counts where
	 * there are both. */
	uint8_t size_tag;
	size_t piece; /* most bytes to read at once */
};

/* One file on its way. */
struct ef {
	const struct ef_manner *manner;
	const uint8_t *path; /* from the master file */
	size_t path_size;
	bool secret;
	char name[24]; /* for people */
	size_t size;   /* set by ef_select() */
};

/* The size in an answer to SELECT, from the tag or the other one. Pure. */
bool ef_decode_size(struct bytes answer, uint8_t tag, size_t *size);

int ef_select(struct applet *applet, struct ef *ef,
	      const struct deadline *deadline);

/* Of a command and its result: whether it failed since a modem with little room
 * has cut the answer, which the link may have seen, or data stands where the
 * status word should be; and whether that is worth another try, with smaller
 * pieces from now on. */
bool ef_is_cut(int result, const struct response *response);
bool ef_take_smaller_pieces(struct applet *applet, int result,
			    const struct response *response);

/* The first `size` bytes of the selected file. */
int ef_read(struct applet *applet, const struct ef *ef, uint8_t *out,
	    size_t size, const struct deadline *deadline);

/* All of it; *out is released with iotsafe_free(). */
int ef_read_whole(struct applet *applet, struct ef *ef, uint8_t **out,
		  const struct deadline *deadline);

/* The PIN of an applet: one exchange, whatever comes of it. `data` empty asks
 * how many tries are left, of which `tries` is told. */
int ef_pin(struct applet *applet, const char *name, const uint8_t header[4],
	   struct bytes data, int *tries, const struct deadline *deadline);

#endif
