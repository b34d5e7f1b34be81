package ledger

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// session runs one session. What happens in it follows from the seed and from its
// number.
func (w *worker) session(number uint64) {
	watchdog := time.AfterFunc(sessionTimeout, func() {
		debug.SetTraceback("all") // to show who waits for whom
		panic(fmt.Sprintf("session %d does not end", number))
	})
	defer watchdog.Stop()
	r := rand.New(rand.NewPCG(w.run.seed, number))
	route := w.routes[int(number)%len(w.routes)] //nolint:gosec // counts up
	plan := newPlan(r)

	client := route.tracker.dial(fmt.Sprintf("session %d, client", number), route.proxy.address())
	if client == nil {
		return
	}
	relay, err := route.proxy.accept(plan.toServer, plan.toClient)
	if !w.run.succeeded("proxy", err) {
		return
	}
	conn, err := route.listener.Accept()
	if !w.run.succeeded("accept", err) {
		return
	}
	server := newEndpoint(route.tracker, fmt.Sprintf("session %d, server", number), conn)
	client.behavior, server.behavior = plan.client, plan.server

	var endpoints sync.WaitGroup
	endpoints.Go(func() { w.use(client, number, 1) })
	endpoints.Go(func() { w.use(server, number, 2) })
	endpoints.Wait()
	relay.wait()
	client.checkPeer(&relay.toServer, &relay.toClient)
	server.checkPeer(&relay.toClient, &relay.toServer)
}

// use makes all calls of an endpoint. The last of them closes it.
func (w *worker) use(e *endpoint, session, side uint64) {
	start := func(role uint64, n int, calls func(*caller)) *sync.WaitGroup {
		var wg sync.WaitGroup
		for i := range n {
			// No other caller of the run has this seed.
			seed := session<<8 | side<<6 | role<<5 | uint64(i)
			c := &caller{endpoint: e, worker: w, random: rand.New(rand.NewPCG(w.run.seed, ^seed))}
			wg.Go(func() { calls(c) })
		}
		return &wg
	}
	readers := start(0, e.behavior.readers, (*caller).readAll)
	writers := start(1, e.behavior.writers, (*caller).writeAll)
	writers.Wait()
	if e.behavior.closesEarly {
		e.close()
	} else {
		e.closeWrite()
	}
	readers.Wait()
	e.finish()
}
