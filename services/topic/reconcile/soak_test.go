package reconcile_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/openorder/openorder/services/internal/kafka"
	"github.com/openorder/openorder/services/internal/testenv"
	"github.com/openorder/openorder/services/topic/kubetest"
	"github.com/openorder/openorder/services/topic/v1alpha1"
)

// TestSoak creates, changes, conflicts and deletes resources at random, takes brokers and API server away and kills the
// controller, and then looks whether all agree and nothing was deleted that should not be. OPENORDER_TEST_SOAK is the
// number of random steps (default 300), OPENORDER_TEST_SEED the seed to replay.
func TestSoak(t *testing.T) {
	t.Parallel()
	steps, _ := strconv.Atoi(os.Getenv("OPENORDER_TEST_SOAK"))
	if steps == 0 {
		steps = 300
	}
	seed, err := strconv.ParseUint(os.Getenv("OPENORDER_TEST_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("%d steps, OPENORDER_TEST_SEED=%d", steps, seed)
	s := &soak{rand: rand.New(rand.NewPCG(seed, seed)), dir: t.TempDir(), api: kubetest.Dedicated(t, kubetest.Definitions())}
	s.up(t)
	s.bundle = setupOn(t, s.api.Config, s.brokers)
	s.protect(t)
	order := s.rand.Perm(len(disturbances))
	for i := range steps {
		s.step()
		if every := max(steps/20, 50); i%every == every-1 {
			disturbances[order[i/every%len(order)]](s, t)
		}
	}
	s.agree(t)
	for name, id := range s.protected {
		if d := s.topic(name); d == nil || d.ID != id {
			t.Errorf("%s was deleted: it is %+v, not %s", name, d, id)
		}
	}
}

const soakTopics = 20 // of each sort

type soak struct {
	*bundle
	rand      *rand.Rand
	dir       string
	fake      *kfake.Cluster
	brokers   kafka.Config
	api       *kubetest.Server
	protected map[string]string // the ids of the topics that must live through it all
}

// protect makes the topics that nothing may delete: foreign ones, which are there before any resource and are named with
// either deletionPolicy, and kept ones, which the controller makes and whose resources say Retain each time they come.
func (s *soak) protect(t *testing.T) {
	t.Helper()
	s.protected = map[string]string{}
	var foreign []string
	for i := range soakTopics {
		foreign = append(foreign, fmt.Sprintf("foreign-%d", i))
	}
	testenv.CreateTopics(t, s.brokers, 1, foreign...)
	for i := range soakTopics {
		s.apply(fmt.Sprintf("kept-%d", i), `{partitions: 1}`)
	}
	for i := range soakTopics {
		s.until(fmt.Sprintf("kept-%d", i), "True Synced")
		for _, name := range []string{foreign[i], fmt.Sprintf("kept-%d", i)} {
			s.protected[name] = s.topic(name).ID
		}
	}
}

// up starts the embedded broker, on the same address and data each time.
func (s *soak) up(t *testing.T) {
	options := []kfake.Opt{kfake.DataDir(s.dir)}
	if s.brokers.Brokers != "" {
		port, _ := strconv.Atoi(s.brokers.Brokers[strings.LastIndex(s.brokers.Brokers, ":")+1:])
		options = append(options, kfake.Ports(port))
	}
	s.fake, s.brokers = testenv.FakeKafka(t, options...)
}

// step does something to a resource. Several resources name the same topics, some name topics that were there before.
func (s *soak) step() {
	resource := &v1alpha1.KafkaTopic{ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace, Name: fmt.Sprintf("r-%d", s.rand.IntN(60))}}
	resource.Spec = s.spec()
	policies := []string{`{"spec":{"deletionPolicy":"Delete"}}`, `{"spec":{"deletionPolicy":"Retain"}}`}
	if s.rand.IntN(6) == 0 {
		resource.Name = fmt.Sprintf("kept-%d", s.rand.IntN(soakTopics))
		resource.Spec.TopicName, resource.Spec.DeletionPolicy = "", v1alpha1.Retain
		policies = policies[1:]
	}
	var err error
	switch s.rand.IntN(10) {
	case 0, 1, 2, 3, 4:
		err = s.Create(s.Context(), resource)
	case 5, 6:
		patches := append([]string{
			fmt.Sprintf(`{"spec":{"config":{"retention.ms":%d}}}`, s.rand.IntN(9)+1), `{"spec":{"config":null}}`,
			fmt.Sprintf(`{"spec":{"partitions":%d}}`, s.rand.IntN(5)+1), `{"spec":{"managementPolicy":"Observe"}}`, `{"spec":{"managementPolicy":"Manage"}}`,
		}, policies...)
		err = s.Patch(s.Context(), resource, client.RawPatch(types.MergePatchType, []byte(patches[s.rand.IntN(len(patches))])))
	case 7, 8:
		err = s.Delete(s.Context(), resource)
	case 9:
		s.drift()
	}
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsInvalid(err) && !apierrors.IsConflict(err) {
		s.Fatal(err)
	}
}

// drift changes a topic behind its resource's back, or deletes it.
func (s *soak) drift() {
	name := fmt.Sprintf("t-%d", s.rand.IntN(30))
	if s.topic(name) == nil {
		return
	}
	if s.rand.IntN(3) > 0 {
		value := "77"
		_, err := s.admin.AlterTopicConfigs(s.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &value}}, name)
		s.must(err)
		return
	}
	_, err := s.admin.DeleteTopics(s.Context(), name)
	s.must(err)
}

func (s *soak) spec() v1alpha1.KafkaTopicSpec {
	name := fmt.Sprintf("t-%d", s.rand.IntN(30))
	if s.rand.IntN(5) == 0 {
		name = fmt.Sprintf("foreign-%d", s.rand.IntN(soakTopics))
	}
	n := s.rand.Int32N(4) + 1
	spec := v1alpha1.KafkaTopicSpec{TopicName: name, Partitions: &n}
	spec.DeletionPolicy = []v1alpha1.DeletionPolicy{v1alpha1.Retain, v1alpha1.Delete}[s.rand.IntN(2)]
	if s.rand.IntN(6) == 0 {
		spec.ManagementPolicy = v1alpha1.Observe
	}
	if s.rand.IntN(2) == 0 {
		spec.Config = map[string]v1alpha1.ConfigValue{"retention.ms": {JSON: fmt.Sprint(s.rand.IntN(9) + 1)}}
	}
	return spec
}

// disturbances take something away in the middle of the work, and bring it back.
var disturbances = []func(s *soak, t *testing.T){
	func(s *soak, _ *testing.T) { s.crash() },
	func(s *soak, t *testing.T) { s.fake.Close(); s.up(t) },
	func(s *soak, t *testing.T) { s.fake.Close(); s.crash(); s.up(t) },
	func(s *soak, _ *testing.T) { s.api.Kill(); s.drifts(); s.api.Start() },
	func(s *soak, _ *testing.T) { s.api.Kill(); s.drifts(); s.kill(); s.api.Start(); s.start() },
	func(s *soak, t *testing.T) { s.fake.Close(); s.api.Kill(); s.up(t); s.api.Start() },
}

// drifts are what happens to topics while nobody can read their resources.
func (s *soak) drifts() {
	for range 5 {
		s.drift()
	}
}

// agree waits until every resource and the cluster say the same.
func (s *soak) agree(t *testing.T) {
	why := ""
	defer func() {
		if t.Failed() {
			t.Log(why)
		}
	}()
	testenv.Eventually(t, "resources and topics agree", func() bool { why = s.disagreement(); return why == "" })
}

func (s *soak) disagreement() string {
	var list v1alpha1.KafkaTopicList
	s.must(s.List(s.Context(), &list, client.InNamespace(s.namespace)))
	owners := map[string]int{}
	for i := range list.Items {
		r := &list.Items[i]
		state := ready(r)
		switch {
		case r.Deleting():
			return r.Name + " is still being deleted: " + state
		case r.Status.ObservedGeneration != r.Generation:
			return r.Name + " is not looked at: " + state
		case strings.HasPrefix(state, "True Synced"):
			owners[r.TopicName()]++
			have := s.topic(r.TopicName())
			if have == nil || have.ID != r.Status.TopicID || r.Spec.Partitions != nil && have.Partitions != int(*r.Spec.Partitions) {
				return fmt.Sprintf("%s says %s, the topic is %+v, the status %+v", r.Name, state, have, r.Status)
			}
			if want, named := r.Spec.Config["retention.ms"]; named && s.value(r.TopicName(), "retention.ms") != want.JSON {
				return r.Name + ": retention.ms differs"
			}
		case strings.HasPrefix(state, "False NotSupported"):
			owners[r.TopicName()]++
		case strings.HasPrefix(state, "False Conflict"), strings.HasPrefix(state, "True Observed"),
			strings.HasPrefix(state, "False Drifted"), strings.HasPrefix(state, "False Missing: There is no topic"):
		case strings.HasPrefix(state, "False Replaced"):
			if have := s.topic(r.TopicName()); have == nil || have.ID == r.Status.TopicID {
				return fmt.Sprintf("%s says %s, the topic is %+v, the status %+v", r.Name, state, have, r.Status)
			}
		default:
			return r.Name + ": " + state
		}
	}
	for name, n := range owners {
		if n != 1 {
			return fmt.Sprintf("%d resources own %s", n, name)
		}
	}
	return ""
}
