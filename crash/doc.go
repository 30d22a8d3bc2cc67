// Package crash kills the bridge and looks whether it keeps its promises. It is tests only.
//
// The bridge is the real program, built once with the tag crashpoints and run as a process of its own between the sandbox's
// Telegram and panel. Each world is one store and its history: people write, answer and press while both networks fail now and
// then, the bridge is killed, started again, left to come to rest, and the invariants are checked against what the two
// networks saw and what the store says.
//
//	bridge_test.go      the process: built, started, killed, ended
//	network_test.go     the port a network listens on
//	world_test.go       what is around the process, and the ways to kill it
//	internal/play       what customers and agents do, which networks fail, and the invariants but I10
//	kill_test.go        many worlds at once, many kills in each, and the table
//	syscall_test.go     every system call on the file fails, or is where the bridge is killed
//	power_test.go       I10: what a loss of power may leave of the file, from a trace of the system calls
//	takeover_test.go    two bridges that take turns, of which the leader, or etcd, falls silent in all ways
//	members_test.go     what people do with two: backups, restores, upgrades
//	outage_test.go      both networks down and two kills, in one run
//	rows_f_test.go …    rows of the table of crash points in doc/guarantees.md, a file a letter; rows_test.go is what they do,
//	                    rows_evidence_test.go what they look for
//	fault_test.go       the bridge ended by a fault of its own
//	mutants_test.go     the bridge with a fault built in, which the invariants must find (internal/play/mutants.go)
//	soak_test.go        one bridge for a long time, without kills
//
// A run is named by its seed, which is printed when something is wrong; PEYK_SEED runs that world alone. What the two
// networks do at the same moment differs from run to run, so a seed repeats the play, not the accident: run it several times.
// PEYK_KILLS, PEYK_IMAGES and PEYK_SYSCALLS ask for more than an ordinary run does, PEYK_MUTANTS for the mutants, PEYK_TAKEOVERS for takeovers. From 300 kills on worlds take turns at the
// kinds of panel; PEYK_PANEL names one for all.
package crash
