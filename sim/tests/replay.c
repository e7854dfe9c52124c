// SPDX-License-Identifier: LGPL-2.1-or-later
/* Gives every file of a folder to a fuzz harness, a TAP line each. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* On the heap and of the file's size, so that a sanitizer sees its end. */
static int replay(const char *folder, const char *name)
{
	char path[1024];
	uint8_t *data;
	FILE *file;
	long size;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (file == NULL || fseek(file, 0, SEEK_END) < 0)
		return -1;
	size = ftell(file);
	rewind(file);
	data = malloc(size > 0 ? (size_t)size : 1);
	if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
		return -1;
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count, done = 0;

	if (argc != 2)
		return 2;
	count = scandir(argv[1], &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			if (replay(argv[1], entries[i]->d_name) < 0)
				printf("not ");
			printf("ok %d - %s\n", ++done, entries[i]->d_name);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	printf("1..%d\n", done);
	return done > 0 ? 0 : 1;
}
