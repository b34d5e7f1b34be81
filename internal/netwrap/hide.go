//nolint:unused // what hides a method by making it ambiguous is never called
package netwrap

import "io"

type noReadFrom struct{}

func (noReadFrom) ReadFrom(io.Reader) (int64, error) { panic("netwrap: hidden method called") }

type noWriteTo struct{}

func (noWriteTo) WriteTo(io.Writer) (int64, error) { panic("netwrap: hidden method called") }
