/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request becomes its answer: libmbim's callbacks are run here, on a main
 * context of our own, until the one that was waited for has come, the deadline
 * has passed or somebody cancels.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/trace.h"
#include "link/mbim_device.h"

/* Milliseconds; the proxy may have to be started, and opens the device. */
#define OPEN_LIMIT 15000

/* What libmbim polls for a device, and then some. */
#define FDS_MAX 32

/* Steps to let what was cancelled end. */
#define STEPS_MAX 64

/* A busy SIM is asked again after so many milliseconds, doubled each time. */
#define BUSY_FIRST 100
#define BUSY_MAX   1000

/* Lives until libmbim has called back, however late. */
struct call {
	GAsyncResult *result;
	bool abandoned;
};

static void called_back(GObject *source, GAsyncResult *result, gpointer data)
{
	struct call *call = data;

	(void)source;
	if (call->abandoned)
		g_free(call);
	else
		call->result = g_object_ref(result);
}

static void removed(MbimDevice *device, gpointer data)
{
	struct mbim_device *mbim = data;

	(void)device;
	mbim->link->way_gone = true;
}

static int poll_all(GPollFD *fds, int count, int milliseconds)
{
	int ready;

	_Static_assert(sizeof(GPollFD) == sizeof(struct pollfd), "GPollFD");
	do
		ready = poll((struct pollfd *)(void *)fds, (nfds_t)count,
			     milliseconds);
	while (ready < 0 && errno == EINTR);
	return ready;
}

/* One step of the context, waiting for it until the deadline. _CANCELLED and
 * _TIMEOUT are not recorded. */
static int step(struct mbim_device *mbim, const struct deadline *deadline)
{
	int left = deadline_left(deadline), wait, count;
	GPollFD fds[FDS_MAX + 2] = {0};
	gint priority;

	g_main_context_prepare(mbim->context, &priority);
	count = g_main_context_query(mbim->context, priority, &wait, fds,
				     FDS_MAX);
	if (count > FDS_MAX)
		count = FDS_MAX;
	fds[count] = (GPollFD){deadline->cancel_fd, G_IO_IN, 0};
	fds[count + 1] = (GPollFD){deadline->also_cancel_fd, G_IO_IN, 0};
	if (wait < 0 || (left >= 0 && left < wait))
		wait = left;
	if (poll_all(fds, count + 2, wait) < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "%s: poll",
				       mbim->name);
	if (g_main_context_check(mbim->context, priority, fds, count))
		g_main_context_dispatch(mbim->context);
	if (fds[count].revents || fds[count + 1].revents)
		return IOTSAFE_ERR_CANCELLED;
	return left ? IOTSAFE_OK : IOTSAFE_ERR_TIMEOUT;
}

static int gave_up(const struct mbim_device *mbim, int result, const char *what)
{
	if (result == IOTSAFE_ERR_CANCELLED)
		return error_set(result, "%s: %s: cancelled", mbim->name, what);
	if (result == IOTSAFE_ERR_TIMEOUT)
		return error_set(result,
				 "%s: %s: the modem did not answer in time",
				 mbim->name, what);
	if (result == IOTSAFE_ERR_CLOSED)
		return error_set(result,
				 "%s: %s: the modem, or mbim-proxy, has gone",
				 mbim->name, what);
	return result;
}

/* Runs the context until the call has its result. A call that is given up is
 * cancelled, and forgotten if that does not end it. */
static int wait_for(struct mbim_device *mbim, struct call *call,
		    GCancellable *cancellable, const char *what,
		    const struct deadline *deadline)
{
	int result = IOTSAFE_OK;

	while (!call->result && result >= 0) {
		result = step(mbim, deadline);
		if (mbim->link->way_gone && !call->result)
			result = IOTSAFE_ERR_CLOSED;
	}
	if (call->result)
		return IOTSAFE_OK;
	g_cancellable_cancel(cancellable);
	for (int i = 0; i < STEPS_MAX && !call->result; i++)
		if (!g_main_context_iteration(mbim->context, FALSE))
			break;
	return gave_up(mbim, result, what);
}

static struct call *begin(struct mbim_device *mbim, GCancellable **cancellable)
{
	g_main_context_push_thread_default(mbim->context);
	*cancellable = g_cancellable_new();
	return g_new0(struct call, 1);
}

static void end(struct mbim_device *mbim, struct call *call,
		GCancellable *cancellable)
{
	if (call->result) {
		g_object_unref(call->result);
		g_free(call);
	} else {
		call->abandoned = true;
	}
	g_object_unref(cancellable);
	g_main_context_pop_thread_default(mbim->context);
}

/* libmbim's limits are whole seconds; ours comes first. */
static guint seconds(const struct deadline *deadline)
{
	int left = deadline_left(deadline);

	return left < 0 ? 3600 : (guint)left / 1000 + 2;
}

/* `code` is for what has no better one. */
static int failed(const struct mbim_device *mbim, const char *what, int code,
		  GError *error)
{
	if (g_error_matches(error, MBIM_CORE_ERROR, MBIM_CORE_ERROR_TIMEOUT))
		code = IOTSAFE_ERR_TIMEOUT;
	else if (g_error_matches(error, MBIM_CORE_ERROR,
				 MBIM_CORE_ERROR_INVALID_MESSAGE))
		code = IOTSAFE_ERR_FORMAT;
	error_set(code, "%s: %s: %s", mbim->name, what, error->message);
	g_error_free(error);
	return code;
}

static int make_device(struct mbim_device *mbim, const char *path,
		       const struct deadline *deadline)
{
	GFile *file = g_file_new_for_path(path);
	GError *error = NULL;
	GCancellable *cancellable;
	struct call *call = begin(mbim, &cancellable);
	int result;

	mbim_device_new(file, cancellable, called_back, call);
	result = wait_for(mbim, call, cancellable, "open", deadline);
	if (result >= 0) {
		mbim->device = mbim_device_new_finish(call->result, &error);
		if (!mbim->device)
			result = failed(mbim, "open", IOTSAFE_ERR_IO, error);
	}
	end(mbim, call, cancellable);
	g_object_unref(file);
	return result;
}

/* libmbim says no more than that it could not start it. Debian's and others'
 * builds of mbim-proxy end at once, and let nobody in, where they are not
 * root's.
 */
static void explain_proxy(bool proxy)
{
	if (proxy && geteuid() && strstr(iotsafe_last_error(), "mbim-proxy"))
		error_append(" (it serves root alone, unless it was built for "
			     "another user: run as root, or without it by "
			     "proxy=no)");
}

static int open_device(struct mbim_device *mbim, bool proxy,
		       const struct deadline *deadline)
{
	GError *error = NULL;
	GCancellable *cancellable;
	struct call *call = begin(mbim, &cancellable);
	int result;

	g_signal_connect(mbim->device, MBIM_DEVICE_SIGNAL_REMOVED,
			 G_CALLBACK(removed), mbim);
	mbim_device_open_full(mbim->device,
			      proxy ? MBIM_DEVICE_OPEN_FLAGS_PROXY
				    : MBIM_DEVICE_OPEN_FLAGS_NONE,
			      seconds(deadline), cancellable, called_back,
			      call);
	result = wait_for(mbim, call, cancellable, "open", deadline);
	if (result >= 0 &&
	    !mbim_device_open_full_finish(mbim->device, call->result, &error)) {
		result = failed(mbim, "open", IOTSAFE_ERR_IO, error);
		explain_proxy(proxy);
	}
	end(mbim, call, cancellable);
	return result;
}

int mbim_device_start(struct mbim_device *mbim, const char *path, bool proxy,
		      const struct deadline *deadline)
{
	struct deadline limit = deadline_within(deadline, OPEN_LIMIT);

	mbim->context = g_main_context_new();
	TRY(make_device(mbim, path, &limit));
	return open_device(mbim, proxy, &limit);
}

/* No CLOSE to the modem: it would end the data connection of others. */
void mbim_device_end(struct mbim_device *mbim)
{
	if (!mbim->context)
		return;
	g_main_context_push_thread_default(mbim->context);
	if (mbim->device) {
		g_signal_handlers_disconnect_by_data(mbim->device, mbim);
		mbim_device_close_force(mbim->device, NULL);
		g_object_unref(mbim->device);
	}
	for (int i = 0; i < STEPS_MAX; i++)
		if (!g_main_context_iteration(mbim->context, FALSE))
			break;
	g_main_context_pop_thread_default(mbim->context);
	g_main_context_unref(mbim->context);
	mbim->context = NULL;
}

void mbim_device_free(MbimMessage *message)
{
	GByteArray *bytes = (GByteArray *)message;

	if (!bytes)
		return;
	explicit_bzero(bytes->data, bytes->len);
	mbim_message_unref(message);
}

static int take_answer(struct mbim_device *mbim, const char *what,
		       const struct call *call, MbimMessage **answer)
{
	GError *error = NULL;

	*answer =
		mbim_device_command_finish(mbim->device, call->result, &error);
	if (!*answer) {
		int result = failed(mbim, what, IOTSAFE_ERR_CLOSED, error);

		mbim->link->way_gone |= result == IOTSAFE_ERR_CLOSED;
		return result;
	}
	mbim->link->counters.bytes_received +=
		mbim_message_get_message_length(*answer);
	if (mbim_message_get_message_type(*answer) ==
	    MBIM_MESSAGE_TYPE_COMMAND_DONE)
		return IOTSAFE_OK;
	mbim_device_free(*answer);
	*answer = NULL;
	return error_set(IOTSAFE_ERR_CLOSED,
			 "%s: %s: the modem did not understand the request, or "
			 "was reset",
			 mbim->name, what);
}

static int ask_once(struct mbim_device *mbim, const char *what,
		    MbimMessage *request, MbimMessage **answer,
		    const struct deadline *deadline)
{
	GCancellable *cancellable;
	struct call *call = begin(mbim, &cancellable);
	int result;

	*answer = NULL;
	/* A new number each time. */
	mbim_message_set_transaction_id(request, 0);
	mbim->link->counters.bytes_sent +=
		mbim_message_get_message_length(request);
	mbim_device_command(mbim->device, request, seconds(deadline),
			    cancellable, called_back, call);
	result = wait_for(mbim, call, cancellable, what, deadline);
	if (result >= 0)
		result = take_answer(mbim, what, call, answer);
	end(mbim, call, cancellable);
	if (result >= 0)
		trace_line(IOTSAFE_TRACE_AT, "mbim %s: status %X", what,
			   (unsigned)mbim_message_command_done_get_status_code(
				   *answer));
	return result;
}

/* With these words the modem tells that the card has not seen it. */
static bool is_busy(const MbimMessage *answer)
{
	const MbimStatusError status =
		mbim_message_command_done_get_status_code(answer);

	return status == MBIM_STATUS_ERROR_BUSY ||
	       status == MBIM_STATUS_ERROR_NOT_INITIALIZED;
}

/* Libmbim's callbacks run meanwhile: the modem may go. */
static int pause_for(struct mbim_device *mbim, const char *what,
		     int milliseconds, const struct deadline *deadline)
{
	const struct deadline end = deadline_within(deadline, milliseconds);
	int result;

	do {
		result = step(mbim, &end);
		if (mbim->link->way_gone)
			result = IOTSAFE_ERR_CLOSED;
	} while (result >= 0);
	return result == IOTSAFE_ERR_TIMEOUT ? IOTSAFE_OK
					     : gave_up(mbim, result, what);
}

int mbim_device_ask(struct mbim_device *mbim, const char *what,
		    MbimMessage *request, MbimMessage **answer,
		    const struct deadline *deadline)
{
	int wait = BUSY_FIRST, result;

	*answer = NULL;
	if (!request)
		return error_set(IOTSAFE_ERR_MEMORY, "%s: %s: no memory",
				 mbim->name, what);
	for (;;) {
		result = ask_once(mbim, what, request, answer, deadline);
		if (result < 0 || !is_busy(*answer))
			break;
		result = pause_for(mbim, what, wait, deadline);
		if (result < 0 || deadline_passed(deadline))
			break;
		mbim_device_free(*answer);
		wait = 2 * wait < BUSY_MAX ? 2 * wait : BUSY_MAX;
	}
	if (result < 0) {
		mbim_device_free(*answer);
		*answer = NULL;
	}
	mbim_device_free(request);
	return result;
}
