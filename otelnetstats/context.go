package otelnetstats

import "context"

type (
	untrackedKey struct{}
	nameKey      struct{}
	dialKey      struct{}
)

// ContextWithoutTracking returns a context with which dials are left alone: what they
// open is not tracked.
func ContextWithoutTracking(ctx context.Context) context.Context {
	return context.WithValue(ctx, untrackedKey{}, true)
}

func untracked(ctx context.Context) bool { return ctx.Value(untrackedKey{}) != nil }

// ContextWithName returns a context with which a dial has the given name instead
// of [Dialer].Name. Each name makes metric streams of its own: use few.
func ContextWithName(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, nameKey{}, name)
}

// nameIn returns the name in ctx, or the other one.
func nameIn(ctx context.Context, other string) string {
	if name, ok := ctx.Value(nameKey{}).(string); ok {
		return name
	}
	return other
}

// dialIn returns the tracked dial that ctx belongs to, nil if there is none.
func dialIn(ctx context.Context) *dial {
	d, _ := ctx.Value(dialKey{}).(*dial)
	return d
}
