package redrive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/time/rate"

	"github.com/openorder/openorder/services/deadletter"
	"github.com/openorder/openorder/services/deadletter/consume"
)

// Redrive is one run. Its set is fixed when it is opened: letters that come later wait for the next run.
type Redrive struct {
	plan   Plan
	filter string // for the trail
	log    *slog.Logger
	client *kgo.Client

	letters *consume.Snapshot
	trail   *Trail
	done    *deadletter.Done
	targets map[string]string // what is wrong with a target topic, empty if nothing is

	writer *writer
	report *Report
}

var errEnough = errors.New("as many as were asked for")

// maxFilter bounds what each entry of the trail says of the filter.
const maxFilter = 2000

// Open fixes the set. It writes nothing.
func Open(ctx context.Context, plan Plan, log *slog.Logger) (*Redrive, error) {
	if missing := plan.Kafka.MissingFile(); missing != "" {
		return nil, fmt.Errorf("start a client: there is no file %s", missing)
	}
	client, err := kgo.NewClient(plan.Kafka.Options("openorder-redrive", log)...)
	if err != nil {
		return nil, fmt.Errorf("start a client: %w", err)
	}
	r := &Redrive{plan: plan, filter: plan.Filter.String(), log: log, client: client, trail: NewTrail(client, plan.Topic), targets: map[string]string{}}
	if r.letters, err = consume.Take(ctx, client, plan.Topic); err != nil {
		client.Close()
		return nil, err
	}
	r.done = deadletter.NewDone(r.letters.TopicID)
	if len(r.filter) > maxFilter {
		r.filter = strings.ToValidUTF8(r.filter[:maxFilter], "") + "…"
	}
	if err := r.checkTo(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return r, nil
}

// checkTo refuses a target that no letter can go to.
func (r *Redrive) checkTo(ctx context.Context) error {
	switch r.plan.To {
	case "":
		return nil
	case r.plan.Topic, r.trail.Topic:
		return fmt.Errorf("redrive to %s: letters %s", r.plan.To, Loop)
	}
	wrong, err := r.target(ctx, r.plan.To)
	if wrong != "" {
		return errors.New("redrive: " + wrong)
	}
	return err
}

// Close ends the run's connections.
func (r *Redrive) Close() { r.client.Close() }

// Trail is the topic that says what was redriven.
func (r *Redrive) Trail() *Trail { return r.trail }

// Preview says what Run would do as things stand. It writes nothing.
func (r *Redrive) Preview(ctx context.Context) (*Report, error) {
	r.report = newReport()
	if err := r.follow(ctx); err != nil {
		return nil, err
	}
	err := r.choose(ctx, func(s sending) error {
		r.report.took(s.target)
		return nil
	})
	return r.report, err
}

// Run redrives. The report is what was done, also when it ends with an error; progress is told about it now and then.
func (r *Redrive) Run(ctx context.Context, progress func(*Report)) (*Report, error) {
	r.report = newReport()
	if err := r.take(ctx); err != nil {
		return r.report, err
	}
	defer r.writer.close()

	size := batchLetters
	limit := rate.NewLimiter(rate.Inf, 0)
	if r.plan.Rate > 0 {
		size = min(max(int(r.plan.Rate/10), 1), batchLetters)
		limit = rate.NewLimiter(rate.Limit(r.plan.Rate), size)
	}
	var batch []sending
	var bytes int
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := limit.WaitN(ctx, len(batch)); err != nil {
			return err
		}
		if err := r.send(ctx, batch); err != nil {
			return err
		}
		batch, bytes = batch[:0], 0
		progress(r.report)
		return ctx.Err()
	}
	err := r.choose(ctx, func(s sending) error {
		if bytes += s.size(); len(batch) > 0 && bytes > batchBytes {
			if err := flush(); err != nil {
				return err
			}
			bytes = s.size()
		}
		if batch = append(batch, s); len(batch) < size {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	return r.report, err
}

// take makes this run the only one, and then reads what the others did: in this order, nothing can be added between.
func (r *Redrive) take(ctx context.Context) error {
	if err := r.trail.make(ctx, r.letters.Replicas); err != nil {
		return err
	}
	if err := r.trail.await(ctx); err != nil {
		return err
	}
	var err error
	if r.writer, err = newWriter(ctx, r.plan, r.log); err != nil {
		return err
	}
	if err = r.trail.settle(ctx); err == nil {
		err = r.follow(ctx)
	}
	if err != nil {
		r.writer.close()
	}
	return err
}

// follow notes what the trail has of letters that were redriven.
func (r *Redrive) follow(ctx context.Context) error {
	return r.trail.Follow(ctx, func(e deadletter.Entry) {
		if !r.plan.Again || e.Run == r.plan.Run {
			r.done.Add(e)
		}
	})
}

// choose hands the letters to redrive to take, and reports those that the filter chose but that cannot be redriven.
func (r *Redrive) choose(ctx context.Context, take func(sending) error) error {
	var chosen int64
	err := r.letters.Letters(ctx, r.plan.Filter, func(l deadletter.Letter) error {
		f := deadletter.FailureOf(l.Headers, r.plan.Families)
		if !r.plan.Filter.Match(l, f, r.plan.Families) {
			return nil
		}
		s, reason, detail, err := r.judge(ctx, l, f)
		if err != nil {
			return err
		}
		if reason != "" {
			r.report.leave(reason, l, detail)
			return nil
		}
		if chosen++; r.plan.Max > 0 && chosen > r.plan.Max {
			r.report.More = true
			return errEnough
		}
		return take(s)
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// judge says where a letter goes, or why it cannot.
func (r *Redrive) judge(ctx context.Context, l deadletter.Letter, f deadletter.Failure) (s sending, reason Reason, detail string, err error) {
	s = sending{letter: l, target: r.plan.To, partition: deadletter.Unknown}
	if s.target == "" {
		s.target = f.Topic
	}
	if s.target == f.Topic && !r.plan.ByKey {
		s.partition = f.Partition
	}
	switch {
	case r.done.Has(l):
		return s, AlreadyRedriven, "", nil
	case r.done.HasAnother(l):
		return s, Replacing, "", nil
	case l.Truncated() && !r.plan.Truncated:
		return s, Cut, "", nil
	case s.target == "":
		return s, OriginUnknown, "", nil
	case s.target == l.Topic || s.target == r.trail.Topic:
		return s, Loop, s.target, nil
	}
	wrong, err := r.target(ctx, s.target)
	if wrong != "" {
		return s, NoTarget, wrong, nil
	}
	return s, "", "", err
}

// topicName is what brokers let a topic be called. Anything may stand in a letter's header.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// target looks a topic up once, and says what is wrong with it, if anything is.
func (r *Redrive) target(ctx context.Context, topic string) (wrong string, err error) {
	if !topicName.MatchString(topic) {
		return fmt.Sprintf("no topic can be called %.100q", topic), nil
	}
	if wrong, known := r.targets[topic]; known {
		return wrong, nil
	}
	topics, err := kadm.NewClient(r.client).ListTopics(ctx, topic)
	if err != nil {
		return "", fmt.Errorf("look up the topic %s: %w", topic, err)
	}
	switch err := topics[topic].Err; {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		wrong = "no such topic: " + topic
	case err != nil:
		wrong = fmt.Sprintf("%s: %v", topic, err)
	case topics[topic].IsInternal:
		wrong = topic + " is the brokers' own"
	}
	r.targets[topic] = wrong
	return wrong, nil
}
