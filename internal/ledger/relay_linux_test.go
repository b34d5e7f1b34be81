package ledger

import (
	"net"
	"sync"
	"sync/atomic"
)

// A relay is one client's connection through the proxy. What its streams carried
// is known after wait.
type relay struct {
	toServer, toClient stream

	done chan struct{}
}

func startRelay(client, server *net.TCPConn, toServer, toClient faults) *relay {
	near, far := &proxyConn{conn: client}, &proxyConn{conn: server}
	stop := make(chan struct{})
	r := &relay{
		toServer: stream{from: near, to: far, faults: toServer, stop: stop},
		toClient: stream{from: far, to: near, faults: toClient, stop: stop},
		done:     make(chan struct{}),
	}
	go r.carry(stop, near, far)
	return r
}

// carry runs both streams until they are over. A reset has closed both connections;
// what is left of the other stream is its delay, which stop ends.
func (r *relay) carry(stop chan struct{}, near, far *proxyConn) {
	defer close(r.done)
	over := make(chan struct{}, 2)
	for _, s := range []*stream{&r.toServer, &r.toClient} {
		go func() {
			s.carry()
			over <- struct{}{}
		}()
	}
	<-over
	if near.aborted.Load() || far.aborted.Load() {
		close(stop)
	}
	<-over
	near.close()
	far.close()
	r.toServer.finish()
	r.toClient.finish()
}

// wait waits until both streams are over and both connections are closed.
func (r *relay) wait() { <-r.done }

// A proxyConn is one of the two connections of a relay. Both streams use it.
type proxyConn struct {
	conn       *net.TCPConn
	closeOnce  sync.Once
	aborted    atomic.Bool // it was closed because it or the other connection was reset
	sentRST    atomic.Bool
	halfClosed atomic.Bool // a FIN was sent, with the other direction open
}

// reset closes the connection with an RST.
func (c *proxyConn) reset() {
	c.closeOnce.Do(func() {
		c.sentRST.Store(true)
		c.conn.SetLinger(0)
		c.conn.Close()
	})
}

// close closes the connection: with a FIN, or with an RST if bytes are unread.
func (c *proxyConn) close() {
	c.closeOnce.Do(func() { c.conn.Close() })
}

func (c *proxyConn) closeWrite() {
	if c.conn.CloseWrite() == nil {
		c.halfClosed.Store(true)
	}
}
