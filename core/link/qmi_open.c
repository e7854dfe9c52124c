/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A path becomes a way to the modem behind it: through qmi-proxy, which shares
 * the device with ModemManager and others, or else the device itself.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "base/trace.h"
#include "link/qmi_modem.h"

#define PROXY_NAME "@qmi-proxy"

/* The proxy opens the device and waits for the modem, in milliseconds. */
#define PROXY_OPEN_LIMIT 15000

/* A proxy that was started is tried after so many milliseconds, then after
 * twice as many: nothing tells when it listens. */
#define START_FIRST 5
#define START_MAX   160
#define START_LIMIT 5000
/* One that has ended may have found the name taken by another's, which is
 * about to listen. */
#define OTHER_LIMIT 500

/* Set up by a shell, the proxy is no child of ours: it serves others after us,
 * and is nothing for the application to wait for. Descriptor 3 tells when it
 * has ended. */
static const char starter[] =
	"exec 3<&0; \"$0\" </dev/null >/dev/null 2>&1 & exit";

static int wait_for_proxy(struct qmi_modem *modem, const struct stream *child,
			  const struct deadline *deadline)
{
	struct deadline last = *deadline;
	int result, fd = child->fd;

	for (int wait = START_FIRST;; wait *= wait < START_MAX ? 2 : 1) {
		struct deadline end = deadline_within(&last, wait);
		int ended = deadline_wait(&end, fd, POLLIN);

		if (ended == IOTSAFE_ERR_CANCELLED)
			return error_set(ended, "%s: cancelled",
					 modem->stream.name);
		if (ended == IOTSAFE_OK) {
			last = deadline_within(deadline, OTHER_LIMIT);
			fd = -1;
		}
		result = stream_open_abstract(&modem->stream, PROXY_NAME,
					      deadline);
		if (result != 1 || deadline_passed(&last))
			return result;
	}
}

/* 0: it listens, and the stream is open; 1: it cannot be had. */
static int start_proxy(struct qmi_modem *modem, const struct deadline *deadline)
{
	static char shell[] = "/bin/sh", option[] = "-c";
	static char program[] = IOTSAFE_QMI_PROXY;
	char script[sizeof(starter)];
	char *words[] = {shell, option, script, program, NULL};
	struct deadline limit = deadline_within(deadline, START_LIMIT);
	struct stream child = {.fd = -1, .child_fd = -1};
	int result;

	if (access(program, X_OK) < 0)
		return 1;
	trace_line(IOTSAFE_TRACE_AT, "qmi: starting %s", program);
	memcpy(script, starter, sizeof(starter));
	snprintf(child.name, sizeof(child.name), "%s", program);
	TRY(stream_open_child(&child, words, false, true));
	result = wait_for_proxy(modem, &child, &limit);
	stream_close(&child);
	return result;
}

/* The first message of a proxy's client names the device. */
static int tell_path(struct qmi_modem *modem, const struct deadline *deadline)
{
	struct deadline limit = deadline_within(deadline, PROXY_OPEN_LIMIT);
	struct qmi_request request;
	struct qmi_message answer;
	int error;

	qmi_modem_begin(&request, "qmi-proxy open", QMI_CTL, 0,
			QMI_CTL_PROXY_OPEN);
	qmi_tlv(&request.out, 0x01, (const uint8_t *)modem->path,
		strlen(modem->path));
	TRY(qmi_modem_ask(modem, &request, &answer, &error, &limit));
	return error ? qmi_modem_refused(modem, &request, error) : IOTSAFE_OK;
}

enum proxy { PROXY_NO, PROXY_YES, PROXY_AUTO };

static int read_proxy(const struct address *address, enum proxy *proxy)
{
	const char *value = address_get(address, "proxy");
	bool wanted;

	*proxy = PROXY_AUTO;
	if (!value || !strcmp(value, "auto"))
		return IOTSAFE_OK;
	if (address_get_flag(address, "proxy", true, &wanted) < 0)
		return error_set(
			IOTSAFE_ERR_ARG,
			"address: proxy=%.40s is none of yes, no, auto", value);
	*proxy = wanted ? PROXY_YES : PROXY_NO;
	return IOTSAFE_OK;
}

/* 0: through the proxy; 1: there is none. */
static int open_through_proxy(struct qmi_modem *modem,
			      const struct deadline *deadline)
{
	int result = stream_open_abstract(&modem->stream, PROXY_NAME, deadline);

	if (result == 1)
		result = start_proxy(modem, deadline);
	if (result)
		return result;
	modem->proxied = true;
	return tell_path(modem, deadline);
}

/* No sync here: it would take the clients of all others from them. */
static int open_device(struct qmi_modem *modem)
{
	const struct stream_settings settings = {.baud = 115200};

	return stream_open_descriptor(&modem->stream, modem->path, &settings);
}

static int open_way(struct qmi_modem *modem, enum proxy proxy,
		    const struct deadline *deadline)
{
	struct stat status;
	int result;

	if (stat(modem->path, &status) < 0)
		return stream_refused(&modem->stream, modem->path, errno);
	/* A proxy opens devices only. */
	if (proxy == PROXY_NO ||
	    (proxy == PROXY_AUTO && !S_ISCHR(status.st_mode)))
		return open_device(modem);
	result = open_through_proxy(modem, deadline);
	if (result != 1)
		return result;
	if (proxy == PROXY_AUTO)
		return open_device(modem);
	return error_set(
		IOTSAFE_ERR_IO,
		"%s: no qmi-proxy is running, and %s cannot be started",
		modem->stream.name, IOTSAFE_QMI_PROXY);
}

int qmi_modem_open(struct qmi_modem *modem, const struct address *address,
		   const struct deadline *deadline)
{
	enum proxy proxy;

	TRY(read_proxy(address, &proxy));
	if (!*address->path)
		return error_set(IOTSAFE_ERR_ARG, "%s names no device",
				 modem->stream.name);
	modem->path = realpath(address->path, NULL);
	if (!modem->path)
		return stream_refused(&modem->stream, address->path, errno);
	return open_way(modem, proxy, deadline);
}
