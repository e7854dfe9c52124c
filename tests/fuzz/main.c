/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replays files through a fuzz harness without libFuzzer: every file of the
 * directories named is one input, and a TAP line. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (1 << 20)

static size_t read_file(const char *path, uint8_t *data)
{
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	return size;
}

/* An exact copy on the heap, so that a sanitizer sees a byte too far. */
static void replay(const char *path)
{
	static uint8_t data[INPUT_MAX];
	size_t size = read_file(path, data);
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		exit(EXIT_FAILURE);
	for (size_t i = 0; i < size; i++)
		copy[i] = data[i];
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static unsigned replay_directory(const char *name, unsigned count)
{
	struct dirent **entries = NULL;
	int found = scandir(name, &entries, NULL, alphasort);
	char path[PATH_MAX];

	if (found < 0) {
		perror(name);
		exit(EXIT_FAILURE);
	}
	for (int i = 0; i < found; i++) {
		if (entries[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", name,
				 entries[i]->d_name);
			replay(path);
			printf("ok %u - %s\n", ++count, entries[i]->d_name);
			fflush(stdout);
		}
		free(entries[i]);
	}
	free(entries);
	return count;
}

int main(int argc, char **argv)
{
	unsigned count = 0;

	for (int i = 1; i < argc; i++)
		count = replay_directory(argv[i], count);
	printf("1..%u\n", count);
	if (!count)
		fputs("no inputs: the corpus is empty\n", stderr);
	return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
