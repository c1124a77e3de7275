package command

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/openorder/openorder/services/deadletter"
)

// letterView is a letter as JSON. Texts are exact: what is not UTF-8 is in the field of the same name with Base64.
type letterView struct {
	Topic       string             `json:"topic"`
	TopicID     string             `json:"topicId"`
	Partition   int32              `json:"partition"`
	Offset      int64              `json:"offset"`
	Timestamp   time.Time          `json:"timestamp"`
	Redriven    bool               `json:"redriven"`
	Redrives    int                `json:"redrivesBefore"`
	Truncated   bool               `json:"truncated"`
	Framework   string             `json:"framework,omitempty"`
	Origin      *originView        `json:"origin"`
	Group       string             `json:"consumerGroup,omitempty"`
	Exception   string             `json:"exception,omitempty"`
	Cause       string             `json:"cause,omitempty"`
	Message     string             `json:"message,omitempty"`
	Key         *string            `json:"key"`
	KeyBase64   []byte             `json:"keyBase64,omitempty"`
	Value       *string            `json:"value"`
	ValueBase64 []byte             `json:"valueBase64,omitempty"`
	Headers     []headerView       `json:"headers"`
	Trail       []deadletter.Entry `json:"trail,omitempty"`
}

type originView struct {
	Topic     string `json:"topic"`
	Partition *int32 `json:"partition,omitempty"`
	Offset    *int64 `json:"offset,omitempty"`
}

type headerView struct {
	Key    string  `json:"key"`
	Value  *string `json:"value,omitempty"`
	Number *int64  `json:"number,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`
}

func letterJSON(l deadletter.Letter, f deadletter.Failure, redriven bool, families []deadletter.Family) letterView {
	view := letterView{
		Topic: l.Topic, TopicID: l.TopicID, Partition: l.Partition, Offset: l.Offset, Timestamp: l.Timestamp.UTC(),
		Redriven: redriven, Redrives: l.Redrives(), Truncated: l.Truncated(), Framework: f.Framework,
		Group: f.Group, Exception: f.Exception, Cause: f.Cause, Message: f.Message, Headers: []headerView{},
	}
	if f.Topic != "" {
		view.Origin = &originView{Topic: f.Topic}
		if f.Partition != deadletter.Unknown {
			view.Origin.Partition = &f.Partition
		}
		if f.Offset != deadletter.Unknown {
			view.Origin.Offset = &f.Offset
		}
	}
	view.Key, view.KeyBase64 = exact(l.Key)
	view.Value, view.ValueBase64 = exact(l.Value)
	for _, h := range l.Headers {
		header := headerView{Key: h.Key}
		if n, ok := deadletter.Number(h.Value); ok && deadletter.IsNumber(h.Key, families) {
			header.Number = &n
		} else {
			header.Value, header.Base64 = exact(h.Value)
		}
		view.Headers = append(view.Headers, header)
	}
	return view
}

// exact is bytes as text where they are text, and otherwise as they are; neither for none.
func exact(value []byte) (*string, []byte) {
	if value == nil {
		return nil, nil
	}
	if !utf8.Valid(value) {
		return nil, value
	}
	text := string(value)
	return &text, nil
}

// from says where a letter's record came from.
func from(f deadletter.Failure) string {
	switch {
	case f.Topic == "":
		return "origin unknown"
	case f.Partition == deadletter.Unknown || f.Offset == deadletter.Unknown:
		return shorten(f.Topic, 249)
	default:
		return fmt.Sprintf("%s %d:%d", shorten(f.Topic, 249), f.Partition, f.Offset)
	}
}

// reason says why a letter died.
func reason(f deadletter.Failure) string {
	switch {
	case f.Class() == "" && f.Message == "":
		return "no error told"
	case f.Message == "":
		return f.Class()
	case f.Class() == "":
		return f.Message
	default:
		return f.Class() + ": " + f.Message
	}
}

func key(l deadletter.Letter) string {
	switch {
	case l.Key == nil:
		return "no key"
	case isText(l.Key):
		return "key " + strconv.Quote(shorten(string(l.Key), 60))
	default:
		return fmt.Sprintf("key 0x%x", l.Key[:min(len(l.Key), 30)])
	}
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
