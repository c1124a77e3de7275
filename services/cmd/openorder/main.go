// Command openorder is the whole pipeline in one process, and the tools for those who run it.
package main

import "os"

func main() { os.Exit(execute(os.Args[1:])) }
