package chartcheck

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Each is refused with a sentence that names the value and the way out.
func TestBadValuesAreRefused(t *testing.T) {
	t.Parallel()
	chart, operator := root+"/charts/openorder", root+"/charts/openorder-operator"
	kind := []string{chart + "/values-kind.yaml"}
	external := []string{"testdata/values/openorder.yaml"}
	for name, c := range map[string]struct {
		profile
		want []string
	}{
		"a typo":                           {profile{chart: chart, set: []string{"redpnada.enabled=true"}}, []string{"redpnada"}},
		"a typo deep inside":               {profile{chart: chart, set: []string{"services.order.replica=2"}}, []string{"services", "order", "replica"}},
		"a service that does not exist":    {profile{chart: chart, set: []string{"services.payment.replicas=2"}}, []string{"payment"}},
		"a negative number":                {profile{chart: chart, set: []string{"defaults.replicas=-1"}}, []string{"replicas"}},
		"a quantity that is none":          {profile{chart: chart, values: kind, set: []string{"redpanda.storage=lots"}}, []string{"storage"}},
		"two brokers":                      {profile{chart: chart, values: kind, set: []string{"redpanda.replicas=2"}}, []string{"replicas"}},
		"a version that is no tag":         {profile{chart: chart, values: kind, set: []string{"redpanda.version=26.2.1"}}, []string{"version"}},
		"brokers without a port":           {profile{chart: chart, values: external, set: []string{"kafka.brokers=kafka"}}, []string{"brokers"}},
		"no brokers":                       {profile{chart: chart, set: []string{"mode=services", "postgresql.enabled=true"}}, []string{"kafka.brokers: name your brokers", "redpanda.enabled=true"}},
		"brokers twice":                    {profile{chart: chart, values: kind, set: []string{"kafka.brokers=kafka:9092"}}, []string{"excludes redpanda.enabled"}},
		"no database":                      {profile{chart: chart, values: kind, set: []string{"postgresql.enabled=false"}}, []string{"services.order.database.existingSecret", "services.inventory.database.existingSecret"}},
		"TLS without a CA":                 {profile{chart: chart, values: external, set: []string{"kafka.tls.caSecret="}}, []string{"kafka.tls.caSecret: TLS needs the authorities"}},
		"a login without a password":       {profile{chart: chart, values: external, set: []string{"services.order.kafka.existingSecret="}}, []string{"services.order.kafka.existingSecret: name the Secret with the password of user order-service"}},
		"KEDA without a login of its own":  {profile{chart: chart, values: external, set: []string{"kafka.keda.existingSecret="}}, []string{"kafka.keda.existingSecret"}},
		"brokers whose name KEDA lacks":    {profile{chart: chart, values: external, set: []string{"kafka.brokers=kafka-1.shop.svc:9093, kafka:9093"}}, []string{"kafka.brokers: KEDA runs in a namespace of its own, where kafka is nobody's name; write kafka.shop.svc"}},
		"an autoscaler with replicas":      {profile{chart: chart, values: external, set: []string{"services.order.replicas=3"}}, []string{"services.order.replicas: 3 contradicts autoscaling.type=hpa"}},
		"fewer pods at most than at least": {profile{chart: chart, values: external, set: []string{"services.order.autoscaling.maxReplicas=1"}}, []string{"maxReplicas: 1 is below minReplicas 2"}},
		"topics that would hang":           {profile{chart: chart, values: kind, set: []string{"topics.deletionPolicy=Delete"}}, []string{"topics.deletionPolicy: Delete is refused"}},
		"more replicas than brokers":       {profile{chart: chart, values: kind, set: []string{"topics.replicas=3"}}, []string{"topics.replicas: 3 are more than redpanda.replicas"}},
		"too few replicas for Redpanda":    {profile{chart: chart, values: kind, set: []string{"redpanda.replicas=3"}}, []string{"topics.replicas: 1 is below the 3 that Redpanda asks for", "redpanda.clusterSpec.config.cluster.minimum_topic_replications"}},
		"an even number of replicas":       {profile{chart: chart, values: kind, set: []string{"redpanda.replicas=3", "topics.replicas=2"}}, []string{"Redpanda wants an odd number"}},
		"one Kafka user for all services":  {profile{chart: chart, values: kind, set: []string{"redpanda.sasl=true", "defaults.kafka.username=shop"}}, []string{"kafka.username: order, inventory and notification are all shop", "services.NAME.kafka.username"}},
		"roles that PostgreSQL reserves":   {profile{chart: chart, values: kind, release: "pg-shop"}, []string{"fullnameOverride: PostgreSQL keeps names that begin with pg_ to itself"}},
		"roles that its operator reserves": {profile{chart: chart, values: kind, set: []string{"fullnameOverride=cnpg"}}, []string{"fullnameOverride: ", "CloudNativePG those with cnpg_"}},
		"an operator's resource in one":    {profile{chart: chart, set: []string{"redpanda.enabled=true"}}, []string{"redpanda.enabled: the all-in-one brings its own"}},
		"brokers beside the all-in-one":    {profile{chart: chart, set: []string{"kafka.brokers=kafka:9092"}}, []string{"kafka: the all-in-one brings its own broker; for yours set mode=services"}},
		"a database beside it":             {profile{chart: chart, set: []string{"services.order.database.existingSecret=db"}}, []string{"services.order.database: the all-in-one is one pod", "set mode=services"}},
		"a database for all beside it":     {profile{chart: chart, set: []string{"defaults.database.existingSecret=db"}}, []string{"defaults.database.existingSecret: the all-in-one brings its own databases; set mode=services"}},
		"a login beside it":                {profile{chart: chart, set: []string{"defaults.kafka.existingSecret=login"}}, []string{"defaults.kafka: the all-in-one brings its own broker; set mode=services"}},
		"several pods of the all-in-one":   {profile{chart: chart, set: []string{"defaults.replicas=3"}}, []string{"defaults.replicas: the all-in-one is one pod; set mode=services"}},
		"an autoscaler of the all-in-one":  {profile{chart: chart, set: []string{"defaults.autoscaling.type=hpa"}}, []string{"defaults.autoscaling.type: the all-in-one is one pod; set mode=services"}},
		"an image that nobody runs":        {profile{chart: chart, set: []string{"defaults.image.tag=ci"}}, []string{"defaults.image: the all-in-one has allInOne.image"}},
		"variables that nobody gets":       {profile{chart: chart, set: []string{`defaults.extraEnv=[{"name":"A","value":"b"}]`}}, []string{"defaults.extraEnv: the all-in-one has allInOne.extraEnv"}},
		"traces of the all-in-one":         {profile{chart: chart, set: []string{"tracing.endpoint=http://collector:4318"}}, []string{"tracing.endpoint: the all-in-one sends no traces; set mode=services"}},
		"a route without a Gateway":        {profile{chart: chart, set: []string{"httpRoute.enabled=true"}}, []string{"httpRoute.parentRefs"}},
		"webhooks that nobody signs":       {profile{chart: chart, set: []string{`notification.webhookURLs=["https://hooks.example.com"]`}}, []string{"notification.webhookSecret: webhooks are signed"}},
		"a webhook that is no URL":         {profile{chart: chart, set: []string{`notification.webhookURLs=["hooks.example.com"]`}}, []string{"webhookURLs"}},
		"missing CRDs":                     {profile{chart: chart, values: kind, set: []string{"checkCRDs=true"}}, []string{"the Redpanda operator: helm upgrade --install", "the CloudNativePG operator: helm upgrade --install", "the topic controller: helm upgrade --install"}},
		"a typo, controller":               {profile{chart: operator, set: []string{"kafka.broker=kafka:9092"}}, []string{"broker"}},
		"a login without a user":           {profile{chart: operator, set: []string{"kafka.sasl.enabled=true", "kafka.sasl.username="}}, []string{"kafka.sasl.username: is needed"}},
		"sweeps without a pause":           {profile{chart: operator, set: []string{"sweepInterval=500ms"}}, []string{"sweepInterval: 500ms is less than 1s"}},
		"a right in a foreign namespace":   {profile{chart: operator, set: []string{`namespaces=["shop"]`, `allow=[{"namespace":"stock","prefixes":["a"]}]`}}, []string{"allow: namespace stock is not in namespaces"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.render(t)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
		})
	}
}

// In both modes a Service has the type that its service asks for.
func TestTheAllInOneTakesTheServicesOfServices(t *testing.T) {
	t.Parallel()
	resources := profile{chart: root + "/charts/openorder", set: []string{"services.order.service.type=NodePort"}}.resources(t)
	for _, service := range ofKind(resources, "Service") {
		if want := service.name() == "openorder-order"; (text(service, "spec", "type") == "NodePort") != want {
			t.Errorf("%s is of type %q", service, text(service, "spec", "type"))
		}
	}
}

func TestGlobalValuesAreAllowed(t *testing.T) {
	t.Parallel()
	for _, chart := range []string{"openorder", "openorder-operator"} {
		if _, err := (profile{chart: root + "/charts/" + chart, set: []string{`global.anything={"a":1}`}}).render(t); err != nil {
			t.Error(err)
		}
	}
}

func TestLintStrict(t *testing.T) {
	t.Parallel()
	for name, p := range profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"lint", "--strict", "--quiet", "--kube-version=1.37.0", "--set=checkCRDs=false", p.chart}
			for _, file := range p.values {
				args = append(args, "--values="+file)
			}
			if out, err := exec.CommandContext(t.Context(), helm(), args...).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// Who lets Redpanda take fewer replicas may ask for them.
func TestTopicsMayHaveFewerReplicasWhereRedpandaTakesThem(t *testing.T) {
	t.Parallel()
	chart := root + "/charts/openorder"
	set := []string{"redpanda.replicas=3", "redpanda.clusterSpec.config.cluster.minimum_topic_replications=1"}
	if _, err := (profile{chart: chart, values: []string{chart + "/values-kind.yaml"}, set: set}).render(t); err != nil {
		t.Error(err)
	}
}

// Whoever names min.insync.replicas knows why; the chart's own is for those who do not.
func TestTopicsHaveTheConfigurationAskedFor(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{`topics.config={}`: "2", `topics.config={"min.insync.replicas":"1"}`: "1"} {
		p := profile{chart: root + "/charts/openorder", values: []string{root + "/charts/openorder/values-production.yaml"}, set: []string{set}}
		topics := ofKind(p.resources(t), "KafkaTopic")
		if len(topics) == 0 {
			t.Fatal("no topics")
		}
		for _, topic := range topics {
			if got := text(topic, "spec", "config", "min.insync.replicas"); got != want {
				t.Errorf("%s, %s: min.insync.replicas is %q, want %s", set, topic, got, want)
			}
		}
	}
}

// What holds data, and what it cannot be read without, outlives the release unless keepData is false.
func TestDataIsKept(t *testing.T) {
	t.Parallel()
	holds := []string{"Redpanda", "Cluster", "Database", "PersistentVolumeClaim", "Secret"}
	for name, p := range profiles() {
		for _, keep := range []bool{true, false} {
			if !keep {
				if strings.HasPrefix(name, "operator") {
					continue
				}
				p.set = append(slices.Clone(p.set), "keepData=false")
			}
			for _, r := range ofKind(p.resources(t), holds...) {
				kept := text(r, "metadata", "annotations", "helm.sh/resource-policy") == "keep"
				if kept != keep {
					t.Errorf("%s, keepData=%t: %s is kept: %t", name, keep, r, kept)
				}
				if volumes := text(r, "spec", "clusterSpec", "statefulset", "persistentVolumeClaimRetentionPolicy", "whenDeleted"); r.kind() == "Redpanda" && (volumes != "Delete") != keep {
					t.Errorf("%s, keepData=%t: whenDeleted of the volumes is %q", name, keep, volumes)
				}
			}
		}
	}
}

func TestTheControllersKafkaUserIsHeldToItsPrefixes(t *testing.T) {
	t.Parallel()
	p := profiles()["production"]
	p.set = []string{`controller.prefixes=["shop.","1."]`}
	var prefixes []string
	for _, user := range ofKind(p.resources(t), "User") {
		for _, rule := range list(user, "spec", "authorization", "acls") {
			if user.name() == "openorder-topic-controller" && text(rule, "resource", "patternType") == "prefixed" {
				prefixes = append(prefixes, text(rule, "resource", "name"))
			}
		}
	}
	if want := []string{"shop.", "1."}; !slices.Equal(prefixes, want) {
		t.Errorf("prefixes %q, want %q", prefixes, want)
	}
}

// A release may have a name that YAML takes for a number.
func TestNumbersAreNames(t *testing.T) {
	t.Parallel()
	for name, p := range profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.release, p.set = "42", []string{`nameOverride="7"`, "fullnameOverride=shop"}
			for _, r := range p.resources(t) {
				numbers(t, r.String(), map[string]any(r))
			}
		})
	}
}

// numbers complains of labels, of what selects them, and of names.
func numbers(t *testing.T, where string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if _, isText := inner.(string); (strings.HasPrefix(key, "app.kubernetes.io/") || key == "name") && !isText && inner != nil {
				t.Errorf("%s: %s is %v", where, key, inner)
			}
			numbers(t, where, inner)
		}
	case []any:
		for _, inner := range v {
			numbers(t, where, inner)
		}
	}
}

// Copies in the charts are what the code declares.
func TestCopiesAreFresh(t *testing.T) {
	t.Parallel()
	for copied, original := range map[string]string{
		"openorder-operator/files/kafka.openorder.io_kafkatopics.yaml": "services/topic/config/crd/kafka.openorder.io_kafkatopics.yaml",
		"openorder/files/topics/openorder.yaml":                        "services/topic/declared/openorder.yaml",
		"openorder-operator/files/role.yaml":                           "services/topic/config/rbac/role.yaml",
	} {
		want, err := os.ReadFile(root + "/" + original)
		if err != nil {
			t.Fatal(err)
		}
		file := root + "/charts/" + copied
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(file)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not %s (go test -update copies it): %v", copied, original, err)
		}
	}
}
