/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe doctor`: ports, ways, card, applet, objects, identity, one
 * signature; each becomes a sentence, and what is wrong a next step. Nothing
 * is changed on card or modem.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "doctor.h"
#include "file.h"
#include "json.h"
#include "text.h"
#include "watch.h"

static void say_port(struct doctor *doctor, const struct port *port)
{
	const char *name = port->by_id ? port->by_id : port->path;

	doctor->address = NULL;
	if (port->holders_count)
		doctor_say(doctor, LEVEL_NOTE, "port-held", NULL,
			   "%s (%s) is open in %s (%d).", port->path, name,
			   port->holders[0].name, port->holders[0].pid);
	else
		doctor_say(doctor, LEVEL_OK, "port", NULL, "%s (%s) is free.",
			   port->path, name);
}

/* The serial number in usb-MAKER_MODEL_SERIAL-if02-port0. */
static void hide_serial(struct redact *redact, const char *by_id)
{
	const char *start = by_id ? strrchr(by_id, '_') : NULL;
	const char *end = start ? strstr(start, "-if") : NULL;
	char word[128];

	if (!end)
		return;
	snprintf(word, sizeof(word), "%.*s", (int)(end - start - 1), start + 1);
	redact_add(redact, word);
}

static void survey(struct doctor *doctor)
{
	int manager = ports_process("", "ModemManager");

	ports_find("", &doctor->ports);
	for (size_t i = 0; i < doctor->ports.count; i++) {
		say_port(doctor, &doctor->ports.list[i]);
		hide_serial(&doctor->redact, doctor->ports.list[i].by_id);
	}
	if (manager)
		doctor_say(
			doctor, LEVEL_NOTE, "modem-manager",
			"Keep one port of the modem free of it with the udev "
			"rule 78-iotsafe.rules, or use mbim: or qmi:, "
			"which both can share.",
			"ModemManager runs (%d); it takes the AT ports of "
			"modems.",
			manager);
}

static void examine(struct doctor *doctor, const char *address)
{
	doctor->address = address;
	if (!doctor_reach(doctor, address)) {
		doctor_close(doctor);
		return;
	}
	doctor_examine(doctor);
	doctor_close(doctor);
	doctor_try_ways(doctor, address);
}

/* A host without readers lacks nothing. */
static bool has_no_readers(void)
{
	const char *said = iotsafe_last_error();

	return strstr(said, "pcscd is not running") ||
	       strstr(said, "knows no reader");
}

static bool opens(struct doctor *doctor, const char *address)
{
	int result = doctor_open(doctor, address);

	doctor->address = address;
	if (result == IOTSAFE_ERR_ARG || result == IOTSAFE_ERR_SUPPORT ||
	    (result < 0 && has_no_readers()))
		return false; /* this build or host has no such way */
	if (result < 0)
		doctor_reason(doctor, LEVEL_NOTE);
	doctor_close(doctor);
	return result >= 0;
}

/* What stops a card at a later stage is nearer to working. */
static int nearness(const struct finding *finding)
{
	static const char *const order[] = {
		"no-applet", "no-channel", "sim-busy", "pin",
		"puk",	     "no-sim",	   "asleep",   "no-way",
		"port-busy", "permission", "garbled",  "timeout",
		"no-card",   "no-modem",   "silent",
	};
	int count = (int)(sizeof(order) / sizeof(order[0]));

	for (int i = 0; i < count; i++)
		if (!strcmp(finding->id, order[i]))
			return count - i;
	return 0;
}

/* No candidate opened: the one that came farthest is what to look at. */
static void blame_nearest(struct doctor *doctor, size_t from)
{
	struct finding *nearest = NULL;

	for (size_t i = from; i < doctor->count; i++) {
		struct finding *finding = &doctor->findings[i];

		if (nearness(finding) > (nearest ? nearness(nearest) : 0))
			nearest = finding;
	}
	if (nearest)
		nearest->level = LEVEL_PROBLEM;
	else
		doctor_say(
			doctor, LEVEL_PROBLEM, "no-modem-found",
			"Plug one in, or name the port: --card at:/dev/ttyS0. "
			"Without hardware, --card sim: is a software SIM.",
			"No modem with a card was found on this host.");
}

/* NULL for the card readers, behind all ports. */
static char *address_of(const struct port *port, const char *path)
{
	char *address = text_copy(port ? port->scheme : "pcsc");

	address = text_append(address, ":");
	return port ? text_append(address, path) : address;
}

static void say_found(struct doctor *doctor, const struct port *port)
{
	const char *path = port && port->by_id ? port->by_id
			   : port	       ? port->path
					       : NULL;
	char *address = address_of(port, path);
	char next[512];

	snprintf(next, sizeof(next),
		 "Write it as --card %s, or IOTSAFE_CARD=%s.", address,
		 address);
	doctor_say(doctor, LEVEL_NOTE, "found", next,
		   "Here is a card with the applet.");
	text_free(address);
}

static bool try_one(struct doctor *doctor, const struct port *port)
{
	char *address = address_of(port, port ? port->path : NULL);
	bool works = opens(doctor, address);

	if (works) {
		say_found(doctor, port);
		examine(doctor, address);
	}
	doctor->address = NULL;
	text_free(address);
	return works;
}

/* Every port, and the card readers, until one has a card with the applet. */
static void try_all(struct doctor *doctor)
{
	size_t from = doctor->count;

	for (size_t i = 0; i < doctor->ports.count; i++)
		if (watch_over() || try_one(doctor, &doctor->ports.list[i]))
			return;
	if (watch_over() || !try_one(doctor, NULL))
		blame_nearest(doctor, from);
}

/* Lines for a modem may hold a PIN. They are shown as the address has them,
 * and by errors one by one, decoded. */
static void hide_lines(struct redact *redact, const char *address,
		       const char *name)
{
	const char *found = address ? strstr(address, name) : NULL;
	char value[1024] = "", *out = value;
	unsigned byte;

	if (!found)
		return;
	found += strlen(name);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(found, "&"), found);
	redact_add(redact, value);
	for (const char *in = value; *in; in++) {
		bool escaped = *in == '%' && sscanf(in + 1, "%2x", &byte) == 1;

		*out++ = escaped ? (char)byte : *in;
		in += escaped && in[1] && in[2] ? 2 : 0;
	}
	*out = '\0';
	for (char *line = strtok(value, ";"); line; line = strtok(NULL, ";"))
		redact_add(redact, line);
}

/* Addresses may hold a person's directory, or the name of a host. */
static void hide_address(struct redact *redact, const char *address)
{
	char host[256] = "";

	redact_add(redact, getenv("HOME"));
	hide_lines(redact, address, "init=");
	hide_lines(redact, address, "exit=");
	if (!gethostname(host, sizeof(host) - 1))
		redact_add(redact, host);
	if (address && !strncmp(address, "exec:", 5))
		redact_add(redact, address + 5);
}

static int write_report(struct doctor *doctor, const char *path)
{
	struct cli *cli = doctor->cli;
	struct json *json = json_new();
	bool written;
	FILE *file;

	if (!json)
		return fail(cli, "ERR_MEMORY", "no memory");
	doctor_put(doctor, json, &doctor->redact);
	if (private_open(cli, path, &file)) {
		json_free(json);
		return 1;
	}
	written = json_write(json, file);
	written = !fclose(file) && written;
	json_free(json);
	if (!written)
		return fail(cli, ERR_FILE, "cannot write %s: %s", path,
			    strerror(errno));
	return 0;
}

static int tell(struct doctor *doctor)
{
	struct cli *cli = doctor->cli;

	if (cli->json)
		doctor_put(doctor, cli->json, NULL);
	else
		doctor_print(doctor);
	if (cli->options.report)
		TRY(write_report(doctor, cli->options.report));
	if (watch_signal())
		return fail(cli, "ERR_CANCELLED", "ended by a signal");
	return doctor_is_healthy(doctor) ? 0 : failure_status(ERR_HEALTH);
}

/* What was not looked at is not healthy. */
static void say_late(struct doctor *doctor)
{
	if (!watch_late())
		return;
	for (size_t i = 0; i < doctor->count; i++)
		if (!strcmp(doctor->findings[i].id, "time-up"))
			return;
	doctor_say(doctor, LEVEL_PROBLEM, "time-up",
		   "Give it more time (--timeout 60000).",
		   "The time was up before all was looked at.");
}

int command_doctor(struct cli *cli)
{
	struct doctor doctor = {.cli = cli};
	const char *address = cli->options.card;
	int status;

	if (!address)
		address = getenv("IOTSAFE_CARD");
	doctor.traces = cli->options.trace || getenv("IOTSAFE_TRACE");
	hide_address(&doctor.redact, address);
	if (cli->options.timeout)
		watch_limit(cli->options.timeout);
	if (address && *address) {
		examine(&doctor, address);
	} else {
		survey(&doctor);
		try_all(&doctor);
	}
	say_late(&doctor);
	iotsafe_trace_set(0, NULL, NULL);
	status = tell(&doctor);
	doctor_free(&doctor);
	return status;
}
