// Command translate makes a picture from a picture: translate MODEL PICTURE OUT
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"pixelzoo"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: translate MODEL PICTURE OUT")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := translate(ctx, os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func translate(ctx context.Context, model, from, to string) error {
	file, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	client, err := pixelzoo.FromEnv()
	if err != nil {
		return err
	}
	defer client.Close()

	pictures, err := client.Translate(ctx, model, []pixelzoo.Input{pixelzoo.File(file)}, nil)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %dx%d\n", to, pictures[0].Width, pictures[0].Height)
	return os.WriteFile(to, pictures[0].File, 0o644)
}
