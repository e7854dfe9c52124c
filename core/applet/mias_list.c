/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mIAS applet's map of containers and its directory become records of
 * objects. Neither wants a PIN; what a data object is stands in itself, which
 * may, so that it is asked for later, one by one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "applet/ef.h"
#include "applet/mias.h"
#include "base/error.h"
#include "base/trace.h"

/* The container that Trust Onboard has. */
#define SIGNING 0

static const uint8_t containers_id[] = {0x00, 0x02};
static const uint8_t directory_id[] = {0x01, 0x01};

const struct ef_manner mias_manner = {.size_tag = 0x81, .piece = 238};

/* ---- records ---- */

static struct record make_record(int class, unsigned flags, const uint8_t *id,
				 size_t id_size, struct bytes label)
{
	struct record record = {.class = class};

	record.flags = IOTSAFE_OBJECT_ACTIVE | flags;
	record.has_state = record.has_access = true;
	record.has_functions = class == IOTSAFE_CLASS_PRIVATE_KEY;
	record.id_size = (uint8_t)id_size;
	memcpy(record.id, id, id_size);
	if (label.size > APPLET_LABEL_MAX)
		label.size = APPLET_LABEL_MAX;
	record.label_size = (uint8_t)label.size;
	if (label.size)
		memcpy(record.label, label.data, label.size);
	return record;
}

static struct bytes text(const char *word)
{
	return (struct bytes){(const uint8_t *)word, strlen(word)};
}

/* What a container's key and certificate are both called. */
static void container_label(uint8_t number, bool exchange, char out[8])
{
	if (number == SIGNING)
		strcpy(out, "signing");
	else
		snprintf(out, 8, "%s%02d", exchange ? "kxc" : "ksc", number);
}

static int add(struct records *records, const struct record *record)
{
	struct record *items;

	if (records->count == APPLET_OBJECTS_MAX)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "directory: more than %d objects",
				 APPLET_OBJECTS_MAX);
	items = realloc(records->items,
			(records->count + 1) * sizeof(*records->items));
	if (!items)
		return error_set(IOTSAFE_ERR_MEMORY, "directory: no memory");
	records->items = items;
	items[records->count++] = *record;
	return IOTSAFE_OK;
}

/* ---- containers ---- */

static int add_key(struct records *records, unsigned number,
		   const struct mias_container *container)
{
	const bool known_size =
		container->bits == 1024 || container->bits == 2048;
	struct record record;
	char label[8];

	/* Of the others each may be somebody else's. */
	if (!known_size && number != SIGNING)
		return IOTSAFE_OK;
	container_label((uint8_t)number, container->exchange, label);
	record = make_record(IOTSAFE_CLASS_PRIVATE_KEY, IOTSAFE_OBJECT_SIGN,
			     &container->key, 1, text(label));
	/* Left out when it is asked what it is, with the reason. */
	record.unnamed = !known_size;
	record.size = (uint16_t)(known_size ? 0 : container->bits);
	if (container->exchange)
		record.flags |= IOTSAFE_OBJECT_DECRYPT;
	record.key_type =
		container->bits == 1024 ? MIAS_RSA_1024 : MIAS_RSA_2048;
	record.algorithms = IOTSAFE_RSA_PKCS1_SHA1 | IOTSAFE_RSA_PKCS1_SHA224 |
			    IOTSAFE_RSA_PKCS1_SHA256 |
			    IOTSAFE_RSA_PKCS1_SHA384 | IOTSAFE_RSA_PKCS1_SHA512;
	return add(records, &record);
}

static int add_keys(struct records *records, struct bytes map)
{
	struct mias_container container;

	for (unsigned i = 0; mias_decode_container(map, i, &container); i++)
		if (container.used)
			TRY(add_key(records, i, &container));
	return IOTSAFE_OK;
}

/* ---- the directory ---- */

static struct record record_of_data(const struct mias_file *file)
{
	const bool private = !strncmp(file->name, "pridat", 6);
	struct record record = make_record(private ? IOTSAFE_CLASS_PRIVATE_KEY
						   : IOTSAFE_CLASS_FILE,
					   IOTSAFE_OBJECT_READABLE, file->id,
					   sizeof(file->id), text(file->name));

	if (private)
		record.flags |= IOTSAFE_OBJECT_SOFTWARE | IOTSAFE_OBJECT_SIGN |
				IOTSAFE_OBJECT_DECRYPT;
	record.algorithms = private ? APPLET_RSA_HERE : 0;
	record.key_type = private ? MIAS_RSA : MIAS_OBJECT;
	record.unnamed = true;
	return record;
}

static struct record record_of_file(const struct mias_file *file)
{
	const int number = mias_container_of(file);
	char label[8];
	struct record record =
		make_record(IOTSAFE_CLASS_FILE, IOTSAFE_OBJECT_READABLE,
			    file->id, sizeof(file->id), text(file->name));

	if (strcmp(file->directory, "mscp") != 0 || number < 0)
		return record;
	container_label((uint8_t)number, file->name[1] == 'x', label);
	record = make_record(IOTSAFE_CLASS_FILE,
			     IOTSAFE_OBJECT_READABLE |
				     IOTSAFE_OBJECT_CERTIFICATE,
			     file->id, sizeof(file->id), text(label));
	record.key_type = MIAS_CERTIFICATE;
	return record;
}

static bool is_data(const struct mias_file *file)
{
	return !strcmp(file->directory, "p11") &&
	       (!strncmp(file->name, "pubdat", 6) ||
		!strncmp(file->name, "pridat", 6));
}

static int add_files(struct records *records, struct bytes directory)
{
	size_t count;

	if (!mias_decode_count(directory, &count))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "directory: %zu bytes do not hold the %u "
				 "entries that it says",
				 directory.size,
				 directory.size ? directory.data[0] : 0);
	if (count < directory.data[0])
		trace_line(IOTSAFE_TRACE_APDU,
			   "directory: %u entries, and room for %zu",
			   directory.data[0], count);
	for (size_t i = 0; i < count; i++) {
		struct mias_file file;
		struct record record;

		if (!mias_decode_file(directory, i, &file))
			continue;
		record = is_data(&file) ? record_of_data(&file)
					: record_of_file(&file);
		record.size = record.class == IOTSAFE_CLASS_FILE
				      ? (uint16_t)file.size
				      : 0;
		record.has_size = true;
		TRY(add(records, &record));
	}
	return IOTSAFE_OK;
}

static int list_file(struct applet *applet, const uint8_t *id, const char *name,
		     int (*each)(struct records *records, struct bytes file),
		     struct records *out, const struct deadline *deadline)
{
	struct ef ef = {.manner = &mias_manner, .path = id, .path_size = 2};
	uint8_t *data;
	int result;

	snprintf(ef.name, sizeof(ef.name), "%s", name);
	TRY(ef_read_whole(applet, &ef, &data, deadline));
	result = each(out, (struct bytes){data, ef.size});
	iotsafe_free(data);
	return result;
}

int mias_list(struct applet *applet, struct records *out,
	      const struct deadline *deadline)
{
	int result;

	*out = (struct records){NULL, 0};
	result = list_file(applet, containers_id, "0002, containers", add_keys,
			   out, deadline);
	if (result >= 0)
		result = list_file(applet, directory_id, "0101, directory",
				   add_files, out, deadline);
	if (result < 0) {
		free(out->items);
		*out = (struct records){NULL, 0};
	}
	return result;
}

/* ---- data objects ---- */

/* Their names on the card, the present ones and those of early batches. */
static const struct {
	const char *label, *ours;
	int class;
} known[] = {
	{"CERT_AVAILABLE", "available", IOTSAFE_CLASS_FILE},
	{"PRIV_AVAILABLE", "available", IOTSAFE_CLASS_PRIVATE_KEY},
	{"CERT_TYPE_A", "available", IOTSAFE_CLASS_FILE},
	{"PRIV_TYPE_A", "available", IOTSAFE_CLASS_PRIVATE_KEY},
	{"CERT_TYPE_B", "type-b", IOTSAFE_CLASS_FILE},
	{"PRIV_TYPE_B", "type-b", IOTSAFE_CLASS_PRIVATE_KEY},
};

/* An object of another label is data, whatever is in it. */
static struct record name_record(const struct record *unnamed,
				 struct bytes label)
{
	const unsigned common = IOTSAFE_OBJECT_READABLE;
	struct record record =
		make_record(IOTSAFE_CLASS_FILE, common, unnamed->id,
			    unnamed->id_size, label);

	record.size = unnamed->size;
	record.has_size = true;
	record.key_type = MIAS_OBJECT;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!bytes_equal(label, text(known[i].label)))
			continue;
		record =
			make_record(known[i].class, unnamed->flags, unnamed->id,
				    unnamed->id_size, text(known[i].ours));
		record.size = unnamed->size;
		record.has_size = true;
		record.key_type = MIAS_OBJECT;
		if (known[i].class == IOTSAFE_CLASS_FILE) {
			record.flags = common | IOTSAFE_OBJECT_ACTIVE |
				       IOTSAFE_OBJECT_CERTIFICATE;
		} else {
			record.flags |= IOTSAFE_OBJECT_SOFTWARE |
					IOTSAFE_OBJECT_SIGN |
					IOTSAFE_OBJECT_DECRYPT;
			record.algorithms = APPLET_RSA_HERE;
			record.key_type = MIAS_RSA;
			record.size = 0;
		}
	}
	return record;
}

/* Header, label, application and id of Trust Onboard's objects end within the
 * first, and of all objects within the second. */
#define HEAD_SIZE 64
#define HEAD_MAX  (16 + 3 * 256 + 5)

/* True: what begins so is an object of PKCS #11. */
static int read_head(struct applet *applet, const struct ef *ef,
		     uint8_t head[HEAD_MAX], struct mias_object *object,
		     const struct deadline *deadline)
{
	static const size_t sizes[] = {HEAD_SIZE, HEAD_MAX};
	size_t read = 0;

	for (size_t i = 0; i < 2 && read < ef->size; i++) {
		read = ef->size < sizes[i] ? ef->size : sizes[i];
		TRY(ef_read(applet, ef, head, read, deadline));
		if (mias_decode_object((struct bytes){head, read}, object))
			return true;
	}
	return false;
}

int mias_object(struct applet *applet, const struct record *wanted,
		struct record *out, const struct deadline *deadline)
{
	struct ef ef = {.manner = &mias_manner,
			.path = wanted->id,
			.path_size = 2,
			.secret = true};
	uint8_t head[HEAD_MAX];
	struct mias_object object;
	int result;

	*out = *wanted;
	if (!wanted->unnamed)
		return IOTSAFE_OK;
	if (wanted->id_size == 1)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "containers: number %d has a key of %u bits, "
				 "which cannot be",
				 SIGNING, wanted->size);
	snprintf(ef.name, sizeof(ef.name), "%.8s", (const char *)wanted->label);
	result = ef_select(applet, &ef, deadline);
	if (result == IOTSAFE_ERR_ABSENT)
		return error_set_status(IOTSAFE_ERR_ABSENT,
					iotsafe_last_status(),
					"directory: its file %s, %02X%02X, is "
					"not on the card",
					ef.name, wanted->id[0], wanted->id[1]);
	TRY(result);
	result = read_head(applet, &ef, head, &object, deadline);
	if (result > 0) {
		*out = name_record(wanted, object.label);
	} else if (!result) {
		/* No object of PKCS #11: a file like others. */
		*out = name_record(wanted, (struct bytes){wanted->label,
							  wanted->label_size});
		out->key_type = MIAS_PLAIN;
	}
	bytes_wipe(head, sizeof(head));
	return result < 0 ? result : IOTSAFE_OK;
}
