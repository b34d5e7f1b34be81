package bridge

import (
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"

	"github.com/netstats-go/netstats/internal/connstat"
)

// protocol changes when the meaning of the shared variables, fields or
// functions does, while their types do not.
const protocol = 2

// ABI is a hash of all that the two sides must agree on: the names and types
// of the fields that internal/poll counts in, how it counts, and the hooks. It is the same on
// every system.
func ABI() uint64 {
	h := fnv.New64a()
	fmt.Fprintln(h, protocol, uint64(connstat.OperationBits), uint64(connstat.SpillMask), uint64(connstat.MaxPacked))
	for _, f := range connstat.RecordLayout() {
		fmt.Fprintln(h, f.Name, f.Type)
	}
	for f := range reflect.TypeFor[Hooks]().Fields() {
		fmt.Fprintln(h, f.Name, f.Type)
	}
	return h.Sum64()
}

// sameMemory reports whether the compiler laid out internal/poll's copy of a
// Record as it did the original.
func sameMemory() bool { return slices.Equal(layout, memory()) }

// memory lists the offset and the size of each field that poll has a copy of.
func memory() []uintptr {
	var all []uintptr
	for _, f := range connstat.RecordLayout() {
		all = append(all, f.Offset, f.Size)
	}
	return all
}
