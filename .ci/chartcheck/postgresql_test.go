package chartcheck

import "testing"

// A Cluster that is restored from a backup, or copied from another, is not made by initdb as well: the operator refuses two.
func TestAClusterOfABackupIsNotInitialised(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{
		"{}":                               `{"initdb":{"database":"openorder","owner":"openorder"}}`,
		`{"recovery":{"source":"a"}}`:      `{"recovery":{"source":"a"}}`,
		`{"pg_basebackup":{"source":"a"}}`: `{"pg_basebackup":{"source":"a"}}`,
		`{"initdb":{"owner":"shop"}}`:      `{"initdb":{"database":"openorder","owner":"shop"}}`,
	} {
		p := profiles()["kind"]
		p.set = []string{"postgresql.clusterSpec.bootstrap=" + set}
		for _, cluster := range ofKind(p.resources(t), "Cluster") {
			if got := compact(at(cluster, "spec", "bootstrap")); got != want {
				t.Errorf("bootstrap=%s: got %s, want %s", set, got, want)
			}
		}
	}
}

// A certificate of one's own is checked against the authority of one's own: the operator makes no other then.
func TestServicesTrustTheAuthorityOfTheClusterSpec(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{"{}": "openorder-pg-ca", `{"certificates":{"serverCASecret":"ours","serverTLSSecret":"tls"}}`: "ours"} {
		p := profiles()["kind"]
		p.set = []string{"postgresql.clusterSpec=" + set}
		for _, pod := range pods(ofKind(p.resources(t), "Deployment")) {
			for _, volume := range list(pod.spec, "volumes") {
				if text(volume, "name") == "database-ca" && text(volume, "secret", "secretName") != want {
					t.Errorf("%s trusts %s, want %s", pod.owner, text(volume, "secret", "secretName"), want)
				}
			}
		}
	}
}
