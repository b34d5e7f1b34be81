package ledger

import (
	"errors"
	"net"
	"time"
)

// A Proxy stands between a client and a server. It accepts when it is told to
// and makes the faults that it is told to make.
type Proxy struct {
	listener *net.TCPListener
	target   string
}

// NewProxy returns a Proxy that connects to the TCP address target.
func NewProxy(target string) (*Proxy, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	return &Proxy{l, target}, nil
}

// Addr is where clients dial.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close has nobody accepted any more. Passages go on.
func (p *Proxy) Close() error { return p.listener.Close() }

// Faults are what a leg does to what it carries. The zero Faults do nothing.
type Faults struct {
	// Slice, if not zero, is the most that is written at once, for the first
	// SliceFor bytes.
	Slice    int
	SliceFor int64
	// Delay is waited for before each of the first Delays writes.
	Delay  time.Duration
	Delays int
	// At, if not zero, is the number of bytes carried when Then happens.
	At   int64
	Then Fault
}

// A Fault is what happens to a leg, once.
type Fault int

// The faults.
const (
	None          Fault = iota
	HalfClose           // the receiver gets a FIN; what else comes is taken and dropped
	ResetSender         // the sender gets an RST
	ResetReceiver       // the receiver gets one
	ResetBoth
)

// A Passage is one client's connection through the proxy.
type Passage struct {
	// Forth goes from the client to the server, Back the other way. They must
	// not be read before Wait has returned.
	Forth, Back Leg

	done chan struct{}
}

// Accept takes a client that has dialed, connects it to the server, and starts
// to carry.
func (p *Proxy) Accept(forth, back Faults) (*Passage, error) {
	client, err := p.listener.AcceptTCP()
	if err != nil {
		return nil, err
	}
	c, err := net.Dial("tcp", p.target)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	server := c.(*net.TCPConn)
	stop := make(chan struct{})
	s := &Passage{done: make(chan struct{})}
	near, far := &side{conn: client}, &side{conn: server}
	s.Forth = Leg{from: near, to: far, faults: forth, stop: stop}
	s.Back = Leg{from: far, to: near, faults: back, stop: stop}
	go s.carry(stop, near, far)
	return s, nil
}

// carry runs both legs until they are over. One that was aborted takes the other
// with it: its connections are closed.
func (s *Passage) carry(stop chan struct{}, ends ...*side) {
	defer close(s.done)
	over := make(chan struct{}, 2)
	for _, leg := range []*Leg{&s.Forth, &s.Back} {
		go func() {
			leg.carry()
			over <- struct{}{}
		}()
	}
	<-over
	if s.aborted(ends) {
		close(stop)
	}
	<-over
	for _, end := range ends {
		end.close()
	}
	s.Forth.settle()
	s.Back.settle()
}

func (*Passage) aborted(ends []*side) bool { return ends[0].aborted.Load() || ends[1].aborted.Load() }

// Wait waits until both legs are over and closed.
func (s *Passage) Wait() { <-s.done }
