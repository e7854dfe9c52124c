/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What became of a connection, in one line: for people on standard error, or,
 * with --json, as an object on standard output.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include "clock.h"
#include "flow.h"
#include "json.h"
#include "text.h"

static bool write_line(struct json *json)
{
	bool written = json_write(json, stdout);

	json_free(json);
	return written;
}

static void add_error(struct json *json, const struct flow *flow)
{
	char status[8];

	json_object(json, "error");
	json_string(json, "code", flow->error);
	snprintf(status, sizeof(status), "%04X", flow->status & 0xFFFF);
	json_string(json, "status", flow->status ? status : NULL);
	json_string(json, "text", flow->reason);
	json_end(json);
}

static bool say_json(const struct flow *flow, int64_t time)
{
	struct json *json = json_new();

	if (!json) {
		errno = ENOMEM;
		return false;
	}
	json_string(json, "client", flow->client);
	json_number(json, "bytes_up", flow->up_total);
	json_number(json, "bytes_down", flow->down_total);
	json_number(json, "dropped", flow->dropped);
	json_number(json, "handshake_ms", (uint64_t)flow->handshake_time);
	json_number(json, "time_ms", (uint64_t)time);
	json_flag(json, "resumed", flow->resumed);
	if (flow->error)
		add_error(json, flow);
	else
		json_string(json, "note", flow->reason);
	return write_line(json);
}

bool flow_say(const struct flow *flow)
{
	int64_t time = clock_after(0) - flow->begun;
	char *reason;

	if (flow->tunnel->cli->options.json)
		return say_json(flow, time);
	reason = flow->reason ? text_escape(flow->reason) : NULL;
	fprintf(stderr,
		"iotsafe: %s: %s%s%" PRIu64 " bytes up, %" PRIu64
		" down, %" PRId64 ".%03d s",
		flow->client, reason ? reason : "", reason ? "; " : "",
		flow->up_total, flow->down_total, time / 1000,
		(int)(time % 1000));
	if (flow->handshake_time)
		fprintf(stderr, ", handshake %" PRId64 " ms%s",
			flow->handshake_time, flow->resumed ? " resumed" : "");
	if (flow->dropped)
		fprintf(stderr, ", %" PRIu64 " datagrams dropped",
			flow->dropped);
	fputc('\n', stderr);
	text_free(reason);
	return true;
}

bool flow_say_listening(const struct tunnel *tunnel)
{
	const struct listeners *listeners = &tunnel->listeners;
	struct json *json;

	for (size_t i = 0; i < listeners->count; i++)
		if (!tunnel->cli->options.json)
			fprintf(stderr, "iotsafe: listening on %s for %s\n",
				listeners->names[i], tunnel->server.name);
	if (!tunnel->cli->options.json)
		return true;
	json = json_new();
	if (!json) {
		errno = ENOMEM;
		return false;
	}
	json_array(json, "listening");
	for (size_t i = 0; i < listeners->count; i++)
		json_string(json, NULL, listeners->names[i]);
	return write_line(json);
}
