package tcpinfo

// Numbers are the two numbers of bytes sent that the kernel has, each by itself.
func (s *Socket) Numbers() (passed, acked int64) {
	q := newQuery(s, false)
	defer q.free()
	q.socket = s // also where no writev was begun
	_ = s.raw.Control(func(fd uintptr) {
		q.getInfo(fd)
		q.getQueued(fd)
	})
	return q.passed() - s.start.passed, q.acked() - s.start.acked
}

// Descriptor is that of the duplicate.
func (h Held) Descriptor() int { return h.fd }
