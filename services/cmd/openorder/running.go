package main

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// running is how the tools find the all-in-one that runs on this machine: it leaves word in the user's cache directory.
type running struct {
	Brokers   string            `json:"brokers"`
	Databases map[string]string `json:"databases"`
}

func runningFile() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "openorder", "running.json")
}

func (r running) leaveWord() error {
	file := runningFile()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

// runningInstance is what the all-in-one that was started last on this machine left word of.
func runningInstance() running {
	var r running
	text, err := os.ReadFile(runningFile())
	if err != nil || json.Unmarshal(text, &r) != nil {
		return running{}
	}
	return r
}

// use lets the tools work without flags next to an all-in-one. What flags or the environment say stands.
func (r running) use(c *commands) {
	if _, set := os.LookupEnv("KAFKA_BROKERS"); set || r.Brokers == "" {
		return
	}
	for _, brokers := range []*string{
		&c.DLT.List.Kafka.Brokers, &c.DLT.Show.Kafka.Brokers, &c.DLT.Redrive.Kafka.Brokers, &c.Audit.Kafka.Brokers,
		&c.Topics.Create.Kafka.Brokers, &c.Topics.Apply.Kafka.Brokers, &c.Topics.Diff.Kafka.Brokers, &c.Topics.Export.Kafka.Brokers,
	} {
		if *brokers == defaultBroker {
			*brokers = r.Brokers
		}
	}
}
