// Package chaos holds a test that sends mail over a network and to servers that fail in every way, for as
// long as is asked for, and compares each outcome with the ledgers of the servers. The servers are
// processes of their own, and are killed; a proxy before each of them cuts, resets, stalls and splits.
//
// The seed of a run is printed. DEPECHE_CHAOS is how long the test runs, such as 1h, and
// DEPECHE_CHAOS_SEED repeats the choices of an earlier run, though not the schedule of its goroutines.
package chaos
