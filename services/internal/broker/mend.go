package broker

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
)

// runningFile tells a start that the last one did not end by Close.
const runningFile = "openorder-running"

// prepare makes the directory, finds out whether it can be written, and mends what a crash may have left.
func prepare(c Config, running string) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	_, err := os.Stat(running)
	crashed := err == nil
	if err := os.WriteFile(running, nil, 0o600); err != nil {
		return err
	}
	if crashed {
		return mend(c)
	}
	return nil
}

// mend opens the data once and closes them again, which rewrites kfake's logs of groups and producers whole: it leaves a
// torn entry at their end, appends behind it, and at the next start reads only up to it, so that a second crash would lose
// every offset committed since the first. Then it ends the transactions that were open.
func mend(c Config) error {
	c.Log.Info("the embedded broker was not stopped the last time; checking its data", "dir", c.Dir)
	var unsaved atomic.Bool
	cluster, err := open(c, &unsaved, func(network, _ string) (net.Listener, error) { return net.Listen(network, "127.0.0.1:0") })
	if err != nil {
		return fmt.Errorf("open %s: %w", c.Dir, err)
	}
	cluster.Close()
	if unsaved.Load() {
		return fmt.Errorf("the data in %s cannot be written; the log says why, a full disk as a rule", c.Dir)
	}
	if err := endTransactions(c.Dir); err != nil {
		return fmt.Errorf("end the transactions that were open in %s: %w", c.Dir, err)
	}
	return nil
}

// endTransactions writes the markers that a crash kept from being written. Without one, kfake tells consumers that the
// producer's records are aborted, and they take it for the producer's next, committed ones too. A transaction that is
// committed in one partition already is committed in the others: it was being committed.
func endTransactions(dir string) error {
	dirs, err := pathsIn(filepath.Join(dir, "partitions"), fs.DirEntry.IsDir)
	if err != nil {
		return err
	}
	all := endings{map[transaction]int64{}, map[transaction]bool{}}
	var logs []*partitionLog
	for _, dir := range dirs {
		log, err := readPartition(dir, all)
		if err != nil {
			return err
		}
		logs = append(logs, log)
	}
	for _, log := range logs {
		if err := log.end(all); err != nil {
			return err
		}
	}
	return nil
}

// end appends a marker for each transaction that is open.
func (l *partitionLog) end(all endings) error {
	var markers, index bytes.Buffer
	for _, open := range l.open {
		markers.Write(marker(l.next, open.transaction, all.commits(open)))
		index.Write(indexEntry(l.leaderEpoch, false))
		l.next++
	}
	if markers.Len() == 0 {
		return nil
	}
	return errors.Join(appendTo(l.segment, markers.Bytes()), appendTo(indexOf(l.segment), index.Bytes()))
}

// appendTo appends, and comes back once it is on disk.
func appendTo(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Sync(), file.Close())
}
