package overlay

import (
	"fmt"
	"reflect"
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
// is shared, and what the compiler makes of it.
func recordCopy() string {
	fields := connstat.RecordLayout()
	var b strings.Builder
	fmt.Fprintf(&b, "type NetstatsRecord struct {\n%s}\n\n", fieldList(fields))
	fmt.Fprintf(&b, "//go:linkname netstatsLayout %s.layout\n", bridgePath())
	fmt.Fprintf(&b, "var netstatsLayout = []uintptr{\n%s}\n", offsets("NetstatsRecord", fields))
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
