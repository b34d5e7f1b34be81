package server

import (
	"os"
	"os/exec"
	"testing"
)

// ZooKeeper starts ZooKeeper, and returns its address.
func ZooKeeper(t testing.TB) string {
	t.Helper()
	const classes = "/usr/share/java/zookeeper.jar"
	java := find(t, "java", "default-jre-headless")
	if _, err := os.Stat(classes); err != nil {
		missing(t, classes, "zookeeper")
	}
	dir := folder(t, "")
	addr := free(t, 1)[0]
	conf := write(t, dir, "zoo.cfg", "", "tickTime=500", "dataDir="+dir, "clientPort="+port(addr),
		"clientPortAddress=127.0.0.1", "admin.enableServer=false", "4lw.commands.whitelist=*")
	start(t, exec.Command(java, "-Xmx512m", "-cp", classes, "org.apache.zookeeper.server.quorum.QuorumPeerMain", conf),
		accepts(addr))
	return addr
}
