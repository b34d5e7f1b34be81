//go:build !plan9

package netwrap

func (l *unixListener) SetUnlinkOnClose(unlink bool) { l.listener.SetUnlinkOnClose(unlink) }
