package overlay

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/connstat"
)

// realTypes are the types of those fields that internal/poll uses as what they
// are; connstat spells them as mere pointers.
var realTypes = map[string]string{
	"slow": "func(r *NetstatsRecord, direction uint8, n int64, err error)",
}

// recordCopy declares internal/poll's copy of a connstat.Record, as far as it
// is shared.
func recordCopy() string {
	return fmt.Sprintf("type NetstatsRecord struct {\n%s}\n", fieldList(connstat.RecordLayout()))
}

// layoutCopy declares what the compiler makes of that, for each library.
func (k Kind) layoutCopy() string {
	var b strings.Builder
	for side, bridge := range k.bridges() {
		fmt.Fprintf(&b, "//go:linkname netstatsLayout%d %s.layout\n", side, bridge)
		fmt.Fprintf(&b, "var netstatsLayout%d = []uintptr{\n%s}\n\n", side, offsets("NetstatsRecord", connstat.RecordLayout()))
	}
	return b.String()
}

// sharedCopy declares the other variables that package net shares with each
// library.
func (k Kind) sharedCopy(generator string) string {
	var b strings.Builder
	declare := func(name, symbol, bridge, typ string) {
		fmt.Fprintf(&b, "//go:linkname %[1]s %[3]s.%[2]s\nvar %[1]s %[4]s\n\n", name, symbol, bridge, typ)
	}
	var slots, exits []string
	for side, path := range k.bridges() {
		n := strconv.Itoa(side)
		declare("netstatsSlot"+n, "slot", path, "unsafe.Pointer")
		declare("netstatsAtExit"+n, "atExit", path, "unsafe.Pointer")
		declare("netstatsABI"+n, "abi", path, fmt.Sprintf("uint64 = %#016x", bridge.ABI()))
		declare("netstatsGenerator"+n, "generator", path, fmt.Sprintf("string = %q", generator))
		slots, exits = append(slots, "&netstatsSlot"+n), append(exits, "&netstatsAtExit"+n)
	}
	fmt.Fprintf(&b, "var netstatsSlots = [%d]*unsafe.Pointer{%s}\n\n", len(slots), strings.Join(slots, ", "))
	fmt.Fprintf(&b, "var netstatsAtExits = [%d]*unsafe.Pointer{%s}\n", len(exits), strings.Join(exits, ", "))
	return b.String()
}

// recordOfCopy declares the function that each library finds records with.
func (k Kind) recordOfCopy() string {
	var b strings.Builder
	for side, bridge := range k.bridges() {
		fmt.Fprintf(&b, "\n//go:linkname netstatsRecordOf%d %s.recordOf\n", side, bridge)
		fmt.Fprintf(&b, "var netstatsRecordOf%d = func(conn any) (record unsafe.Pointer, known bool) { return netstatsRecordOf(conn, %[1]d) }\n", side)
	}
	return b.String()
}

func fieldList(fields []connstat.Field) string {
	var b strings.Builder
	for i, f := range fields {
		typ, ok := realTypes[f.Name]
		if !ok {
			typ = f.Type
		}
		fmt.Fprintf(&b, "\t%s %s\n", fieldName(f, i), typ)
	}
	return b.String()
}

func offsets(typ string, fields []connstat.Field) string {
	var b strings.Builder
	for i, f := range fields {
		name := fieldName(f, i)
		fmt.Fprintf(&b, "\tunsafe.Offsetof(%[1]s{}.%[2]s), unsafe.Sizeof(%[1]s{}.%[2]s),\n", typ, name)
	}
	return b.String()
}

// fieldName gives padding a name, as its offset is asked for.
func fieldName(f connstat.Field, i int) string {
	if f.Name == "_" {
		return fmt.Sprint("padding", i)
	}
	return f.Name
}

// hooksCopy declares package net's copy of a bridge.Hooks.
func hooksCopy() string {
	var b strings.Builder
	b.WriteString("type netstatsHooks struct {\n")
	for f := range reflect.TypeFor[bridge.Hooks]().Fields() {
		fmt.Fprintf(&b, "\t%s %s\n", f.Name, inNet(f.Type))
	}
	b.WriteString("}\n")
	return b.String()
}

// inNet spells a type as package net knows it.
func inNet(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[*connstat.Record]():
		return "*poll.NetstatsRecord"
	case t.PkgPath() == "net":
		return t.Name()
	case t.Kind() == reflect.Func:
		return funcInNet(t)
	case t.PkgPath() == "" || t.Kind() == reflect.Interface:
		return t.String()
	default:
		return t.Kind().String()
	}
}

func funcInNet(t reflect.Type) string {
	params := make([]string, t.NumIn())
	for i := range params {
		params[i] = inNet(t.In(i))
	}
	results := make([]string, t.NumOut())
	for i := range results {
		results[i] = inNet(t.Out(i))
	}
	s := "func(" + strings.Join(params, ", ") + ")"
	switch len(results) {
	case 0:
		return s
	case 1:
		return s + " " + results[0]
	}
	return s + " (" + strings.Join(results, ", ") + ")"
}

// bridgePath is the import path of package bridge.
func bridgePath() string { return reflect.TypeFor[bridge.Hooks]().PkgPath() }

// modulePath is that of the module that it belongs to.
func modulePath() string { return strings.TrimSuffix(bridgePath(), "/internal/bridge") }
