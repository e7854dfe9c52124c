/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The first bytes of a certificate become its names: RFC 5280 section 4.1.
 */
#include "front.h"

#define TAG_INTEGER  0x02
#define TAG_SEQUENCE 0x30
#define TAG_VERSION  0xA0

/* Where we are in what is there. */
struct place {
	const uint8_t *data;
	size_t size, at;
};

/* Steps behind a tag and its length; false where it is another one, or they
 * are not all there. */
static bool step_into(struct place *place, uint8_t tag, size_t *length)
{
	const uint8_t *data = place->data + place->at;
	size_t left = place->size - place->at, count;

	/* 80: of no definite length, which DER has not. */
	if (left < 2 || data[0] != tag || data[1] == 0x80)
		return false;
	count = data[1] & 0x80 ? data[1] & 0x7F : 0;
	if (count > 2 || left < 2 + count)
		return false;
	*length = count ? 0 : data[1];
	for (size_t i = 0; i < count; i++)
		*length = *length << 8 | data[2 + i];
	place->at += 2 + count;
	return true;
}

/* Steps over a whole value, which is given with tag and length. */
static bool step_over(struct place *place, uint8_t tag, struct blob *value)
{
	const size_t begin = place->at;
	size_t length;

	if (!step_into(place, tag, &length) || length > place->size - place->at)
		return false;
	place->at += length;
	*value = (struct blob){(uint8_t *)(uintptr_t)place->data + begin,
			       place->at - begin};
	return true;
}

bool front_parse(const uint8_t *data, size_t size, struct front *front)
{
	struct place place = {data, size, 0};
	struct blob unused;
	size_t length;

	*front = (struct front){0};
	if (!step_into(&place, TAG_SEQUENCE, &length) ||
	    !step_into(&place, TAG_SEQUENCE, &length))
		return false;
	/* Version 1 does not say so. */
	step_over(&place, TAG_VERSION, &unused);
	if (!step_over(&place, TAG_INTEGER, &front->serial) ||
	    !step_over(&place, TAG_SEQUENCE, &unused) ||
	    !step_over(&place, TAG_SEQUENCE, &front->issuer) ||
	    !step_over(&place, TAG_SEQUENCE, &unused) ||
	    !step_over(&place, TAG_SEQUENCE, &front->subject))
		return false;
	front->spki = (struct blob){(uint8_t *)(uintptr_t)data + place.at,
				    size - place.at};
	return true;
}
