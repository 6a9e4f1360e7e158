// Package program is what the programs have in common: their command lines, their client and their errors.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"pixelzoo"
)

// Flags are the flags of a program; Words reads them.
func Flags() *flag.FlagSet {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// Words reads the command line: flags wherever they stand, while flag.Parse takes those after the first word for words.
// It gives the words, of which there must be as many as least and most say. The program ends with its usage if it is
// asked for, status 0, and where the command line is wrong, status 2.
func Words(flags *flag.FlagSet, usage string, least, most int) []string {
	var words []string
	for rest := os.Args[1:]; ; {
		err := flags.Parse(rest)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Println("usage: " + usage)
			os.Exit(0)
		}
		if err != nil {
			wrong(err.Error(), usage)
		}
		if flags.NArg() == 0 {
			break
		}
		words, rest = append(words, flags.Arg(0)), flags.Args()[1:]
	}
	if len(words) < least {
		wrong("too few arguments", usage)
	}
	if len(words) > most {
		wrong("too many arguments", usage)
	}
	return words
}

func wrong(message, usage string) {
	fmt.Fprintf(os.Stderr, "%s\nusage: %s\n", message, usage)
	os.Exit(2)
}

// Seed is the flag --seed.
func Seed(flags *flag.FlagSet, set func(*uint64)) {
	flags.Func("seed", "", func(text string) error {
		seed, err := strconv.ParseUint(text, 10, 64)
		set(&seed)
		return err
	})
}

// Float is a flag that is a number.
func Float(flags *flag.FlagSet, name string, set func(float32)) {
	flags.Func(name, "", func(text string) error {
		number, err := strconv.ParseFloat(text, 32)
		set(float32(number))
		return err
	})
}

// Choice is a flag whose value is the end of the name of one of the numbers, in any case: "ddim" for SAMPLER_DDIM.
func Choice(flags *flag.FlagSet, name, prefix string, numbers map[string]int32, set func(int32)) {
	flags.Func(name, "", func(text string) error {
		number, known := numbers[prefix+strings.ToUpper(text)]
		if set(number); !known {
			return errors.New("there is no such choice")
		}
		return nil
	})
}

// Labels are the labels of --class: none if it is not set.
func Labels(ctx context.Context, client *pixelzoo.Client, model, class string) ([]int32, error) {
	if class == "" {
		return nil, nil
	}
	return client.Labels(ctx, model, class)
}

// Run runs a program with a client of the server that the environment names. Ctrl-C ends its call, and with it the
// server's work.
func Run(body func(context.Context, *pixelzoo.Client) error) {
	log.SetFlags(0)
	client, err := pixelzoo.FromEnv()
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := body(ctx, client); err != nil {
		log.Fatal(err)
	}
}
