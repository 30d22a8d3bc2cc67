package crash

import "syscall"

// pause stops the process and returns when none of its threads runs any more, or when it has ended. A signal alone does not do: one thread
// has to run to hear of it, and on a busy machine the others go on until then.
func (b *bridge) pause() {
	b.cmd.Process.Signal(syscall.SIGSTOP)
	const byPID = 1 // P_PID
	for errno := syscall.EINTR; errno == syscall.EINTR; {
		// How it ended is left for cmd.Wait to learn.
		_, _, errno = syscall.Syscall6(syscall.SYS_WAITID, byPID, uintptr(b.cmd.Process.Pid), 0, syscall.WSTOPPED|syscall.WEXITED|syscall.WNOWAIT, 0, 0)
	}
}
