// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a struct of a module whose members this program has elsewhere: CO-RE and the
 * BTF of the module put that right.
 */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

struct list_head {
	struct list_head *prev, *next;
} __attribute__((preserve_access_index));

struct bpf_test_btf_mismatch {
	struct task_struct *task;
	struct list_head list;
} __attribute__((preserve_access_index));

extern int bpf_test_btf_mismatch_kfunc(void)
	__ksym;

int type_id, type_size, task_off, kfunc_retval;
bool ran, list_is_empty, next_is_empty, read_is_empty;

SEC("fentry/bpf_test_btf_mismatch_attach")
int BPF_PROG(attach, struct bpf_test_btf_mismatch *m, int value)
{
	ran = true;
	list_is_empty = m->list.next == &m->list;
	next_is_empty = m->list.prev->next == &m->list;
	read_is_empty = BPF_CORE_READ(m, list.next, prev) == &m->list;
	return 0;
}

SEC("syscall")
int call(void *ctx)
{
	type_id = bpf_core_type_id_kernel(struct bpf_test_btf_mismatch);
	type_size = bpf_core_type_size(struct bpf_test_btf_mismatch);
	task_off = bpf_core_field_offset(struct bpf_test_btf_mismatch, task);
	kfunc_retval = bpf_test_btf_mismatch_kfunc();
	return 0;
}

char _license[] SEC("license") = "GPL";
