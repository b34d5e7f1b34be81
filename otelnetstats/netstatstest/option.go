package netstatstest

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// An Option says what [Watch] is to do. Options are budgets, and those that
// [OnlyServers], [OnlyLoopback], [For], [EachServer] and [WaitForClose] return. A nil
// Option is ignored.
type Option interface {
	apply(w *Watcher) error
}

type optionFunc func(*Watcher) error

func (f optionFunc) apply(w *Watcher) error { return f(w) }

// For has budgets kept by what is dialed to one server, given as host:port, as a
// host, or as the path of a unix socket. A name is that which was dialed; an address
// may be what it was resolved to.
func For(server string, budgets ...Budget) Option {
	return optionFunc(func(w *Watcher) error {
		if server == "" {
			return errors.New("For: the server is empty; it is host:port, a host, or the path of a unix socket")
		}
		return w.keep(scoped{server: server}, "For", budgets)
	})
}

// EachServer has budgets kept by each server, as it was dialed, for itself.
func EachServer(budgets ...Budget) Option {
	return optionFunc(func(w *Watcher) error { return w.keep(scoped{each: true}, "EachServer", budgets) })
}

// keep has w keep budgets within a scope.
func (w *Watcher) keep(scope scoped, option string, budgets []Budget) error {
	if len(budgets) == 0 {
		return fmt.Errorf("%s: there is no budget", option)
	}
	for _, b := range budgets {
		scope.budget = b
		if err := w.add(scope); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watcher) add(s scoped) error {
	switch {
	case s.budget.figure == nil:
		return errors.New("a Budget is zero; budgets are made by MaxDials and the like")
	case s.budget.limit < 0:
		return fmt.Errorf("%s: the limit must not be negative", s.budget)
	}
	w.budgets = append(w.budgets, s)
	return nil
}

// WaitForClose sets how long is waited at the end for connections that are about to
// be closed, such as by a goroutine that has been told to stop: a second unless set. A
// test whose connections are closed does not wait.
func WaitForClose(d time.Duration) Option {
	return optionFunc(func(w *Watcher) error {
		if d < 0 {
			return fmt.Errorf("WaitForClose(%v): the duration must not be negative", d)
		}
		w.wait = d
		return nil
	})
}

// An allowance says which servers may be dialed.
type allowance struct {
	text  string
	holds func(*entry) bool
}

// OnlyServers has the test fail if another server is dialed than those given, as
// host:port, as a host, or as the path of a unix socket. Nothing is refused: what was
// sent was sent.
func OnlyServers(servers ...string) Option {
	return optionFunc(func(w *Watcher) error {
		if len(servers) == 0 {
			return errors.New("OnlyServers: there is no server; if nothing is to be dialed, say MaxDials(0)")
		}
		w.allowed = append(w.allowed, allowance{fmt.Sprintf("OnlyServers(%q)", servers), func(e *entry) bool {
			return slices.ContainsFunc(servers, e.at)
		}})
		return nil
	})
}

// OnlyLoopback has the test fail if anything is dialed that is not of this machine: a
// loopback address, a unix socket or a pipe. Nothing is refused: what was sent was
// sent.
func OnlyLoopback() Option {
	return optionFunc(func(w *Watcher) error {
		w.allowed = append(w.allowed, allowance{"OnlyLoopback()", (*entry).local})
		return nil
	})
}
