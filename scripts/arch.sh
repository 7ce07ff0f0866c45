# shellcheck shell=bash
# Sourced after lib.sh: the architectures, one a line, and what the scripts have to know of each.
# What is built for another one than the host's has the name BASE-ARCH, and is in build/BASE-ARCH.
#   architecture  as it is in ARCH=, and of configs/ARCH.config
#   kbuild        what kbuild calls it
#   Debian        what Debian calls it
#   triplet       of the GNU tools
#   image         of the kernel
#   bpf           what libbpf's headers call it, and the target of clang for BPF
#   jit           what the JIT can do: attach to functions, call kfuncs
#   QEMU          its program, the package that has it in trixie, and the machine
#   libraries     the release of Debian that has them: of trixie, whose C library is newer than that of the
#                 cross compilers, the programs of the guest are linked as shared ones
#   terminal      of the console
#   channel       how results and coverage come out of the guest: over the serial ports behind that, or
#                 over this device for virtio consoles, hvc0 and hvc1
#   CPUs          how many; arm flushes memory page by page, and in QEMU all CPUs wait for each of them
#   CPU           of QEMU without KVM. erms, fsrm: a copy is done by the word, because of instructions
#                 that copy bytes QEMU counts each byte
ARCHES='
x86_64  x86_64 amd64   x86_64-linux-gnu    arch/x86/boot/bzImage  x86:bpfel   attach,call x86_64:x86:pc               bookworm ttyS0    serial               2 max,la57=off,erms=off,fsrm=off
s390x   s390   s390x   s390x-linux-gnu     arch/s390/boot/bzImage s390:bpfeb  attach,call s390x:s390x:s390-ccw-virtio bookworm ttysclp0 virtio-serial-ccw    2 max
arm64   arm64  arm64   aarch64-linux-gnu   arch/arm64/boot/Image  arm64:bpfel attach,call aarch64:arm:virt            bookworm ttyAMA0  virtio-serial-device 2 cortex-a57
arm     arm    armhf   arm-linux-gnueabihf arch/arm/boot/zImage   arm:bpfel   none        arm:arm:virt                bookworm ttyAMA0  virtio-serial-device 1 cortex-a15
riscv64 riscv  riscv64 riscv64-linux-gnu   arch/riscv/boot/Image  riscv:bpfel attach,call riscv64:riscv:virt          trixie   ttyS0    virtio-serial-device 2 rv64
'

arch_names() { awk 'NF { print $1 }' <<<"$ARCHES" | xargs; }

# host_arch: of this machine
host_arch() { awk -v deb="$(dpkg --print-architecture)" '$3 == deb { print $1 }' <<<"$ARCHES"; }

# use_arch ARCH: set what is in its line, and CROSS, the prefix of its tools; empty: those of the host
# shellcheck disable=SC2034
use_arch() {
	local line bpf qemu
	line=$(awk -v arch="$1" '$1 == arch' <<<"$ARCHES")
	[ -n "$line" ] || die "unknown ARCH '$1'; known: $(arch_names)"
	read -r ARCH KARCH DEB_ARCH TRIPLET IMAGE bpf JIT qemu LIBRARIES TERMINAL CHANNEL CPUS CPU <<<"$line"
	IFS=: read -r BPF_ARCH BPF_TARGET <<<"$bpf"
	IFS=: read -r QEMU_ARCH QEMU_PACKAGE MACHINE <<<"$qemu"
	QEMU_PACKAGE=qemu-system-$QEMU_PACKAGE
	CROSS=''
	if [ "$ARCH" != "$(host_arch)" ]; then CROSS=$TRIPLET-; fi
}

# use_arch_of NAME: the same for what is in build/NAME
use_arch_of() {
	local arch
	arch=$(cat "$TOP/build/$1/arch" 2>/dev/null || host_arch)
	use_arch "$arch"
}

# For those who name it. What is run from here would take it for the ARCH of kbuild, also out of the
# command line of the make that runs this
export -n ARCH
unset MAKEFLAGS MAKEOVERRIDES
