package connz

import (
	"compress/gzip"
	"encoding/binary"
	"io"
)

// A message is one of protocol buffers, as it is put together: package connz brings no
// module along, and what a profile needs of the format is this.
type message []byte

// number appends a number; zero is left out, as it is the default.
func (m *message) number(field int, v int64) {
	if v != 0 {
		*m = binary.AppendUvarint(*m, uint64(field)<<3)
		*m = binary.AppendUvarint(*m, uint64(v)) //nolint:gosec // so the format has negative ones
	}
}

// bytes appends a text or another message.
func (m *message) bytes(field int, b []byte) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|2)
	*m = binary.AppendUvarint(*m, uint64(len(b)))
	*m = append(*m, b...)
}

// numbers appends many numbers of one field.
func (m *message) numbers(field int, all []int64) {
	var packed message
	for _, v := range all {
		packed = binary.AppendUvarint(packed, uint64(v)) //nolint:gosec // likewise
	}
	m.bytes(field, packed)
}

// writeTo compresses the message, as profiles are.
func (m message) writeTo(w io.Writer) error {
	z := gzip.NewWriter(w)
	if _, err := z.Write(m); err != nil {
		return err
	}
	return z.Close()
}
