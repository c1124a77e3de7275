// Package e2e drives a running system from outside: the all-in-one, separate processes on a real Kafka and PostgreSQL, or
// whatever OPENORDER_E2E_ORDER_URL and its siblings point at. It has only tests.
//
//	OPENORDER_E2E_ORDER_URL            http://HOST:PORT of a running order service; the suite then starts nothing itself
//	OPENORDER_E2E_INVENTORY_URL        the same of inventory
//	OPENORDER_E2E_NOTIFICATION_URL     the same of notification
package e2e
