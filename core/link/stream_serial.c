/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A serial port becomes a stream through libserialport, which knows the
 * drivers' manners. Its own waiting (sp_wait) cannot be cancelled: poll(2) on
 * its descriptor waits instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <termios.h>
#include <unistd.h>
#include "base/error.h"
#include "link/stream.h"

static int serial_read(struct stream *stream, uint8_t *data, size_t room)
{
	int size = sp_nonblocking_read(stream->port, data, room);

	if (size > 0)
		return size;
	/* After a hang-up reads give 0 for ever; only this call fails. */
	if (size < 0 || sp_input_waiting(stream->port) < 0)
		return stream_gone(stream);
	return 0;
}

static int serial_write(struct stream *stream, const uint8_t *data, size_t size)
{
	int done = sp_nonblocking_write(stream->port, data, size);

	return done < 0 ? stream_gone(stream) : done;
}

static void serial_close(struct stream *stream)
{
	/* The kernel would wait for a modem that takes no more bytes. */
	sp_flush(stream->port, SP_BUF_OUTPUT);
	stream_unlock(stream);
	sp_close(stream->port);
	sp_free_port(stream->port);
}

static const struct stream_kind serial_kind = {
	serial_read,
	serial_write,
	serial_close,
};

static enum sp_flowcontrol flow_control(enum stream_flow flow)
{
	switch (flow) {
	case STREAM_FLOW_RTS:
		return SP_FLOWCONTROL_RTSCTS;
	case STREAM_FLOW_XON:
		return SP_FLOWCONTROL_XONXOFF;
	default:
		return SP_FLOWCONTROL_NONE;
	}
}

/* Closing keeps DTR up: many modems take its fall for a hang-up of their
 * data call or for a reset. And libserialport 0.1.1 puts CRTSCTS into another
 * word than the kernel looks for it in, so that RTS would flow freely. */
static void set_rest(int fd, enum stream_flow flow)
{
	struct termios termios;

	if (tcgetattr(fd, &termios) < 0)
		return;
	termios.c_cflag &= (tcflag_t) ~(HUPCL | CRTSCTS);
	if (flow == STREAM_FLOW_RTS)
		termios.c_cflag |= CRTSCTS;
	tcsetattr(fd, TCSANOW, &termios);
}

/* 8N1, in one step. */
static int configure(struct sp_port *port,
		     const struct stream_settings *settings)
{
	struct sp_port_config *config;
	int result = SP_ERR_FAIL;

	if (sp_new_config(&config) != SP_OK)
		return result;
	if (sp_set_config_baudrate(config, (int)settings->baud) == SP_OK &&
	    sp_set_config_bits(config, 8) == SP_OK &&
	    sp_set_config_parity(config, SP_PARITY_NONE) == SP_OK &&
	    sp_set_config_stopbits(config, 1) == SP_OK &&
	    sp_set_config_flowcontrol(config, flow_control(settings->flow)) ==
		    SP_OK)
		result = sp_set_config(port, config);
	sp_free_config(config);
	return result;
}

static int take(struct stream *stream, const char *path, struct sp_port *port,
		const struct stream_settings *settings)
{
	int result;

	if (sp_get_port_handle(port, &stream->fd) != SP_OK)
		return error_set(IOTSAFE_ERR_IO, "%s: the port has no handle",
				 stream->name);
	TRY(stream_lock(stream, path, stream->fd));
	result = configure(port, settings);
	if (result == SP_OK) {
		set_rest(stream->fd, settings->flow);
		stream_read_baud(stream, stream->fd, settings->baud);
		stream->port = port;
		stream_begin(stream, &serial_kind);
		return IOTSAFE_OK;
	}
	stream_unlock(stream);
	if (result == SP_ERR_ARG || result == SP_ERR_SUPP)
		return error_set(IOTSAFE_ERR_ARG,
				 "%s: the port cannot do baud=%ld or that flow "
				 "control",
				 stream->name, settings->baud);
	return error_set_errno(IOTSAFE_ERR_IO, sp_last_error_code(),
			       "%s: port settings", stream->name);
}

/* What libserialport cannot open but a descriptor may: pseudo-terminals and
 * wwan ports, which lack modem lines. */
static bool is_not_serial(int result, int number)
{
	return result == SP_ERR_ARG || result == SP_ERR_SUPP ||
	       number == ENOTTY || number == EINVAL;
}

static int open_known(struct stream *stream, const char *path,
		      struct sp_port *port,
		      const struct stream_settings *settings)
{
	int result = sp_open(port, SP_MODE_READ_WRITE);
	int number;

	if (result != SP_OK) {
		number = sp_last_error_code();
		if (is_not_serial(result, number))
			return 1;
		return stream_refused(stream, path, number);
	}
	result = take(stream, path, port, settings);
	if (result < 0)
		sp_close(port);
	return result;
}

/* libserialport 0.1.2 takes a port with TIOCEXCL when it opens it, so whether
 * another program has done so must be seen before. The descriptor that looks
 * stays open until the port's own is: DTR must not fall in between. */
int stream_open_serial(struct stream *stream, const char *path,
		       const struct stream_settings *settings)
{
	struct sp_port *port;
	int look, result;

	if (sp_get_port_by_name(path, &port) != SP_OK)
		return 1;
	look = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (look < 0)
		result = stream_refused(stream, path, errno);
	else if (stream_is_taken(look))
		result = stream_busy(stream, path);
	else
		result = open_known(stream, path, port, settings);
	if (look >= 0)
		close(look);
	if (result)
		sp_free_port(port);
	return result;
}
