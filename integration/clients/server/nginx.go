package server

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Nginx starts nginx. It serves, and takes by PUT, files of a folder that it
// returns; the address for TLS has HTTP/2.
func Nginx(t testing.TB) (s TLS, root string) {
	t.Helper()
	path := find(t, "nginx", "nginx-light")
	s.Certificate = NewCertificate(t)
	dir := folder(t, "")
	root = folder(t, "")
	cert, key := s.files(t, dir, "")
	addrs := free(t, 2)
	s.Addr, s.TLSAddr = addrs[0], addrs[1]
	user := ""
	if _, _, root := ids(t, "root"); root {
		user = "user root;"
	}
	conf := write(t, dir, "nginx.conf", "",
		user, "daemon off; master_process off; pid pid; error_log stderr;",
		"events {}", "http {", "access_log off; client_max_body_size 0;",
		"client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;",
		"uwsgi_temp_path uwsgi; scgi_temp_path scgi;",
		"server {", "listen "+s.Addr+"; listen "+s.TLSAddr+" ssl http2;",
		"ssl_certificate "+cert+"; ssl_certificate_key "+key+";",
		"keepalive_timeout 60; root "+root+";",
		"location / { dav_methods PUT DELETE; }", "} }")
	start(t, exec.Command(path, "-p", dir, "-e", filepath.Join(dir, "errors"), "-c", conf), accepts(addrs...))
	return s, root
}
