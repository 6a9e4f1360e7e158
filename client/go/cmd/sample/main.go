// Command sample draws new pictures, with progress: sample [-count N] [-seed N] [-label N] [-out FILE] [MODEL]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"

	"pixelzoo"
)

func main() {
	log.SetFlags(0)
	count := flag.Uint("count", 1, "how many pictures")
	seed := flag.Int64("seed", -1, "seed of the first picture; -1 lets the server draw one")
	label := flag.Int("label", -1, "class of the pictures; -1 for none")
	out := flag.String("out", "sample.png", "the file to write; several are numbered")
	flag.Parse()
	model := "ddpm_fashion_mnist"
	if flag.NArg() > 0 {
		model = flag.Arg(0)
	}
	options := &pixelzoo.SampleOptions{Count: uint32(*count)}
	if *seed >= 0 {
		options.Seed = pixelzoo.Seed(uint64(*seed))
	}
	if *label >= 0 {
		options.Labels = []int32{int32(*label)}
	}
	// Ctrl-C ends the call, and with it the server's work.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := sample(ctx, model, options, *out); err != nil {
		log.Fatal(err)
	}
}

func sample(ctx context.Context, model string, options *pixelzoo.SampleOptions, out string) error {
	client, err := pixelzoo.FromEnv()
	if err != nil {
		return err
	}
	defer client.Close()

	stream := client.StreamSample(ctx, model, options)
	defer stream.Close()
	var done []string
	for stream.Next() {
		switch event := stream.Event().(type) {
		case *pixelzoo.Progress:
			fmt.Fprintf(os.Stderr, "\r%d of %d steps", event.Step, event.Steps)
		case *pixelzoo.Picture:
			file := out
			if options.Count > 1 {
				file = fmt.Sprintf("%s-%d.png", strings.TrimSuffix(out, ".png"), event.Index)
			}
			if err := os.WriteFile(file, event.File, 0o644); err != nil {
				return err
			}
			done = append(done, fmt.Sprintf("%s: seed %d", file, event.Seed))
		}
	}
	fmt.Fprintln(os.Stderr)
	for _, line := range done {
		fmt.Println(line)
	}
	return stream.Err()
}
