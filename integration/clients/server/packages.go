package server

// Packages are Debian's packages that have the servers, and strace.
var Packages = []string{
	"etcd-server", "mariadb-server", "memcached", "microsocks", "mosquitto",
	"nats-server", "nginx-light", "openssh-server", "postgresql", "rabbitmq-server",
	"redis-server", "slapd", "strace", "vsftpd",
}
