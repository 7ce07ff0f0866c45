#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write modules, bases and packages that are made to do harm, or that were read wrong.

hostile.py DIR: a directory in DIR for each case; tests/cases/*/input say what is right.
Nothing here is a real file: BTF and ELF are put together from their formats.
"""
import gzip
import hashlib
import io
import lzma
import os
import struct
import subprocess
import sys
import tarfile

(INT, PTR, ARRAY, STRUCT, ENUM, FWD, TYPEDEF, CONST, FUNC, PROTO, VAR, DATASEC, FLOAT, DECL_TAG,
 TYPE_TAG, ENUM64) = (1, 2, 3, 4, 6, 7, 8, 10, 12, 13, 14, 15, 16, 17, 18, 19)


class Btf:
    """Raw BTF; of a module if @base is given"""

    def __init__(self, base=None):
        self.base, self.types = base, []
        self.first = base.next_id() if base else 1
        self.start = base.start + len(base.strings) if base else 0
        self.strings = b'' if base else b'\0'
        self.known = {}
        self.layout = b''       # how long each kind is, in a header that says so

    def next_id(self):
        return self.first + len(self.types)

    def name(self, s):
        """The offset of a string; a number is one"""
        if isinstance(s, int):
            return s
        s = s if isinstance(s, bytes) else s.encode()
        b = self
        while b:
            if s in b.known:
                return b.known[s]
            b = b.base
        if not s:
            return 0
        self.known[s] = self.start + len(self.strings)
        self.strings += s + b'\0'
        return self.known[s]

    def add(self, kind, name='', size=0, vlen=0, rest=b''):
        self.types.append(struct.pack('<3I', self.name(name), kind << 24 | vlen, size) + rest)
        return self.next_id() - 1

    def int(self, name, size):
        return self.add(INT, name, size, rest=struct.pack('<I', size * 8))

    def struct(self, name, size, members=()):
        rest = b''.join(struct.pack('<3I', self.name(m), t, o) for m, t, o in members)
        return self.add(STRUCT, name, size, len(members), rest)

    def proto(self, ret, params):
        rest = b''.join(struct.pack('<2I', self.name(n), t) for n, t in params)
        return self.add(PROTO, '', ret, len(params), rest)

    def array(self, of, index, nr):
        return self.add(ARRAY, rest=struct.pack('<3I', of, index, nr))

    def raw(self):
        types = b''.join(self.types)
        layout = self.layout and struct.pack('<2I', len(types) + len(self.strings), len(self.layout))
        return struct.pack('<HBBI4I', 0xeb9f, 1, 0, 24 + len(layout), 0, len(types), len(types),
                           len(self.strings)) + layout + types + self.strings + self.layout


def elf(sections, machine=62, kind=1):
    """A relocatable file, or of another kind; sections are (name, type, flags, data[, link, entsize])"""
    sections = sections + [('.shstrtab', 3, 0, b'')]
    names, at = bytearray(b'\0'), []
    for s in sections:
        at.append(len(names))
        names += s[0].encode() + b'\0'
    sections[-1] = ('.shstrtab', 3, 0, bytes(names))
    body, headers = b'', [b'\0' * 64]
    for s, name in zip(sections, at):
        body += b'\0' * (-len(body) % 8)
        link, entsize = s[4:] if len(s) > 4 else (0, 0)
        headers.append(struct.pack('<IIQQQQIIQQ', name, s[1], s[2], 0, 64 + len(body), len(s[3]),
                                   link, 0, 8, entsize))
        body += s[3]
    body += b'\0' * (-len(body) % 8)
    nr, last = len(headers), len(headers) - 1
    if nr >= 0xff00:  # then the first header has the numbers
        headers[0] = struct.pack('<IIQQQQIIQQ', 0, 0, 0, 0, 0, nr, last, 0, 0, 0)
        nr, last = 0, 0xffff
    return b'\x7fELF\2\1\1' + b'\0' * 9 + struct.pack(
        '<HHIQQQIHHHHHH', kind, machine, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, nr, last) + body + b''.join(headers)


def id_note(base, note=0x102):
    return struct.pack('<3I', 6, 32, note) + b'Linux\0\0\0' + hashlib.sha256(base.raw()).digest()


def module(btf=None, name='m', base=None, note=0x102, sections=(), machine=62):
    """A module with .BTF @btf, and the note that it was built against @base"""
    name = name if isinstance(name, bytes) else name.encode()
    s = [('.modinfo', 1, 2, b'license=GPL\0name=' + name + b'\0')]
    if base:
        s.append(('.note.BTF', 7, 2, id_note(base, note)))
    if btf:
        s.append(('.BTF', 1, 0, btf.raw()))
    return elf(s + list(sections), machine)


def put(path, data):
    path = path if isinstance(path, bytes) else path.encode()
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data)


def ar(members):
    out = b'!<arch>\n'
    for name, data in members:
        out += b'%-16s%-12d%-6d%-6d%-8s%-10d`\n' % (name.encode(), 0, 0, 0, b'100644', len(data))
        out += data + b'\n' * (len(data) % 2)
    return out


def tar(members):
    """members: (name, data, or a function that changes the TarInfo)"""
    out = io.BytesIO()
    t = tarfile.open(fileobj=out, mode='w', format=tarfile.GNU_FORMAT)
    for name, data in members:
        info = tarfile.TarInfo(name)
        if callable(data):
            data(info)
            t.addfile(info)
        else:
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    t.close()
    return out.getvalue()


def link(kind, to):
    def change(info):
        info.type, info.linkname = kind, to
    return change


def deb(members):
    return ar([('debian-binary', b'2.0\n'), ('control.tar', tar([])), ('data.tar', tar(members))])


def cpio(members):
    """newc; members: (name, inode, links, data)"""
    out = b''
    for name, inode, links, data in list(members) + [('TRAILER!!!', 0, 1, b'')]:
        fields = (inode, 0o100644, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b'070701' + b''.join(b'%08x' % f for f in fields) + name.encode() + b'\0'
        out += b'\0' * (-len(out) % 4) + data
        out += b'\0' * (-len(out) % 4)
    return out


def rpm(payload):
    """A lead, two empty headers and the payload"""
    header = b'\x8e\xad\xe8\x01' + b'\0' * 12
    return b'\xed\xab\xee\xdb\x03\0' + b'\0' * 90 + header + header + payload


def zstd(data):
    return subprocess.run(['zstd', '-q', '-c'], input=data, stdout=subprocess.PIPE,
                          check=True).stdout


def small_base(*front):
    b = Btf()
    for name in front:
        b.struct(name, 4)
    b.int_id = b.int('int', 4)
    b.list = b.struct('list_head', 16, [('next', b.next_id() + 1, 0), ('prev', b.next_id() + 1, 64)])
    b.add(PTR, size=b.list)
    b.struct('task_struct', 64, [('pid', b.int_id, 0)])
    return b


def small_split(base):
    m = Btf(base)
    m.struct('my_dev', 24, [('node', base.list, 0), ('pid', base.int_id, 128)])
    return m


BASE, OTHER = small_base(), small_base('added')
GOOD = module(small_split(BASE), base=BASE)
OLD = module(small_split(OTHER), base=OTHER)


def exec_filter(d):
    """Compressions that libarchive knows how to undo by running a program of PATH"""
    lrzip = b'LRZI\0\6' + b'\0' * 2000
    for name, ext, data in (('lrzip', 'lrz', lrzip),
                            ('grzip', 'grz', b'GRZipII\0\2\4:)' + b'\0' * 2000),
                            ('lzop', 'lzo', b'\x89LZO\0\r\n\x1a\n' + b'\0' * 2000)):
        put(d + name + '.deb', ar([('debian-binary', b'2.0\n'), ('data.tar.' + ext, data)]))
        put(d + name + '-as-xz.deb', ar([('debian-binary', b'2.0\n'), ('data.tar.xz', data)]))
        put(d + 'bin/' + name, b'#!/bin/sh\necho >&2 "%s was run"\nexit 1\n' % name.encode())
        os.chmod(d + 'bin/' + name, 0o755)
        put(d + name + '.rpm', rpm(data))


def bombs(d):
    """Small files that take much memory or time"""
    b = Btf()
    b.int('int', 4)
    event = b'__bpf_trace_tp_map_' + b'e' * 1000000
    symbols = b'\0' * 24 + struct.pack('<IBBHQQ', 1, 0, 0, 1, 0, 8) * 4000
    ko = elf([('.symtab', 2, 0, symbols, 2, 24), ('.strtab', 3, 0, b'\0' + event + b'\0'),
              ('.BTF', 1, 2, b.raw())])
    put(d + 'events.ko.xz', lzma.compress(ko))
    # names that are not too long, but many
    symbols = b'\0' * 24 + struct.pack('<IBBHQQ', 1, 0, 0, 1, 0, 8) * 100000
    ko = elf([('.symtab', 2, 0, symbols, 2, 24), ('.strtab', 3, 0, b'\0' + event[:500] + b'\0'),
              ('.BTF', 1, 2, b.raw())])
    put(d + 'many.ko.xz', lzma.compress(ko))
    zeros = zstd(b'\0' * (255 << 20))
    put(d + 'nested.deb', ar([('debian-binary', b'2.0\n'), ('data.tar.xz', lzma.compress(
        tar([('lib/modules/m%05d.ko.zst' % i, zeros) for i in range(100)])))]))
    # each is small enough, and a module by its first bytes
    zeros = zstd(GOOD + b'\0' * (250 << 20))
    put(d + 'modules.tar.xz', lzma.compress(tar([('m%05d.ko.zst' % i, zeros) for i in range(40)])))
    # a compression in a compression, whose inner one has much input and no output
    put(d + 'twice.ko.zst', zstd(zstd(gzip.compress(b'') * 20000000)))
    # a name that is in the words of a result
    b = Btf(BASE)
    b.struct('x' * (64 << 20), 0)
    put(d + 'words.ko.xz', lzma.compress(module(b, base=BASE), preset=0))
    put(d + 'path.deb', ar([('debian-binary', b'2.0\n'), ('data.tar.gz', gzip.compress(
        tar([('x' * 900000 + '.ko', GOOD)] * 20)))]))
    # what is no module has to be skipped, and that takes as long
    put(d + 'skipped.deb', ar([('debian-binary', b'2.0\n'), ('data.tar.gz', gzip.compress(
        tar([('zeros', b'\0' * (64 << 20)), ('m.ko', GOOD)])))]))


def slow(d):
    """Comparisons that used to take time by the square"""
    built, loaded = Btf(), Btf()
    for b, name in ((built, 'aaa'), (loaded, 'bbb')):
        b.struct(name, 4, [('', b.int('int', 4), 0)])
        put(d + name, b.raw())
    m = Btf(built)
    proto = m.proto(1, [('', 1)] * 9990)
    for _ in range(4):
        m.struct('st', 4, [('', proto, 0)] * 65535)
    put(d + 'members.ko', module(m))
    # each function has the prototype that is different
    m = Btf(built)
    proto = m.proto(1, [('', 1)] * 65000 + [('', 2)])
    for _ in range(100000):
        m.add(FUNC, 'f', proto)
    put(d + 'functions.ko', module(m))
    m = Btf(built)
    name = m.name('x' * (8 << 20))
    for _ in range(4000):
        m.add(TYPE_TAG, name, 1)
    put(d + 'tags.ko', module(m))
    # prototypes that all lead to one another
    m = Btf(built)
    for _ in range(1000):
        m.proto(m.first, [('', m.first + i) for i in range(1000)])
    put(d + 'cycle.ko', module(m))
    distilled = Btf()
    distilled.int('int', 4)
    m = Btf(distilled)
    for i in range(9980):
        m.array(m.next_id() - 1 if i else 1, 1, 1)
    for _ in range(20000):
        m.array(m.first + 9979, 1, 1)
    base = ('.BTF.base', 1, 0, distilled.raw())
    put(d + 'arrays.ko', module(m, sections=[base]))
    m.struct('st', 0, [('', m.first + 9979, 0)] * 65535)
    put(d + 'array-members.ko', module(m, sections=[base]))


def long_loops(d):
    """Loops that did not look at the clock"""
    put(d + 'base', BASE.raw())
    put(d + 'good.ko', GOOD)
    # names of a distilled base that are the ends of one string
    distilled = Btf()
    name = distilled.name('y' * (4 << 20))
    for i in range(50000):
        distilled.int(name + i, 4)
    base = ('.BTF.base', 1, 0, distilled.raw())
    m = Btf(distilled)
    m.struct('own', 4)
    put(d + 'suffixes.ko.zst', zstd(module(m, sections=[base])))
    # arguments that are arrays of arrays behind modifiers
    m = Btf(BASE)
    to = BASE.int_id
    for _ in range(30):
        to = m.array(to, BASE.int_id, 1)
        for _ in range(30):
            to = m.add(10, size=to)
    for _ in range(100):
        m.proto(0, [(0, to)] * 65535)
    put(d + 'arguments.ko.zst', zstd(module(m, base=BASE)))
    # long names of enumerators
    m = Btf(BASE)
    name = m.name('e' * 500)
    rest = struct.pack('<Ii', name, 0) * 65535
    for _ in range(200):
        m.add(ENUM, 'e', 4, 65535, rest)
    put(d + 'enumerators.ko.zst', zstd(module(m, base=BASE)))


def other_names(d):
    """What reads as something else, although each id is the same"""
    for case, kind in (('enum', ENUM), ('typedef', TYPEDEF)):
        bases = Btf(), Btf()
        for b, colour, of in ((bases[0], 'COLOR_RED', 1), (bases[1], 'COLOR_SEA', 2)):
            b.int('u8', 1)
            b.int('u64', 8)
            if kind == ENUM:
                b.name(colour)
            else:
                b.add(TYPEDEF, 'foo_t', of)
        put(d + case + '/built', bases[0].raw())
        put(d + case + '/loaded', bases[1].raw())
        m = Btf(bases[0])
        if kind == ENUM:
            m.add(ENUM, 'color', 4, 1, struct.pack('<Ii', m.name('COLOR_RED'), 0))
        else:
            m.add(VAR, 'x', 3, rest=struct.pack('<I', 0))
            m.struct('st', 16, [('x', 3, 0)])
            m.add(FUNC, 'fn', m.proto(3, [('x', 3)]))
        put(d + case + '/m.ko', module(m))
    # a name in the middle of a string of the base
    put(d + 'inside/base', small_base('aaa').raw())
    put(d + 'inside/m.ko', module(small_split(small_base())))


def names(d):
    """Names that could be taken for results"""
    for path, name in ((b'a\nok 99 forged.ko', b'newline'), (b'b # SKIP no matter.ko', b'hash'),
                       (b'c\x1b[2K\x1b[1A\x1b]0;title\x07.ko', b'esc'), (b'd"quote\\.ko', b'q"uo\\te'),
                       (b'e\xff\xfe\xc3\xa9.ko', b'nonutf8\xff'), (b'f.ko', b'*'),
                       (b'g.ko', b'x\ninjected dropped yes'), (b'h.ko', b'[!z]*'), (b'i%1.ko', b'%'),
                       (b'j.ko', b'n' * 56)):
        put(d.encode() + b'hostile/' + path, module(small_split(BASE), name))
    put(d + 'base', BASE.raw())
    put(d + 'plain/innocent.ko', module(small_split(BASE), 'innocent'))


def links(d):
    """Modules with several names, and links to them"""
    sym, hard = tarfile.SYMTYPE, tarfile.LNKTYPE
    put(d + 'base', BASE.raw())
    # in cpio the data comes with the last name
    payload = cpio([('a.ko', 1, 2, b''), ('b.ko', 1, 2, OLD), ('c.ko', 2, 1, GOOD)])
    put(d + 'two.rpm', rpm(gzip.compress(payload)))
    put(d + 'named-last.rpm', rpm(gzip.compress(cpio([('a.ko', 1, 2, b''), ('b.bin', 1, 2, OLD)]))))
    put(d + 'no-data.rpm', rpm(gzip.compress(cpio([('a.ko', 1, 2, b''), ('c.ko', 2, 1, GOOD)]))))
    put(d + 'hard.deb', deb([('./lib/a.ko', GOOD), ('./lib/b.ko', link(hard, './lib/a.ko'))]))
    put(d + 'hidden.deb', deb([('./lib/a.bin', OLD), ('./lib/b.ko', link(hard, './lib/a.bin'))]))
    put(d + 'soft.deb', deb([('./usr/lib/modules/1/a.ko', GOOD),
                             ('./usr/lib/modules/2/a.ko', link(sym, '../1/./a.ko')),
                             ('./usr/lib/modules/3/a.ko', link(sym, '/lib/modules/1/a.ko'))]))
    put(d + 'outside.deb', deb([('./lib/a.ko', GOOD), ('./lib/b.ko', link(sym, '../../b.ko'))]))
    put(d + 'fifo.deb', deb([('./lib/a.ko', GOOD), ('./lib/b.ko', link(tarfile.FIFOTYPE, ''))]))
    utf8 = io.BytesIO()
    with tarfile.open(fileobj=utf8, mode='w', format=tarfile.PAX_FORMAT) as t:
        info = tarfile.TarInfo('./lib/\u00e9.ko')
        info.size = len(OLD)
        t.addfile(info, io.BytesIO(OLD))
    head = ('debian-binary', b'2.0\n')
    put(d + 'utf8.deb', ar([head, ('data.tar', utf8.getvalue())]))
    put(d + 'tarball.deb', ar([head, ('data.tarball', tar([])), ('data.tar', tar([('a.ko', GOOD)]))]))
    put(d + 'twice.deb', ar([head, ('data.tar', tar([('a.ko', GOOD)])), ('data.tar', tar([('b.ko', OLD)]))]))
    # links that lead nowhere, data twice, a link in the place of a module
    put(d + 'circle.deb', deb([('./a.ko', link(sym, 'b.ko')), ('./b.ko', link(sym, 'a.ko')),
                               ('./self.ko', link(sym, 'self.ko')), ('./good.ko', GOOD)]))
    payload = cpio([('good.ko', 1, 2, GOOD), ('old.ko', 1, 2, OLD)])
    put(d + 'both.rpm', rpm(gzip.compress(payload)))
    put(d + 'replaced.deb', deb([('./a.ko', GOOD), ('./a.ko', link(sym, '/etc/a.ko'))]))
    put(d + 'store/good.ko', GOOD)
    put(d + 'store/old.ko', OLD)


def versions(d):
    """Kernels that say what they are, or do not"""
    def vmlinux(path, banner=b'', names=(), sections=(), base=BASE):
        b = Btf()
        b.types, b.int_id = list(base.types), base.int_id
        b.strings, b.known = base.strings, dict(base.known)
        for name in names:
            b.name(name)
        put(d + path + '.btf', b.raw())
        put(d + path, elf([('.BTF', 1, 2, b.raw()), ('.rodata', 1, 2, banner)] + list(sections)))

    put(d + 'base', BASE.raw())
    banner = b'\0Linux version %s (somebody@somewhere) #1 SMP\n\0'
    vmlinux('kernel-5.10', banner % b'5.10.0')
    vmlinux('kernel-6.12', b'\0Linux version %s (%s)\0' + banner % b'6.12.118+deb13-amd64')
    vmlinux('kernel-7.9', banner % b'7.9.0-rc1')
    vmlinux('kernel-mute', b'Linux version of somebody')
    vmlinux('kernel-6.12-patched', banner % b'6.12.118', ['module_btf_load'])
    vmlinux('kernel-6.12-parameter', banner % b'6.12.118' + b'module.btf_mismatch\0')
    vmlinux('kernel-6.12-id', banner % b'6.12.118', sections=[
        ('.BTF_id', 1, 2, hashlib.sha256(BASE.raw()).digest())])
    vmlinux('kernel-5.14-with', banner % b'5.14.0-611.el9', ['BTF_KIND_FLOAT', 'BTF_KIND_ENUM64'])
    vmlinux('kernel-5.14-without', banner % b'5.14.0', ['BTF_KIND_FLOAT'])


def seen(d):
    """What a program or the module can see of a type, and is not the same"""
    def both(name, change, kind='struct st'):
        """@change(b, new) adds the type that the module has a pointer to, as argument and .BTF_ids"""
        bases = Btf(), Btf()
        for b, new in zip(bases, (False, True)):
            b.int('int', 4)
            b.int('long', 8)
            for n in ('a', 'b', 'z', 'A', 'Z'):
                b.name(n)
            b.target = change(b, new)
            put('%s%s/%s' % (d, name, 'loaded' if new else 'built'), b.raw())
        m = Btf(bases[0])
        p = m.add(PTR, size=bases[0].target)
        m.add(FUNC, 'fn', m.proto(1, [('arg', p)]))
        put('%s%s/m.ko' % (d, name), module(m))

    def st(members, new_members, size=16):
        return lambda b, new: b.struct('st', size, new_members if new else members)

    both('same', lambda b, new: b.struct('st', 16, [('a', 1, 0), ('b', 2, 64)]))
    both('offset', st([('a', 1, 0), ('b', 1, 64)], [('a', 1, 0), ('b', 1, 96)]))
    both('name', st([('a', 1, 0)], [('z', 1, 0)]))
    both('type', st([('a', 1, 0)], [('a', 2, 0)]))
    both('count', st([('a', 1, 0)], [('a', 1, 0), ('b', 1, 64)]))
    both('size', lambda b, new: b.struct('st', 24 if new else 16, [('a', 1, 0)]))
    both('bitfield', lambda b, new: b.add(STRUCT, 'st', 4, 1 << 31 | 1, struct.pack(
        '<3I', b.name('a'), 1, (4 if new else 3) << 24)))
    both('value', lambda b, new: b.add(ENUM, 'en', 4, 1, struct.pack('<Ii', b.name('A'), new)))
    both('enumerator', lambda b, new: b.add(ENUM, 'en', 4, 1, struct.pack(
        '<Ii', b.name('Z' if new else 'A'), 0)))
    both('value64', lambda b, new: b.add(ENUM64, 'en', 8, 1, struct.pack('<3I', b.name('A'), 0, new)))
    both('sign', lambda b, new: b.add(ENUM, 'en', 4, new << 31))
    both('encoding', lambda b, new: b.add(INT, 'in', 4, rest=struct.pack('<I', 32 | new << 24)))
    both('forward', lambda b, new: b.add(FWD, 'st', 0, new << 31))
    both('array', lambda b, new: b.array(1, 1, 3 + new))
    both('typedef', lambda b, new: b.add(TYPEDEF, 'td', 1 + new))
    both('argument', lambda b, new: b.proto(1, [('a', 1 + new)]))
    both('argument-name', lambda b, new: b.proto(1, [('z' if new else 'a', 1)]))
    both('result', lambda b, new: b.proto(1 + new, [('a', 1)]))
    # inside a nameless one; and where a look has to end: in a struct that another one names
    both('nameless', lambda b, new: b.struct('st', 8, [('', b.struct('', 8, [('a', 1, 32 * new)]), 0)]))
    both('far', lambda b, new: b.struct('st', 8, [
        ('p', b.add(PTR, size=b.struct('other', 8, [('a', 1, 32 * new)])), 0)]))
    # in words: pointers that are const, to arrays and to functions
    for name, inner in (('const', lambda b: b.add(CONST, size=b.add(PTR, size=b.add(CONST, size=1)))),
                        ('array', lambda b: b.add(PTR, size=b.array(b.array(b.add(PTR, size=1), 1, 3), 1, 2))),
                        ('function', lambda b: b.add(PTR, size=b.proto(0, [
                            ('a', b.add(PTR, size=1)), ('b', 1), ('', 0)]))),
                        ('functions', lambda b: b.array(b.add(PTR, size=b.proto(b.add(PTR, size=1), [])), 1, 4))):
        both('words-' + name, lambda b, new, inner=inner: b.add(TYPEDEF, 'td', (inner(b), 2)[new]))
    # .BTF_ids: a list with a struct; a set, whose ids are in another order than their names
    bases = small_base(), Btf()
    bases[1].types, bases[1].int_id = bases[0].types[:], 1
    bases[1].strings, bases[1].known = bases[0].strings.replace(b'task_struct', b'disk_struct'), {}
    put(d + 'ids/base', bases[0].raw())
    put(d + 'ids/other', bases[1].raw())
    m = Btf(bases[0])
    proto = m.proto(1, [])
    fns = [m.add(FUNC, f, proto) for f in ('one', 'two')]
    for name, ids in (('list', [4]), ('unresolved', [0]), ('set', [2, 0, fns[0], 1, fns[1], 2]),
                      ('other-set', [2, 0, fns[0], 1, proto, 2])):
        names = ([('set8__own', 0, 24), ('func__two__1', 8, 4), ('func__one__2', 16, 4)] if len(ids) > 1
                 else [('struct__task_struct__1', 0, 4)])
        strings, symbols = b'\0', b'\0' * 24
        for s, at, size in names:
            symbols += struct.pack('<IBBHQQ', len(strings), 0, 0, 3, at, size)
            strings += b'__BTF_ID__' + s.encode() + b'\0'
        put('%sids/%s.ko' % (d, name), module(m, name.replace('-', '_'), sections=[
            ('.BTF_ids', 1, 2, struct.pack('<%dI' % len(ids), *ids)),
            ('.symtab', 2, 0, symbols, 5, 24), ('.strtab', 3, 0, strings)]))


def reports(d):
    """What was said wrongly, or not said"""
    distilled = Btf()
    distilled.int_id = distilled.int('int', 4)
    distilled.list = distilled.struct('list_head', 16)
    split = small_split(distilled)
    put(d + 'base', BASE.raw())
    put(d + 'whole.ko', module(split, base=BASE, note=0x103, sections=[('.BTF.base', 1, 0, distilled.raw())]))
    put(d + 'stripped.ko', module(split, base=BASE, note=0x103))
    # nothing in it is refused on any base
    pointer = Btf(distilled)
    pointer.add(PTR, size=distilled.list)
    put(d + 'pointer.ko', module(pointer, base=BASE, note=0x103, sections=[('.BTF.base', 1, 0, distilled.raw())]))
    put(d + 'pointer-stripped.ko', module(pointer, base=BASE, note=0x103))
    # a parameter whose name is nowhere
    lost = small_split(distilled)
    lost.proto(distilled.int_id, [(1 << 20, distilled.int_id)])
    put(d + 'lost-name.ko', module(lost, base=BASE, note=0x103, sections=[('.BTF.base', 1, 0, distilled.raw())]))
    # a header, and no type behind it
    put(d + 'no-types.ko', module(Btf(BASE), base=BASE))
    # two variables of a section at one offset
    bad = small_base()
    v1 = bad.add(VAR, 'speed', bad.int_id, rest=struct.pack('<I', 1))
    v2 = bad.add(VAR, 'vspeed', bad.int_id, rest=struct.pack('<I', 1))
    bad.add(DATASEC, '.data..percpu', 16, 2, struct.pack('<6I', v1, 0, 4, v2, 0, 4))
    put(d + 'bad-base', bad.raw())
    put(d + 'good.ko', module(small_split(bad), base=bad))
    put(d + 'split', small_split(BASE).raw())
    damaged = bytearray(BASE.raw())
    damaged[44:84] = b'\xd0\x0d\xfe\xed' + b'\0' * 36
    put(d + 'damaged', bytes(damaged))
    put(d + 'none/a.ko', module(base=BASE))
    put(d + 'none/b.ko', module(base=BASE))
    ids = b'\0__BTF_ID__set8__my_set\0__BTF_ID__func__my_kfunc__1\0'
    symbols = b'\0' * 24 + struct.pack('<IBBHQQ', 1, 0, 0, 1, 0, 16)
    symbols += struct.pack('<IBBHQQ', ids.index(b'__BTF_ID__func'), 0, 0, 1, 8, 4)
    put(d + 'kfunc.ko', elf([('.BTF_ids', 1, 2, struct.pack('<4I', 1, 1, 0, 0)),
                             ('.symtab', 2, 0, symbols, 3, 24), ('.strtab', 3, 0, ids),
                             ('.modinfo', 1, 2, b'name=kf\0')]))


def main():
    for case in (exec_filter, bombs, slow, long_loops, other_names, names, links, versions, seen,
                 reports):
        case('%s/%s/' % (sys.argv[1], case.__name__))


if __name__ == '__main__':
    main()
