// Package lab runs a client library as it is, with its connections wrapped, and
// captured, and compares: what the library returned, what each connection moved,
// what is left behind, which system calls were made, and what the telemetry says.
//
// A library's test is its recipe. It uses the library as any program does, with
// [Recipe.Compare] around it. The function wrap has the hook, and nothing else: the
// documentation quotes it.
//
//	func wrap(opt *redis.Options, tracker *otelnetstats.Tracker) {
//		opt.Dialer = tracker.WrapDial(redis.NewDialer(opt))
//	}
//
//	recipe.Compare(t, lab.Case{Ends: "local"}, func(t *testing.T, w *lab.Way) {
//		opt := &redis.Options{Addr: w.Relay(server.Addr)}
//		if tracker := w.Tracker; tracker != nil {
//			wrap(opt, tracker)
//		}
//		…
//	})
//
// An ordinary build compares plain and wrapped, a capture build plain and
// captured. All of it needs Linux.
package lab
