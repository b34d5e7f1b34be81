package viewing

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// bad is a day on which all goes wrong that there is an alert for, each with a server
// of its own. Beside it one connection is in good health. It lasts until the shop is
// killed.
func (s *shop) bad(ctx context.Context) error {
	healthy, err := s.dialer.DialContext(ctx, "tcp", s.Backend)
	if err != nil {
		return err
	}
	refused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	refused.Close()
	fmt.Println(refused.Addr())
	slow := s.tracker.WrapDial(func(ctx context.Context, network, address string) (net.Conn, error) {
		time.Sleep(800 * time.Millisecond)
		return new(net.Dialer).DialContext(ctx, network, address)
	})
	_, port, err := net.SplitHostPort(s.Backend)
	if err != nil {
		return err
	}
	trusting := &tls.Config{InsecureSkipVerify: true}
	var wg sync.WaitGroup
	for _, p := range []struct {
		pause time.Duration
		do    func(ctx context.Context) error
	}{
		{100 * time.Millisecond, func(context.Context) error { return ask(healthy, 1000) }},
		{2 * time.Second, func(ctx context.Context) error { return s.canceled(ctx, s.Backend) }},
		{2 * time.Second, func(ctx context.Context) error {
			return failing(s.dialer.DialContext(ctx, "tcp", refused.Addr().String()))
		}},
		{2 * time.Second, func(ctx context.Context) error {
			return failing(s.dialer.DialContext(ctx, "tcp", "missing.invalid:80"))
		}},
		{2 * time.Second, func(ctx context.Context) error { return s.exchange(ctx, s.dialer.DialContext, "localhost:"+port, "") }},
		{2 * time.Second, func(ctx context.Context) error { return s.exchange(ctx, slow, s.Echo["slow"], "") }},
		{2 * time.Second, func(ctx context.Context) error {
			return failing(s.dialer.TLS(&tls.Config{ServerName: "server.test"})(ctx, "tcp", s.Secure))
		}},
		{2 * time.Second, func(ctx context.Context) error { return closing(s.dialer.TLS(trusting)(ctx, "tcp", s.Secure)) }},
		{2 * time.Second, func(ctx context.Context) error { return s.exchange(ctx, s.dialer.DialContext, s.Echo["resets"], "r") }},
		{2 * time.Second, func(ctx context.Context) error { return s.leak(ctx, s.Echo["leaks"]) }},
		{0, func(ctx context.Context) error { return s.exchange(ctx, s.dialer.DialContext, s.Echo["loses"], "d") }},
		{50 * time.Millisecond, func(ctx context.Context) error { return s.exchange(ctx, s.dialer.DialContext, s.Echo["churns"], "") }},
		{500 * time.Millisecond, func(ctx context.Context) error { return s.keep(ctx, s.Echo["grows"]) }},
		{2 * time.Second, s.bothEnds},
		{2 * time.Second, s.acceptFails},
		{2 * time.Second, s.datagrams()},
		{2 * time.Second, s.many()},
	} {
		wg.Go(func() {
			for ; ; time.Sleep(p.pause) {
				if err := s.request(ctx, "bad", p.do); err != nil {
					panic(err) // which the test shows
				}
			}
		})
	}
	wg.Wait()
	return nil
}

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// exchange dials, asks, and says how the server is to end it, or to go on.
func (s *shop) exchange(ctx context.Context, dial dial, address, order string) error {
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := ask(conn, 10); err != nil || order == "" {
		return err
	}
	if _, err := conn.Write([]byte(order)); err != nil {
		return err
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return nil // the end
	}
	return ask(conn, 10)
}

func failing(conn net.Conn, err error) error {
	if err == nil {
		return errors.Join(errors.New("the dial succeeds"), conn.Close())
	}
	return nil
}

func closing(conn net.Conn, err error) error {
	if err != nil {
		return err
	}
	return conn.Close()
}

func (s *shop) canceled(ctx context.Context, address string) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return failing(s.dialer.DialContext(ctx, "tcp", address))
}

func (s *shop) leak(ctx context.Context, address string) error {
	_, err := s.dialer.DialContext(ctx, "tcp", address)
	runtime.GC()
	return err
}

func (s *shop) keep(ctx context.Context, address string) error {
	conn, err := s.dialer.DialContext(ctx, "tcp", address)
	s.open = append(s.open, conn)
	return err
}

// exhausted is a listener whose process has no descriptors left.
type exhausted struct{ net.Listener }

func (exhausted) Accept() (net.Conn, error) { return nil, syscall.EMFILE }

func (s *shop) acceptFails(context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	_, err = s.tracker.Listener(exhausted{l}).Accept()
	if !errors.Is(err, syscall.EMFILE) {
		return fmt.Errorf("Accept returns %w", err)
	}
	return nil
}

// datagrams sends packets to itself.
func (s *shop) datagrams() func(ctx context.Context) error {
	var conn net.Conn
	return func(ctx context.Context) error {
		if conn == nil {
			peer, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			go func() {
				buf := make([]byte, 100)
				for {
					n, from, err := peer.ReadFrom(buf)
					if err != nil {
						return
					}
					_, _ = peer.WriteTo(buf[:n], from)
				}
			}()
			if conn, err = s.dialer.DialContext(ctx, "udp", peer.LocalAddr().String()); err != nil {
				return err
			}
		}
		if _, err := conn.Write([]byte("ping")); err != nil {
			return err
		}
		_, err := io.ReadFull(conn, make([]byte, 4))
		return err
	}
}

// many has more servers than are told apart, once the others are known.
func (s *shop) many() func(ctx context.Context) error {
	var conns []net.Conn
	return func(ctx context.Context) error {
		if conns == nil {
			time.Sleep(5 * time.Second)
		}
		for i := len(conns); i < s.Servers; i++ {
			conn, err := s.dialer.DialContext(ctx, "tcp", s.Echo[fmt.Sprint("many ", i)])
			if err != nil {
				return err
			}
			conns = append(conns, conn)
		}
		for _, conn := range conns {
			if err := ask(conn, 100); err != nil {
				return err
			}
		}
		return nil
	}
}
