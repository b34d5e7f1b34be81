package netwrap_test

import "math/rand/v2"

// payloadSize is more than one slice of a file and one pipe, and no multiple.
const payloadSize = 3<<20 + 17

var payload = func() []byte {
	b := make([]byte, payloadSize)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}()
