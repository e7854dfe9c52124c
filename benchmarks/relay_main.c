/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A slow network on loopback, between any client and any server. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "relay.h"

struct options {
	bool datagram;
	int listen, to; /* ports of 127.0.0.1 */
	double delay_ms, loss;
	uint64_t seed;
};

static struct sockaddr_in port_of(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int new_socket(const struct options *options)
{
	int fd = socket(AF_INET, options->datagram ? SOCK_DGRAM : SOCK_STREAM,
			0);
	int on = 1;

	if (fd < 0)
		err(1, "socket");
	if (!options->datagram)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int listen_at(const struct options *options)
{
	struct sockaddr_in name = port_of(options->listen);
	socklen_t size = sizeof(name);
	int fd = new_socket(options);

	if (bind(fd, (struct sockaddr *)&name, size) < 0 ||
	    (!options->datagram && listen(fd, 16) < 0) ||
	    getsockname(fd, (struct sockaddr *)&name, &size) < 0)
		err(1, "port %d", options->listen);
	printf("ready %d\n", ntohs(name.sin_port));
	fflush(stdout);
	return fd;
}

static int connect_on(const struct options *options)
{
	struct sockaddr_in name = port_of(options->to);
	int fd = new_socket(options);

	if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	warn("port %d", options->to);
	close(fd);
	return -1;
}

static struct relay new_relay(const struct options *options, int client,
			      int server)
{
	return (struct relay){
		.ends = {client, server},
		.datagram = options->datagram,
		.delay_ms = options->delay_ms,
		.loss = options->loss,
		.seed = options->seed,
	};
}

static void *run(void *self)
{
	relay_run(self);
	free(self);
	return NULL;
}

static void serve_connection(const struct options *options, int client)
{
	int server = connect_on(options), on = 1;
	struct relay *relay = malloc(sizeof(*relay));
	pthread_t thread;

	if (server < 0 || !relay) {
		close(client);
		free(relay);
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*relay = new_relay(options, client, server);
	if (pthread_create(&thread, NULL, run, relay))
		errx(1, "no thread");
	pthread_detach(thread);
}

static void serve_stream(const struct options *options, int fd)
{
	int client;

	while ((client = accept(fd, NULL, NULL)) >= 0 || errno == EINTR ||
	       errno == ECONNABORTED)
		if (client >= 0)
			serve_connection(options, client);
	err(1, "accept");
}

/* For the one client that speaks first. */
static void serve_datagrams(const struct options *options, int fd)
{
	struct sockaddr_in client;
	socklen_t size = sizeof(client);
	struct relay relay;
	char byte;

	if (recvfrom(fd, &byte, 1, MSG_PEEK, (struct sockaddr *)&client,
		     &size) < 0 ||
	    connect(fd, (struct sockaddr *)&client, size) < 0)
		err(1, "client");
	relay = new_relay(options, fd, connect_on(options));
	if (relay.ends[1] >= 0)
		relay_run(&relay);
}

static void usage(FILE *out)
{
	fputs("usage: relay --to PORT [--listen PORT] [--udp] [--delay-ms N]\n"
	      "             [--loss PERCENT] [--seed N]\n"
	      "A network on 127.0.0.1 that takes N ms each way and loses some. "
	      "Prints \"ready PORT\",\nserves until it is ended; with --udp "
	      "one client. Exit status: 1 failed, 2 wrong usage.\n",
	      out);
}

static double number(const char *text, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0 && value <= most))
		errx(2, "\"%s\" is not a number from 0 to %g", text, most);
	return value;
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"to", required_argument, NULL, 't'},
		{"listen", required_argument, NULL, 'l'},
		{"udp", no_argument, NULL, 'u'},
		{"delay-ms", required_argument, NULL, 'd'},
		{"loss", required_argument, NULL, 'p'},
		{"seed", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (option) {
		case 't':
			options->to = (int)number(optarg, 65535);
			break;
		case 'l':
			options->listen = (int)number(optarg, 65535);
			break;
		case 'u':
			options->datagram = true;
			break;
		case 'd':
			options->delay_ms = number(optarg, 60000);
			break;
		case 'p':
			options->loss = number(optarg, 100);
			break;
		case 's':
			options->seed = (uint64_t)number(optarg, 1e15);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	if (!options->to || optind < argc) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options options = {.seed = 1};
	int fd;

	parse(argc, argv, &options);
	fd = listen_at(&options);
	if (options.datagram)
		serve_datagrams(&options, fd);
	else
		serve_stream(&options, fd);
	return 0;
}
