package server

import (
	"os"
	"os/exec"
	"testing"
)

// RabbitMQ starts RabbitMQ, and returns its address. It takes a while.
func RabbitMQ(t testing.TB) string {
	t.Helper()
	const path = "/usr/lib/rabbitmq/bin/rabbitmq-server"
	if _, err := os.Stat(path); err != nil {
		missing(t, path, "rabbitmq-server")
	}
	dir := folder(t, "rabbitmq")
	addrs := free(t, 3)
	// The port mapper would be started by the server, and stay.
	start(t, exec.Command(find(t, "epmd", "rabbitmq-server"), "-port", port(addrs[2]), "-address", "127.0.0.1"),
		accepts(addrs[2]))
	cmd := as(t, exec.Command(path), "rabbitmq")
	cmd.Env = append(os.Environ(), "HOME="+dir, "RABBITMQ_MNESIA_BASE="+dir, "RABBITMQ_LOG_BASE="+dir,
		"RABBITMQ_NODENAME=netstats"+port(addrs[0])+"@localhost", "RABBITMQ_NODE_PORT="+port(addrs[0]),
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_DIST_PORT="+port(addrs[1]),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+dir+"/plugins", "RABBITMQ_PID_FILE="+dir+"/pid",
		"ERL_EPMD_PORT="+port(addrs[2]), "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}")
	start(t, cmd, accepts(addrs[0]))
	return addrs[0]
}
