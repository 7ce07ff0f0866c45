#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write kernels and modules in the forms they come in.

forms.py DIR: a directory in DIR for each case; tests/cases/*/input say what is right.
"""
import bz2
import gzip
import hashlib
import io
import lzma
import struct
import subprocess
import sys
import tarfile
import zipfile

sys.dont_write_bytecode = True
from hostile import (BASE, GOOD, INT, OLD, Btf, ar, cpio, elf, link, module, put, rpm,
                     small_base, small_split, tar, zstd)

CODE = b''.join(hashlib.sha256(b'%d' % i).digest() for i in range(128))
LZO = b'\x89LZO\0\r\n\x1a\n' + b'\x10\x40\x20\xa0' + b'\0' * 200


def lz4(data):
    """As the kernel has it"""
    return subprocess.run(['lz4', '-q', '-l', '-c'], input=data, stdout=subprocess.PIPE,
                          check=True).stdout


def swapped(btf):
    """Raw BTF @btf of small_base(), as a big-endian machine writes it"""
    header = struct.unpack('<HBBI4I', btf[:24])
    types = btf[24:24 + header[6]]
    return (struct.pack('>HBBI4I', *header) +
            struct.pack('>%dI' % (len(types) // 4), *struct.unpack('<%dI' % (len(types) // 4), types)) +
            btf[24 + header[6]:])


def at(size, *fields):
    """@size bytes with (offset, bytes) in them"""
    b = bytearray(size)
    for offset, data in fields:
        b[offset:offset + len(data)] = data
    return bytes(b)


def pe(machine, *sections):
    """A PE file of (name, data), and what else its first bytes say"""
    body, table = b'', b''
    for name, data in sections:
        table += struct.pack('<8s4I16x', name, len(data), 0, len(data), 0x400 + len(body))
        body += data
    head = at(0x400, (0, b'MZ'), (0x3c, struct.pack('<I', 0x80)),
              (0x80, b'PE\0\0' + struct.pack('<2H12x2H', machine, len(sections), 0, 0) + table))
    return head + body


def image(magic, machine, btf):
    """A flat kernel with the header that an Image of arm64 or RISC-V has; EFI sees a PE file"""
    return at(0x400, (0, b'MZ'), (0x38, magic), (0x3c, struct.pack('<I', 0x40)),
              (0x40, b'PE\0\0' + struct.pack('<2H', machine, 0))) + CODE + btf + CODE


def zboot(name, payload):
    head = pe(0xaa64)
    return at(0x400, (0, head), (4, b'zimg' + struct.pack('<2I', 0x400, len(payload))),
              (24, name)) + payload + CODE


def bzimage(payload):
    """A payload of gzip"""
    return at(1024, (0x1f1, b'\1'), (0x202, b'HdrS'), (0x24c, struct.pack('<I', len(payload)))) + payload


def vmlinux(btf, nobits=False, sections=0):
    """An ELF file, of so many sections more"""
    return elf([('.BTF', 8 if nobits else 1, 2, btf)] + [('.text', 1, 6, b'')] * sections, kind=2)


def distilled():
    """A module with a base of its own, which is no BTF of a kernel"""
    b = Btf()
    b.int_id = b.int('int', 4)
    b.list = b.struct('list_head', 16)
    return module(small_split(b), base=BASE, note=0x103, sections=[('.BTF.base', 1, 0, b.raw())])


def kernels(d):
    raw = BASE.raw()
    arm64, riscv = image(b'ARM\x64', 0xaa64, raw), image(b'RSC\x05', 0x5064, raw)
    plain = vmlinux(raw)
    put(d + 'btf', raw)
    put(d + 'btf-be', swapped(raw))
    put(d + 'm.ko', GOOD)
    put(d + 'arm64.ko', module(small_split(BASE), base=BASE, machine=183))
    # right
    put(d + 'ok/vmlinux', plain)
    put(d + 'ok/vmlinux-many', vmlinux(raw, sections=66000))
    put(d + 'ok/Image', arm64)
    put(d + 'ok/Image.gz', gzip.compress(arm64))
    put(d + 'ok/Image.lz4', lz4(arm64))
    put(d + 'ok/zboot-gzip', zboot(b'gzip', gzip.compress(arm64)))
    put(d + 'ok/zboot-zstd', zboot(b'zstd22', zstd(arm64)))
    put(d + 'ok/riscv', riscv)
    # what is compressed is followed by code
    for name, payload in (('gzip', gzip.compress(CODE + raw + CODE)), ('xz', lzma.compress(CODE + raw + CODE)),
                          ('lzma', lzma.compress(CODE + raw + CODE, lzma.FORMAT_ALONE)),
                          ('zstd', zstd(CODE + raw + CODE)), ('lz4', lz4(CODE + raw + CODE)),
                          ('bzip2', bz2.compress(CODE + raw + CODE))):
        put(d + 'ok/zImage-' + name, at(0x400, (0x24, b'\x18\x28\x6f\x01')) + CODE + payload + CODE)
    # what comes first looks like a compression and is none
    noise = b'\x1f\x8b\x08\0\0\0\0\0\0\3noise\xfd7zXZ\0\x28\xb5\x2f\xfd\x5d\0\0\1\0' + b'\xff' * 8 + b'\0'
    put(d + 'ok/noise', b'kernel' + noise + CODE + gzip.compress(plain) + CODE)
    put(d + 'ok/wrapped-elf', elf([('.kernel:vmlinux', 1, 2, gzip.compress(plain))], kind=2))
    initrd = cpio([('m.ko', 1, 1, distilled())])
    put(d + 'ok/boot.img', at(4096, (0, b'ANDROID!')) + gzip.compress(arm64) + gzip.compress(initrd))
    put(d + 'ok/uki.efi', pe(0x8664, (b'.osrel', b'ID=debian\n'), (b'.initrd', zstd(initrd)),
                             (b'.linux', bzimage(gzip.compress(plain)))))
    put(d + 'ok/uImage', b'\x27\x05\x19\x56' + b'\0' * 60 + gzip.compress(arm64))
    # a smaller base in the same image, and half of a header
    small = Btf()
    small.int('int', 4)
    put(d + 'ok/Image-modules', image(b'ARM\x64', 0xaa64, distilled() + small.raw() + raw[:20] + raw + raw[:-1]))
    be = at(0x10010, (0x10008, b'S390EP')) + CODE + gzip.compress(CODE + swapped(raw) + CODE) + CODE
    put(d + 'be/s390', be)
    put(d + 'be/ppc', image(b'', 0, swapped(raw)))
    # in a package, a directory, an archive
    old = vmlinux(small_base('added').raw())
    files = [('./boot/vmlinuz-6', bzimage(gzip.compress(plain))), ('./boot/System.map-6', b'no\n')]
    put(d + 'packed/linux-image.deb', ar([('debian-binary', b'2.0\n'), ('data.tar', tar(files))]))
    put(d + 'packed/kernel.rpm', rpm(gzip.compress(cpio([('./lib/modules/6/vmlinuz', 1, 1, zboot(
        b'gzip', gzip.compress(arm64)))]))))
    put(d + 'packed/kernel.pkg.tar.zst', zstd(tar([('usr/lib/modules/6/vmlinuz', plain)])))
    put(d + 'dir/boot/vmlinuz-6', bzimage(gzip.compress(plain)))
    put(d + 'dir/lib/vmlinux.o', elf([('.text', 1, 6, b'')]))
    put(d + 'two/vmlinuz-6', plain)
    put(d + 'two/vmlinuz-7', old)
    put(d + 'twice/vmlinuz-6', plain)
    put(d + 'twice/vmlinux-6', plain)
    # not to be read
    put(d + 'bad/debug', vmlinux(raw, nobits=True))
    put(d + 'bad/debug.deb', ar([('debian-binary', b'2.0\n'), ('data.tar', tar([
        ('./usr/lib/debug/boot/vmlinux-6', vmlinux(raw, nobits=True))]))]))
    put(d + 'bad/pe', pe(0x8664, (b'.text', CODE)))
    put(d + 'bad/Image', image(b'ARM\x64', 0xaa64, b''))
    put(d + 'bad/boot.img', at(4096, (0, b'ANDROID!')))
    put(d + 'bad/zImage', at(0x400, (0x24, b'\x18\x28\x6f\x01')) + CODE + gzip.compress(CODE) + CODE)
    put(d + 'bad/zboot-cut', zboot(b'gzip', gzip.compress(arm64))[:0x500])
    damaged = bytearray(zboot(b'gzip', gzip.compress(arm64)))
    damaged[0x480] ^= 0xff
    put(d + 'bad/zboot-damaged', bytes(damaged))
    deep = arm64
    for _ in range(8):
        deep = zboot(b'gzip', gzip.compress(deep))
    put(d + 'bad/zboot-deep', deep)
    put(d + 'bad/zboot-lzo', zboot(b'lzo', LZO))
    put(d + 'bad/zImage-lzo', at(0x400, (0x24, b'\x18\x28\x6f\x01')) + CODE + LZO + CODE)
    put(d + 'bad/vmlinux.lzo', LZO)
    put(d + 'bad/vmlinux', elf([('.text', 1, 6, b'')], kind=2))
    put(d + 'bad/vmlinux-cut', plain[:200])
    put(d + 'bad/no-kernel.deb', ar([('debian-binary', b'2.0\n'), ('data.tar', tar([('./a', b'')]))]))
    put(d + 'no-kernel/readme', b'')
    # its header is sound, a type is not
    v = small_base()
    v.add(INT, 'float', 4, rest=struct.pack('<I', 0xff000020))
    put(d + 'bad/Image-type', image(b'ARM\x64', 0xaa64, v.raw()))


def archives(d):
    members = [('usr/lib/modules/2/kernel/good.ko', GOOD), ('usr/lib/modules/2/kernel/old.ko', OLD)]
    t = tar(members)
    c = cpio([(name, i, 1, data) for i, (name, data) in enumerate(members)])
    put(d + 'base', BASE.raw())
    for name, data in members:
        put(d + 'tree/' + name, data)
    # an initramfs, behind that of the microcode
    early = cpio([('kernel/x86/microcode/AuthenticAMD.bin', 9, 1, b'ucode')])
    early += b'\0' * (-len(early) % 512)
    put(d + 'ok/initrd', c)
    for name, data in (('gz', gzip.compress(c)), ('xz', lzma.compress(c, check=lzma.CHECK_CRC32)),
                       ('zst', zstd(c)), ('lz4', lz4(c)), ('bz2', bz2.compress(c)),
                       ('lzma', lzma.compress(c, lzma.FORMAT_ALONE))):
        put(d + 'ok/initrd.' + name, data)
        put(d + 'ok/initrd-early.' + name, early + data)
    # several that are not compressed, and several that are
    good, old = (cpio([(name, 1, 1, data)]) for name, data in members)
    put(d + 'ok/initrd-three', early + good + gzip.compress(old) + b'\0' * 100)
    put(d + 'ok/initrd-inside', early + gzip.compress(good + b'\0' * 512 + old))
    put(d + 'ok/initrd-two', gzip.compress(good) + zstd(old))
    put(d + 'ok/modules.tar', t)
    put(d + 'ok/modules.tar.gz', gzip.compress(t))
    put(d + 'ok/linux-2-1-x86_64.pkg.tar.zst', zstd(tar([('.PKGINFO', b'pkgname = linux\n')] + members)))
    # the first tars of an .apk have no end
    info = tar([('.PKGINFO', b'pkgname = linux\n')])[:1024]
    put(d + 'ok/linux-2-r0.apk', gzip.compress(info) + gzip.compress(t))
    put(d + 'ok/ended.apk', gzip.compress(tar([('.PKGINFO', b'pkgname = linux\n')])) + gzip.compress(t))
    parts = [('./debian-binary', b'2.0\n'), ('./control.tar.gz', gzip.compress(info + b'\0' * 1024)),
             ('./data.tar.gz', gzip.compress(t))]
    put(d + 'ok/kmod_2.ipk', gzip.compress(tar(parts)))
    put(d + 'ok/kmod_2.deb', ar([(name[2:], data) for name, data in parts]))
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, data in members:
            z.writestr(name, data)
        # which only the directory of the file says to be a link
        info = zipfile.ZipInfo('usr/lib/modules/2/updates/good.ko')
        info.external_attr = 0o120777 << 16
        info.create_system = 3
        z.writestr(info, '../kernel/good.ko')
    put(d + 'ok/modules.zip', out.getvalue())
    # the data comes with the last name
    links = cpio([('a.ko', 1, 3, b''), ('b.ko', 1, 3, b''), ('c.ko', 1, 3, OLD), ('good.ko', 2, 1, GOOD)])
    put(d + 'linked/initrd.gz', early + gzip.compress(links))
    put(d + 'linked/modules.rpm', rpm(zstd(links)))
    put(d + 'linked/modules.tar.xz', lzma.compress(tar([
        ('a.ko', OLD), ('b.ko', link(tarfile.LNKTYPE, 'a.ko')), ('good.ko', GOOD)])))
    # cannot be read, or not all of it
    for name, magic in (('lzop', LZO), ('lrz', b'LRZI\0\6'), ('7z', b'7z\xbc\xaf\x27\x1c\0\4'),
                        ('rar', b'Rar!\x1a\7\1\0'), ('apk', b'ADBd' + b'\0' * 9), ('squashfs', b'hsqs'),
                        ('Z', b'\x1f\x9d\x90'), ('lz', b'LZIP\1'), ('nar', b'\r\0\0\0\0\0\0\0nix-archive-1'),
                        ('erofs', b'\0' * 1024 + b'\xe2\xe1\xf5\xe0'),
                        ('ext4', b'\0' * 1080 + b'\x53\xef')):
        put(d + 'bad/modules.' + name, magic + b'\0' * 2000)
        if magic[0]:
            put(d + 'bad/early.' + name, early + good + magic + b'\0' * 2000)
    put(d + 'bad/large.rpm', rpm(gzip.compress(b'07070X00000000' + b'\0' * 200)))
    put(d + 'bad/cut.cpio', c[:-300])
    put(d + 'bad/cut.tar.gz', gzip.compress(t)[:-300])
    put(d + 'bad/cut-late.gz', gzip.compress(c)[:-12])
    put(d + 'bad/cut.zip', out.getvalue()[:300])
    put(d + 'bad/behind', early + good + b'something')
    put(d + 'bad/packed-twice.gz', early + gzip.compress(zstd(good)))
    deep = t
    for _ in range(8):
        deep = gzip.compress(tar([('data.tar.gz', deep)]))
    put(d + 'bad/deep.ipk', deep)
    put(d + 'bad/empty.tar.gz', gzip.compress(tar([])))
    put(d + 'bad/no-modules.cpio', early)


def foreign(d):
    """Modules and kernels of different machines; BTF tells the size of pointers"""
    for name, size in (('long unsigned int', 4), ('unsigned long', 8)):
        b = small_base()
        b.int('long long unsigned int', 8)
        b.int(name, size)
        put(d + 'btf-%d' % (8 * size), b.raw())
        put(d + 'on-%d.ko' % (8 * size), module(small_split(b), base=b))
    for name, magic, pe_machine, machine in (('arm64', b'ARM\x64', 0xaa64, 183), ('riscv', b'RSC\x05', 0x5064, 243),
                                             ('loongarch', b'', 0x6264, 258), ('x86', b'', 0x8664, 62)):
        put(d + name + '.image', image(magic, pe_machine, BASE.raw()))
        put(d + name + '.ko', module(small_split(BASE), base=BASE, machine=machine))


def main():
    for case in (kernels, archives, foreign):
        case('%s/%s/' % (sys.argv[1], case.__name__))


if __name__ == '__main__':
    main()
