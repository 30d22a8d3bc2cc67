// Package crashpoint lets the crash tests end the program at a named place in its flows. Without the build tag crashpoints
// nothing of it is left in the program.
//
// With the tag the environment says where: PEYK_CRASH=send.reserved:2 ends the process with SIGKILL when it comes to
// send.reserved for the second time; PEYK_CRASH_BY=panic has it end by a fault of its own instead. PEYK_CRASH_SECOND=20ms has
// Telegram's seconds pass faster, so that hundreds of kills need not wait for its limits.
package crashpoint
