// SPDX-License-Identifier: GPL-2.0-only
/* Loads and unloads modules, and asks the kernel what has become of them */
#include <fcntl.h>
#include <sys/syscall.h>
#include <test_progs.h>
#include "guest.h"

const char *modinfo(const struct kmod *k, const char *tag)
{
	size_t size, len = strlen(tag);
	const char *p = kmod_section(k, ".modinfo", &size), *end = p + size;

	for (; p < end; p += strlen(p) + 1)
		if (!strncmp(p, tag, len) && p[len] == '=')
			return p + len + 1;
	return "";
}

int load_with_deps(const char *path)
{
	char deps[256], dep[512], *name, *save;
	struct kmod k;
	int err = kmod_read(&k, path);

	if (err)
		return err;
	snprintf(deps, sizeof(deps), "%s", modinfo(&k, "depends"));
	for (name = strtok_r(deps, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		snprintf(dep, sizeof(dep), "/modules/own/%s.ko", name);
		err = load_with_deps(dep);
		if (err && err != -EEXIST) {
			kmod_free(&k);
			return err;
		}
	}
	err = kmod_load(&k, "");
	kmod_free(&k);
	return err;
}

void unload_all(void)
{
	char line[256];
	bool again;
	FILE *f;

	do {
		again = false;
		f = fopen("/proc/modules", "r");
		while (f && fgets(line, sizeof(line), f)) {
			*strchrnul(line, ' ') = 0;
			if (!syscall(__NR_delete_module, line, 0))
				again = true;
		}
		if (f)
			fclose(f);
	} while (again);
}

bool has_function(const char *name)
{
	char line[512], symbol[256];
	bool found = false;
	FILE *f = fopen("/proc/kallsyms", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*x %*c %255s", symbol) == 1 && !strcmp(symbol, name);
	if (f)
		fclose(f);
	return found;
}

bool checks_references(void)
{
	return has_function("btf_check_refs");
}

bool loaded(const char *module)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", module);
	return !access(path, F_OK);
}

int count_btfs(void)
{
	__u32 id = 0;
	int n = 0;

	while (!bpf_btf_get_next_id(id, &id))
		n++;
	return n;
}

const char *btf_status(const char *module)
{
	static char status[64];
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/btf", module);
	f = fopen(path, "r");
	if (f) {
		if (!fgets(status, sizeof(status), f))
			status[0] = 0;
		status[strcspn(status, "\n")] = 0;
		fclose(f);
		return status;
	}
	snprintf(path, sizeof(path), "/sys/kernel/btf/%s", module);
	return access(path, F_OK) ? "not used" : "used";
}

bool is_used(const char *status)
{
	return !strcmp(status, "used") || !strcmp(status, "native") || !strcmp(status, "relocated");
}

const char *ids_left(void)
{
	static char line[256];
	FILE *f;

	f = fopen("/sys/module/bpf_test_btf_mismatch/parameters/ids", "r");
	if (!f)
		return "not known";
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return strspn(line, "0 \n") < strlen(line) ? line : NULL;
}

int set_param(const char *mode)
{
	int fd = open(KMOD_MODE, O_WRONLY), err;

	if (fd < 0)
		return -errno;
	err = write(fd, mode, strlen(mode)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

bool has_param(void)
{
	return !access(KMOD_MODE, F_OK);
}
