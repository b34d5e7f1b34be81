//go:build !linux

package viewing

import (
	"errors"
	"net"
	"time"
)

func deaf(net.Conn, time.Duration) error { return errors.ErrUnsupported }
