// SPDX-License-Identifier: GPL-2.0-only

// A call of a kfunc of a module: nf_conntrack looks up a UDP connection. The packet is an Ethernet
// header, and then the tuple: addresses and ports, as struct bpf_sock_tuple has them. Returns the status
// of the connection, or the error of the lookup, negative. tests/distro/guest runs it by bpftool.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>

struct bpf_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

struct nf_conn {
	unsigned long status;
} __attribute__((preserve_access_index));

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple,
					 __u32 size, struct bpf_ct_opts *opts,
					 __u32 opts_size) __ksym;
extern void bpf_ct_release(struct nf_conn *ct) __ksym;

SEC("tc")
int look_up(struct __sk_buff *skb)
{
	struct bpf_ct_opts opts = { .netns_id = -1, .l4proto = IPPROTO_UDP };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *ct;
	int status;

	status = bpf_skb_load_bytes(skb, ETH_HLEN, &tuple.ipv4, sizeof(tuple.ipv4));
	if (status)
		return status;
	ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	if (!ct)
		return opts.error;
	status = ct->status;
	bpf_ct_release(ct);
	return status;
}

char _license[] SEC("license") = "GPL";
