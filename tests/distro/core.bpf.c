// SPDX-License-Identifier: GPL-2.0-only

// CO-RE on types that only a module has: xfs. libbpf looks for them in the BTF of the modules that are
// loaded, and puts in where that says that the members are. tests/distro/guest attaches it by bpftool.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

// two members of many, so that nothing is where this file has it
struct xfs_mount {
	__u64 m_features;
} __attribute__((preserve_access_index));

struct xfs_inode {
	struct xfs_mount *i_mount;
} __attribute__((preserve_access_index));

__u64 calls;
__u64 nouuid;

SEC("fentry/xfs_ilock")
int BPF_PROG(lock, struct xfs_inode *ip)
{
	calls++;
	nouuid = ip->i_mount->m_features >> 63;
	return 0;
}

char _license[] SEC("license") = "GPL";
