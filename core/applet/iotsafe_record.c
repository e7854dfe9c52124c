/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What GET DATA of the GSMA IoT SAFE applet answers becomes records of objects
 * and the applet's capabilities, in the forms of all cards seen (IoT.05
 * clauses 2.12 and 2.14). Pure.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"

/* Wrappers of object structures; also P1 of GET DATA for one object. */
#define TAG_PRIVATE_KEY 0xC1
#define TAG_PUBLIC_KEY	0xC2
#define TAG_FILE	0xC3
#define TAG_SECRET_KEY	0xC4

/* Tags inside. Two families are in the field for functions and agreement. */
#define TAG_FUNCTIONS	 0x61
#define TAG_FUNCTIONS_90 0x90
#define TAG_AGREEMENT	 0x6F
#define TAG_AGREEMENT_93 0x93
#define TAG_DERIVATION	 0x94
#define TAG_ACCESS	 0x60
#define TAG_STATE	 0x4A
#define TAG_KEY_TYPE	 0x4B
#define TAG_KEY_USAGE	 0x4E
#define TAG_FILE_USAGE	 0x21
#define TAG_FILE_SIZE	 0x20

#define TAG_VERSION	 0x10
#define TAG_MAX_FILES	 0xB1
#define TAG_MAX_PRIVATE	 0xB2
#define TAG_MAX_PUBLIC	 0xB3
#define TAG_MAX_SECRET	 0xB4
#define TAG_MAX_SESSIONS 0xB7

#define FILE_USAGE_CERTIFICATE 0x02
#define STATE_ACTIVATED	       0x01

/* A number in big-endian bytes; bitmaps are one or two of them. */
static unsigned number(struct bytes value)
{
	unsigned sum = 0;

	for (size_t i = 0; i < value.size; i++)
		sum = sum << 8 | value.data[i];
	return sum;
}

static unsigned *field_of(struct capabilities *out, uint8_t tag)
{
	switch (tag) {
	case TAG_VERSION:
		return &out->version;
	case TAG_MAX_FILES:
		return &out->files;
	case TAG_MAX_PRIVATE:
		return &out->private_keys;
	case TAG_MAX_PUBLIC:
		return &out->public_keys;
	case TAG_MAX_SECRET:
		return &out->secret_keys;
	case TAG_FUNCTIONS:
	case TAG_FUNCTIONS_90:
		return &out->functions;
	case TAG_HASHES:
		return &out->hashes;
	case TAG_SIGNATURES:
		return &out->signatures;
	case TAG_AGREEMENT:
	case TAG_AGREEMENT_93:
		return &out->agreements;
	case TAG_DERIVATION:
		return &out->derivations;
	case TAG_MAX_SESSIONS:
		return &out->sessions;
	default:
		return NULL;
	}
}

/* Applet versions differ in what a field's length is, so fields are taken by
 * tag, and what cannot be walked ends the walk, not the command. */
bool gsma_decode_capabilities(struct bytes answer, struct capabilities *out)
{
	struct tlv tlv;

	memset(out, 0, sizeof(*out));
	while (tlv_next(&answer, &tlv)) {
		unsigned *field = field_of(out, tlv.tag);

		if (!field || tlv.value.size > 2)
			continue;
		*field = number(tlv.value);
		out->known = true;
	}
	return out->known;
}

/* Reference tags and what they are of. */
static const struct reference {
	uint8_t id_tag, label_tag, wrapper;
	int class;
} references[] = {
	{TAG_PRIVATE_ID, TAG_PRIVATE_LABEL, TAG_PRIVATE_KEY,
	 IOTSAFE_CLASS_PRIVATE_KEY},
	{TAG_PUBLIC_ID, TAG_PUBLIC_LABEL, TAG_PUBLIC_KEY,
	 IOTSAFE_CLASS_PUBLIC_KEY},
	{TAG_FILE_ID, TAG_FILE_LABEL, TAG_FILE, IOTSAFE_CLASS_FILE},
	{TAG_SECRET_ID, TAG_SECRET_LABEL, TAG_SECRET_KEY,
	 IOTSAFE_CLASS_SECRET_KEY},
};

#define REFERENCES_COUNT (sizeof(references) / sizeof(references[0]))

static const struct reference *reference_of_class(int class)
{
	for (size_t i = 0; i < REFERENCES_COUNT; i++)
		if (references[i].class == class)
			return &references[i];
	return &references[0];
}

uint8_t gsma_wrapper(int class)
{
	return reference_of_class(class)->wrapper;
}

void gsma_build_reference(struct builder *out, const struct record *record)
{
	const struct reference *reference = reference_of_class(record->class);

	if (record->id_size)
		build_tlv(out, reference->id_tag, record->id, record->id_size);
	else
		build_tlv(out, reference->label_tag, record->label,
			  record->label_size);
}

struct bytes gsma_reference(const struct record *record,
			    uint8_t room[REFERENCE_MAX])
{
	struct builder out = {room, 0, REFERENCE_MAX, false};

	gsma_build_reference(&out, record);
	return (struct bytes){room, out.size};
}

/* How a list is walked. Cards in the field write a wrong length for tag 92
 * (two, with one byte behind it), and may use tags nobody told us. */
enum reading { SHORT_92 = 1, UNKNOWN_TAGS = 2 };

struct walk {
	bool short_92, unknown_tags;
	bool wrapped; /* inside C1 to C4 */
	int (*each)(void *self, const struct record *record);
	void *self;
	/* The object being put together. */
	struct record record;
	unsigned functions, hashes, signatures;
	bool has_fields, has_functions, has_hashes, has_signatures;
};

static int sign_algorithms(unsigned hashes, unsigned signatures)
{
	int algorithms = 0;

	if (signatures & SIGNATURE_ECDSA)
		algorithms |= (int)(hashes & 0x7);
	if (signatures & SIGNATURE_RSA_PKCS1)
		algorithms |= (int)(hashes & 0x7) << 4;
	if (signatures & SIGNATURE_RSA_PSS)
		algorithms |= (int)(hashes & 0x7) << 8;
	return algorithms;
}

#define KEY_RSA 0x03

static bool is_ecc(uint8_t key_type)
{
	return key_type == 0x13 || key_type == 0x14 || key_type == 0x23 ||
	       key_type == 0x24 || key_type == 0x43;
}

/* Fields a card leaves out are taken from the kind of key. */
static void set_key_use(struct walk *walk)
{
	struct record *record = &walk->record;
	bool asymmetric = record->class == IOTSAFE_CLASS_PRIVATE_KEY ||
			  record->class == IOTSAFE_CLASS_PUBLIC_KEY;

	if (asymmetric && !walk->has_functions)
		walk->functions = 0x01;
	if (asymmetric && !walk->has_signatures && is_ecc(record->key_type))
		walk->signatures = SIGNATURE_ECDSA;
	else if (asymmetric && !walk->has_signatures &&
		 record->key_type == KEY_RSA)
		walk->signatures = SIGNATURE_RSA_PKCS1;
	if (asymmetric && !walk->has_hashes)
		walk->hashes = HASH_SHA256;
	record->has_functions = walk->has_functions;
	record->flags |= (walk->functions & 0xF) << 8;
	if (asymmetric && walk->functions & 0x01)
		record->algorithms =
			sign_algorithms(walk->hashes, walk->signatures);
	if (record->class == IOTSAFE_CLASS_SECRET_KEY &&
	    (walk->signatures & SIGNATURE_CMAC || record->key_type == 0xB0))
		record->algorithms = IOTSAFE_AES_CMAC;
	if (record->key_type == 0x14 || record->key_type == 0x24)
		record->flags |= IOTSAFE_OBJECT_VOLATILE;
}

/* Hands the finished object on and starts the next one. */
static int finish_object(struct walk *walk)
{
	int result = IOTSAFE_OK;

	if (walk->record.class) {
		set_key_use(walk);
		if (walk->each)
			result = walk->each(walk->self, &walk->record);
	}
	memset(&walk->record, 0, sizeof(walk->record));
	walk->functions = walk->hashes = walk->signatures = 0;
	walk->has_fields = false;
	walk->has_functions = walk->has_hashes = walk->has_signatures = false;
	return result;
}

/* In a bare list label and id come first, so that one behind other fields
 * begins a new object; so does one of another class, or that the object has
 * already. */
static bool begins_object(const struct walk *walk, int class, uint8_t size)
{
	const struct record *record = &walk->record;

	if (!record->class)
		return false;
	return record->class != class || size ||
	       (walk->has_fields && !walk->wrapped);
}

static int take_reference(struct walk *walk, const struct reference *reference,
			  const struct tlv *tlv)
{
	struct record *record = &walk->record;
	bool is_id = tlv->tag == reference->id_tag;
	uint8_t *size = is_id ? &record->id_size : &record->label_size;
	uint8_t *data = is_id ? record->id : record->label;
	size_t most = is_id ? APPLET_ID_MAX : APPLET_LABEL_MAX;

	if (tlv->value.size > most || (is_id && !tlv->value.size))
		return IOTSAFE_ERR_FORMAT;
	if (begins_object(walk, reference->class, *size))
		TRY(finish_object(walk));
	record->class = reference->class;
	*size = (uint8_t)tlv->value.size;
	if (*size)
		memcpy(data, tlv->value.data, *size);
	return IOTSAFE_OK;
}

static void take_file_field(struct record *record, uint8_t tag,
			    struct bytes value)
{
	if (tag == TAG_FILE_SIZE) {
		record->size = (uint16_t)number(value);
		record->has_size = true;
	} else if (number(value) & FILE_USAGE_CERTIFICATE) {
		record->flags |= IOTSAFE_OBJECT_CERTIFICATE;
	}
}

/* Any other field of an object. */
static int take_field(struct walk *walk, uint8_t tag, struct bytes value)
{
	struct record *record = &walk->record;
	unsigned bits = number(value);

	if (!record->class)
		return IOTSAFE_ERR_FORMAT;
	walk->has_fields = true;
	switch (tag) {
	case TAG_ACCESS:
		record->flags |= (bits & 0x3) << 1;
		record->has_access = true;
		break;
	case TAG_STATE:
		record->has_state = true;
		if (bits == STATE_ACTIVATED)
			record->flags |= IOTSAFE_OBJECT_ACTIVE;
		break;
	case TAG_KEY_TYPE:
		record->key_type = (uint8_t)bits;
		break;
	case TAG_FUNCTIONS:
	case TAG_FUNCTIONS_90:
		walk->functions = bits;
		walk->has_functions = true;
		break;
	case TAG_HASHES:
		walk->hashes = bits;
		walk->has_hashes = true;
		break;
	case TAG_SIGNATURES:
		walk->signatures = bits;
		walk->has_signatures = true;
		break;
	case TAG_FILE_SIZE:
	case TAG_FILE_USAGE:
		take_file_field(record, tag, value);
		break;
	case TAG_KEY_USAGE:
	case TAG_AGREEMENT:
	case TAG_AGREEMENT_93:
	case TAG_DERIVATION:
		break;
	default:
		return walk->unknown_tags ? IOTSAFE_OK : IOTSAFE_ERR_FORMAT;
	}
	return IOTSAFE_OK;
}

static bool next_field(const struct walk *walk, struct bytes *in,
		       struct tlv *tlv)
{
	struct bytes value, rest = *in;

	if (walk->short_92 && in->size >= 3 && in->data[0] == TAG_SIGNATURES) {
		tlv->tag = TAG_SIGNATURES;
		if (!bytes_take(&rest, 2, &value) ||
		    !bytes_take(&rest, 1, &tlv->value))
			return false;
		*in = rest;
		return true;
	}
	return tlv_next(in, tlv);
}

static int walk_wrapper(struct walk *walk, struct bytes in);

static int take_tlv(struct walk *walk, const struct tlv *tlv)
{
	if (tlv->tag >= TAG_PRIVATE_KEY && tlv->tag <= TAG_SECRET_KEY)
		return walk_wrapper(walk, tlv->value);
	for (size_t i = 0; i < REFERENCES_COUNT; i++)
		if (tlv->tag == references[i].id_tag ||
		    tlv->tag == references[i].label_tag)
			return take_reference(walk, &references[i], tlv);
	return take_field(walk, tlv->tag, tlv->value);
}

/* One level of TLVs: a whole list, or what a wrapper holds. */
static int walk_fields(struct walk *walk, struct bytes in)
{
	struct tlv tlv;

	while (in.size) {
		if (!next_field(walk, &in, &tlv))
			return IOTSAFE_ERR_FORMAT;
		TRY(take_tlv(walk, &tlv));
	}
	return IOTSAFE_OK;
}

/* What is wrapped is one object and never wraps another. */
static int walk_wrapper(struct walk *walk, struct bytes in)
{
	int result;

	if (walk->wrapped)
		return IOTSAFE_ERR_FORMAT;
	TRY(finish_object(walk));
	walk->wrapped = true;
	result = walk_fields(walk, in);
	walk->wrapped = false;
	return result < 0 ? result : finish_object(walk);
}

static int walk_list(struct bytes in, unsigned reading,
		     int (*each)(void *self, const struct record *record),
		     void *self)
{
	struct walk walk = {
		.short_92 = reading & SHORT_92,
		.unknown_tags = reading & UNKNOWN_TAGS,
		.each = each,
		.self = self,
	};

	TRY(walk_fields(&walk, in));
	return finish_object(&walk);
}

int gsma_decode_objects(struct bytes answer,
			int (*each)(void *self, const struct record *record),
			void *self)
{
	/* The strictest reading that makes sense of all bytes is the one.
	 * Where tags are unknown a wrong length shows less: the one that is
	 * known to be in the field is believed first. */
	static const uint8_t readings[] = {0, SHORT_92, SHORT_92 | UNKNOWN_TAGS,
					   UNKNOWN_TAGS};

	for (size_t i = 0; i < sizeof(readings); i++)
		if (walk_list(answer, readings[i], NULL, NULL) >= 0)
			return walk_list(answer, readings[i], each, self);
	return IOTSAFE_ERR_FORMAT;
}

/* Table of IoT.05 key types; 43 and B0 are one vendor's. */
const char *gsma_key_type_name(uint8_t key_type)
{
	switch (key_type) {
	case KEY_RSA:
		return "RSA-2048";
	case 0x13:
	case 0x14:
		return "P-256";
	case 0x23:
	case 0x24:
		return "brainpoolP256r1";
	case 0xA0:
		return "HMAC";
	case 0xB0:
		return "AES-128";
	default:
		return NULL;
	}
}
