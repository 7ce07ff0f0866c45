// SPDX-License-Identifier: GPL-2.0-only

// A loader of BPF programs that is not libbpf: cilium/ebpf, which reads BTF by code of its own.
//
//	loader MODULE FUNCTION ARGUMENT MEMBER COMMAND...
//
// Attaches a program to the entry of FUNCTION of MODULE and runs COMMAND. The program counts calls and
// reads MEMBER of the struct that ARGUMENT points to, where the BTF of the module says that it is.
// Prints the function as its BTF has it, how often it was called, and MEMBER at the last call.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// find returns the offset in bytes and the type of a member, also of one in an unnamed struct or union.
func find(t btf.Type, name string) (uint32, btf.Type, bool) {
	var members []btf.Member

	switch v := btf.UnderlyingType(t).(type) {
	case *btf.Struct:
		members = v.Members
	case *btf.Union:
		members = v.Members
	}
	for _, m := range members {
		if m.Name == name && m.BitfieldSize == 0 {
			return m.Offset.Bytes(), m.Type, true
		}
		if m.Name == "" {
			if at, t, ok := find(m.Type, name); ok {
				return m.Offset.Bytes() + at, t, true
			}
		}
	}
	return 0, nil, false
}

// target is the function to attach to.
type target struct {
	name  string // with its arguments
	index int    // of the argument
	at    uint32 // offset of the member in bytes
	size  asm.Size
}

// moduleSpec returns what the kernel has as the BTF of a module.
func moduleSpec(module string) (*btf.Spec, error) {
	base, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, err
	}
	handle, err := btf.FindHandle(func(info *btf.HandleInfo) bool {
		return info.IsModule() && info.Name == module
	})
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	return handle.Spec(base)
}

// lookUp finds an argument of a function of a module, and a member of what it points to.
func lookUp(module, function, argument, member string) (*target, error) {
	spec, err := moduleSpec(module)
	if err != nil {
		return nil, fmt.Errorf("BTF of %s: %w", module, err)
	}
	var fn *btf.Func
	if err := spec.TypeByName(function, &fn); err != nil {
		return nil, fmt.Errorf("%s in the BTF of %s: %w", function, module, err)
	}
	proto, ok := fn.Type.(*btf.FuncProto)
	if !ok {
		return nil, fmt.Errorf("%s of %s has no prototype", function, module)
	}
	t := &target{index: -1}
	var names []string
	for i, p := range proto.Params {
		names = append(names, p.Name)
		ptr, ok := btf.UnderlyingType(p.Type).(*btf.Pointer)
		if p.Name != argument || !ok {
			continue
		}
		at, typ, ok := find(ptr.Target, member)
		if !ok {
			return nil, fmt.Errorf("no %s in %v, to which %s of %s points", member, btf.UnderlyingType(ptr.Target), argument, function)
		}
		size, err := btf.Sizeof(typ)
		if err != nil {
			return nil, fmt.Errorf("size of %s: %w", member, err)
		}
		t.index, t.at = i, at
		switch size {
		case 1:
			t.size = asm.Byte
		case 2:
			t.size = asm.Half
		case 4:
			t.size = asm.Word
		case 8:
			t.size = asm.DWord
		default:
			return nil, fmt.Errorf("%s has %d bytes", member, size)
		}
	}
	t.name = fmt.Sprintf("%s(%s)", function, strings.Join(names, ", "))
	if t.index < 0 {
		return nil, fmt.Errorf("%s of %s has no pointer %s", t.name, module, argument)
	}
	return t, nil
}

// program counts in the first word of results[0], and writes the member to the second.
func program(t *target, results *ebpf.Map) asm.Instructions {
	return asm.Instructions{
		asm.LoadMem(asm.R6, asm.R1, int16(8*t.index), asm.DWord),
		asm.LoadMem(asm.R7, asm.R6, int16(t.at), t.size),
		asm.StoreImm(asm.R10, -4, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, results.FD()),
		asm.Mov.Reg(asm.R2, asm.R10),
		asm.Add.Imm(asm.R2, -4),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "out"),
		asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
		asm.Add.Imm(asm.R1, 1),
		asm.StoreMem(asm.R0, 0, asm.R1, asm.DWord),
		asm.StoreMem(asm.R0, 8, asm.R7, asm.DWord),
		asm.Mov.Imm(asm.R0, 0).WithSymbol("out"),
		asm.Return(),
	}
}

func run(module, function, argument, member string, command []string) error {
	t, err := lookUp(module, function, argument, member)
	if err != nil {
		return err
	}
	results, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 16, MaxEntries: 1})
	if err != nil {
		return fmt.Errorf("map: %w", err)
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.Tracing,
		AttachType:   ebpf.AttachTraceFEntry,
		AttachTo:     function,
		License:      "GPL",
		Instructions: program(t, results),
	})
	if err != nil {
		return fmt.Errorf("program for %s: %w", function, err)
	}
	attached, err := link.AttachTracing(link.TracingOptions{Program: prog})
	if err != nil {
		return fmt.Errorf("attaching to %s: %w", function, err)
	}
	defer attached.Close()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", command[0], err, out)
	}
	var value [2]uint64
	if err := results.Lookup(uint32(0), &value); err != nil {
		return fmt.Errorf("map: %w", err)
	}
	fmt.Printf("%s: %d calls, %s->%s %d\n", t.name, value[0], argument, member, value[1])
	return nil
}

func main() {
	if len(os.Args) < 6 {
		fmt.Fprintln(os.Stderr, "usage: loader MODULE FUNCTION ARGUMENT MEMBER COMMAND...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5:]); err != nil {
		fmt.Fprintf(os.Stderr, "loader: error: %v\n", err)
		os.Exit(1)
	}
}
