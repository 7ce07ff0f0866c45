// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ask the code of a stock kernel whether it takes the BTF of modules.  scripts/check-modbtf
 * cuts that code out of kernel/bpf/btf.c, into cut.h; here is what it needs, and main().
 *   stock_btf BASE OUT CHANGES MODULE.ko...
 * BASE is raw BTF.  Of each module CHANGES times a byte of its BTF is set to another, it is
 * written to OUT, and its name and "refused" or "accepted" are printed.
 */
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include <linux/btf.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

#define ENOTSUPP		524
#define KSYM_NAME_LEN		512
#define BITS_PER_U128		128
#define BITS_ROUNDUP_BYTES(n)	(((n) >> 3) + !!((n) & 7))
#define BTF_INT_MASK		0x0fffffff
#define BTF_INFO_MASK		0x9f00ffff
#define BTF_TYPE_ID_VALID(id)	((id) <= BTF_MAX_TYPE)
#define BTF_STR_OFFSET_VALID(o)	((o) <= BTF_MAX_NAME_OFFSET)
#define BPF_LOG_KERNEL		1
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof(*(a)))
#define offsetofend(t, m)	(offsetof(t, m) + sizeof(((t *)0)->m))
#define min_t(t, a, b)		((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))
#define sort(base, n, size, cmp, swap) qsort(base, n, size, cmp)
#define unlikely(x)		(x)
#define cond_resched()		do { } while (0)
#define btf_verifier_log(...)	do { } while (0)
#define btf_verifier_log_basic(...) do { } while (0)
#define btf_verifier_log_hdr(...) do { } while (0)
#define btf_verifier_log_member(...) do { } while (0)
#define btf_verifier_log_type(...) do { } while (0)
#define btf_verifier_log_vsi(...) do { } while (0)
#define __btf_verifier_log(...)	do { } while (0)
#define btf_verifier_lists(env)	false

/* lib/ctype.c, which knows latin 1 */
static bool is_alpha(unsigned char c)
{
	return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}
#define isalpha(c)	is_alpha(c)
#define isalnum(c)	(is_alpha(c) || ((c) >= '0' && (c) <= '9'))
#define isprint(c)	(((unsigned char)(c) >= 0x20 && (unsigned char)(c) < 0x7f) || (unsigned char)(c) >= 0xa0)

struct btf {
	void *data, *nohdr_data, *layout;
	struct btf_type **types;
	const char *strings;
	struct btf_header hdr;
	u32 nr_types, types_size, data_size, start_id, start_str_off;
	struct btf *base_btf;
};

struct btf_verifier_env {
	struct btf *btf;
	u32 log_type_id;
	struct {
		int level;
	} log;
};

struct btf_sec_info {
	u32 off, len;
};

struct btf_kind_operations {
	s32 (*check_meta)(struct btf_verifier_env *env, const struct btf_type *t, u32 meta_left);
};

#define AFTER(type, name) static const struct type *name(const struct btf_type *t) { return (const void *)(t + 1); }
AFTER(btf_array, btf_type_array)
AFTER(btf_enum, btf_type_enum)
AFTER(btf_enum64, btf_type_enum64)
AFTER(btf_var, btf_type_var)
AFTER(btf_decl_tag, btf_type_decl_tag)
AFTER(btf_member, btf_type_member)
AFTER(btf_var_secinfo, btf_type_var_secinfo)
#define btf_type_int(t)		(*(const u32 *)((t) + 1))
#define btf_type_vlen(t)	BTF_INFO_VLEN((t)->info)
#define btf_type_kflag(t)	BTF_INFO_KFLAG((t)->info)
#define btf_type_is_type_tag(t)	(BTF_INFO_KIND((t)->info) == BTF_KIND_TYPE_TAG)
#define __btf_member_bit_offset(t, m) (btf_type_kflag(t) ? BTF_MEMBER_BIT_OFFSET((m)->offset) : (m)->offset)
#define for_each_member(i, t, m) for (i = 0, m = btf_type_member(t); i < btf_type_vlen(t); i++, m++)
#define for_each_vsi(i, t, m)	for (i = 0, m = btf_type_var_secinfo(t); i < btf_type_vlen(t); i++, m++)

static u32 btf_nr_types(const struct btf *btf)
{
	return btf->start_id + btf->nr_types;
}

static const struct btf_type *btf_type_by_id(const struct btf *btf, u32 id)
{
	while (id < btf->start_id)
		btf = btf->base_btf;
	id -= btf->start_id;
	return id < btf->nr_types ? btf->types[id] : NULL;
}

static int btf_add_type(struct btf_verifier_env *env, struct btf_type *t)
{
	static struct btf_type btf_void;
	struct btf *btf = env->btf;

	if (btf->nr_types + 1 >= btf->types_size) {
		btf->types_size = 2 * btf->types_size + 1024;
		btf->types = realloc(btf->types, btf->types_size * sizeof(*btf->types));
	}
	if (!btf->base_btf && !btf->nr_types)
		btf->types[btf->nr_types++] = &btf_void;
	btf->types[btf->nr_types++] = t;
	return 0;
}

static const struct btf_kind_operations *btf_type_ops(const struct btf_type *t);
#include "cut.h"

static const struct btf_kind_operations ops[NR_BTF_KINDS] = {
	[BTF_KIND_INT] = { btf_int_check_meta }, [BTF_KIND_PTR] = { btf_ref_type_check_meta },
	[BTF_KIND_ARRAY] = { btf_array_check_meta }, [BTF_KIND_STRUCT] = { btf_struct_check_meta },
	[BTF_KIND_UNION] = { btf_struct_check_meta }, [BTF_KIND_ENUM] = { btf_enum_check_meta },
	[BTF_KIND_FWD] = { btf_fwd_check_meta }, [BTF_KIND_TYPEDEF] = { btf_ref_type_check_meta },
	[BTF_KIND_VOLATILE] = { btf_ref_type_check_meta }, [BTF_KIND_CONST] = { btf_ref_type_check_meta },
	[BTF_KIND_RESTRICT] = { btf_ref_type_check_meta }, [BTF_KIND_FUNC] = { btf_func_check_meta },
	[BTF_KIND_FUNC_PROTO] = { btf_func_proto_check_meta }, [BTF_KIND_VAR] = { btf_var_check_meta },
	[BTF_KIND_DATASEC] = { btf_datasec_check_meta }, [BTF_KIND_FLOAT] = { btf_float_check_meta },
	[BTF_KIND_DECL_TAG] = { btf_decl_tag_check_meta }, [BTF_KIND_TYPE_TAG] = { btf_ref_type_check_meta },
	[BTF_KIND_ENUM64] = { btf_enum64_check_meta },
};

static const struct btf_kind_operations *btf_type_ops(const struct btf_type *t)
{
	return ops + BTF_INFO_KIND(t->info);
}

/* As btf_parse_module() */
static int parse(struct btf *btf, void *data, u32 size, struct btf *base)
{
	struct btf_verifier_env env = { .btf = btf, .log.level = BPF_LOG_KERNEL };

	*btf = (struct btf){ .data = data, .data_size = size, .base_btf = base };
	if (base) {
		btf->start_id = btf_nr_types(base);
		btf->start_str_off = base->hdr.str_len;
	}
	if (btf_parse_hdr(&env))
		return -1;
	btf->nohdr_data = btf->data + btf->hdr.hdr_len;
	return btf_parse_str_sec(&env) || btf_check_all_metas(&env) ||
	       CHAINS(&env, btf, base ? btf->start_id : 1);
}

static char *slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	char *data;

	if (!f || fseek(f, 0, SEEK_END)) {
		perror(path);
		exit(1);
	}
	*size = ftell(f);
	rewind(f);
	data = malloc(*size + 8);
	*size = fread(data, 1, *size, f);
	fclose(f);
	return data;
}

int main(int argc, char **argv)
{
	struct btf base, btf;
	char path[4096], *ko, *copy;
	size_t size, len;
	FILE *f;
	int i, k;

	if (argc < 4)
		return 2;
	ko = slurp(argv[1], &size);
	if (parse(&base, ko, size, NULL)) {
		fprintf(stderr, "%s is no base\n", argv[1]);
		return 2;
	}
	for (i = 4; i < argc; i++) {
		const char *name = strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i];
		Elf64_Shdr *sh, *s;
		Elf64_Ehdr *eh;

		ko = slurp(argv[i], &size);
		eh = (void *)ko;
		sh = (void *)(ko + eh->e_shoff);
		for (s = sh + 1; s < sh + eh->e_shnum; s++)
			if (!strcmp(ko + sh[eh->e_shstrndx].sh_offset + s->sh_name, ".BTF"))
				break;
		if (s == sh + eh->e_shnum)
			continue;
		len = s->sh_size;
		for (k = 0; k < atoi(argv[3]); k++)
			ko[s->sh_offset + random() % (random() % 8 ? len : 32)] =
				random() % 2 ? random() : random() % 2 ? 0 : 255;
		copy = memcpy(malloc(len + 8), ko + s->sh_offset, len);
		printf("%s %s\n", name, parse(&btf, copy, len, &base) ? "refused" : "accepted");
		snprintf(path, sizeof(path), "%s/%s", argv[2], name);
		f = fopen(path, "wb");
		if (!f || fwrite(ko, size, 1, f) != 1 || fclose(f)) {
			perror(path);
			return 2;
		}
		free(btf.types);
		free(copy);
		free(ko);
	}
	return 0;
}
