// Command score says what a model thinks of pictures: score MODEL PICTURE...
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
	if len(os.Args) < 3 {
		log.Fatal("usage: score MODEL PICTURE...")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := score(ctx, os.Args[1], os.Args[2:]); err != nil {
		log.Fatal(err)
	}
}

func score(ctx context.Context, model string, files []string) error {
	pictures := make([]pixelzoo.Input, len(files))
	for i, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		pictures[i] = pixelzoo.File(file)
	}
	client, err := pixelzoo.FromEnv()
	if err != nil {
		return err
	}
	defer client.Close()

	scores, err := client.Score(ctx, model, pictures, nil)
	if err != nil {
		return err
	}
	for _, score := range scores {
		for _, value := range score.Values {
			fmt.Printf("%s: %s %.3f %s\n", files[score.Index], value.Name, value.Value, value.Unit)
		}
	}
	return nil
}
