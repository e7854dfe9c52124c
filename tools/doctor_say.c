/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Findings are kept, and become a page for people, JSON for programs, and a
 * record without names for strangers.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <gnutls/gnutls.h>
#include "doctor.h"
#include "json.h"
#include "text.h"

static const char *const level_names[] = {
	[LEVEL_OK] = "ok",
	[LEVEL_NOTE] = "note",
	[LEVEL_WARNING] = "warning",
	[LEVEL_PROBLEM] = "problem",
};

static struct finding *add(struct doctor *doctor)
{
	struct finding *list = doctor->findings;

	if (doctor->count == doctor->room) {
		doctor->room = doctor->room ? 2 * doctor->room : 16;
		list = reallocarray(list, doctor->room, sizeof(*list));
		if (!list) {
			fputs("iotsafe: no memory\n", stderr);
			exit(1);
		}
		doctor->findings = list;
	}
	return &list[doctor->count++];
}

static char *copy(const char *text)
{
	return text ? text_copy(text) : NULL;
}

void doctor_say(struct doctor *doctor, enum level level, const char *id,
		const char *next, const char *format, ...)
{
	struct finding *finding = add(doctor);
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	*finding = (struct finding){
		.level = level,
		.id = id,
		.card = copy(doctor->address),
		.text = text_copy(text),
		.next = copy(next),
	};
}

void doctor_say_failure(struct doctor *doctor, enum level level, const char *id,
			const char *next, const char *text)
{
	char *detail = text_copy(iotsafe_last_error());

	doctor_say(doctor, level, id, next, "%s", text);
	doctor->findings[doctor->count - 1].detail = detail;
}

void doctor_free(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->count; i++) {
		struct finding *finding = &doctor->findings[i];

		text_free(finding->card);
		text_free(finding->text);
		text_free(finding->detail);
		text_free(finding->next);
	}
	free(doctor->findings);
	ports_free(&doctor->ports);
	redact_free(&doctor->redact);
}

static const struct finding *worst(const struct doctor *doctor)
{
	const struct finding *found = NULL;

	for (size_t i = 0; i < doctor->count; i++)
		if (!found || doctor->findings[i].level > found->level)
			found = &doctor->findings[i];
	return found;
}

static unsigned count_of(const struct doctor *doctor, enum level level)
{
	unsigned count = 0;

	for (size_t i = 0; i < doctor->count; i++)
		count += doctor->findings[i].level == level;
	return count;
}

bool doctor_is_healthy(const struct doctor *doctor)
{
	return !count_of(doctor, LEVEL_PROBLEM);
}

static void print_line(const char *front, const char *text)
{
	char *shown = text_escape(text);

	printf("%s%s\n", front, shown);
	text_free(shown);
}

static void print_finding(const struct finding *finding)
{
	char front[16];

	snprintf(front, sizeof(front), "%-9s", level_names[finding->level]);
	print_line(front, finding->text);
	if (finding->detail && *finding->detail)
		print_line("         The library says: ", finding->detail);
	if (finding->next)
		print_line("         Next: ", finding->next);
}

/* Where several are looked at, which one it is. */
static void print_heading(const struct doctor *doctor, size_t index)
{
	const char *card = doctor->findings[index].card;
	const char *before = index ? doctor->findings[index - 1].card : NULL;

	if (card && (!before || strcmp(card, before) != 0))
		print_line("\n", card);
}

/* The most important thing stands last, where eyes are. */
void doctor_print(const struct doctor *doctor)
{
	const struct finding *first = worst(doctor);
	unsigned problems = count_of(doctor, LEVEL_PROBLEM);
	unsigned warnings = count_of(doctor, LEVEL_WARNING);

	for (size_t i = 0; i < doctor->count; i++) {
		if (doctor->ports.count)
			print_heading(doctor, i);
		print_finding(&doctor->findings[i]);
	}
	putchar('\n');
	if (!problems && !warnings) {
		puts("Healthy.");
		return;
	}
	if (problems)
		printf("Not healthy: %u problem%s, %u warning%s.\n", problems,
		       problems == 1 ? "" : "s", warnings,
		       warnings == 1 ? "" : "s");
	else
		printf("Healthy, with %u warning%s.\n", warnings,
		       warnings == 1 ? "" : "s");
	print_line("First: ", first->text);
	if (first->next)
		print_line("Next: ", first->next);
}

static void put(struct json *json, const struct redact *redact,
		const char *name, const char *text)
{
	char *shown = redact ? redact_text(redact, text) : copy(text);

	json_string(json, name, shown);
	text_free(shown);
}

static void put_ports(const struct doctor *doctor, struct json *json,
		      const struct redact *redact)
{
	json_array(json, "ports");
	for (size_t i = 0; i < doctor->ports.count; i++) {
		const struct port *port = &doctor->ports.list[i];

		json_object(json, NULL);
		put(json, redact, "path", port->path);
		put(json, redact, "by_id", port->by_id);
		json_string(json, "kind", port->scheme);
		json_array(json, "holders");
		for (size_t j = 0; j < port->holders_count; j++)
			put(json, redact, NULL, port->holders[j].name);
		json_end(json);
		json_end(json);
	}
	json_end(json);
}

static void put_findings(const struct doctor *doctor, struct json *json,
			 const struct redact *redact)
{
	json_array(json, "findings");
	for (size_t i = 0; i < doctor->count; i++) {
		const struct finding *finding = &doctor->findings[i];

		json_object(json, NULL);
		json_string(json, "level", level_names[finding->level]);
		json_string(json, "id", finding->id);
		put(json, redact, "card", finding->card);
		put(json, redact, "text", finding->text);
		put(json, redact, "detail", finding->detail);
		put(json, redact, "next", finding->next);
		json_end(json);
	}
	json_end(json);
}

/* Of the host what explains how drivers behave, and not its name. */
static void put_host(struct json *json)
{
	struct utsname host;

	if (uname(&host) < 0)
		return;
	json_string(json, "kernel", host.release);
	json_string(json, "machine", host.machine);
}

static void put_time(struct json *json, const char *name, uint64_t time)
{
	if (time)
		json_milliseconds(json, name, time);
	else
		json_string(json, name, NULL);
}

void doctor_put(const struct doctor *doctor, struct json *json,
		const struct redact *redact)
{
	const struct finding *first = worst(doctor);

	json_string(json, "version", iotsafe_version());
	json_string(json, "gnutls", gnutls_check_version(NULL));
	put_host(json);
	put_ports(doctor, json, redact);
	json_string(json, "interface",
		    *doctor->interface ? doctor->interface : NULL);
	put_time(json, "exchange_ms", doctor->exchange_us);
	put_time(json, "signature_ms", doctor->signature_us);
	put_findings(doctor, json, redact);
	json_flag(json, "healthy", doctor_is_healthy(doctor));
	json_string(json, "first",
		    first && first->level >= LEVEL_WARNING ? first->id : NULL);
}
