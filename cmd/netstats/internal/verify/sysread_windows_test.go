package verify

import "syscall"

func sysRead(fd uintptr, p []byte) (int, error) { return syscall.Read(syscall.Handle(fd), p) }
