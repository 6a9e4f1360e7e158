// Command golden runs the golden requests: golden ADDRESS FILE. It prints one line for each: the digest of its pixels,
// or of its scores, or its error.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sort"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"pixelzoo"
	v1 "pixelzoo/v1"
)

type golden struct {
	Name    string
	Method  string
	Request json.RawMessage
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: golden ADDRESS FILE")
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	var requests []golden
	if err := json.Unmarshal(text, &requests); err != nil {
		log.Fatal(err)
	}
	client, err := pixelzoo.Dial(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	for _, request := range requests {
		payload, err := request.run(context.Background(), client)
		var refusal *pixelzoo.Error
		switch {
		case err == nil:
			fmt.Printf("%s %x\n", request.Name, sha256.Sum256(payload))
		case errors.As(err, &refusal):
			fmt.Print(request.Name, " ", code.Code(refusal.Code), " ", refusal.Reason)
			if len(refusal.Violations) > 0 {
				fmt.Print(" ", refusal.Violations[0].Field)
			}
			fmt.Println()
		default:
			log.Fatalf("%s: %v", request.Name, err)
		}
	}
}

// run gives the bytes of the reply that count.
func (g golden) run(ctx context.Context, client *pixelzoo.Client) ([]byte, error) {
	switch g.Method {
	case "Sample":
		request := &v1.SampleRequest{}
		g.parse(request)
		reply, err := client.Sampling.Sample(ctx, request)
		if err != nil {
			return nil, pixelzoo.FromStatus(err)
		}
		return generated(reply.Images)
	case "StreamSample":
		request := &v1.StreamSampleRequest{}
		g.parse(request)
		replies, err := client.Sampling.StreamSample(ctx, request)
		if err != nil {
			return nil, pixelzoo.FromStatus(err)
		}
		images, err := received(replies)
		if err != nil {
			return nil, pixelzoo.FromStatus(err)
		}
		return generated(images)
	case "Translate":
		request := &v1.TranslateRequest{}
		g.parse(request)
		reply, err := client.Translation.Translate(ctx, request)
		if err != nil {
			return nil, pixelzoo.FromStatus(err)
		}
		var images []*v1.Image
		for _, item := range reply.Images {
			images = append(images, item.Image)
		}
		return pixels(images)
	case "Decode":
		request := &v1.DecodeRequest{}
		g.parse(request)
		reply, err := client.Latent.Decode(ctx, request)
		if err != nil {
			return nil, pixelzoo.FromStatus(err)
		}
		return pixels(reply.Images)
	case "Score":
		request := &v1.ScoreRequest{}
		g.parse(request)
		reply, err := client.Scoring.Score(ctx, request)
		if err != nil {
			return nil, pixelzoo.FromStatus(err)
		}
		return scores(reply.Scores), nil
	}
	return nil, fmt.Errorf("there is no method %s", g.Method)
}

func (g golden) parse(request proto.Message) {
	if err := protojson.Unmarshal(g.Request, request); err != nil {
		log.Fatalf("%s: %v", g.Name, err)
	}
}

// received are the finished pictures of a stream, in order.
func received(replies v1.SamplingService_StreamSampleClient) ([]*v1.GeneratedImage, error) {
	var images []*v1.GeneratedImage
	for {
		reply, err := replies.Recv()
		if err == io.EOF {
			sort.Slice(images, func(i, j int) bool { return images[i].Index < images[j].Index })
			return images, nil
		}
		if err != nil {
			return nil, err
		}
		if image := reply.GetImage(); image != nil {
			images = append(images, image)
		}
	}
}

func generated(items []*v1.GeneratedImage) ([]byte, error) {
	var images []*v1.Image
	for _, item := range items {
		images = append(images, item.Image)
	}
	return pixels(images)
}

func pixels(images []*v1.Image) ([]byte, error) {
	var all []byte
	for _, image := range images {
		pixels, err := pixelzoo.NewPicture(image).Pixels()
		if err != nil {
			return nil, err
		}
		all = append(all, pixels...)
	}
	return all, nil
}

// scores are the values as little-endian float32, picture by picture in the order of the scores' names.
func scores(pictures []*v1.ImageScore) []byte {
	var all bytes.Buffer
	for _, picture := range pictures {
		sort.SliceStable(picture.Values, func(i, j int) bool {
			a, b := picture.Values[i], picture.Values[j]
			return a.Name < b.Name || a.Name == b.Name && a.GetEntry() < b.GetEntry()
		})
		for _, value := range picture.Values {
			binary.Write(&all, binary.LittleEndian, float32(value.Value))
		}
	}
	return all.Bytes()
}
