package reconcile_test

import (
	"testing"

	"github.com/openorder/openorder/services/topic/reconcile"
)

func TestAllowLimitsWhatANamespaceMayName(t *testing.T) {
	t.Parallel()
	all, err := reconcile.ParseAllow(nil)
	if err != nil || !all.Permits("any", "order.created") {
		t.Errorf("without --allow all may name all: %v", err)
	}
	allow, err := reconcile.ParseAllow([]string{"shop=order., inventory.", "platform="})
	if err != nil {
		t.Fatal(err)
	}
	for namespaced, permitted := range map[[2]string]bool{
		{"shop", "order.created"}: true, {"shop", "inventory.reserved"}: true, {"shop", "payments"}: false, {"shop", "order"}: false,
		{"platform", "payments"}: true, {"other", "order.created"}: false,
	} {
		if allow.Permits(namespaced[0], namespaced[1]) != permitted {
			t.Errorf("%s may name %s: %v", namespaced[0], namespaced[1], !permitted)
		}
	}
	for _, entry := range []string{"order.", "=order.", "", "shop=order.,"} {
		if _, err := reconcile.ParseAllow([]string{entry}); err == nil {
			t.Errorf("%q is taken", entry)
		}
	}
}
