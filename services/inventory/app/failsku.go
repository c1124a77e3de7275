package app

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/openorder/openorder/services/internal/service"
	"github.com/openorder/openorder/services/inventory"
)

const maxFailSKUBody = 4 << 10

// failSKUBody is the switch in JSON.
type failSKUBody struct {
	SKU string `json:"sku"`
}

// serveFailSKU puts the switch on the admin address: GET /fail-sku, and PUT /fail-sku with the sku as plain text or as
// {"sku":"FAIL"}. Empty is off.
func serveFailSKU(base *service.Base, failSKU *inventory.FailSKU) {
	base.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "openorder_inventory_fail_sku_enabled",
		Help: "1 while orders with the fail sku fail on purpose, else 0.",
	}, func() float64 {
		if failSKU.Get() == "" {
			return 0
		}
		return 1
	}))
	base.Admin.Get("/fail-sku", func(w http.ResponseWriter, _ *http.Request) { showFailSKU(w, failSKU) })
	base.Admin.Put("/fail-sku", func(w http.ResponseWriter, r *http.Request) {
		sku, err := readFailSKU(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		failSKU.Set(sku)
		base.Log.InfoContext(r.Context(), "the fail sku was switched", "sku", sku, "on", sku != "")
		showFailSKU(w, failSKU)
	})
}

// readFailSKU takes everything that does not say it is JSON for plain text, for curl -d says it is a form.
func readFailSKU(w http.ResponseWriter, r *http.Request) (string, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFailSKUBody))
	if err != nil {
		return "", fmt.Errorf("read the sku: %w", err)
	}
	sku := string(body)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" {
		var in failSKUBody
		if err := json.Unmarshal(body, &in); err != nil {
			return "", fmt.Errorf(`not like {"sku":"FAIL"}: %w`, err)
		}
		sku = in.SKU
	}
	return sku, checkFailSKU(sku)
}

func showFailSKU(w http.ResponseWriter, failSKU *inventory.FailSKU) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(failSKUBody{failSKU.Get()}) // a client that is gone needs no answer
}
