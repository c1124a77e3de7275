// Package testenv gives tests their brokers and databases: by default what needs nothing installed (an embedded broker,
// SQLite), and the real thing where the environment names it.
//
//	OPENORDER_TEST_KAFKA           bootstrap address, plaintext
//	OPENORDER_TEST_KAFKA_SECURE    bootstrap address, SASL_SSL with SCRAM-SHA-512 and ACLs; user admin, password admin
//	OPENORDER_TEST_KAFKA_CA        PEM file of that listener's authority
//	OPENORDER_TEST_KAFKA_CONTROL   a command that takes "stop N", "kill N" and "start N" for broker N; and, for brokers of a
//	                               test's own, "up N" and "down" with KAFKA_STATE (a folder) and KAFKA_PORT set
//	OPENORDER_TEST_POSTGRES        URL of a database whose role may create databases
//	OPENORDER_TEST_POSTGRES_CONTROL  a command that takes "up", "start" and "down" with PG_STATE and PG_PORT set
//	OPENORDER_TEST_SMALL_DISK      a folder on a small file system (200 MiB) that tests may fill
//	OPENORDER_TEST_REQUIRE         set: a test that lacks one of the above fails instead of being skipped
package testenv

import (
	"os"
	"testing"
)

// Control is the command that a variable names, which starts and stops servers.
func Control(t testing.TB, variable string) string {
	t.Helper()
	return need(t, variable, "a command that starts and stops servers")
}

// need is the value of an environment variable, without which the test is skipped, or fails where nothing may be missing.
func need(t testing.TB, variable, what string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value != "" {
		return value
	}
	if os.Getenv("OPENORDER_TEST_REQUIRE") != "" {
		t.Fatalf("%s is not set, and OPENORDER_TEST_REQUIRE is: this test needs %s", variable, what)
	}
	t.Skipf("needs %s: set %s (see README, Tests)", what, variable)
	return ""
}
