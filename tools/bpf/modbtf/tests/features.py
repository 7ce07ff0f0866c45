#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Write modules that differ in what a kernel has to know to take their BTF.

features.py BASE DIR: split from raw BTF BASE, DIR/FEATURE.ko. See enum feature in modbtf.h.
features.py bare BASE VERMAGIC OUT: a module without code and BTF, which a kernel of this BTF and
vermagic loads.
features.py find IMAGE OUT: the raw BTF of a kernel that is not compressed.
"""
import struct
import sys

sys.dont_write_bytecode = True
from hostile import (CONST, DATASEC, DECL_TAG, ENUM, ENUM64, FLOAT, FUNC, PROTO, PTR, STRUCT,
                     TYPE_TAG, VAR, INT, Btf, elf, module, put)

FLAG = 1 << 31
# bytes behind struct btf_type: some, and some for each member
REST = {INT: (4, 0), 3: (12, 0), STRUCT: (0, 12), 5: (0, 12), ENUM: (0, 8), PROTO: (0, 8),
        VAR: (4, 0), DATASEC: (0, 12), DECL_TAG: (4, 0), ENUM64: (0, 12)}


class Raw:
    """As far as Btf needs a base: a kernel's BTF that is there"""

    def __init__(self, raw):
        head, types, types_len, strings, strings_len = struct.unpack_from('<5I', raw, 4)
        self.start, self.base, self.known = 0, None, {}
        self.strings = raw[head + strings:head + strings + strings_len]
        at, self.nr, self.int_id = head + types, 1, 0
        end = at + types_len
        while at < end:
            name, info, size = struct.unpack_from('<3I', raw, at)
            kind, vlen = info >> 24 & 0x7f, info & 0xffffff
            if kind == INT and size == 4 and not self.int_id:
                self.int_id = self.nr
            if kind == STRUCT and self.string(name) == b'module':
                self.module = size, {self.string(m): bit // 8 for m, _, bit in struct.iter_unpack(
                    '<3I', raw[at + 12:at + 12 + 12 * vlen])}
            fixed, each = REST.get(kind, (0, 0))
            at += 12 + fixed + each * vlen
            self.nr += 1

    def string(self, at):
        return self.strings[at:self.strings.index(b'\0', at)]

    def next_id(self):
        return self.nr


def find(image):
    """By its header: types behind that, strings behind them"""
    at = -1
    while True:
        at = image.index(struct.pack('<HBB', 0xeb9f, 1, 0), at + 1)
        head, types, types_len, strings, strings_len = struct.unpack_from('<5I', image, at + 4)
        end = at + head + strings + strings_len
        if not types and 0 < types_len == strings and strings_len and end <= len(image) and not (
                image[at + head + strings] or image[end - 1]):
            return image[at:end]


def bare(base, vermagic):
    size, members = base.module
    this = bytearray(size)
    this[members[b'name']:members[b'name'] + 4] = b'bare'
    info = b'license=GPL\0name=bare\0vermagic=' + vermagic.encode() + b'\0'
    # the machine, and what its loader wants to fill
    machine, room = 62, []
    if 'aarch64' in vermagic:
        machine, room = 183, ['.plt', '.init.plt', '.text.ftrace_trampoline', '.init.text.ftrace_trampoline']
    return elf([('.modinfo', 1, 2, info), ('.gnu.linkonce.this_module', 1, 3, bytes(this)),
                ('.symtab', 2, 0, b'\0' * 24 + struct.pack('<IBBHQQ', 1, 0, 0, 0xfff1, 0, 0), 4, 24),
                ('.strtab', 3, 0, b'\0bare\0')] + [(s, 1, 2, b'\0') for s in room], machine)


def write(base, directory):
    def one(name, fill, **more):
        m = Btf(more.pop('of', base))
        m.struct('own_of_' + name.replace('-', '_'), 4)
        fill(m)
        put('%s/%s.ko' % (directory, name), module(m, name.replace('-', '_'), **more))

    i = base.int_id
    one('plain', lambda m: m.add(PTR, size=i))
    one('empty-section', lambda m: m.add(DATASEC, '.data.own', 4))
    one('float', lambda m: m.add(FLOAT, 'own_float', 8))
    one('decl-tag', lambda m: m.add(DECL_TAG, 'own_tag', m.first, rest=struct.pack('<i', -1)))
    one('type-tag', lambda m: m.add(PTR, size=m.add(TYPE_TAG, 'own_tag', i)))
    one('tag-last', lambda m: m.add(CONST, size=m.add(TYPE_TAG, 'own_tag', i)))
    one('enum64', lambda m: m.add(ENUM64, 'own_enum', 8, 1, struct.pack('<3I', m.name('OWN'), 0, 1)))
    one('signed-enum', lambda m: m.add(ENUM, 'own_enum', 4, FLAG + 1, struct.pack('<Ii', m.name('OWN'), -1)))
    one('long-name', lambda m: m.struct('n' * 200, 4))
    one('dots', lambda m: m.add(FUNC, 'own.part.0', m.proto(i, [])))
    one('section-name', lambda m: m.add(DATASEC, '?own', 4, 1, struct.pack(
        '<3I', m.add(VAR, 'own_var', i, rest=struct.pack('<I', 1)), 0, 4)))
    one('type-tag-flag', lambda m: m.add(PTR, size=m.add(TYPE_TAG, 'own_attribute', i, FLAG)))
    one('decl-tag-flag', lambda m: m.add(DECL_TAG, 'own_attribute', m.first, FLAG, struct.pack('<i', -1)))
    one('layout', lambda m: setattr(m, 'layout', b'\0' * 80))
    one('long-type', lambda m: m.proto(i, [('', i)] * 65536))

    def chain(m):
        to = i
        for _ in range(40):
            to = m.add(CONST, size=to)
        # the walk ends where it has been: the longest comes first
        m.types[1:] = [struct.pack('<3I', 0, CONST << 24, n) for n in range(m.first + 2, m.first + 41)] + [
            struct.pack('<3I', 0, CONST << 24, i)]

    one('chain', chain)
    distilled = Btf()
    distilled.struct('list_head', 16)
    one('distilled', lambda m: m.add(PTR, size=1), of=distilled,
        sections=[('.BTF.base', 1, 0, distilled.raw())])


if __name__ == '__main__':
    def content(path):
        with open(path, 'rb') as f:
            return f.read()

    if sys.argv[1] == 'find':
        put(sys.argv[3], find(content(sys.argv[2])))
    elif sys.argv[1] == 'bare':
        put(sys.argv[4], bare(Raw(content(sys.argv[2])), sys.argv[3]))
    else:
        write(Raw(content(sys.argv[1])), sys.argv[2])
