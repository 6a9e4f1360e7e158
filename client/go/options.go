package pixelzoo

import (
	"strconv"
	"strings"

	v1 "pixelzoo/v1"
)

// Encoding says how pictures come back.
type Encoding = v1.ImageEncoding

// The encodings. JPEG changes pixels.
const (
	PNG  Encoding = v1.ImageEncoding_IMAGE_ENCODING_PNG
	JPEG Encoding = v1.ImageEncoding_IMAGE_ENCODING_JPEG
	Raw  Encoding = v1.ImageEncoding_IMAGE_ENCODING_RAW
)

// Seed is the seed of the first picture, 0 to 2^63 - 1; picture i has seed + i. Equal seeds make equal pictures.
func Seed(seed uint64) *uint64 { return &seed }

// SampleOptions say what to draw; nil takes every default. At most one of the pointers to a family's options is set,
// that of the model's family: their comments have ranges, and the model's card its own ranges and defaults.
type SampleOptions struct {
	// Count is how many pictures to draw; 0 takes the default, 1.
	Count uint32
	// Seed is drawn by the server if it is nil.
	Seed *uint64
	// Labels are the classes of the pictures: none, one for all, or one for each. -1 stands for no class.
	Labels   []int32
	Encoding Encoding
	// Reproducible gives the same bytes whatever else the server does, at the price of a full batch.
	Reproducible bool
	// PreviewInterval asks StreamSample for a preview of every picture each time it has done so many steps.
	PreviewInterval uint32

	Diffusion      *v1.DiffusionOptions      // ddpm
	Autoregressive *v1.AutoregressiveOptions // pixelcnn, vqvae
	LatentVariable *v1.LatentVariableOptions // vae
	Adversarial    *v1.AdversarialOptions    // dcgan, conditional_gan, acgan
}

// TranslateOptions say how to translate; nil takes every default.
type TranslateOptions struct {
	// Seed is drawn by the server if it is nil.
	Seed *uint64
	// Labels are as in SampleOptions.
	Labels   []int32
	Encoding Encoding
	// Reproducible is as in SampleOptions.
	Reproducible bool
	// PreviewInterval is for StreamTranslate, as in SampleOptions.
	PreviewInterval uint32

	Adversarial *v1.AdversarialTranslateOptions // cyclegan, srgan
	Diffusion   *v1.DiffusionTranslateOptions   // ddpm
}

// ScoreOptions say how to score; nil takes every default.
type ScoreOptions struct {
	// Seed is for scores that are random estimates; 0 if it is nil.
	Seed *uint64
	// Labels are as in SampleOptions.
	Labels []int32
	// Reproducible is as in SampleOptions.
	Reproducible bool

	Diffusion      *v1.DiffusionScoreOptions      // ddpm
	LatentVariable *v1.LatentVariableScoreOptions // vae
}

func (o *SampleOptions) request(model string) *v1.SampleRequest {
	request := &v1.SampleRequest{Model: selector(model)}
	if o == nil {
		return request
	}
	if o.Count != 0 {
		request.Count = &o.Count
	}
	request.Seed, request.Labels, request.Encoding, request.Reproducible = o.Seed, o.Labels, o.Encoding, o.Reproducible
	switch {
	case o.Diffusion != nil:
		request.Options = &v1.SampleOptions{Family: &v1.SampleOptions_Diffusion{Diffusion: o.Diffusion}}
	case o.Autoregressive != nil:
		request.Options = &v1.SampleOptions{Family: &v1.SampleOptions_Autoregressive{Autoregressive: o.Autoregressive}}
	case o.LatentVariable != nil:
		request.Options = &v1.SampleOptions{Family: &v1.SampleOptions_LatentVariable{LatentVariable: o.LatentVariable}}
	case o.Adversarial != nil:
		request.Options = &v1.SampleOptions{Family: &v1.SampleOptions_Adversarial{Adversarial: o.Adversarial}}
	}
	return request
}

func (o *TranslateOptions) request(model string, pictures []Input) *v1.TranslateRequest {
	request := &v1.TranslateRequest{Model: selector(model), Images: messages(pictures)}
	if o == nil {
		return request
	}
	request.Seed, request.Labels, request.Encoding, request.Reproducible = o.Seed, o.Labels, o.Encoding, o.Reproducible
	switch {
	case o.Adversarial != nil:
		request.Options = &v1.TranslateOptions{Family: &v1.TranslateOptions_Adversarial{Adversarial: o.Adversarial}}
	case o.Diffusion != nil:
		request.Options = &v1.TranslateOptions{Family: &v1.TranslateOptions_Diffusion{Diffusion: o.Diffusion}}
	}
	return request
}

func (o *ScoreOptions) request(model string, pictures []Input) *v1.ScoreRequest {
	request := &v1.ScoreRequest{Model: selector(model), Images: messages(pictures)}
	if o == nil {
		return request
	}
	request.Seed, request.Labels, request.Reproducible = o.Seed, o.Labels, o.Reproducible
	switch {
	case o.Diffusion != nil:
		request.Options = &v1.ScoreOptions{Family: &v1.ScoreOptions_Diffusion{Diffusion: o.Diffusion}}
	case o.LatentVariable != nil:
		request.Options = &v1.ScoreOptions{Family: &v1.ScoreOptions_LatentVariable{LatentVariable: o.LatentVariable}}
	}
	return request
}

func selector(model string) *v1.ModelSelector {
	name, version, _ := strings.Cut(model, "@")
	selected := &v1.ModelSelector{Name: name}
	if number, err := strconv.ParseUint(version, 10, 64); err == nil {
		selected.VersionChoice = &v1.ModelSelector_Version{Version: number}
	} else if version != "" {
		selected.VersionChoice = &v1.ModelSelector_VersionLabel{VersionLabel: version}
	}
	return selected
}

func messages(pictures []Input) []*v1.Image {
	messages := make([]*v1.Image, len(pictures))
	for i, picture := range pictures {
		messages[i] = picture.message()
	}
	return messages
}
