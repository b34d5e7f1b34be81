package otelnetstats

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
)

// Whatever text leaves the process or is kept goes through this file. Names are
// often a stranger's: a client of a proxy chooses what is dialed, a peer the path
// of its socket. One string that is not UTF-8 has a collector refuse all that
// is exported with it, and metrics keep their attributes for good. So text is
// valid UTF-8, and bounded in length.
const (
	// maxName bounds names: addresses, networks, packages, marks, Dialers. A name
	// of DNS has at most 255 bytes.
	maxName = 255
	// maxPath bounds the path of a unix socket, as Linux does.
	maxPath = 108
	// maxText bounds what is longer by nature: errors, and values of users'
	// attributes.
	maxText = 1024
	// maxAttributes bounds the attributes of one mark. SDKs keep no more.
	maxAttributes = 128
)

// clean returns s as it may leave, in at most the given number of bytes.
func clean(s string, most int) string {
	if len(s) <= most && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // utf8.RuneError for what is none
		if b.Len()+utf8.RuneLen(r) > most {
			break
		}
		b.WriteRune(r)
	}
	return b.String() // which keeps nothing of s
}

// short returns s as it is, unless it is longer than any name or address: what
// stays in the process need not be UTF-8.
func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	return clean(s, maxText)
}

// errorText is the text of an error. Other people's errors may panic, as a nil
// pointer does that is returned as an error.
func errorText(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	return clean(err.Error(), maxText)
}

// nameAttribute is an attribute whose value is a name.
func nameAttribute(key attribute.Key, name string) attribute.KeyValue {
	return key.String(clean(name, maxName))
}

// cleanAttributes returns a copy of a user's attributes as they may leave.
func cleanAttributes(attrs []attribute.KeyValue) []attribute.KeyValue {
	cleaned := slices.Clone(attrs)
	for i, a := range cleaned {
		cleaned[i] = attribute.KeyValue{Key: attribute.Key(clean(string(a.Key), maxName)), Value: cleanValue(a.Value)}
	}
	return cleaned
}

func cleanValue(v attribute.Value) attribute.Value {
	switch v.Type() {
	case attribute.BOOL, attribute.INT64, attribute.FLOAT64:
		return v
	case attribute.STRING:
		return attribute.StringValue(clean(v.AsString(), maxText))
	case attribute.STRINGSLICE:
		return attribute.StringSliceValue(cleanStrings(v.AsStringSlice()))
	}
	// What is left has as many parts as the user likes. Newer versions of the API
	// have more types than the oldest that this package works with.
	if s := fmt.Sprint(v.AsInterface()); len(s) > maxText || !utf8.ValidString(s) {
		return attribute.StringValue(clean(s, maxText))
	}
	return v
}

// cleanStrings returns the first of the strings, with no more than maxText bytes
// in all.
func cleanStrings(all []string) []string {
	left := maxText
	for i, s := range all {
		all[i] = clean(s, maxText)
		if left -= max(1, len(all[i])); left < 0 {
			return all[:i]
		}
	}
	return all
}
