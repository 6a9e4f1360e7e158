// Package pixelzoo gets images from a pixelzoo server.
//
//	client, err := pixelzoo.Dial("localhost:50051")
//	if err != nil { ... }
//	defer client.Close()
//	pictures, err := client.Sample(ctx, "ddpm_fashion_mnist", &pixelzoo.SampleOptions{Seed: pixelzoo.Seed(7)})
//
// The context of a call carries its deadline and its cancellation; both end the server's work too. Errors of calls are
// of the type *Error. A model is named "name", "name@3" (a version) or "name@stable" (a version's label).
package pixelzoo

import (
	"context"

	"google.golang.org/grpc"

	v1 "pixelzoo/v1"
)

// Client is a connection to a server. It may be used from several goroutines; one is enough for a program.
type Client struct {
	// The stubs of the services, for methods that Client has none for.
	Catalog     v1.CatalogServiceClient
	Sampling    v1.SamplingServiceClient
	Translation v1.TranslationServiceClient
	Scoring     v1.ScoringServiceClient
	Latent      v1.LatentServiceClient

	connection *grpc.ClientConn
	endings    *endings
	cards      cards
}

// Close ends the connection, and with it every call under way: their errors are CLIENT_CLOSED. Its own error is nil.
func (c *Client) Close() error {
	c.endings.close()
	c.connection.Close() // Its error says that it has been closed before.
	return nil
}

// Models are the models of the server with their cards: classes, options and their ranges.
func (c *Client) Models(ctx context.Context) ([]*v1.Model, error) {
	var models []*v1.Model
	request := &v1.ListModelsRequest{}
	for {
		page, err := c.Catalog.ListModels(ctx, request)
		if err != nil {
			return nil, FromStatus(err)
		}
		models = append(models, page.Models...)
		request.PageToken = page.NextPageToken
		if request.PageToken == "" {
			return models, nil
		}
	}
}

// Sample draws new pictures.
func (c *Client) Sample(ctx context.Context, model string, options *SampleOptions) ([]*Picture, error) {
	request, err := options.request(model)
	if err == nil {
		err = noPreviews(options.previewInterval())
	}
	if err != nil {
		return nil, err
	}
	reply, err := c.Sampling.Sample(ctx, request)
	if err != nil {
		return nil, FromStatus(err)
	}
	pictures := make([]*Picture, len(reply.Images))
	for i, image := range reply.Images {
		pictures[i] = generated(image)
	}
	return pictures, nil
}

// Translate makes pictures from pictures: another domain, a larger size, a variation.
func (c *Client) Translate(
	ctx context.Context, model string, pictures []Input, options *TranslateOptions,
) ([]*Picture, error) {
	request, err := options.request(model, pictures)
	if err == nil {
		err = noPreviews(options.previewInterval())
	}
	if err != nil {
		return nil, err
	}
	reply, err := c.Translation.Translate(ctx, request)
	if err != nil {
		return nil, FromStatus(err)
	}
	translations := make([]*Picture, len(reply.Images))
	for i, image := range reply.Images {
		translations[i] = translated(image)
	}
	return translations, nil
}

// Score says how likely, or how good, a model holds pictures to be. Each value says its kind and unit.
func (c *Client) Score(
	ctx context.Context, model string, pictures []Input, options *ScoreOptions,
) ([]*v1.ImageScore, error) {
	request, err := options.request(model, pictures)
	if err != nil {
		return nil, err
	}
	reply, err := c.Scoring.Score(ctx, request)
	if err != nil {
		return nil, FromStatus(err)
	}
	return reply.Scores, nil
}
