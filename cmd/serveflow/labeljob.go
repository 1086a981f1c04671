package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/flow/zeek/logfile"
	"github.com/serveflow/serveflow/workbench/annotate"
)

// labelJob is the labelling under way.
type labelJob struct {
	t     terminal
	asked *labelOptions
	table *annotate.Table
	say   labelReport
	wrong error // what could not be read; the rest counts
}

func (j *labelJob) run(ctx context.Context, opt annotate.Options, records []string, out io.Writer) error {
	if err := j.read(ctx, records); err != nil {
		return err
	}
	j.say.records(j.table, len(records))
	for _, file := range j.asked.macs {
		if opt.MACs == nil {
			opt.MACs = annotate.NewMACs(j.table)
		}
		if err := j.source(ctx, file, "--macs "+file, func(in io.Reader) (*annotate.Report, error) { return opt.MACs.Read(ctx, "macs:"+file, in) }); err != nil {
			return err
		}
	}
	l := annotate.New(j.table, opt)
	for _, from := range j.asked.from {
		name := string(from.kind) + ":" + from.file
		if err := j.source(ctx, from.file, "--from "+name, func(in io.Reader) (*annotate.Report, error) {
			rep, err := l.Apply(ctx, from.kind, name, in)
			if wants := from.kind.Wants(); rep.Silent() && wants != "" {
				j.say.line("%s: none of its rows has a %s", name, wants)
			}
			return rep, err
		}); err != nil {
			return err
		}
	}
	if j.asked.rest != "" {
		n, named := l.Rest(j.asked.rest)
		j.say.rest(n, named, j.asked.rest)
	}
	n, err := l.Write(out, records, j.asked.splits)
	if err != nil {
		return err
	}
	j.say.labels(l, n, j.table.Flows())
	if n == 0 && j.wrong == nil {
		return errors.New("no flow got a label: see above why")
	}
	return j.wrong
}

// read takes the records.
func (j *labelJob) read(ctx context.Context, names []string) error {
	files := logFiles{t: j.t, most: zeek.MaxRecord}
	decoder, rec := zeek.Decoder{Conns: true}, zeek.Record{}
	err := files.each(ctx, names, func(record []byte, _ int) error {
		if err := decoder.Decode(record, &rec); err != nil {
			return err
		}
		j.table.Take(&rec, files.number)
		return nil
	})
	j.table.Close()
	if errors.As(err, new(usageError)) || ctx.Err() != nil {
		return err
	}
	j.wrong = err
	return nil
}

// source reads one source, and says what became of its rows. The error is one that ends the work.
func (j *labelJob) source(ctx context.Context, file, flag string, apply func(io.Reader) (*annotate.Report, error)) error {
	in, err := open(j.t, file, logfile.Open)
	if err != nil {
		return err
	}
	defer in.Close()
	rep, err := apply(in)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if form := annotate.WrongForm(err); form != nil {
		return usageError{fmt.Errorf("%s: %w", flag, form)}
	}
	j.say.source(rep)
	if bad := rep.Unread(); err == nil && bad > 0 {
		err = fmt.Errorf("%s could not be read, all others were; the first: %s", counted(bad, "line"), rep.Bad)
	}
	if err != nil {
		j.wrong = errors.Join(j.wrong, fmt.Errorf("%s: %w", file, err))
	}
	return nil
}
