package otelnetstats

// Requests are the HTTP requests of a connection, as far as they were made through
// a [Transport].
type Requests struct {
	// Served is how many were given the connection and are over: the response's body
	// was read to its end or closed, there was none, or the connection ended.
	Served int64
	// Active is how many have the connection now. With HTTP/2 it can be many.
	Active int
}

// Requests says how many HTTP requests the connection has served, and how many have
// it now. On connections that no [Transport] dialed, all is zero.
func (c *Conn) Requests() Requests {
	if c.zero() {
		return Requests{}
	}
	return c.pooled().requests()
}
