package pixelzoo

import (
	"fmt"
	"strings"

	v1 "pixelzoo/v1"
)

func (o *SampleOptions) request(model string) (*v1.SampleRequest, error) {
	selected, err := selector(model)
	if err != nil || o == nil {
		return &v1.SampleRequest{Model: selected}, err
	}
	request := &v1.SampleRequest{
		Model: selected, Seed: o.Seed, Labels: o.Labels, Encoding: o.Encoding, Reproducible: o.Reproducible,
	}
	if o.Count != 0 {
		request.Count = &o.Count
	}
	var given families
	if o.Diffusion != nil {
		given.add("diffusion")
		request.Options = &v1.SampleOptions{Family: &v1.SampleOptions_Diffusion{Diffusion: o.Diffusion}}
	}
	if o.Autoregressive != nil {
		given.add("autoregressive")
		request.Options = &v1.SampleOptions{Family: &v1.SampleOptions_Autoregressive{Autoregressive: o.Autoregressive}}
	}
	if o.LatentVariable != nil {
		given.add("latent_variable")
		request.Options = &v1.SampleOptions{Family: &v1.SampleOptions_LatentVariable{LatentVariable: o.LatentVariable}}
	}
	if o.Adversarial != nil {
		given.add("adversarial")
		request.Options = &v1.SampleOptions{Family: &v1.SampleOptions_Adversarial{Adversarial: o.Adversarial}}
	}
	return request, given.check("diffusion, autoregressive, latent_variable, adversarial")
}

func (o *TranslateOptions) request(model string, pictures []Input) (*v1.TranslateRequest, error) {
	selected, images, err := subject(model, pictures)
	if err != nil || o == nil {
		return &v1.TranslateRequest{Model: selected, Images: images}, err
	}
	request := &v1.TranslateRequest{
		Model: selected, Images: images,
		Seed: o.Seed, Labels: o.Labels, Encoding: o.Encoding, Reproducible: o.Reproducible,
	}
	var given families
	if o.Adversarial != nil {
		given.add("adversarial")
		request.Options = &v1.TranslateOptions{Family: &v1.TranslateOptions_Adversarial{Adversarial: o.Adversarial}}
	}
	if o.Diffusion != nil {
		given.add("diffusion")
		request.Options = &v1.TranslateOptions{Family: &v1.TranslateOptions_Diffusion{Diffusion: o.Diffusion}}
	}
	return request, given.check("adversarial, diffusion")
}

func (o *ScoreOptions) request(model string, pictures []Input) (*v1.ScoreRequest, error) {
	selected, images, err := subject(model, pictures)
	if err != nil || o == nil {
		return &v1.ScoreRequest{Model: selected, Images: images}, err
	}
	request := &v1.ScoreRequest{
		Model: selected, Images: images, Seed: o.Seed, Labels: o.Labels, Reproducible: o.Reproducible,
	}
	var given families
	if o.Diffusion != nil {
		given.add("diffusion")
		request.Options = &v1.ScoreOptions{Family: &v1.ScoreOptions_Diffusion{Diffusion: o.Diffusion}}
	}
	if o.LatentVariable != nil {
		given.add("latent_variable")
		request.Options = &v1.ScoreOptions{Family: &v1.ScoreOptions_LatentVariable{LatentVariable: o.LatentVariable}}
	}
	return request, given.check("diffusion, latent_variable")
}

// previewInterval is what a streaming call asks for; a plain one brings no previews.
func (o *SampleOptions) previewInterval() uint32 {
	if o == nil {
		return 0
	}
	return o.PreviewInterval
}

func (o *TranslateOptions) previewInterval() uint32 {
	if o == nil {
		return 0
	}
	return o.PreviewInterval
}

func noPreviews(interval uint32) error {
	if interval == 0 {
		return nil
	}
	return invalidField("preview_interval", fmt.Sprintf("must be 0 but for a stream, and is %d", interval))
}

// families are those whose options are set. A message could carry only one of them.
type families []string

func (f *families) add(name string) { *f = append(*f, name) }

func (f families) check(known string) error {
	if len(f) < 2 {
		return nil
	}
	return invalidField("options", fmt.Sprintf("must be one of %s, and is %s", known, strings.Join(f, " and ")))
}

// subject is the model of a call, and the pictures that it is to work on.
func subject(model string, pictures []Input) (*v1.ModelSelector, []*v1.Image, error) {
	selected, err := selector(model)
	if err != nil {
		return nil, nil, err
	}
	images, err := messages(pictures)
	return selected, images, err
}

func messages(pictures []Input) ([]*v1.Image, error) {
	messages := make([]*v1.Image, len(pictures))
	for i, picture := range pictures {
		if picture != nil {
			messages[i] = picture.message()
		}
		if messages[i] == nil {
			rule := "must be a File, or a *Picture that came back, and is nil"
			return nil, invalidField(fmt.Sprintf("images[%d]", i), rule)
		}
	}
	return messages, nil
}
