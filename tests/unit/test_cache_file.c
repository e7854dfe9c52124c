/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of the cache: where they are, and whatever else may be there. */
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include "cached.h"

TestSuite(cache_file, .init = set_up, .fini = tear_down);

/* ---- where they are ---- */

/* An ordinary user, who has this folder. */
static void become_user(void)
{
	if (geteuid() != 0)
		return;
	cr_assert(!chown(folder, 12345, 12345));
	cr_assert(!setresgid(12345, 12345, 12345));
	cr_assert(!setresuid(12345, 12345, 12345));
}

static void expect_start_in(const char *below)
{
	struct fakecard fake = CARD_OF(a);
	char command[256];
	unsigned warm;

	cr_assert(start(&fake, "cache=yes", &a) == cold);
	warm = start(&fake, "cache=yes", &a);
	cr_assert(warm == WARM, "%u exchanges", warm);
	snprintf(command, sizeof(command), "%s%s", folder, below);
	cr_assert(!access(command, F_OK));
	snprintf(command, sizeof(command), "rm -rf %s/libiotsafe %s/.cache",
		 folder, folder);
	cr_assert(system(command) == 0);
}

Test(cache_file, lies_where_the_user_wants_caches)
{
	become_user();
	setenv("XDG_CACHE_HOME", folder, 1);
	expect_start_in("/libiotsafe");
}

Test(cache_file, lies_in_the_users_home)
{
	become_user();
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", folder, 1);
	expect_start_in("/.cache/libiotsafe");
}

Test(cache_file, is_the_users_alone)
{
	struct stat status;
	char name[400];

	umask(0);
	expect_start(cold);
	cr_assert(files(name, false) == 1);
	cr_assert_str_eq(name + strlen(folder),
			 "/89990123456789012341-A0000005590010");
	cr_assert(!stat(name, &status) && (status.st_mode & 0777) == 0600);
}

Test(cache_file, makes_its_folder_for_the_user_alone)
{
	struct fakecard fake = CARD_OF(a);
	char path[80], named[100], name[400];
	struct stat status;

	umask(0);
	snprintf(path, sizeof(path), "%s/own", folder);
	snprintf(named, sizeof(named), "cache=%s", path);
	cr_assert(start(&fake, named, &a) == cold);
	cr_assert(!stat(path, &status) && (status.st_mode & 0777) == 0700);
	cr_assert(start(&fake, named, &a) == WARM);
	files(name, false);
	strcpy(folder, path);
	files(name, true);
	cr_assert(!rmdir(path));
	*strrchr(folder, '/') = '\0';
}

Test(cache_file, that_cannot_be_is_no_error)
{
	struct fakecard fake = CARD_OF(a);

	cr_assert(start(&fake, "cache=/nowhere/at/all", &a) == cold);
	cr_assert(start(&fake, "cache=/dev/null", &a) == cold);
	setenv("XDG_CACHE_HOME", "/nowhere/at/all", 1);
	cr_assert(start(&fake, "cache=yes", &a) == cold);
	cr_assert(start(&fake, "cache=yes", &a) == cold);
}

/* What getauxval() looks at stands behind the environment that the process
 * began with. */
static char **environment;

__attribute__((constructor)) static void find_environment(void)
{
	environment = environ;
}

static void become_setuid(void)
{
	char **end = environment;
	ElfW(auxv_t) * entry;

	while (*end)
		end++;
	entry = (ElfW(auxv_t) *)(void *)(end + 1);
	while (entry->a_type != AT_SECURE && entry->a_type != AT_NULL)
		entry++;
	cr_assert(entry->a_type == AT_SECURE);
	entry->a_un.a_val = 1;
	cr_assert(getauxval(AT_SECURE) == 1);
}

Test(cache_file, is_not_for_programs_with_the_rights_of_others)
{
	char name[400];

	become_setuid();
	expect_start(cold);
	cr_assert(!files(name, false), "%s", name);
	expect_start(cold);
}

Test(cache_file, is_not_read_by_programs_with_the_rights_of_others)
{
	expect_start(cold);
	expect_start(WARM);
	become_setuid();
	expect_start(cold);
}

/* ---- what else may be in their place ---- */

static void put_file(const char *name, const uint8_t *data, size_t size,
		     mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	cr_assert(!fchmod(fd, mode) && !close(fd));
}

static size_t get_file(const char *name, uint8_t *out)
{
	int fd = open(name, O_RDONLY);
	ssize_t size = read(fd, out, CACHE_SIZE_MAX);

	cr_assert(size > 0);
	close(fd);
	return (size_t)size;
}

/* The file is read past, and there is a good one afterwards. */
static void expect_passed_over(const char *what)
{
	struct fakecard fake = CARD_OF(a);
	unsigned took = start(&fake, attribute, &a);
	struct stat status;
	char name[400];

	cr_assert(took == cold, "%s: %u exchanges", what, took);
	cr_assert(files(name, false) == 1, "%s: what is left", what);
	cr_assert(!lstat(name, &status) && S_ISREG(status.st_mode), "%s", what);
	cr_assert((status.st_mode & 0777) == 0600, "%s", what);
	expect_start(WARM);
}

Test(cache_file, that_others_could_have_written_is_passed_over)
{
	static uint8_t data[CACHE_SIZE_MAX + 100];
	char name[400];
	size_t size;

	expect_start(cold);
	files(name, false);
	size = get_file(name, data);
	put_file(name, data, size, 0644);
	expect_passed_over("for all to read");
	put_file(name, data, size, 0622);
	expect_passed_over("for all to write");
	put_file(name, data, size, 0620);
	expect_passed_over("for a group to write");
	put_file(name, data, sizeof(data), 0600);
	expect_passed_over("too large");
	if (geteuid() == 0) {
		cr_assert(!chown(name, 1, 1));
		expect_passed_over("of somebody else");
	}
}

Test(cache_file, is_a_file_and_nothing_else)
{
	static uint8_t data[CACHE_SIZE_MAX];
	char name[400], other[] = "/tmp/cached-XXXXXX";
	size_t size, whole;
	int fd = mkstemp(other);

	expect_start(cold);
	files(name, false);
	size = get_file(name, data);
	cr_assert(write(fd, data, size) == (ssize_t)size && !close(fd));
	cr_assert(!unlink(name) && !symlink(other, name));
	expect_passed_over("a link");
	whole = get_file(other, data);
	cr_assert(whole == size, "what a link leads to is left alone");
	cr_assert(!unlink(other) && !unlink(name) && !symlink(other, name));
	expect_passed_over("a link to nothing");
	cr_assert(access(other, F_OK) < 0);
	cr_assert(!unlink(name) && !mkfifo(name, 0600));
	expect_passed_over("a pipe");
	if (geteuid() == 0) {
		cr_assert(!unlink(name));
		cr_assert(!mknod(name, S_IFCHR | 0600, makedev(1, 5)));
		expect_passed_over("a device");
	}
	cr_assert(!unlink(name) && !mkdir(name, 0700));
	expect_start(cold);
	expect_start(cold);
	cr_assert(!rmdir(name));
	expect_start(cold);
	expect_start(WARM);
}

/* Opening some devices does something. */
Test(cache_file, is_not_opened_where_it_is_none)
{
	int watch = inotify_init1(IN_NONBLOCK);
	char name[400], event[512];

	expect_start(cold);
	files(name, false);
	cr_assert(!unlink(name) && !mkfifo(name, 0600));
	cr_assert(watch >= 0 && inotify_add_watch(watch, name, IN_OPEN) >= 0);
	expect_start(cold);
	/* That it is gone is no opening. */
	cr_assert(read(watch, event, sizeof(event)) <= 0 ||
		  !(((struct inotify_event *)(void *)event)->mask & IN_OPEN));
	close(watch);
}

Test(cache_file, in_a_folder_that_others_have_too_is_none)
{
	char name[400];

	cr_assert(!chmod(folder, 0750));
	expect_start(cold);
	expect_start(cold);
	cr_assert(!files(name, false));
	cr_assert(!chmod(folder, 0702));
	expect_start(cold);
	cr_assert(!files(name, false));
	cr_assert(!chmod(folder, 0700));
	if (geteuid() == 0) {
		cr_assert(!chown(folder, 1, 1));
		expect_start(cold);
		cr_assert(!files(name, false));
		cr_assert(!chown(folder, 0, 0));
	}
}

Test(cache_file, in_a_folder_behind_a_link_is_none)
{
	struct fakecard fake = CARD_OF(a);
	char link_name[80], named[100], name[400];

	snprintf(link_name, sizeof(link_name), "%s-link", folder);
	snprintf(named, sizeof(named), "cache=%s", link_name);
	cr_assert(!symlink(folder, link_name));
	cr_assert(start(&fake, named, &a) == cold);
	cr_assert(!files(name, false));
	cr_assert(!unlink(link_name));
}

Test(cache_file, that_is_damaged_is_passed_over)
{
	static const char *const noise = "no cache at all";
	static uint8_t data[CACHE_SIZE_MAX];
	char name[400];
	size_t size;

	expect_start(cold);
	files(name, false);
	size = get_file(name, data);
	put_file(name, data, size / 2, 0600);
	expect_passed_over("cut");
	put_file(name, data, 0, 0600);
	expect_passed_over("empty");
	put_file(name, (const uint8_t *)noise, strlen(noise), 0600);
	expect_passed_over("noise");
	data[size / 2] ^= 1;
	put_file(name, data, size, 0600);
	expect_passed_over("a bit flipped");
	data[size / 2] ^= 1;
	data[15] ^= 1;
	put_file(name, data, size, 0600);
	expect_passed_over("another release's");
}

Test(cache_file, of_another_card_is_passed_over)
{
	struct fakecard fake = CARD_OF(a);
	char name[400], other[500];

	expect_start(cold);
	files(name, false);
	snprintf(other, sizeof(other), "%s/89990123456789012342-%s", folder,
		 strrchr(name, '-') + 1);
	cr_assert(!rename(name, other));
	fake.iccid = "98991032547698103224";
	cr_assert(start(&fake, attribute, &a) == cold);
	cr_assert(start(&fake, attribute, &a) == WARM);
}

Test(cache_file, is_as_good_whatever_its_time_says)
{
	static const time_t times[] = {0, 4102444800};
	struct timespec both[2] = {{0}};
	char name[400];

	expect_start(cold);
	files(name, false);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		both[0].tv_sec = both[1].tv_sec = times[i];
		cr_assert(!utimensat(AT_FDCWD, name, both, 0));
		expect_start(WARM);
	}
}

Test(cache_file, for_which_there_is_no_room_leaves_nothing)
{
	static const struct rlimit little = {100, 100};
	char name[400];

	cr_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	cr_assert(!setrlimit(RLIMIT_FSIZE, &little));
	expect_start(cold);
	cr_assert(!files(name, false), "%s", name);
}

/* Nothing is written to flash memory that it has already. */
Test(cache_file, is_written_once)
{
	struct stat before, after;
	char name[400];

	expect_start(cold);
	files(name, false);
	cr_assert(!stat(name, &before));
	expect_start(WARM);
	cr_assert(!stat(name, &after) && before.st_ino == after.st_ino);
}

Test(cache_file, is_not_written_where_it_is_the_same)
{
	const struct aid aid = {{0xA0, 1}, 2};
	const struct cache_place place = {folder, "89", &aid};
	const struct holding nothing = {.listed = true};
	struct stat before, after;
	char name[100];

	snprintf(name, sizeof(name), "%s/89-A001", folder);
	iotsafe_cache_module.keep(&place, &nothing);
	cr_assert(!stat(name, &before));
	iotsafe_cache_module.keep(&place, &nothing);
	cr_assert(!stat(name, &after) && before.st_ino == after.st_ino);
}

/* Some are written long before. */
Test(cache_file, with_a_certificate_that_is_over_by_now_is_none)
{
	static uint8_t data[CACHE_SIZE_MAX];
	struct identity over = identity_make((struct identity_wish){
		.name = "over", .issuer = &issuer, .expired = true});
	const struct identity *const certificates[] = {&a, &over};
	const struct aid aid = {{0xA0, 1}, 2};
	const struct cache_place place = {folder, "89", &aid};
	char name[100];

	snprintf(name, sizeof(name), "%s/89-A001", folder);
	for (int i = 0; i < 2; i++) {
		struct entry entry = {.record = {.class = IOTSAFE_CLASS_FILE},
				      .read = true,
				      .content = certificates[i]->der.data,
				      .content_size =
					      certificates[i]->der.size};
		struct holding holding = {.entries = &entry,
					  .entries_count = 1};
		size_t size = cache_format("89", &aid, &holding, data);
		struct holding found = {0};

		put_file(name, data, size, 0600);
		cr_assert(iotsafe_cache_module.load(&place, &found) == !i);
		cr_assert(found.listed == !i);
		card_forget_applet(&found);
	}
	identity_free(&over);
}

/* ---- many at once ---- */

static struct holding made_of(struct entry *entry, uint8_t byte)
{
	static uint8_t key[60000];

	memset(key, byte, sizeof(key));
	*entry = (struct entry){.record = {.class = IOTSAFE_CLASS_PUBLIC_KEY},
				.read = true,
				.spki = key,
				.spki_size = sizeof(key)};
	return (struct holding){
		.entries = entry, .entries_count = 1, .listed = true};
}

/* True if each file that was there was a whole one. */
static bool write_and_read(const struct cache_place *place, uint8_t byte)
{
	struct entry entry;
	const struct holding written = made_of(&entry, byte);

	for (int i = 0; i < 300; i++) {
		struct holding found = {0};
		const uint8_t *key;

		iotsafe_cache_module.keep(place, &written);
		if (!iotsafe_cache_module.load(place, &found))
			return false;
		key = found.entries[0].spki;
		if (found.entries[0].spki_size != 60000 || key[0] != key[59999])
			return false;
		card_forget_applet(&found);
	}
	return true;
}

Test(cache_file, of_processes_that_write_at_once_is_one_of_theirs)
{
	const struct aid aid = {{0xA0, 1}, 2};
	const struct cache_place place = {folder, "89", &aid};
	char name[400];
	int status;

	for (uint8_t i = 1; i <= 4; i++)
		if (!fork())
			_exit(write_and_read(&place, i) ? 0 : 1);
	for (int i = 0; i < 4; i++)
		cr_assert(wait(&status) > 0 && !status);
	cr_assert(files(name, false) == 1, "what is left over");
}

/* ---- parsing alone ---- */

static const struct aid aid = {{0xA0, 1, 2, 3, 4}, 5};

/* With this flag the record is of what is never written. */
static size_t make_file(uint8_t *out, unsigned flags, size_t proven)
{
	static uint8_t point[] = {1, 2, 3};
	struct holding holding = {0};
	struct entry entries[2] = {
		{.record = {.class = 1, .flags = flags}, .proven = proven},
		{.record = {.class = 2},
		 .read = true,
		 .spki = point,
		 .spki_size = sizeof(point)}};

	holding.entries = entries;
	holding.entries_count = 2;
	return cache_format("89", &aid, &holding, out);
}

static bool is_understood(const char *iccid, const struct aid *of,
			  const uint8_t *data, size_t size,
			  struct holding *holding)
{
	return cache_parse(iccid, of, (struct bytes){data, size}, holding);
}

Test(cache_file, is_understood_whole_or_not_at_all)
{
	static uint8_t data[CACHE_SIZE_MAX];
	const struct aid other = {{0xA0, 1, 2, 3, 5}, 5};
	struct holding holding = {0};
	size_t size = make_file(data, IOTSAFE_OBJECT_ACTIVE, 2);

	cr_assert(is_understood("89", &aid, data, size, &holding));
	cr_assert(holding.listed && holding.entries_count == 2);
	cr_assert(holding.entries[0].proven == 2);
	card_forget_applet(&holding);
	for (size_t i = 0; i < size; i++) {
		uint8_t *copy = malloc(size);

		memcpy(copy, data, size);
		copy[i] ^= 0x40;
		cr_assert(!is_understood("89", &aid, copy, size, &holding),
			  "byte %zu", i);
		cr_assert(!is_understood("89", &aid, data, i, &holding));
		free(copy);
	}
	cr_assert(!is_understood("88", &aid, data, size, &holding));
	cr_assert(!is_understood("89", &other, data, size, &holding));
	cr_assert(!holding.listed && !holding.entries);
}

Test(cache_file, has_no_place_for_keys_and_false_ties)
{
	static uint8_t data[CACHE_SIZE_MAX];
	struct holding holding = {0};
	size_t size = make_file(data, IOTSAFE_OBJECT_SOFTWARE, 0);

	cr_assert(!is_understood("89", &aid, data, size, &holding));
	size = make_file(data, 0, 1);
	cr_assert(!is_understood("89", &aid, data, size, &holding));
	size = make_file(data, 0, 3);
	cr_assert(!is_understood("89", &aid, data, size, &holding));
}
