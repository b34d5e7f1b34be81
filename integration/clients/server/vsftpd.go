package server

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"testing"
)

// FTP starts vsftpd, which lets anybody in and take or leave files in the folder
// up, and returns its address.
func FTP(t testing.TB) string {
	t.Helper()
	path := find(t, "vsftpd", "vsftpd")
	if os.Geteuid() != 0 {
		t.Skip("vsftpd runs as root only")
	}
	owner := "ftp"
	if _, err := user.Lookup(owner); err != nil {
		owner = "nobody"
	}
	root, dir := folder(t, ""), folder(t, "")
	up := filepath.Join(root, "up")
	uid, gid, _ := ids(t, owner)
	if err := os.Mkdir(up, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(up, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	addr := free(t, 1)[0]
	conf := write(t, dir, "conf", "", "background=NO", "listen=YES", "listen_address=127.0.0.1", "listen_port="+port(addr),
		"seccomp_sandbox=NO", "ftp_username="+owner, "anon_root="+root, "anonymous_enable=YES", "local_enable=NO",
		"write_enable=YES", "anon_upload_enable=YES", "anon_mkdir_write_enable=YES", "anon_other_write_enable=YES",
		"anon_umask=022", "secure_chroot_dir="+folder(t, ""), "pasv_address=127.0.0.1")
	start(t, exec.Command(path, conf), greets(addr))
	return addr
}
