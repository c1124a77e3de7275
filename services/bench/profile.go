package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// profiler fetches CPU profiles of services while a row is measured.
type profiler struct{ dir string } // "" for none

// profile begins one of a process and returns how to wait for it.
func (p profiler) profile(ctx context.Context, row string, process *process, length time.Duration) (wait func() error) {
	if p.dir == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() { done <- p.fetch(ctx, row, process, length) }()
	return func() error {
		if err := <-done; err != nil {
			return fmt.Errorf("profile %s: %w", process.name, err)
		}
		return nil
	}
}

func (p profiler) fetch(ctx context.Context, row string, process *process, length time.Duration) error {
	if err := os.MkdirAll(p.dir, 0o777); err != nil {
		return err
	}
	address := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", process.admin, max(1, int(length.Seconds())))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", address, response.Status)
	}
	file, err := os.Create(filepath.Join(p.dir, row+"-"+process.name+".pprof"))
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(file, response.Body); err != nil {
		return err
	}
	return file.Close()
}
