package app_test

// childVariable names what this test binary does when it runs as a process to be killed or frozen.
const childVariable = "OPENORDER_INVENTORY_CHILD"

var children = map[string]func(){}
