package connstat

import (
	"fmt"
	"reflect"
	"strings"
)

// A Field is one field of a struct that a capture build's internal/poll has a
// copy of.
type Field struct {
	Name string
	// Type is a type of the same size and alignment, on any system, spelled
	// with no more than packages unsafe and sync/atomic. A copy needs no truer
	// type where it is only carried along.
	Type         string
	Offset, Size uintptr // on this system
}

// lastShared is the last field of a Record that capture builds know of.
const lastShared = "sent"

// RecordLayout describes the fields of a [Record] that the counting of calls
// needs, which are its first ones.
func RecordLayout() []Field {
	all := layout(reflect.TypeFor[Record]())
	for i, f := range all {
		if f.Name == lastShared {
			return all[:i+1]
		}
	}
	panic("connstat: a Record has no field " + lastShared)
}

// The numbers that make up the word of a counter, which internal/poll adds to.
const (
	OperationBits = operationBits // bytes are counted above them
	SpillMask     = spillMask     // slow is due if one of these is set
	MaxPacked     = maxPacked     // more bytes are added in several steps
)

func layout(t reflect.Type) []Field {
	fields := make([]Field, t.NumField())
	for i := range fields {
		f := t.Field(i)
		fields[i] = Field{f.Name, spell(f.Type), f.Offset, f.Type.Size()}
	}
	return fields
}

// spell writes a type that lies in memory as t does.
func spell(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Func, reflect.Map, reflect.Chan:
		return "unsafe.Pointer"
	case reflect.Interface:
		return "[2]unsafe.Pointer"
	case reflect.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), spell(t.Elem()))
	case reflect.Struct:
		return spellStruct(t)
	case reflect.Slice, reflect.String:
		panic("connstat: layout: no spelling for " + t.String())
	default:
		return t.Kind().String()
	}
}

func spellStruct(t reflect.Type) string {
	if t.PkgPath() == "sync/atomic" {
		if strings.HasPrefix(t.Name(), "Pointer[") {
			return "unsafe.Pointer"
		}
		return "atomic." + t.Name()
	}
	fields := make([]string, t.NumField())
	for i, f := range layout(t) {
		fields[i] = f.Name + " " + f.Type
	}
	return "struct{ " + strings.Join(fields, "; ") + " }"
}
