// Package sim has no code but tests: the whole bridge in this process, and the sandbox's Telegram and panel, under simulated time and on
// networks in memory.
//
// A seed decides a script (script_test.go): what people do, which networks and disks fail, when the bridge is killed. The world
// (world_test.go) plays it and comes to rest, and the invariants of internal/play are checked.
//
//	go test ./sim -seed 7               plays that script alone
//	go test ./sim -worlds 500           plays as many as that
//	go test -tags crashpoints ./sim     kills at the named points in the program, too
//
// A kill here is this: from one moment on nothing of a bridge reaches a network, nor the file that the next one opens, which is a copy of what
// it was then. What it was about to do goes on, and leads nowhere. Loss of power, the kernel and the process itself are crash's.
package sim
