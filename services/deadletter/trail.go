package deadletter

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// TrailSuffix makes the name of a dead letter topic's trail, the topic that says what was redriven.
const TrailSuffix = ".redrives"

// Entry is a record of the trail: one letter, redriven once.
type Entry struct {
	DeadLetterTopic string    `json:"deadLetterTopic"`
	TopicID         string    `json:"topicId"`
	Partition       int32     `json:"partition"`
	Offset          int64     `json:"offset"`
	LeaderEpoch     *int32    `json:"leaderEpoch,omitempty"` // the letter's
	To              Place     `json:"to"`
	Redrives        int       `json:"redrives"` // the record's count, this one included
	By              string    `json:"by"`
	At              time.Time `json:"at"`
	Run             string    `json:"run"`
	Filter          string    `json:"filter,omitempty"`
}

// Place is where a redriven record lies.
type Place struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// ID is the letter's identity.
func (e Entry) ID() ID { return ID{TopicID: e.TopicID, Partition: e.Partition, Offset: e.Offset} }

func (e Entry) epoch() int32 {
	if e.LeaderEpoch == nil {
		return Unknown
	}
	return *e.LeaderEpoch
}

// Encode is the entry as the trail keeps it.
func (e Entry) Encode() []byte {
	value, err := json.Marshal(e)
	if err != nil {
		panic(err) // strings, numbers and a time of this century: cannot fail
	}
	return value
}

// DecodeEntry reads a record of the trail.
func DecodeEntry(value []byte) (Entry, error) {
	var e Entry
	if err := json.Unmarshal(value, &e); err != nil {
		return Entry{}, fmt.Errorf("decode trail entry: %w", err)
	}
	if e.TopicID == "" || e.Partition < 0 || e.Offset < 0 {
		return Entry{}, errors.New("decode trail entry: it names no letter")
	}
	return e, nil
}
