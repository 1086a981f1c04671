package main

import (
	"bufio"
	"context"
)

func convert(context.Context, terminal, string, int, *bufio.Writer) error { return nil }
