package server

import (
	"os/exec"
	"testing"
)

// OpenLDAP starts slapd, which does StartTLS. The base is dc=example,dc=com, which is
// there, and cn=admin of it has the password secret.
func OpenLDAP(t testing.TB) TLS {
	t.Helper()
	path := find(t, "slapd", "slapd")
	s := TLS{Addr: free(t, 1)[0], Certificate: NewCertificate(t)}
	s.TLSAddr = s.Addr
	dir := folder(t, "")
	cert, key := s.files(t, dir, "")
	conf := write(t, dir, "conf", "", "include /etc/ldap/schema/core.schema", "pidfile "+dir+"/pid",
		"modulepath /usr/lib/ldap", "moduleload back_mdb",
		"TLSCertificateFile "+cert, "TLSCertificateKeyFile "+key, "TLSCACertificateFile "+cert,
		"database mdb", "maxsize 100000000", "suffix dc=example,dc=com", "directory "+dir,
		"rootdn cn=admin,dc=example,dc=com", "rootpw secret")
	base := write(t, dir, "base", "", "dn: dc=example,dc=com", "objectClass: dcObject",
		"objectClass: organization", "o: Example")
	run(t, exec.Command(find(t, "slapadd", "slapd"), "-f", conf, "-l", base))
	start(t, exec.Command(path, "-f", conf, "-h", "ldap://"+s.Addr, "-d", "0"), accepts(s.Addr))
	return s
}
