package deadletter

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxGroups bounds memory, however hostile the messages.
const maxGroups = 10_000

// Group is letters that died of the same error: same class, same message but for numbers and ids, same origin topic,
// same consumer group.
type Group struct {
	Class    string
	Message  string // normalised
	Topic    string // origin; empty when unknown
	Consumer string // consumer group
	// Rest: the group of all errors beyond those that are told apart.
	Rest bool

	Letters     int64
	Redriven    int64 // of them, redriven already
	First, Last time.Time
	Sample      ID     // one of the letters: the latest seen
	Text        string // its message, as it is
}

type groupKey struct{ class, message, topic, consumer string }

// Groups sorts letters into groups, in bounded memory.
type Groups struct {
	groups map[groupKey]*Group
	rest   *Group
}

// Add counts a letter.
func (g *Groups) Add(l Letter, f Failure, redriven bool) {
	group := g.of(f)
	if group.Letters == 0 || l.Timestamp.Before(group.First) {
		group.First = l.Timestamp
	}
	if group.Letters == 0 || !l.Timestamp.Before(group.Last) {
		group.Last, group.Sample, group.Text = l.Timestamp, l.ID, clip(f.Message)
	}
	group.Letters++
	if redriven {
		group.Redriven++
	}
}

func (g *Groups) of(f Failure) *Group {
	key := groupKey{clip(f.Class()), Normalise(f.Message), clip(f.Topic), clip(f.Group)}
	if group := g.groups[key]; group != nil {
		return group
	}
	if len(g.groups) >= maxGroups {
		if g.rest == nil {
			g.rest = &Group{Rest: true}
		}
		return g.rest
	}
	if g.groups == nil {
		g.groups = map[groupKey]*Group{}
	}
	group := &Group{Class: key.class, Message: key.message, Topic: key.topic, Consumer: key.consumer}
	g.groups[key] = group
	return group
}

// List is the groups, the largest first.
func (g *Groups) List() []Group {
	list := make([]Group, 0, len(g.groups)+1)
	for _, group := range g.groups {
		list = append(list, *group)
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Letters, a.Letters), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Consumer, b.Consumer),
			cmp.Compare(a.Class, b.Class), cmp.Compare(a.Message, b.Message))
	})
	if g.rest != nil {
		list = append(list, *g.rest)
	}
	return list
}

const maxText = 300

var variable = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\b0x[0-9a-fA-F]+|@[0-9a-f]{5,8}\b|[0-9a-fA-F]*\d[0-9a-fA-F]{7,}\b|\d+`)

// Normalise cuts from a message what differs from letter to letter: its lines but the first, numbers and ids.
func Normalise(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return variable.ReplaceAllString(clip(strings.Join(strings.Fields(line), " ")), "#")
}

// clip bounds a text that somebody else wrote, without cutting a letter in two.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "…"
}
