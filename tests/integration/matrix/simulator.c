/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts the software SIM on a pseudo-terminal in a folder of its own, or in a
 * reader, and turns what a test wants of it into lines on its standard input.
 */
#include "simulator.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void give_up(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static void start_program(struct simulator *sim, char *way, char *place, int in,
			  int out)
{
	char *words[] = {getenv("IOTSAFE_SIM"), (char[]){"--control"}, way,
			 place, NULL};
	posix_spawn_file_actions_t actions;
	extern char **environ;

	if (!words[0])
		give_up("IOTSAFE_SIM is not set");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	errno = posix_spawn(&sim->pid, words[0], &actions, NULL, words,
			    environ);
	posix_spawn_file_actions_destroy(&actions);
	if (errno)
		give_up(words[0]);
}

static void read_answer(struct simulator *sim, char *answer, int size)
{
	if (!fgets(answer, size, sim->from))
		give_up("the simulator has gone");
}

/* The program is there when it answers. */
static void choose_way(struct simulator *sim, const char *reader, int in,
		       int out)
{
	char place[64];

	if (!reader) {
		snprintf(sim->link, sizeof(sim->link), "%s/modem", sim->folder);
		start_program(sim, (char[]){"--pty"}, sim->link, in, out);
		return;
	}
	sim->link[0] = '\0';
	snprintf(place, sizeof(place), "--vpcd=127.0.0.1:%s", reader);
	start_program(sim, place, NULL, in, out);
}

void simulator_start(struct simulator *sim, const char *reader)
{
	int to[2], from[2];
	char answer[128];

	strcpy(sim->folder, "/tmp/iotsafe-matrix-XXXXXX");
	if (!mkdtemp(sim->folder) || pipe2(to, O_CLOEXEC) < 0 ||
	    pipe2(from, O_CLOEXEC) < 0)
		give_up("a folder and two pipes");
	choose_way(sim, reader, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	sim->to = fdopen(to[1], "w");
	sim->from = fdopen(from[0], "r");
	if (!sim->to || !sim->from)
		give_up("two pipes");
	/* "ready LINK" */
	if (!reader)
		read_answer(sim, answer, sizeof(answer));
}

static void ask(struct simulator *sim, const char *line, const char *more,
		char *answer, int size)
{
	fprintf(sim->to, "%s%s%s\n", line, *more ? " " : "", more);
	if (fflush(sim->to))
		give_up("the simulator");
	read_answer(sim, answer, size);
}

void simulator_faults(struct simulator *sim, const char *list)
{
	char answer[128];

	ask(sim, "faults", list, answer, sizeof(answer));
	if (strcmp(answer, "ok\n") == 0)
		return;
	fprintf(stderr, "faults %s: %s", list, answer);
	exit(1);
}

int simulator_count(struct simulator *sim, const char *what)
{
	char answer[128], *end;
	long count;

	ask(sim, what, "", answer, sizeof(answer));
	count = strtol(answer, &end, 10);
	if (end != answer)
		return (int)count;
	fprintf(stderr, "%s: %s", what, answer);
	exit(1);
}

void simulator_stop(struct simulator *sim)
{
	fclose(sim->to);
	fclose(sim->from);
	waitpid(sim->pid, NULL, 0);
	if (sim->link[0])
		unlink(sim->link);
	rmdir(sim->folder);
}
