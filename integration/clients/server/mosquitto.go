package server

import (
	"os/exec"
	"testing"
)

// Mosquitto starts mosquitto, an MQTT broker.
func Mosquitto(t testing.TB) TLS {
	t.Helper()
	path := find(t, "mosquitto", "mosquitto")
	s := TLS{Certificate: NewCertificate(t)}
	dir := folder(t, "")
	cert, key := s.files(t, dir, "")
	addrs := free(t, 2)
	s.Addr, s.TLSAddr = addrs[0], addrs[1]
	user := "mosquitto"
	if _, _, root := ids(t, "root"); root {
		user = "root" // it would give up what it needs to read the key
	}
	conf := write(t, dir, "conf", "", "user "+user, "persistence false", "allow_anonymous true",
		"max_queued_messages 0", "max_inflight_messages 0",
		"listener "+port(s.Addr)+" 127.0.0.1",
		"listener "+port(s.TLSAddr)+" 127.0.0.1", "certfile "+cert, "keyfile "+key)
	start(t, exec.Command(path, "-c", conf), accepts(addrs...))
	return s
}
