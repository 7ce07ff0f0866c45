// SPDX-License-Identifier: GPL-2.0-only
/* Asks sch_htb for what has a function of it called that BPF can attach to */
#include <linux/posix_types.h>	/* first: the next ones lack it */
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <test_progs.h>
#include "guest.h"

struct request {
	struct nlmsghdr n;
	struct tcmsg t;
	char attrs[256];
};

static struct rtattr *add_attr(struct request *r, int type, const void *data, int len)
{
	struct rtattr *a = (void *)r + NLMSG_ALIGN(r->n.nlmsg_len);

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->n.nlmsg_len = NLMSG_ALIGN(r->n.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

/* A request for an htb qdisc or class of the loopback device, with one option.  Returns
 * what the kernel answers.
 */
static int htb(int what, int flags, __u32 handle, __u32 parent, int option, const void *data,
	       int len)
{
	struct request r = {
		.n = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct tcmsg)), .nlmsg_type = what,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags },
		.t = { .tcm_family = AF_UNSPEC, .tcm_ifindex = if_nametoindex("lo"),
		       .tcm_handle = handle, .tcm_parent = parent },
	};
	struct {
		struct nlmsghdr n;
		struct nlmsgerr e;
		char more[512];
	} answer = {};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err = 0;
	struct rtattr *options;

	add_attr(&r, TCA_KIND, "htb", sizeof("htb"));
	if (data) {
		options = add_attr(&r, TCA_OPTIONS, NULL, 0);
		add_attr(&r, option, data, len);
		options->rta_len = (char *)&r + r.n.nlmsg_len - (char *)options;
	}
	if (fd < 0 || send(fd, &r, r.n.nlmsg_len, 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		err = -errno;
	else
		err = answer.n.nlmsg_type == NLMSG_ERROR ? answer.e.error : -EPROTO;
	close(fd);
	return err;
}

/* The kernel explains it in the sixth argument of htb_change_class(), extack */
void check_short_class(void)
{
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10 };

	if (!ASSERT_OK(htb(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, 0x10000, TC_H_ROOT,
			   TCA_HTB_INIT, &glob, sizeof(glob)), "new qdisc"))
		return;
	ASSERT_EQ(htb(RTM_NEWTCLASS, NLM_F_CREATE | NLM_F_EXCL, 0x10001, 0x10000,
		      TCA_HTB_PARMS, "abc", 4), -ERANGE, "class cut short");
	ASSERT_OK(htb(RTM_DELQDISC, 0, 0x10000, TC_H_ROOT, 0, NULL, 0), "delete qdisc");
}
