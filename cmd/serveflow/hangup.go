package main

import (
	"os"
	"os/signal"
	"syscall"
)

// hangups takes SIGHUP until stop is called: it would end the process. It asks run to look for
// other bundles. The commands beside it take it as their first act too, and do nothing about
// it: kill -HUP $(pidof serveflow) is sent to them and to the trials of bundles as well.
func hangups() (asked <-chan os.Signal, stop func()) {
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGHUP)
	return ask, func() { signal.Stop(ask) }
}
