package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// health asks the serveflow at the admin address whether it is ready; for health
// checks where no other client is at hand.
func health(ctx context.Context, t terminal, args []string) error {
	if err := parse(flag.NewFlagSet("health", flag.ContinueOnError), args, false); err != nil {
		return err
	}
	s, err := loadSettings()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(s.Admin)
	if err != nil {
		return usageError{fmt.Errorf("SERVEFLOW_ADMIN=%q: %w", s.Admin, err)}
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+port+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("nothing answers: %w", err)
	}
	defer resp.Body.Close()
	why, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if resp.StatusCode != http.StatusOK {
		return errors.New("not ready: " + strings.TrimSpace(string(why)))
	}
	fmt.Fprint(t.out, string(why))
	return err
}
