package pixelzoo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	v1 "pixelzoo/v1"
)

// Labels are the labels of classes by their names in the model's card, in any case, such as "sneaker"; a number is the
// label itself, and "-1" no class. The model's card is fetched the first time that a name asks for it, and kept: a
// client of long life does not see that another version has other classes.
//
// The error is an *Error: INVALID_FIELD with the names that there are if the model has no such class, and what the
// server says, such as MODEL_FAILED, if no version of it is available.
func (c *Client) Labels(ctx context.Context, model string, classes ...string) ([]int32, error) {
	labels := make([]int32, len(classes))
	for i, class := range classes {
		if number, err := strconv.ParseInt(class, 10, 32); err == nil && class[0] != '+' {
			labels[i] = int32(number)
			continue
		}
		described, err := c.describe(ctx, model)
		if err != nil {
			return nil, err
		}
		if labels[i], err = label(described, class); err != nil {
			return nil, err
		}
	}
	return labels, nil
}

// cards are the models that have been described, by their names with version.
type cards struct {
	mutex  sync.Mutex
	models map[string]*v1.Model
}

func (c *cards) get(model string) *v1.Model {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.models[model]
}

func (c *cards) keep(model string, described *v1.Model) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.models[model] = described
}

// describe is the model with its card.
func (c *Client) describe(ctx context.Context, model string) (*v1.Model, error) {
	if described := c.cards.get(model); described != nil {
		return described, nil
	}
	selected, err := selector(model)
	if err != nil {
		return nil, err
	}
	request := &v1.GetModelRequest{Model: selected}
	reply, err := c.Catalog.GetModel(ctx, request)
	if err == nil && !isAvailable(reply.Model) {
		// The server refuses any call with what is wrong with the model, unless it has come up since.
		if _, err = c.Sampling.Sample(ctx, &v1.SampleRequest{Model: selected}); err == nil {
			reply, err = c.Catalog.GetModel(ctx, request)
		}
	}
	if err != nil {
		return nil, FromStatus(err)
	}
	if isAvailable(reply.Model) {
		c.cards.keep(model, reply.Model)
	}
	return reply.Model, nil
}

// isAvailable says whether there is a version that can be called: only then the card says anything.
func isAvailable(model *v1.Model) bool { return model.GetCard().GetContractVersion() > 0 }

func label(model *v1.Model, class string) (int32, error) {
	classes := model.GetCard().GetClasses()
	for i, name := range classes {
		if strings.EqualFold(name, class) {
			return int32(i), nil
		}
	}
	known := strings.Join(classes, ", ")
	if known == "" {
		known = "none"
	}
	return 0, invalidField("labels", fmt.Sprintf("%s has no class '%s'; it has: %s", model.GetName(), class, known))
}

// selector chooses a model by "name", "name@3" (a version) or "name@stable" (a version's label). What cannot be right
// goes too: the server says what is wrong with it.
func selector(model string) (*v1.ModelSelector, error) {
	if !utf8.ValidString(model) { // gRPC could not send it.
		return nil, invalidField("model", fmt.Sprintf("must be UTF-8, and is %q", model))
	}
	name, version, chosen := strings.Cut(model, "@")
	selected := &v1.ModelSelector{Name: name}
	if number, err := strconv.ParseUint(version, 10, 64); err == nil {
		selected.VersionChoice = &v1.ModelSelector_Version{Version: number}
	} else if chosen {
		selected.VersionChoice = &v1.ModelSelector_VersionLabel{VersionLabel: version}
	}
	return selected, nil
}
