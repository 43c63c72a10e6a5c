// The process that holds a pod's namespaces open: it sleeps, reaps what is re-parented to it, and ends on the first polite signal.
// Kubernetes' own pause is C and asks for a compiler at every build; this one needs only the Go that the toolchain has anyway.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		reap()
	}
}

// reap collects every child that has ended, so that pods sharing a process namespace gather no zombies.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if pid <= 0 || err != nil {
			return
		}
	}
}
