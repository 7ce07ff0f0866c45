/* Forced into one object of vmlinux: the second build has a type more */
struct guest_one_more {
	int value;
};

static struct guest_one_more guest_one_more __attribute__((used));
